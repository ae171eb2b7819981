"""Frames for chaining and thumbnails."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageStat

from animatic.errors import BadClipError, BadMediaError
from animatic.media import contact_sheet, extract_frame, frames, probe, thumbnail
from animatic.media.lively import Lively
from tests.unit.media.conftest import ClipMaker, channel


def gray_of(index: int) -> int:
    return 40 + index * 4 % 180


def gray_at(path: Path) -> int:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return channel(image.convert("RGB"), (image.width // 2, image.height // 2), 1)


@pytest.mark.parametrize(("wanted", "index"), [("first", 0), ("last", 23), (0.0, 0), (0.5, 12), (0.52, 12), (1.0, 23)])
def test_the_frame_shown_at_that_time_is_written(
    make_clip: ClipMaker, tmp_path: Path, wanted: Literal["first", "last"] | float, index: int
) -> None:
    extract_frame(make_clip(), wanted, tmp_path / "f.png")
    assert gray_at(tmp_path / "f.png") == pytest.approx(gray_of(index), abs=3)


def test_the_last_frame_is_that_of_the_picture_where_sound_outlasts_it(make_clip: ClipMaker, tmp_path: Path) -> None:
    extract_frame(make_clip(audio=True, frames=10), "last", tmp_path / "f.png")
    assert gray_at(tmp_path / "f.png") == pytest.approx(gray_of(9), abs=3)


def test_frames_keep_the_size_of_the_clip(make_clip: ClipMaker, tmp_path: Path) -> None:
    extract_frame(make_clip(size=(130, 98)), "last", tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as image:
        assert image.size == (130, 98)


def test_a_rotated_clip_yields_upright_frames(make_clip: ClipMaker, tmp_path: Path) -> None:
    extract_frame(make_clip(rotation=90), "first", tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as image:
        assert image.size == (48, 64)


def test_a_time_beyond_the_clip_is_an_error_that_tells_its_length(make_clip: ClipMaker, tmp_path: Path) -> None:
    with pytest.raises(BadMediaError, match=r"1\.00 s long.*9 s") as caught:
        extract_frame(make_clip(), 9.0, tmp_path / "f.png")
    assert caught.value.code == "no_frame"
    assert not (tmp_path / "f.png").exists()


def test_a_still_is_its_own_frame(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 10), (255, 0, 0, 0)).save(tmp_path / "s.png")
    extract_frame(tmp_path / "s.png", "last", tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as image:
        assert (image.size, image.mode, image.getpixel((0, 0))) == ((20, 10), "RGB", (255, 255, 255))


def test_a_frame_of_no_clip_is_bad_media(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(b"<html>")
    with pytest.raises(BadMediaError, match="web page"):
        extract_frame(tmp_path / "c.mp4", "last", tmp_path / "f.png")


def test_the_same_frame_is_the_same_file(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = make_clip()
    extract_frame(clip, "last", tmp_path / "1.png")
    extract_frame(clip, "last", tmp_path / "2.png")
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()
    assert not list(tmp_path.glob(".*part"))


def test_a_thumbnail_is_a_small_jpeg(make_clip: ClipMaker, tmp_path: Path) -> None:
    thumbnail(make_clip(size=(640, 360)), tmp_path / "t.jpg", width=160)
    with Image.open(tmp_path / "t.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (160, 90))


def test_a_thumbnail_never_enlarges(tmp_path: Path) -> None:
    Image.new("RGB", (50, 20)).save(tmp_path / "s.png")
    thumbnail(tmp_path / "s.png", tmp_path / "t.jpg")
    with Image.open(tmp_path / "t.jpg") as image:
        assert image.size == (50, 20)


def test_a_thumbnail_of_a_rotated_clip_is_as_wide_as_asked_and_upright(make_clip: ClipMaker, tmp_path: Path) -> None:
    thumbnail(make_clip(size=(640, 360), rotation=90), tmp_path / "t.jpg", width=90)
    with Image.open(tmp_path / "t.jpg") as image:
        assert image.size == (90, 160)


def test_a_thumbnail_shows_the_first_frame_behind_the_middle_that_shows_something(tmp_path: Path) -> None:
    """Blue bars, black from the middle on, then red bars: the red ones, in their own color and size."""
    path = tmp_path / "clip.mp4"
    bars = np.arange(320) // 40 % 2 == 1
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for index in range(48):
            picture = np.full((180, 320, 3), 16, dtype=np.uint8)
            if index < 24 or index >= 40:
                picture[:, bars] = (20, 40, 220) if index < 24 else (220, 40, 20)
            frame = VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = index, Fraction(1, 24)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    thumbnail(path, tmp_path / "t.jpg", width=160)
    extract_frame(path, 41 / 24, tmp_path / "red.png")
    with Image.open(tmp_path / "t.jpg") as found, Image.open(tmp_path / "red.png") as red:
        assert found.size == (160, 90)
        off = ImageChops.difference(found.convert("RGB"), red.convert("RGB").resize((160, 90), Image.Resampling.LANCZOS))
        assert max(ImageStat.Stat(off).mean) < 4


def _tone(contrast: int) -> VideoFrame:
    pixels = np.zeros((90, 160, 3), np.uint8)
    pixels[:, :80] = contrast
    return VideoFrame.from_ndarray(pixels, format="rgb24")


def test_a_clip_that_is_black_from_its_middle_on_is_shown_by_what_was_before() -> None:
    shown = [_tone(0), _tone(60), _tone(90), _tone(0), _tone(2)]
    lively = Lively(1.0)
    for number, frame in enumerate(shown):
        lively.add(0.25 + number * 0.3, frame)
    assert lively.frame is shown[1], "the first from halfway to the middle on"
    black = Lively(1.0)
    frames = [_tone(0), _tone(0), _tone(0), _tone(0), _tone(8)]
    for number, frame in enumerate(frames):
        black.add(0.25 + number * 0.3, frame)
    assert black.frame is frames[4], "the liveliest of a clip that shows next to nothing"


def test_a_frame_that_was_found_stands_whatever_time_later_ones_say() -> None:
    def frame(brightness: int) -> VideoFrame:
        pixels = np.zeros((90, 160, 3), np.uint8)
        pixels[:, :80] = brightness
        return VideoFrame.from_ndarray(pixels, format="rgb24")

    early, found, back = frame(0), frame(255), frame(0)
    lively = Lively(1.0)
    for time, shown in ((0.5, early), (1.2, found), (0.2, back)):
        lively.add(time, shown)
    assert lively.frame is found


def test_a_clip_that_shows_nothing_is_looked_through_by_its_brightness(
    make_clip: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[VideoFrame] = []
    convert = frames.to_image

    def counted(frame: VideoFrame, pixel_shape: Fraction, across: int | None = None) -> Image.Image:
        made.append(frame)
        return convert(frame, pixel_shape, across)

    monkeypatch.setattr(frames, "to_image", counted)
    thumbnail(make_clip(frames=48), tmp_path / "t.jpg")
    assert len(made) == 1, "one picture in color for one thumbnail, not one for each of its frames"


def test_a_contact_sheet_holds_one_cell_per_clip(make_clip: ClipMaker, tmp_path: Path) -> None:
    contact_sheet([make_clip(f"{number}-a-very-long-shot-name{'-on' * 20}.mp4", frames=3) for number in range(5)], tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as image:
        assert image.size == (3 * 496 + 16, 2 * 314 + 16)


def test_a_contact_sheet_names_the_clip_that_does_not_decode(make_clip: ClipMaker, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"")
    with pytest.raises(BadClipError, match=r"bad\.mp4"):
        contact_sheet([make_clip(), tmp_path / "bad.mp4"], tmp_path / "sheet.jpg")
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], tmp_path / "sheet.jpg")


def test_pictures_of_a_clip_are_in_square_pixels(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = make_clip(size=(64, 48), pixel=Fraction(2))
    extract_frame(clip, "last", tmp_path / "last.png")
    thumbnail(clip, tmp_path / "small.jpg")
    for picture in ("small.jpg", "last.png"):
        assert (probe(tmp_path / picture).width, probe(tmp_path / picture).height) == (128, 48)
