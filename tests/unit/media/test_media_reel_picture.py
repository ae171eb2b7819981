"""The picture of a reel: every frame at its place, in the right shape and color, whatever the clips are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.filter import Graph
from av.video.frame import VideoFrame
from PIL import Image

from animatic.errors import BadClipError
from animatic.media import extract_frame, probe, render
from animatic.media.conform import Conformer, planes_of
from animatic.media.container import opened_clip
from animatic.media.reel_picture import picture
from animatic.media.reel_source import inspected
from animatic.media.timeline import Entry, Fit, Segment, Timeline
from tests.unit.media.conftest import ClipMaker, gray_of

Luma = npt.NDArray[np.uint8]


def timeline(*segments: Segment, rate: int | Fraction = 24, size: tuple[int, int] = (64, 48), fit: Fit = "letterbox") -> Timeline:
    return Timeline(width=size[0], height=size[1], rate=Fraction(rate), segments=segments, fit=fit)


def frames_of(reel: Timeline, notes: list[str] | None = None) -> Iterator[VideoFrame]:
    sources = {segment.source: inspected(segment, reel.rate) for segment in reel.segments}
    return picture(reel, sources, (notes if notes is not None else []).append)


def grays(reel: Timeline, notes: list[str] | None = None) -> list[float]:
    """The gray of the middle of each frame, in full range."""
    middle = slice(reel.height // 2 - 2, reel.height // 2 + 2), slice(reel.width // 2 - 2, reel.width // 2 + 2)
    return [(float(planes_of(frame)[0][middle].mean()) - 16) * 255 / 219 for frame in frames_of(reel, notes)]


def of_frames(*numbers: int) -> object:
    return pytest.approx([gray_of(number) for number in numbers], abs=2)


def test_trims_take_the_nearest_frames(make_clip: ClipMaker) -> None:
    clip = make_clip(frames=40)
    assert grays(timeline(Segment(source=clip, frames=3, start=Fraction(10, 24)))) == of_frames(10, 11, 12)
    assert grays(timeline(Segment(source=clip, frames=2, start=Fraction("0.43")))) == of_frames(10, 11)
    assert grays(timeline(Segment(source=clip, frames=2, start=Fraction("0.44")))) == of_frames(11, 12)


def test_other_rates_are_resampled_and_errors_never_add_up(make_clip: ClipMaker) -> None:
    clip = make_clip("ntsc.mp4", frames=40, fps=Fraction(30000, 1001))
    reel = timeline(*(Segment(source=clip, frames=20) for _ in range(3)))
    expected = [int((number + 0.5) / 24 * 30000 / 1001) for number in range(20)]
    assert grays(reel) == of_frames(*expected * 3)


def test_times_that_vary_are_kept(make_clip: ClipMaker) -> None:
    clip = make_clip(frames=5, times=[0, 1, 6, 7, 12])
    assert grays(timeline(Segment(source=clip, frames=13))) == of_frames(*[0, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4])


@pytest.mark.parametrize("start", [Fraction(6), Fraction(7) + Fraction(1, 48), Fraction(9)])
def test_a_trim_far_inside_a_long_clip_is_as_exact_as_any(make_clip: ClipMaker, start: Fraction) -> None:
    clip = make_clip("long.mp4", frames=260)
    assert grays(timeline(Segment(source=clip, frames=30, start=start))) == of_frames(*range(int(start * 24 + 0.5), int(start * 24 + 30.5)))


def test_a_clip_that_is_too_short_holds_its_last_frame_and_says_so(make_clip: ClipMaker) -> None:
    notes: list[str] = []
    assert grays(timeline(Segment(source=make_clip(frames=3), frames=6)), notes) == of_frames(0, 1, 2, 2, 2, 2)
    assert notes == ["clip.mp4 ends 3 frames before it is done with on the reel: its last frame is held"]
    notes.clear()
    assert grays(timeline(Segment(source=make_clip(frames=3), frames=2, start=Fraction(5))), notes) == of_frames(2, 2)
    assert notes == ["clip.mp4 ends 2 frames before it is done with on the reel: its last frame is held"]


def test_a_clip_that_is_long_enough_is_no_reason_for_a_note(make_clip: ClipMaker) -> None:
    notes: list[str] = []
    grays(timeline(Segment(source=make_clip(frames=1), frames=1), Segment(source=make_clip("b.mp4", fps=30, frames=30), frames=24)), notes)
    assert notes == []


@pytest.mark.parametrize(("transfer", "told"), [(1, 0), (16, 1), (18, 1)])
def test_footage_of_a_wider_range_is_told(tmp_path: Path, transfer: int, told: int) -> None:
    clip = tmp_path / "hdr.mp4"
    with av.open(str(clip), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        stream.color_trc, stream.color_primaries, stream.colorspace = transfer, 9, 9
        frame = VideoFrame.from_ndarray(np.full((48, 64, 3), 120, dtype=np.uint8))
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    notes: list[str] = []
    assert len(grays(timeline(Segment(source=clip, frames=1)), notes)) == 1
    assert sum("is HDR" in note for note in notes) == told


def test_one_frame_may_be_all_there_is(make_clip: ClipMaker) -> None:
    one = make_clip("one.mp4", frames=1, first=20)
    reel = timeline(Segment(source=one, frames=1), Segment(source=make_clip(), frames=2), Segment(source=one, frames=1))
    assert grays(reel) == of_frames(20, 0, 1, 20)


def test_a_still_is_held(tmp_path: Path) -> None:
    Image.new("RGB", (128, 96), (90, 90, 90)).save(tmp_path / "still.png")
    assert grays(timeline(Segment(source=tmp_path / "still.png", still=True, frames=30))) == pytest.approx([90] * 30, abs=1)


@pytest.mark.parametrize("frames", [1, 2, 7, 12])
def test_a_crossfade_is_that_of_ffmpeg(make_clip: ClipMaker, frames: int) -> None:
    one, other = make_clip("one.mp4", frames=20, lively=True), make_clip("other.mp4", frames=20, lively=True, first=40)
    reel = timeline(Segment(source=one, frames=20), Segment(source=other, frames=20, enter=Entry(kind="crossfade", frames=frames)))
    ours = [planes_of(frame)[0].copy() for frame in frames_of(reel)]
    assert len(ours) == 40 - frames
    theirs = list(xfade(one, other, frames))
    assert len(theirs) == len(ours)
    for left, right in zip(ours, theirs, strict=True):
        assert np.array_equal(left, right)


def xfade(one: Path, other: Path, frames: int) -> Iterator[Luma]:
    """FFmpeg's own filter, which works without chroma subsampling: brightness is to be compared."""
    graph = Graph()
    inputs = [graph.add("buffer", "video_size=64x48:pix_fmt=yuv444p:time_base=1/24:frame_rate=24/1") for _ in range(2)]
    fade = graph.add("xfade", f"transition=fade:duration={frames / 24}:offset={(20 - frames) / 24}")
    sink = graph.add("buffersink")
    for place, source in enumerate(inputs):
        source.link_to(fade, 0, place)
    fade.link_to(sink)
    graph.configure()
    conformer = Conformer(64, 48, "letterbox")
    for clip, source in zip((one, other), inputs, strict=True):
        with av.open(str(clip)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                whole = conformer.conformed(frame, Fraction(1)).reformat(format="yuv444p")
                whole.pts, whole.time_base = number, Fraction(1, 24)
                source.push(whole)
            source.push(None)
    while True:
        try:
            yield np.asarray(graph.vpull().to_ndarray(), dtype=np.uint8)[0]
        except (av.error.EOFError, BlockingIOError):
            return


def test_a_fade_goes_through_black_and_overlaps_nothing(tmp_path: Path) -> None:
    for name in ("one", "other"):
        Image.new("RGB", (64, 48), (200, 200, 200)).save(tmp_path / f"{name}.png")
    held = [Segment(source=tmp_path / f"{name}.png", still=True, frames=10) for name in ("one", "other")]
    faded = Segment(source=held[1].source, still=True, frames=10, enter=Entry(kind="fade", frames=8))
    found = grays(timeline(held[0], faded))
    assert found == pytest.approx([200] * 7 + [150, 100, 50, 0, 50, 100, 150] + [200] * 6, abs=2)
    out_of_black = Segment(source=held[0].source, still=True, frames=6, enter=Entry(kind="fade", frames=4))
    assert grays(timeline(out_of_black)) == pytest.approx([0, 50, 100, 150, 200, 200], abs=2)


def test_transitions_follow_each_other_on_one_short_segment(make_clip: ClipMaker) -> None:
    clip = make_clip(frames=24)
    reel = timeline(
        Segment(source=clip, frames=10, enter=Entry(kind="fade", frames=4)),
        Segment(source=clip, frames=6, enter=Entry(kind="crossfade", frames=3)),
        Segment(source=clip, frames=6, enter=Entry(kind="crossfade", frames=3)),
        Segment(source=clip, frames=5, enter=Entry(kind="fade", frames=5)),
    )
    assert reel.frames == 21
    assert len(grays(reel)) == 21


def test_one_decoder_is_open_at_a_time_and_two_in_a_crossfade(make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [make_clip(f"{number}.mp4", frames=30) for number in range(6)]
    open_now: list[int] = []
    most: list[int] = []

    class Counting:
        def __init__(self, path: Path) -> None:
            self.inner = opened_clip(path)

        def __enter__(self) -> object:
            open_now.append(1)
            most.append(len(open_now))
            return self.inner.__enter__()

        def __exit__(self, *args: object) -> None:
            open_now.pop()
            self.inner.__exit__(None, None, None)

    monkeypatch.setattr("animatic.media.reel_picture.opened_clip", Counting)
    entries = [
        Entry(),
        Entry(),
        Entry(kind="crossfade", frames=4),
        Entry(kind="crossfade", frames=3),
        Entry(kind="fade", frames=6),
        Entry(),
    ]
    reel = timeline(*(Segment(source=clip, frames=10, enter=entry) for clip, entry in zip(clips, entries, strict=True)))
    at_each = [len(open_now) for _ in frames_of(reel)]
    assert len(at_each) == reel.frames == 53
    assert at_each == [2 if 16 <= number < 20 or 23 <= number < 26 else 1 for number in range(53)]
    assert (max(most), open_now) == (2, [])


@pytest.mark.parametrize(("size", "bars"), [((64, 48), "none"), ((48, 64), "sides"), ((150, 30), "top and bottom")])
def test_letterbox_keeps_all_and_crop_fills_all(tmp_path: Path, size: tuple[int, int], bars: str) -> None:
    Image.new("RGB", size, (200, 200, 200)).save(tmp_path / "still.png")
    still = Segment(source=tmp_path / "still.png", still=True, frames=1)
    cropped = planes_of(next(frames_of(timeline(still, size=(128, 96), fit="crop"))))[0]
    assert cropped.shape == (96, 128)
    assert (cropped > 150).all()
    boxed = planes_of(next(frames_of(timeline(still, size=(128, 96)))))[0] > 100
    shape = boxed[48].sum() / boxed[:, 64].sum()
    assert shape == pytest.approx(size[0] / size[1], rel=0.05)
    assert [bool(boxed[48].all()), bool(boxed[:, 64].all())] == [bars != "sides", bars != "top and bottom"]


def test_crop_takes_the_middle(tmp_path: Path) -> None:
    wide = Image.new("RGB", (300, 100), (0, 0, 0))
    wide.paste((200, 200, 200), (100, 0, 200, 100))
    wide.save(tmp_path / "wide.png")
    luma = planes_of(next(frames_of(timeline(Segment(source=tmp_path / "wide.png", still=True, frames=1), size=(64, 64), fit="crop"))))[0]
    assert (luma[:, 2:-2] > 150).all()


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_what_is_filmed_upright_is_shown_upright(make_clip: ClipMaker, tmp_path: Path, rotation: int) -> None:
    clip = tmp_path / "turned.mp4"
    with av.open(str(clip), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(rotation)
        corner = np.full((64, 96, 3), 40, dtype=np.uint8)
        corner[:32, :48] = 220
        frame = VideoFrame.from_ndarray(corner)
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    facts = probe(clip)
    size = facts.width, facts.height
    assert size == ((96, 64) if rotation == 180 else (64, 96))
    luma = planes_of(next(frames_of(timeline(Segment(source=clip, frames=1), size=size))))[0]
    extract_frame(clip, "first", tmp_path / "first.png")
    with Image.open(tmp_path / "first.png") as upright:
        seen = np.asarray(upright.convert("L"))
    assert (luma > 120).tolist() == (seen > 120).tolist()


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "suffix"),
    [("yuv420p10le", "libx264", "mp4"), ("yuv444p", "libx264", "mp4"), ("yuvj420p", "mjpeg", "mkv"), ("yuv422p10le", "prores_ks", "mov")],
)
def test_other_pixels_become_the_same_picture(make_clip: ClipMaker, pix_fmt: str, codec: str, suffix: str) -> None:
    clip = make_clip(f"clip.{suffix}", frames=3, pix_fmt=pix_fmt, codec=codec, size=(128, 96))
    assert grays(timeline(Segment(source=clip, frames=3), size=(128, 96))) == of_frames(0, 1, 2)


@pytest.mark.parametrize("color", [(200, 40, 40), (40, 160, 60), (30, 60, 200), (235, 235, 235), (8, 8, 8)])
def test_colors_survive_from_small_clips_in_the_older_matrix(tmp_path: Path, color: tuple[int, int, int]) -> None:
    """A clip in BT.601 and a still of the same color look alike on a reel in BT.709."""
    clip = tmp_path / "sd.mp4"
    with av.open(str(clip), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"qp": "4"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.colorspace, stream.color_range = 6, 1
        frame = VideoFrame.from_ndarray(np.full((120, 160, 3), color, dtype=np.uint8))
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG")
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    Image.new("RGB", (160, 120), color).save(tmp_path / "still.png")
    for segment in (Segment(source=clip, frames=1), Segment(source=tmp_path / "still.png", still=True, frames=1)):
        target = tmp_path / "reel.mp4"
        render(timeline(segment, size=(320, 240)), target)
        with av.open(str(target)) as container:
            stream = container.streams.video[0]
            shown = next(container.decode(video=0))
            assert (stream.codec_context.colorspace, stream.codec_context.color_range, shown.colorspace) == (1, 1, 1)
            rgb = shown.reformat(format="rgb24", src_colorspace="ITU709", dst_colorspace="ITU709").to_ndarray()[120, 160]
        assert rgb.tolist() == pytest.approx(color, abs=4)


def test_pixels_that_are_not_square_and_odd_sizes_fit(make_clip: ClipMaker) -> None:
    anamorphic = make_clip("wide.mp4", frames=2, size=(64, 96), pixel=Fraction(2))
    odd = make_clip("odd.mp4", frames=2, size=(63, 47), pix_fmt="yuv444p")
    found = [
        planes_of(frame)[0]
        for frame in frames_of(timeline(Segment(source=anamorphic, frames=2), Segment(source=odd, frames=2), size=(128, 96)))
    ]
    assert [plane.shape for plane in found] == [(96, 128)] * 4
    assert (found[0] > 30).all()
    assert (found[2][:, 2:-2] > 30).all()


def test_a_clip_without_frames_is_named(make_clip: ClipMaker, tmp_path: Path) -> None:
    with pytest.raises(BadClipError, match="not a still"):
        list(frames_of(timeline(Segment(source=make_clip(), still=True, frames=1))))
    Image.new("RGB", (64, 48)).save(tmp_path / "still.png")
    with pytest.raises(BadClipError, match="not a clip"):
        list(frames_of(timeline(Segment(source=tmp_path / "still.png", frames=1))))
