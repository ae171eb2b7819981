"""What simulated files look like to a program: sizes, lengths, openings, marks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from PIL import Image

from animatic.catalog import Catalog
from animatic.lettering.text import draw_text, fitted, width_of
from animatic.media import extract_frame, probe
from animatic.simulator.checks import media_places
from animatic.simulator.render import slate
from animatic.simulator.render.clip import COMMENT, poster, render_clip, render_still
from animatic.simulator.render.drawing import output_size
from animatic.simulator.render.recipe import Media, Recipe, recipe_of
from animatic.slate import SlateNote
from tests.present import present

Picture = npt.NDArray[np.int_]
PLAIN = {
    "kind": "video",
    "model": "xai/grok-video",
    "text": "Surf breaks",
    "variation": 0,
    "width": None,
    "height": None,
    "aspect": 16 / 9,
    "side": 180,
    "longest_side": 1920,
    "fps": 24.0,
    "seconds": 2.0,
    "start": None,
    "end": None,
    "source": None,
    "references": (),
}


def recipe(**changes: Any) -> Recipe:
    return Recipe(**{**PLAIN, **changes})


def still(path: Path, color: str, size: tuple[int, int] = (320, 180)) -> Media:
    Image.new("RGB", size, color).save(path)
    return Media(sha256=color, path=str(path), moving=False)


@pytest.mark.parametrize(
    ("changes", "size", "seconds", "fps"),
    [
        ({}, (320, 180), 2.0, 24.0),
        ({"aspect": 9 / 16, "seconds": 1.0}, (180, 320), 1.0, 24.0),
        ({"aspect": 1.0, "fps": 12.0}, (180, 180), 2.0, 12.0),
        ({"width": 257, "height": 193, "seconds": 0.5}, (256, 192), 0.5, 24.0),
        ({"width": 1920, "height": 1080, "longest_side": 128, "fps": 30.0}, (128, 72), 2.0, 30.0),
        ({"seconds": 1 / 24}, (320, 180), 1 / 24, 24.0),
    ],
)
def test_clips_have_the_size_length_and_rate_asked_for(
    tmp_path: Path, changes: dict[str, Any], size: tuple[int, int], seconds: float, fps: float
) -> None:
    render_clip(recipe(**changes), tmp_path / "c.mp4")
    facts = probe(tmp_path / "c.mp4")
    assert (facts.width, facts.height) == size
    assert facts.duration == pytest.approx(seconds, abs=0.001)
    assert (facts.fps, facts.codec, facts.frames) == (fps, "h264", round(seconds * fps))


@pytest.mark.parametrize("size", [(480, 854), (480, 270), (854, 480), (320, 180)])
def test_colors_stand_where_their_brightness_does_whatever_the_height(tmp_path: Path, size: tuple[int, int]) -> None:
    render_clip(recipe(width=size[0], height=size[1], seconds=0.2), tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        picture = next(clip.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert picture.shape == (size[1], size[0], 3)
    edge, below = picture[1, size[0] // 2], picture[8, size[0] // 2]
    assert max(abs(edge - below)) < 8, "the ground is one color, up to its first line"


def test_every_frame_shows_its_own_time_code(tmp_path: Path) -> None:
    render_clip(recipe(), tmp_path / "c.mp4")
    with av.open(str(tmp_path / "c.mp4")) as container:
        frames = [frame.to_ndarray()[140:165, 10:80] for frame in container.decode(video=0)]
    assert all(abs(first.astype(int) - second).max() > 25 for first, second in pairwise(frames))


def frames_of(clip: Path) -> list[Picture]:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def share_of(picture: Picture, color: tuple[int, int, int]) -> float:
    """How much of a picture has about that color."""
    return float((np.abs(picture - color).max(axis=2) < 60).mean())


def noted(**changes: Any) -> SlateNote:
    return SlateNote(**{"shot": "surf", "number": 2, "count": 12, "title": "Down to the harbour", "reel_at": 4.0, **changes})


def test_number_id_and_title_stand_on_every_frame_from_the_first(tmp_path: Path) -> None:
    render_clip(recipe(note=noted(), start=still(tmp_path / "a.png", "red"), seconds=1.0), tmp_path / "c.mp4")
    head = [frame[8:46, 8:200] for frame in frames_of(tmp_path / "c.mp4")]
    assert all(np.abs(head[0] - frame).mean() < 3 for frame in head)
    for changed in ({"number": 3}, {"count": 13}, {"shot": "swell"}, {"title": "Up again"}):
        render_clip(recipe(note=noted(**changed), start=still(tmp_path / "a.png", "red"), seconds=1 / 24), tmp_path / "other.mp4")
        assert np.abs(head[0] - frames_of(tmp_path / "other.mp4")[0][8:46, 8:200]).max() > 60, changed


def test_the_line_stands_above_the_clocks_of_a_clip_and_at_the_foot_of_a_still(tmp_path: Path) -> None:
    without, spoken = recipe(note=noted(), seconds=1 / 24), recipe(note=noted(line="Welcome to Porto"), seconds=1 / 24)
    for name, made in (("a", without), ("b", spoken)):
        render_clip(made, tmp_path / f"{name}.mp4")
        render_still(replace(made, kind="image"), tmp_path / f"{name}.png")
    first, last = changed_rows(*(frames_of(tmp_path / name)[0] for name in ("a.mp4", "b.mp4")))
    assert 60 < first < last < 146  # where the clocks begin
    stills = [np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int) for name in ("a.png", "b.png")]
    assert changed_rows(*stills)[1] > 160


def changed_rows(one: Picture, other: Picture) -> tuple[int, int]:
    """Return the first and the last row in which two pictures differ."""
    rows = np.flatnonzero((np.abs(one - other).max(axis=2) > 60).any(axis=1))
    return int(rows[0]), int(rows[-1])


def test_the_reel_clock_runs_on_from_where_the_clip_begins_in_the_reel(tmp_path: Path) -> None:
    render_clip(recipe(note=noted(reel_at=0.0)), tmp_path / "first.mp4")
    render_clip(recipe(note=noted(reel_at=1.0), seconds=0.5), tmp_path / "second.mp4")
    first, second = frames_of(tmp_path / "first.mp4"), frames_of(tmp_path / "second.mp4")
    clip, reel = np.s_[146:160, 24:75], np.s_[146:160, 92:142]
    assert np.abs(first[0][clip] - second[0][clip]).mean() < 3
    assert np.abs(first[24][reel] - second[0][reel]).mean() < 3
    assert np.abs(first[0][reel] - second[0][reel]).max() > 60


def test_start_and_end_picture_stand_in_the_slate_and_never_hide_it(tmp_path: Path) -> None:
    made = recipe(start=still(tmp_path / "a.png", "red"), end=still(tmp_path / "b.png", "lime"), note=noted())
    render_clip(made, tmp_path / "c.mp4")
    for frame in frames_of(tmp_path / "c.mp4"):
        assert 0.02 < share_of(frame, (255, 0, 0)) < 0.2
        assert 0.02 < share_of(frame, (0, 255, 0)) < 0.2


def test_an_edit_plays_its_source_in_a_window(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "s.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for index in range(24):
            shade = (255, 0, 0) if index < 12 else (0, 255, 0)
            picture = np.full((180, 320, 3), shade, dtype=np.uint8)
            output.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    source = Media(sha256="s", path=str(tmp_path / "s.mp4"), moving=True)
    render_clip(recipe(source=source, seconds=None, aspect=None, note=noted()), tmp_path / "c.mp4")
    frames = frames_of(tmp_path / "c.mp4")
    assert len(frames) == 24
    assert (0.05 < share_of(frames[0], (255, 0, 0)) < 0.5, share_of(frames[0], (0, 255, 0))) == (True, 0)
    assert (0.05 < share_of(frames[-1], (0, 255, 0)) < 0.5, share_of(frames[-1], (255, 0, 0))) == (True, 0)


def test_an_edit_lasts_as_long_as_its_source(tmp_path: Path) -> None:
    render_clip(recipe(seconds=1.5), tmp_path / "s.mp4")
    source = Media(sha256="s", path=str(tmp_path / "s.mp4"), moving=True)
    render_clip(recipe(source=source, seconds=None, aspect=None, text="Regrade"), tmp_path / "c.mp4")
    assert probe(tmp_path / "c.mp4").duration == 1.5


def test_a_longer_edit_holds_the_last_frame(tmp_path: Path) -> None:
    render_clip(recipe(seconds=0.5), tmp_path / "s.mp4")
    source = Media(sha256="s", path=str(tmp_path / "s.mp4"), moving=True)
    render_clip(recipe(source=source, seconds=1.0), tmp_path / "c.mp4")
    assert probe(tmp_path / "c.mp4").frames == 24


def test_the_index_stands_first_and_the_file_says_simulated(tmp_path: Path) -> None:
    render_clip(recipe(), tmp_path / "c.mp4")
    data = (tmp_path / "c.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "c.mp4")) as container:
        assert container.metadata["comment"] == COMMENT
    render_still(recipe(kind="image"), tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as image:
        assert image.info["Comment"] == COMMENT


def test_the_same_recipe_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1.mp4", "2.mp4"):
        render_clip(recipe(), tmp_path / name)
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_stills_and_enhanced_pictures(tmp_path: Path) -> None:
    render_still(recipe(kind="image", side=256, aspect=None), tmp_path / "s.png")
    assert (probe(tmp_path / "s.png").width, probe(tmp_path / "s.png").height) == (256, 256)
    render_still(recipe(kind="enhance", start=still(tmp_path / "a.png", "blue", (100, 80))), tmp_path / "e.png")
    assert (probe(tmp_path / "e.png").width, probe(tmp_path / "e.png").height) == (200, 160)


@pytest.mark.parametrize("text", ["", "word " * 900, "x" * 4000, "日本の海岸 " * 40, "<b>&amp;\n\n\ttabs"])
def test_any_text_fits(tmp_path: Path, text: str) -> None:
    render_still(recipe(kind="image", text=text, side=128, references=(still(tmp_path / "r.png", "red"),) * 3), tmp_path / "s.png")
    block = fitted(text, 300, 100, (40, 20, 12))
    assert block.height <= 100
    assert all(width_of(line, block.size) <= 300 for line in block.lines)


def test_keys_follow_content_not_place(tmp_path: Path) -> None:
    here, there = still(tmp_path / "a.png", "red"), still(tmp_path / "b.png", "red")
    assert recipe(start=here).key == recipe(start=there).key
    assert recipe(start=here).key != recipe().key
    assert recipe().key != recipe(variation=1).key
    assert recipe(note=noted()).key != recipe(note=noted(number=3)).key, "a slate of another number is another picture"


def test_a_poster_is_a_small_jpeg(tmp_path: Path) -> None:
    render_clip(recipe(side=540, seconds=0.5), tmp_path / "c.mp4")
    assert poster(tmp_path / "c.mp4")[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("xai/grok-video", {"duration": 15, "resolution": "480p", "aspect_ratio": "2:3"}, {"seconds": 15.0, "side": 480, "aspect": 2 / 3}),
        ("xai/grok-video", {}, {"seconds": 6.0, "side": 720, "aspect": None, "fps": 24.0}),
        (
            "kling/kling-2.5",
            {"duration": 5, "width": 1280, "height": 720, "fps": 30},
            {"width": 1280, "height": 720, "fps": 30.0, "seconds": 5.0},
        ),
        ("google/nano-banana-pro", {"aspect_ratio": "16:9"}, {"kind": "image", "aspect": 16 / 9, "side": 1024}),
    ],
)
def test_recipes_read_sizes_and_lengths_from_requests(catalog: Catalog, name: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    model = present(catalog.find(name))
    made = recipe_of(model, {"prompt": "x", **body}, "x", {}, variation=0, longest_side=1920)
    assert {field: getattr(made, field) for field in expected} == expected


def test_a_recipe_knows_which_file_plays_which_part(catalog: Catalog) -> None:
    model = present(catalog.find("xai/grok-video"))
    body = {"prompt": "x", "start_image": "u1", "edit_video": "u2", "reference_images": ["u3"]}
    media = {
        place.path: Media(sha256=place.url, path=f"/{place.url}", moving=place.media == "video") for place in media_places(model, body)
    }
    made = recipe_of(model, body, "x", media, variation=0, longest_side=1920)
    assert made.start is not None
    assert made.source is not None
    assert (made.start.sha256, made.source.sha256, made.seconds) == ("u1", "u2", None)
    assert [reference.sha256 for reference in made.references] == ["u3"]
    assert made.reference_fields == ("reference_images[0]",)


def test_a_slate_says_whom_a_reference_shows(catalog: Catalog, tmp_path: Path) -> None:
    picture = tmp_path / "mara.png"
    Image.new("RGB", (320, 180), "navy").save(picture)
    model = present(catalog.find("xai/grok-video"))
    media: dict[tuple[str | int, ...], Media] = {("reference_images", 0): Media(sha256="m", path=str(picture), moving=False)}
    stills = []
    for sources in ((), (("reference_images[0]", "mara"),), (("start_image", "mara"),)):
        note = SlateNote(shot="opens", number=1, count=1, sources=sources)
        made = recipe_of(model, {"prompt": "x"}, "x", media, variation=0, longest_side=640, note=note)
        render_still(made, tmp_path / "slate.png")
        stills.append((tmp_path / "slate.png").read_bytes())
    assert stills[0] == stills[2] != stills[1]


@pytest.mark.parametrize(
    ("name", "body", "size"),
    [
        ("luma/ray-2", {"aspect_ratio": "9:16"}, (540, 960)),
        ("luma/ray-2", {"aspect_ratio": "1:1"}, (540, 540)),
        ("luma/ray-2", {}, (960, 540)),
        ("luma/ray-2", {"aspect_ratio": "9:16", "width": 640, "height": 480}, (640, 480)),
        ("xai/grok-video", {"aspect_ratio": "9:16", "resolution": "480p"}, (480, 854)),
        ("alibaba/wan-2.1", {"aspect_ratio": "9:16"}, (720, 1280)),
        ("runway/gen-4.5", {"aspect_ratio": "720:1280"}, (720, 1280)),
        ("google/nano-banana-pro", {"aspect_ratio": "9:16", "resolution": "1K"}, (1024, 1820)),
        ("google/imagen-4", {"width": 768, "height": 1024}, (768, 1024)),
    ],
)
def test_portraits_are_portraits_whatever_the_model_s_own_size(name: str, body: dict[str, Any], size: tuple[int, int]) -> None:
    model = present(Catalog.load().find(name))
    assert output_size(recipe_of(model, body, "", {}, variation=0, longest_side=1920), even=True) == size


def test_a_clip_is_as_tall_as_the_portrait_that_it_starts_from_unless_a_ratio_is_asked_for(tmp_path: Path) -> None:
    model = present(Catalog.load().find("alibaba/wan-2.1"))
    media: dict[tuple[str | int, ...], Media] = {("start_image",): still(tmp_path / "tall.png", "red", (180, 320))}
    for body, size in (({}, (720, 1280)), ({"aspect_ratio": "16:9"}, (1280, 720))):
        assert output_size(recipe_of(model, body, "", media, variation=0, longest_side=1920), even=True) == size


def test_a_clip_of_a_telephone_is_edited_as_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.set_display_rotation(90)
        picture = np.zeros((180, 320, 3), np.uint8)
        picture[:90, :, 0] = 255
        for _ in range(12):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        output.mux(stream.encode(None))
    facts = probe(path)
    assert (facts.width, facts.height) == (180, 320)
    source = Media(sha256="turned", path=str(path), moving=True)
    made = tmp_path / "made.mp4"
    render_clip(recipe(source=source, aspect=None, seconds=None), made)
    facts = probe(made)
    assert (facts.width, facts.height) == (180, 320)
    shown, edited = _red_area(path, tmp_path), _red_area(made, tmp_path)
    assert shown[1] > 3 * shown[0]  # its red half stands upright in a player
    assert edited[1] > 2 * edited[0]


def _red_area(clip: Path, folder: Path) -> tuple[int, int]:
    """Width and height of what is red in the first frame of a clip, in pixels."""
    extract_frame(clip, "first", folder / "frame.png")
    with Image.open(folder / "frame.png") as image:
        pixels = np.asarray(image.convert("RGB"), dtype=int)
    rows, columns = np.nonzero((pixels[..., 0] > 150) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60))
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def test_a_narrow_slate_leaves_out_facts_and_never_ends_in_half_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def kept(pen: Any, corner: tuple[float, float], text: str, *more: Any, **options: Any) -> None:
        told.append(text)
        draw_text(pen, corner, text, *more, **options)

    monkeypatch.setattr("animatic.simulator.render.slate.draw_text", kept)
    note = SlateNote(number=1, count=2, shot="tall", reel_at=0.0)
    for size in ((180, 320), (320, 180)):
        slate.draw(recipe(note=note), size, 2.0, [], None)
    facts = [text for text in told if text.startswith("2 s")]
    assert facts == ["2 s", "2 s · 24 fps · 320x180"]
