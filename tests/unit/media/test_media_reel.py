"""The reel: exact lengths, one size, one rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from animatic.errors import BadClipError
from animatic.media import extract_frame, probe
from tests.unit.media.assembling import assemble_reel
from tests.unit.media.conftest import ClipMaker, channel, shown_at


def test_clips_are_joined_in_order_to_the_exact_frame(make_clip: ClipMaker, tmp_path: Path) -> None:
    reel = tmp_path / "reel.mp4"
    facts = assemble_reel([make_clip("a.mp4", frames=24), make_clip("b.mp4", frames=12, first=30)], reel)
    assert (facts.frames, facts.duration, facts.fps, facts.codec, facts.has_audio) == (36, 1.5, 24.0, "h264", False)
    assert facts == probe(reel)
    with av.open(str(reel)) as container:
        assert [shown_at(frame) for frame in container.decode(video=0)] == [Fraction(index, 24) for index in range(36)]
        assert container.streams.video[0].pix_fmt == "yuv420p"


def test_frames_come_from_the_right_clip(make_clip: ClipMaker, tmp_path: Path) -> None:
    reel = tmp_path / "reel.mp4"
    assemble_reel([make_clip("a.mp4", frames=24), make_clip("b.mp4", frames=12, first=30)], reel)
    grays = []
    for seconds in (0.0, 23 / 24, 1.0, 1.49):
        extract_frame(reel, seconds, tmp_path / "f.png")
        with Image.open(tmp_path / "f.png") as image:
            grays.append(channel(image, (32, 24)))
    assert grays == pytest.approx([40, 132, 160, 204], abs=4)


def test_the_index_stands_first(make_clip: ClipMaker, tmp_path: Path) -> None:
    assemble_reel([make_clip()], tmp_path / "reel.mp4")
    data = (tmp_path / "reel.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_most_common_size_and_rate_win_and_others_are_padded(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [
        make_clip("tall.mp4", size=(48, 96), fps=30, frames=30, first=20),
        make_clip("a.webm", size=(128, 72), codec="libvpx-vp9"),
        make_clip("b.mp4", size=(128, 72)),
    ]
    facts = assemble_reel(clips, tmp_path / "reel.mp4")
    assert (facts.width, facts.height, facts.fps, facts.frames) == (128, 72, 24.0, 72)
    extract_frame(tmp_path / "reel.mp4", 0.0, tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as image:
        assert channel(image, (4, 36)) < 8
        assert channel(image, (64, 36)) > 100


def test_rounding_does_not_add_up(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [make_clip(f"{number}.mp4", frames=10, fps=30) for number in range(7)]
    common = make_clip("c.mp4", frames=24, fps=24)
    facts = assemble_reel([common] * 8 + clips, tmp_path / "reel.mp4")
    assert facts.frames == round((8 + 7 / 3) * 24)


def test_odd_and_rotated_clips_fit(make_clip: ClipMaker, tmp_path: Path) -> None:
    facts = assemble_reel(
        [make_clip("odd.mp4", size=(63, 47), pix_fmt="yuv444p"), make_clip("turned.mp4", rotation=90)], tmp_path / "reel.mp4"
    )
    assert (facts.width, facts.height) == (64, 48)


def test_a_varying_rate_is_resampled_in_time(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = make_clip(frames=3, times=[0, 12, 24])
    facts = assemble_reel([make_clip("steady.mp4"), clip, make_clip("other.mp4")], tmp_path / "reel.mp4")
    assert facts.fps == 24.0
    extract_frame(tmp_path / "reel.mp4", 1.0 + 14 / 24, tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as image:
        assert channel(image, (32, 24)) == pytest.approx(44, abs=3)


def test_ntsc_rate_stays_exact(make_clip: ClipMaker, tmp_path: Path) -> None:
    facts = assemble_reel([make_clip(fps=Fraction(30000, 1001), frames=30)], tmp_path / "reel.mp4")
    assert (facts.fps, facts.frames) == (29.97, 30)


def test_the_same_clips_make_the_same_bytes(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [make_clip("a.mp4"), make_clip("b.mp4", size=(80, 60))]
    for name in ("1.mp4", "2.mp4"):
        assemble_reel(clips, tmp_path / name)
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_a_reel_of_simulated_clips_says_so(make_clip: ClipMaker, tmp_path: Path) -> None:
    assemble_reel([make_clip("a.mp4", comment="simulated"), make_clip("b.mp4", comment="simulated")], tmp_path / "reel.mp4")
    with av.open(str(tmp_path / "reel.mp4")) as container:
        assert container.metadata["comment"] == "simulated"


def test_a_bad_clip_is_named_and_nothing_is_written(make_clip: ClipMaker, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "still.png")
    with pytest.raises(BadClipError, match=r"still\.png"):
        assemble_reel([make_clip(), tmp_path / "still.png"], tmp_path / "reel.mp4")
    assert not (tmp_path / "reel.mp4").exists()
    assert not list(tmp_path.glob(".tmp-*"))
    with pytest.raises(ValueError, match="at least one"):
        assemble_reel([], tmp_path / "reel.mp4")


def test_clips_of_oblong_pixels_keep_their_shape_in_a_mixed_reel(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [make_clip("a.mp4", size=(128, 48)), make_clip("b.mp4", size=(128, 48)), make_clip("c.mp4", size=(64, 48), pixel=Fraction(2))]
    facts = assemble_reel(clips, tmp_path / "reel.mp4")
    assert (facts.width, facts.height) == (128, 48)
    extract_frame(tmp_path / "reel.mp4", "last", tmp_path / "last.png")
    with Image.open(tmp_path / "last.png") as picture:
        corners = [channel(picture, at) for at in ((1, 1), (126, 46), (64, 24))]
    assert max(corners) - min(corners) < 6  # no bars at its sides


def test_a_reel_of_oblong_pixels_alone_is_copied_and_told_as_it_is_shown(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [make_clip(f"{name}.mp4", size=(64, 48), pixel=Fraction(2)) for name in "ab"]
    facts = assemble_reel(clips, tmp_path / "reel.mp4")
    assert (facts.width, facts.height, facts.frames) == (128, 48, 48)
