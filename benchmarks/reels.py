"""Measures reels: clips that are alike are copied, others are conformed, crossfaded and mixed, as FFmpeg does it beside."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from animatic.media import render
from animatic.media.timeline import Bed, Entry, Mix, Segment, Timeline
from animatic.simulator.render.clip import render_clip
from animatic.simulator.render.recipe import Recipe
from benchmarks.measure import Cost, call, command, in_turns
from benchmarks.tables import Results, Row

CLIPS = 6
SECONDS = 3
FPS = 24
CROSSFADE = Fraction(1, 2)
TIMES_REAL_TIME = 50
"""What joining without encoding is to reach."""
SOUND_RATE = 44_100
GRAPH = (
    "scale=1280:720:force_original_aspect_ratio=decrease:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,"
    "pad=1280:720:-1:-1,setsar=1,fps=24,format=yuv420p,settb=1/24"
)


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips of one setting without sound, the same with sound, and those of which two differ in size and rate."""

    silent: tuple[Path, ...]
    sounding: tuple[Path, ...]
    mixed: tuple[Path, ...]
    bed: Path


def assemble(folder: Path, rounds: int) -> Results:
    """Six clips of three seconds at 720p: joined; joined with their sound; two of other size and rate, crossfaded over a bed."""
    folder.mkdir(exist_ok=True)
    clips = _clips(folder)
    target = folder / "reel.mp4"
    joined = _timeline(clips.silent, Mix(), crossfaded=False)
    sounding = _timeline(clips.sounding, Mix(clips=True, loudness=-16), crossfaded=False)
    mix = Mix(clips=True, bed=Bed(source=clips.bed, gain_db=-8, duck=True), loudness=-16)
    mixed = _timeline(clips.mixed, mix, crossfaded=True)
    measures = {
        "joined": call(lambda: render(joined, target)),
        "sounding": call(lambda: render(sounding, target)),
        "mixed": call(lambda: render(mixed, target)),
    }
    if shutil.which("ffmpeg"):
        measures["ffmpeg"] = command(_by_ffmpeg(clips, folder / "ffmpeg.mp4"))
    found = in_turns(rounds, measures)
    real_time = float(joined.duration)
    limit = Cost(wall=real_time / TIMES_REAL_TIME, cpu=0)
    return Results(
        title=f"Reels: {CLIPS} clips of {SECONDS} s, 720p, {FPS} frames a second",
        limit=f"a {TIMES_REAL_TIME}th of real time; ffmpeg with the same filters, encoder and settings",
        rows=(
            Row(what="alike: copied", cost=found["joined"], limit=limit, target="1 x", note=_speed(real_time, found["joined"])),
            Row(what="alike, with sound", cost=found["sounding"], limit=limit, note=_speed(real_time, found["sounding"])),
            Row(
                what="conformed, crossfaded, mixed",
                cost=found["mixed"],
                limit=found.get("ffmpeg"),
                target="1.3 x",
                note=_speed(float(mixed.duration), found["mixed"]) if "ffmpeg" in found else "no ffmpeg to compare with",
            ),
        ),
    )


def _timeline(clips: tuple[Path, ...], mix: Mix, *, crossfaded: bool) -> Timeline:
    over = Entry(kind="crossfade", frames=int(CROSSFADE * FPS)) if crossfaded else Entry()
    segments = tuple(Segment(source=clip, frames=SECONDS * FPS, enter=over if place else Entry()) for place, clip in enumerate(clips))
    return Timeline(width=1280, height=720, rate=Fraction(FPS), segments=segments, mix=mix)


def _by_ffmpeg(clips: Clips, target: Path) -> list[str]:
    """Return the command that makes the same reel: one pass, its loudness as it comes (measuring it first would cost another)."""
    parts = [f"[{place}:v]{GRAPH}[v{place}];[{place}:a]aresample=48000[a{place}]" for place in range(CLIPS)]
    picture, sound = "v0", "a0"
    for place in range(1, CLIPS):
        offset = float(place * (SECONDS - CROSSFADE))
        parts.append(f"[{picture}][v{place}]xfade=fade:{float(CROSSFADE)}:{offset}[x{place}]")
        parts.append(f"[{sound}][a{place}]acrossfade=d={float(CROSSFADE)}[y{place}]")
        picture, sound = f"x{place}", f"y{place}"
    parts.append(f"[{picture}]format=yuv420p[v];[{sound}]asplit[clips][key];[{CLIPS}:a]aresample=48000,volume=-8dB[bed]")
    parts.append("[bed][key]sidechaincompress=threshold=0.02:ratio=6[soft];[clips][soft]amix=inputs=2:normalize=0:duration=first[a]")
    inputs = [word for path in (*clips.mixed, clips.bed) for word in ("-i", str(path))]
    encoders = "-c:v libx264 -preset veryfast -crf 18 -threads 4 -x264-params cpu-independent=1 -g 48 -c:a aac -ar 48000 -b:a 192k"
    outputs = ["-map", "[v]", "-map", "[a]", *encoders.split(), "-movflags", "+faststart", str(target)]
    return ["ffmpeg", "-y", "-nostdin", "-v", "error", *inputs, "-filter_complex", ";".join(parts), *outputs]


def _speed(real_time: float, cost: Cost) -> str:
    return f"{real_time / cost.wall:.0f} times real time"


def _clips(folder: Path) -> Clips:
    silent = tuple(_clip(folder / f"{number}.mp4", number, width=1280, fps=24.0) for number in range(CLIPS))
    other = (_clip(folder / "fast.mp4", 2, width=1280, fps=30.0), _clip(folder / "square.mp4", 3, width=720, fps=24.0))
    sounding = tuple(_with_sound(clip, place) for place, clip in enumerate(silent))
    mixed = (*sounding[:2], *(_with_sound(clip, place) for place, clip in enumerate(other)), *sounding[4:])
    bed = folder / "bed.wav"
    with av.open(str(bed), "w") as output:
        _add_sound(output, np.random.default_rng(1).normal(0, 0.05, (2, 20 * SOUND_RATE)), "pcm_s16le")
    return Clips(silent, sounding, mixed, bed)


def _with_sound(clip: Path, number: int) -> Path:
    target = clip.with_stem(f"{clip.stem}-sound")
    tone = 0.2 * np.sin(2 * np.pi * (200 + 90 * number) * np.arange(SECONDS * SOUND_RATE) / SOUND_RATE)
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        track = output.add_stream_from_template(source.streams.video[0])
        _add_sound(output, np.stack([tone, tone]), "aac")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = track
                output.mux_one(packet)
    return target


def _add_sound(output: av.container.OutputContainer, sound: np.typing.NDArray[np.float64], codec: str) -> None:
    track = output.add_stream(codec, rate=SOUND_RATE, layout="stereo")
    assert isinstance(track, av.AudioStream)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, dtype=np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    output.mux(track.encode(frame))
    output.mux(track.encode(None))


def _clip(path: Path, number: int, *, width: int, fps: float) -> Path:
    recipe = Recipe(
        kind="video",
        model="xai/grok-video",
        text=f"Clip {number} of the benchmark, slow push over the rooftops",
        variation=0,
        width=width,
        height=720,
        aspect=None,
        side=720,
        longest_side=1920,
        fps=fps,
        seconds=float(SECONDS),
        start=None,
        end=None,
        source=None,
        references=(),
    )
    render_clip(recipe, path)
    return path
