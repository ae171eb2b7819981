"""Measures the checks of a take against decoding it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from animatic.media import Decoding, check_take, probe
from animatic.media.container import opened_clip
from animatic.media.frames import shown_frames
from benchmarks.measure import call, in_turns
from benchmarks.tables import Results, Row

SECONDS, FPS, SOUND_RATE = 10, 24, 48_000


def look(folder: Path, rounds: int) -> Results:
    """One take of ten seconds at 720p with sound: everything that is looked for in it, and its frames decoded."""
    take = _take(folder / "take.mp4")
    facts = probe(take)

    def decode() -> None:
        with opened_clip(take) as clip:
            for _ in shown_frames(clip):
                pass

    found = in_turns(rounds, {"decode": call(decode), "checks": call(lambda: check_take(take, facts=facts, decoding=Decoding()))})
    row = Row(what="checks of a take", cost=found["checks"], limit=found["decode"], target="2 x")
    return Results(title=f"Checks of a take of {SECONDS} s, 720p, {FPS} frames a second", limit="decoding it", rows=(row,))


def _take(target: Path) -> Path:
    texture = np.random.default_rng(1).integers(0, 255, (90, 160, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    tone = (0.2 * np.sin(2 * np.pi * 300 * np.arange(SECONDS * SOUND_RATE) / SOUND_RATE)).astype(np.float32)
    with av.open(str(target), "w") as output:
        picture = output.add_stream("libx264", rate=FPS)
        picture.width, picture.height, picture.pix_fmt = 1280, 720, "yuv420p"
        sound = output.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for index in range(SECONDS * FPS):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(texture, index * 3, axis=1)))
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            output.mux(picture.encode(frame))
        for begin in range(0, len(tone), 1024):
            part = av.AudioFrame.from_ndarray(tone[begin : begin + 1024].reshape(1, -1), format="fltp", layout="mono")
            part.sample_rate, part.pts = SOUND_RATE, begin
            output.mux(sound.encode(part))
        output.mux(picture.encode(None))
        output.mux(sound.encode(None))
    return target
