"""Stretches of clips that do not decode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from animatic.media import Decoding, Gap, check_take, gaps
from tests.unit.media.conftest import ClipMaker


def overwritten(clip: Path, frames: tuple[int, int]) -> Path:
    """Overwrite the bytes of some frames, in order of the file, with zeros."""
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size and packet.pos is not None]
        for packet in packets[slice(*frames)]:
            assert packet.pos is not None
            data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    clip.write_bytes(data)
    return clip


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"audio": True},
        {"codec": "libvpx-vp9", "name": "a.webm"},
        {"frames": 1},
        {"frames": 5, "times": [0, 1, 2, 7, 8]},
        {"movflags": "frag_keyframe+empty_moov"},
    ],
)
def test_a_whole_clip_has_none(make_clip: ClipMaker, facts: dict[str, Any]) -> None:
    assert gaps(make_clip(**facts)) == ()


def test_frames_that_do_not_decode_are_found_where_they_stand(make_clip: ClipMaker) -> None:
    # MPEG-4 without B-frames: the order of the file is that of time.
    clip = overwritten(make_clip(frames=48, codec="mjpeg", pix_fmt="yuvj420p", name="a.mov", size=(320, 180)), (12, 15))
    assert gaps(clip) == (Gap(at=0.5, seconds=0.125),)


def test_the_last_frames_count_as_well(make_clip: ClipMaker) -> None:
    clip = overwritten(make_clip(frames=24, codec="mjpeg", pix_fmt="yuvj420p", name="a.mov", size=(320, 180)), (22, 24))
    (gap,) = gaps(clip)
    assert gap.at == pytest.approx(22 / 24, abs=0.001)
    assert gap.seconds == pytest.approx(2 / 24, abs=0.001)


def test_an_h264_clip_with_a_hole_in_the_middle_has_a_gap(make_clip: ClipMaker) -> None:
    clip = overwritten(make_clip(frames=72, size=(320, 180), lively=True), (30, 33))
    found = gaps(clip)
    assert found
    assert all(0.5 < gap.at < 2.5 for gap in found)


@pytest.mark.parametrize("damaged", [(12, 15), (22, 24), (0, 0)])
def test_checks_of_a_take_tell_the_same_gaps_from_the_same_decoding(make_clip: ClipMaker, damaged: tuple[int, int]) -> None:
    clip = overwritten(make_clip(frames=48, codec="mjpeg", pix_fmt="yuvj420p", name="a.mov", size=(320, 180)), damaged)
    decoding = Decoding()
    check_take(clip, decoding=decoding)
    assert decoding.gaps() == gaps(clip)


def test_a_hole_in_h264_is_the_same_gap_with_any_number_of_threads(make_clip: ClipMaker) -> None:
    clip = overwritten(make_clip(frames=72, size=(320, 180), lively=True), (30, 33))
    decoding = Decoding()
    check_take(clip, decoding=decoding)
    assert decoding.gaps() == gaps(clip) != ()


def test_what_nobody_decoded_has_no_gaps() -> None:
    assert Decoding().gaps() == ()
