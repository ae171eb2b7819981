"""Reels of clips that are alike are copied, not encoded: the very packets of the clips, every frame at its exact place."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from animatic.media import extract_frame
from animatic.media.reel_copy import Footage
from animatic.media.reel_source import inspected
from animatic.media.timeline import Segment
from tests.present import present
from tests.unit.media.assembling import assemble_reel
from tests.unit.media.conftest import ClipMaker, channel, shown_at


def footage(clip: Path, rate: Fraction) -> Footage | None:
    return inspected(Segment(source=clip, frames=1), rate).footage


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def grays_of(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [round(float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)]


def remux(
    source: Path,
    target: Path,
    *,
    skip: int = 0,
    shift: int = 0,
    hold: int = 0,
    options: dict[str, str] | None = None,
    container: str = "mp4",
) -> Path:
    """Copy a clip with other time stamps: from packet ``skip`` on, starting ``shift`` frames late, the last frame held ``hold`` longer."""
    with av.open(str(source)) as clip, av.open(str(target), "w", format=container, options=options or {}) as output:
        stream = output.add_stream_from_template(clip.streams.video[0])
        packets = [packet for packet in clip.demux(video=0) if packet.size][skip:]
        step = present(packets[0].duration)
        for packet in packets:
            packet.stream = stream
            packet.pts, packet.dts = present(packet.pts) + shift * step, present(packet.dts) + shift * step
            packet.duration = step * (1 + hold if packet is packets[-1] else 1)
            output.mux_one(packet)
    return target


def test_the_packets_of_the_reel_are_those_of_the_clips(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [make_clip("a.mp4"), make_clip("b.mp4", frames=7, first=30), make_clip("c.mp4", frames=1)]
    assemble_reel(clips, tmp_path / "reel.mp4")
    assert packets_of(tmp_path / "reel.mp4") == [packet for clip in clips for packet in packets_of(clip)]


@pytest.mark.parametrize("rate", [24, 25, 60, Fraction(30000, 1001)])
def test_every_frame_is_shown_at_its_exact_time_and_decoded_before(make_clip: ClipMaker, tmp_path: Path, rate: int | Fraction) -> None:
    clips = [make_clip(f"{number}.mp4", frames=20, fps=rate, first=number, audio=number == 1) for number in range(3)]
    facts = assemble_reel(clips, tmp_path / "reel.mp4")
    assert (facts.frames, facts.has_audio) == (60, False)
    with av.open(str(tmp_path / "reel.mp4")) as container:
        unit = present(container.streams.video[0].time_base)
        stamps = [(present(packet.pts), present(packet.dts)) for packet in container.demux(video=0) if packet.size]
        assert sorted(pts * unit for pts, _ in stamps) == [index / Fraction(rate) for index in range(60)]
        assert all(dts <= pts for pts, dts in stamps)
        assert all(before < after for (_, before), (_, after) in itertools.pairwise(stamps))
        assert len({pts - dts for pts, dts in stamps}) > 1, "these clips reorder frames"


def test_each_clip_begins_at_its_time_with_its_first_frame(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [make_clip(f"{number}.mp4", frames=frames, first=number * 10) for number, frames in enumerate((24, 13, 30))]
    assemble_reel(clips, tmp_path / "reel.mp4")
    expected = [gray for clip in clips for gray in grays_of(clip)]
    assert grays_of(tmp_path / "reel.mp4") == expected
    for number, seconds in enumerate((0.0, 24 / 24, 37 / 24)):
        extract_frame(tmp_path / "reel.mp4", seconds + 0.001, tmp_path / "f.png")
        with Image.open(tmp_path / "f.png") as image:
            assert channel(image, (32, 24)) == pytest.approx(40 + number * 40, abs=4)


def test_clips_in_milliseconds_and_clips_that_start_late_are_copied_exactly(make_clip: ClipMaker, tmp_path: Path) -> None:
    plain = make_clip("a.mp4")
    coarse = remux(make_clip("b.mp4", first=10), tmp_path / "coarse.mp4", options={"video_track_timescale": "1000"})
    late = remux(make_clip("c.mp4", first=20), tmp_path / "late.mp4", shift=5)
    assemble_reel([coarse, plain, late], tmp_path / "reel.mp4")
    assert packets_of(tmp_path / "reel.mp4") == [packet for clip in (coarse, plain, late) for packet in packets_of(clip)]
    with av.open(str(tmp_path / "reel.mp4")) as container:
        assert [shown_at(frame) for frame in container.decode(video=0)] == [Fraction(index, 24) for index in range(72)]


def test_clips_of_other_encoder_settings_are_encoded_anew(make_clip: ClipMaker, tmp_path: Path) -> None:
    with av.open(str(make_clip("a.mp4"))) as container:
        baseline = reencode(container.decode(video=0), tmp_path / "b.mp4", {"profile": "baseline"})
    facts = assemble_reel([tmp_path / "a.mp4", baseline], tmp_path / "reel.mp4")
    assert facts.frames == 48
    assert grays_of(tmp_path / "reel.mp4")[24:] == pytest.approx(grays_of(baseline), abs=3)
    assert packets_of(tmp_path / "reel.mp4")[:24] != packets_of(tmp_path / "a.mp4")


def test_a_clip_that_needs_frames_from_before_its_start_is_encoded_anew(make_clip: ClipMaker, tmp_path: Path) -> None:
    with av.open(str(make_clip("long.mp4", frames=60))) as container:
        options = {"x264-params": "open-gop=1:keyint=10:min-keyint=10:scenecut=0:bframes=2"}
        whole = reencode(container.decode(video=0), tmp_path / "open.mp4", options)
    with av.open(str(whole)) as container:
        keys = [number for number, packet in enumerate(packet for packet in container.demux(video=0) if packet.size) if packet.is_keyframe]
    cut = remux(whole, tmp_path / "cut.mp4", skip=keys[1])
    assert footage(whole, Fraction(24)) is not None
    assert footage(cut, Fraction(24)) is None


@pytest.mark.parametrize("kind", ["held", "varying", "turned", "other codec", "other pixels", "other rate"])
def test_what_cannot_be_copied_exactly_is_encoded_anew(make_clip: ClipMaker, tmp_path: Path, kind: str) -> None:
    clip = {
        "held": lambda: remux(make_clip(), tmp_path / "held.mp4", hold=3),
        "varying": lambda: make_clip(frames=3, times=[0, 2, 3]),
        "turned": lambda: make_clip(rotation=180),
        "other codec": lambda: make_clip("a.webm", codec="libvpx-vp9"),
        "other pixels": lambda: make_clip(pix_fmt="yuv444p"),
        "other rate": lambda: make_clip(fps=25),
    }[kind]()
    assert footage(clip, Fraction(24)) is None


def test_clips_in_matroska_join(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [remux(make_clip(f"{number}.mp4", first=number * 9), tmp_path / f"{number}.mkv", container="matroska") for number in range(2)]
    facts = assemble_reel(clips, tmp_path / "reel.mp4")
    assert (facts.mime, facts.frames, facts.fps) == ("video/mp4", 48, 24.0)
    assert grays_of(tmp_path / "reel.mp4") == pytest.approx([gray for clip in clips for gray in grays_of(clip)], abs=3)


def reencode(frames: Iterator[av.VideoFrame], target: Path, options: dict[str, str]) -> Path:
    with av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 24), 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target
