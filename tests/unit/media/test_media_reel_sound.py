"""The sound of a reel: in step with its pictures to less than a frame, as loud as asked, and as long as the picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from animatic.errors import BadMediaError
from animatic.media import Rendered, probe, render
from animatic.media.loudness import Meter
from animatic.media.timeline import Bed, Entry, Mix, Segment, Timeline, Voice
from tests.unit.media.sounding import clicks, clicks_in, flashes_in, heard, level_of, tone, write_clip, write_sound

CLIPS = Mix(clips=True)


def made(tmp_path: Path, *segments: Segment, mix: Mix = CLIPS, rate: int | Fraction = 24) -> tuple[Path, Rendered]:
    target = tmp_path / "reel.mp4"
    return target, render(Timeline(width=64, height=48, rate=Fraction(rate), segments=segments, mix=mix), target)


def length_of_sound(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        return stream.duration * stream.time_base


@pytest.mark.parametrize(
    ("name", "rate", "codec", "fps", "reel_rate"),
    [
        ("aac.mp4", 48_000, "aac", 24, 24),
        ("aac.mp4", 44_100, "aac", 24, 30),
        ("aac.mkv", 44_100, "aac", Fraction(30000, 1001), Fraction(30000, 1001)),
        ("pcm.mov", 16_000, "pcm_s16le", 25, 24),
        ("opus.webm", 48_000, "libopus", 24, Fraction(24000, 1001)),
        ("mp3.mkv", 32_000, "libmp3lame", 24, 24),
    ],
)
def test_every_click_is_heard_in_the_frame_that_flashes(
    tmp_path: Path, name: str, rate: int, codec: str, fps: int | Fraction, reel_rate: int | Fraction
) -> None:
    at = 12 / fps
    sound = clicks(30 / float(fps), [float(at) + 0.002], rate=rate)
    clip = write_clip(tmp_path / name, frames=30, fps=fps, flashes=[12, 13], sound=sound, rate=rate, codec=codec)
    frames = round(30 / fps * reel_rate)
    segments = (
        Segment(source=clip, frames=frames),
        Segment(source=clip, frames=frames - 5, start=Fraction(5) / reel_rate),
        Segment(source=clip, frames=frames, enter=Entry(kind="crossfade", frames=4)),
        Segment(source=clip, frames=frames, enter=Entry(kind="fade", frames=4)),
    )
    reel, _ = made(tmp_path, *segments, rate=reel_rate)
    flashes, sounds = flashes_in(reel), clicks_in(heard(reel))
    first_of_each = [number for number in flashes if number - 1 not in flashes]
    assert len(first_of_each) == len(sounds) == 4
    for frame, second in zip(first_of_each, sounds, strict=True):
        assert abs(float(frame / Fraction(reel_rate)) - second) < 1 / float(reel_rate)


def test_sound_that_begins_late_in_its_clip_is_late_in_the_reel(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "plain.mp4", frames=24, sound=clicks(0.5, [0.25]))
    late = tmp_path / "late.mkv"
    with av.open(str(clip)) as source, av.open(str(late), "w") as output:
        tracks = {stream.index: output.add_stream_from_template(stream) for stream in (source.streams.video[0], source.streams.audio[0])}
        for packet in source.demux():
            if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base is not None:
                shift = round(Fraction(1, 4) / packet.time_base) if packet.stream.type == "audio" else 0
                index = packet.stream.index
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = tracks[index]
                output.mux_one(packet)
    reel, _ = made(tmp_path, Segment(source=late, frames=24), Segment(source=clip, frames=24))
    assert clicks_in(heard(reel)) == pytest.approx([0.5, 1.25], abs=0.005)


def test_a_gap_within_the_sound_is_silent_and_moves_nothing(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "whole.mp4", frames=48, sound=clicks(2, [0.25, 1.75]))
    gap = tmp_path / "gap.mp4"
    with av.open(str(clip)) as source, av.open(str(gap), "w") as output:
        tracks = {stream.index: output.add_stream_from_template(stream) for stream in (source.streams.video[0], source.streams.audio[0])}
        for packet in source.demux():
            second = float((packet.pts or 0) * packet.time_base)
            if packet.size and not (packet.stream.type == "audio" and 0.6 < second < 1.2):
                packet.stream = tracks[packet.stream.index]
                output.mux_one(packet)
    reel, _ = made(tmp_path, Segment(source=gap, frames=48))
    assert clicks_in(heard(reel)) == pytest.approx([0.25, 1.75], abs=0.005)


def test_clips_without_sound_and_stills_are_silent(tmp_path: Path) -> None:
    silent = write_clip(tmp_path / "silent.mp4", frames=24)
    loud = write_clip(tmp_path / "loud.mp4", frames=24, sound=tone(1))
    reel, rendered = made(tmp_path, Segment(source=silent, frames=24), Segment(source=loud, frames=24), Segment(source=silent, frames=24))
    sound = heard(reel)
    assert level_of(sound, 0, 0.95) < -80
    assert level_of(sound, 1.05, 1.95) == pytest.approx(-17, abs=0.5)
    assert level_of(sound, 2.05, 2.9) < -80
    assert length_of_sound(reel) == 3
    assert rendered.facts.frames == 72


def test_no_sound_anywhere_is_no_sound_track(tmp_path: Path) -> None:
    silent = write_clip(tmp_path / "silent.mp4", frames=24)
    loud = write_clip(tmp_path / "loud.mp4", frames=24, sound=tone(1))
    assert not made(tmp_path, Segment(source=silent, frames=24))[1].facts.has_audio
    reel, rendered = made(tmp_path, Segment(source=loud, frames=24), mix=Mix(clips=False))
    assert (rendered.facts.has_audio, rendered.loudness, probe(reel).has_audio) == (False, None, False)


def test_sound_fades_as_its_picture_does(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.mp4", frames=48, sound=tone(2, frequency=500))
    other = write_clip(tmp_path / "other.mp4", frames=48)
    crossed, _ = made(tmp_path, Segment(source=one, frames=48), Segment(source=other, frames=48, enter=Entry(kind="crossfade", frames=24)))
    sound = heard(crossed)
    assert [level_of(sound, at - 0.02, at + 0.02) for at in (0.5, 1.25, 1.5, 1.75)] == pytest.approx([-17, -19.5, -23, -29], abs=0.7)
    assert level_of(sound, 2.05, 2.9) < -80
    faded, _ = made(tmp_path, Segment(source=one, frames=48, enter=Entry(kind="fade", frames=24)), Segment(source=one, frames=48))
    assert [level_of(heard(faded), at - 0.02, at + 0.02) for at in (0.25, 0.5, 1.5)] == pytest.approx([-29, -23, -17], abs=0.7)


@pytest.mark.parametrize(("kind", "target"), [("peaks", -23.0), ("peaks", -16.0), ("peaks", -14.0), ("noise", -9.0), ("noise", -16.0)])
def test_the_reel_is_as_loud_as_asked_and_its_peaks_are_below_minus_one(tmp_path: Path, kind: str, target: float) -> None:
    """Encoding noise adds to its peaks and takes from its loudness."""
    noise = np.random.default_rng(7).normal(0, 0.05 if kind == "peaks" else 0.3, (2, 48_000 * 4))
    if kind == "peaks":
        noise += clicks(4, [0.5, 1.5, 2.5, 3.5])
    clip = write_clip(tmp_path / "noise.mp4", frames=96, sound=np.clip(noise, -1, 1).astype(np.float32))
    reel, rendered = made(tmp_path, Segment(source=clip, frames=96), mix=Mix(clips=True, loudness=target))
    meter = Meter()
    meter.feed(np.ascontiguousarray(heard(reel)[:, : 48_000 * 4].T))
    measured = meter.result()
    assert measured.integrated == pytest.approx(target, abs=0.2)
    assert measured.true_peak is not None
    assert measured.true_peak <= -1.0
    assert rendered.loudness == pytest.approx(measured.integrated, abs=0.05)
    assert rendered.true_peak == pytest.approx(measured.true_peak, abs=0.05)


@pytest.mark.parametrize("kind", ["clicks", "noise"])
def test_a_loudness_that_peaks_do_not_allow_is_said(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(5).normal(0, 0.3, (2, 48_000 * 4)).clip(-1, 1).astype(np.float32)
    sound = noise if kind == "noise" else clicks(4, [0.5, 1.5, 2.5, 3.5])
    clip = write_clip(tmp_path / "loud.mp4", frames=96, sound=sound)
    _, rendered = made(tmp_path, Segment(source=clip, frames=96), mix=Mix(clips=True, loudness=-5))
    assert rendered.true_peak is not None
    assert rendered.true_peak <= -1.0
    assert any("LUFS instead of -5" in note for note in rendered.notes)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "silent.mp4", frames=48, sound=np.zeros((2, 96_000), dtype=np.float32))
    _, rendered = made(tmp_path, Segment(source=clip, frames=48), mix=Mix(clips=True, loudness=-16))
    assert (rendered.facts.has_audio, rendered.loudness, rendered.true_peak) == (True, None, None)
    assert any("too short or too soft" in note for note in rendered.notes)


def test_a_bed_lies_under_all_with_its_gain_and_fades(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "silent.mp4", frames=96)
    bed = write_sound(tmp_path / "bed.wav", tone(10))
    mix = Mix(bed=Bed(source=bed, gain_db=-6, fade_in=Fraction(1), fade_out=Fraction(2)))
    reel, rendered = made(tmp_path, Segment(source=clip, frames=96), mix=mix)
    sound = heard(reel)
    assert [level_of(sound, at - 0.02, at + 0.02) for at in (0.5, 1.5, 3.0)] == pytest.approx([-29, -23, -29], abs=0.5)
    assert length_of_sound(reel) == 4
    assert rendered.notes == ("bed.wav is 10.00 s long and is cut off at the reel's end, 4.00 s",)


def test_a_bed_that_is_shorter_ends_with_its_fade(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "silent.mp4", frames=96)
    bed = write_sound(tmp_path / "bed.mp3", tone(2, rate=44_100), rate=44_100, codec="libmp3lame")
    reel, rendered = made(tmp_path, Segment(source=clip, frames=96), mix=Mix(bed=Bed(source=bed, fade_out=Fraction(1))))
    sound = heard(reel)
    assert [level_of(sound, at - 0.02, at + 0.02) for at in (0.5, 1.5)] == pytest.approx([-17, -23], abs=0.7)
    assert level_of(sound, 2.1, 3.9) < -80
    assert "ends before the reel does" in rendered.notes[0]


def test_a_bed_makes_way_for_voices_and_comes_back(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "silent.mp4", frames=24 * 8)
    bed = write_sound(tmp_path / "bed.wav", tone(8, level=0.1, frequency=200))
    voice = write_sound(tmp_path / "voice.wav", tone(2, level=0.2, frequency=2000))
    levels = {}
    for duck in (False, True):
        mix = Mix(bed=Bed(source=bed, duck=duck), voices=(Voice(source=voice, at=Fraction(3)),))
        reel, _ = made(tmp_path, Segment(source=clip, frames=24 * 8), mix=mix)
        low = _below(heard(reel), 600)
        levels[duck] = [level_of(low, begin, begin + 0.5) for begin in (1.0, 3.5, 4.5, 7.0)]
    assert levels[False] == pytest.approx([-23] * 4, abs=0.5)
    assert levels[True] == pytest.approx([-23, -35, -35, -23], abs=0.7)


def test_voices_are_heard_at_their_times_and_what_is_too_late_is_said(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "silent.mp4", frames=48)
    voice = write_sound(tmp_path / "voice.wav", clicks(1, [0.1], rate=22_050), rate=22_050)
    voices = tuple(Voice(source=voice, at=at) for at in (Fraction(1, 4), Fraction(3, 2), Fraction(3)))
    reel, rendered = made(tmp_path, Segment(source=clip, frames=48), mix=Mix(voices=voices))
    assert clicks_in(heard(reel)) == pytest.approx([0.35, 1.6], abs=0.005)
    assert len(rendered.notes) == 2
    assert any("goes on after the reel's end" in note for note in rendered.notes)
    assert any("after the reel's end: it is not heard" in note for note in rendered.notes)


def test_sounds_that_are_silent_are_named(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "silent.mp4", frames=48)
    nothing = write_sound(tmp_path / "nothing.wav", np.zeros((2, 96_000), dtype=np.float32))
    mix = Mix(bed=Bed(source=nothing), voices=(Voice(source=nothing, at=Fraction(0)),))
    assert made(tmp_path, Segment(source=clip, frames=48), mix=mix)[1].notes == ("nothing.wav is silent",)


@pytest.mark.parametrize("kind", ["missing", "text", "picture only", "damaged"])
def test_a_sound_that_is_none_is_named_and_nothing_is_left(tmp_path: Path, kind: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=24)
    bed = tmp_path / "bed.wav"
    if kind == "text":
        bed.write_text("la la la")
    elif kind == "picture only":
        bed = clip
    elif kind == "damaged":
        bed = write_sound(tmp_path / "bed.flac", tone(1), codec="flac")
        bed.write_bytes(bed.read_bytes()[:60])
    before = set(tmp_path.iterdir())
    with pytest.raises(BadMediaError, match=bed.name.replace(".", r"\.")):
        made(tmp_path, Segment(source=clip, frames=24), mix=Mix(bed=Bed(source=bed)))
    assert set(tmp_path.iterdir()) == before


def test_a_sound_of_one_channel_is_heard_on_both_sides(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.mp4", frames=24, sound=tone(1), layout="mono")
    reel, _ = made(tmp_path, Segment(source=one, frames=24))
    sound = heard(reel)
    assert sound.shape[0] == 2
    assert np.allclose(sound[0], sound[1], atol=0.01)


def _below(sound: np.typing.NDArray[np.float32], frequency: float) -> np.typing.NDArray[np.float32]:
    """Keep what lies below a frequency."""
    spectrum = np.fft.rfft(sound)
    spectrum[:, np.fft.rfftfreq(sound.shape[1], 1 / 48_000) > frequency] = 0
    return np.fft.irfft(spectrum, sound.shape[1]).astype(np.float32)
