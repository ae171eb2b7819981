"""Measures a reel: clips that are alike are copied, others are encoded."""

from __future__ import annotations

from pathlib import Path

from animatic.media import assemble_reel
from animatic.simulator.render.clip import render_clip
from animatic.simulator.render.recipe import Recipe
from benchmarks.measure import call, in_turns
from benchmarks.tables import Results, Row

CLIPS = 6
SECONDS = 3.0


def assemble(folder: Path, rounds: int) -> Results:
    """Six clips of three seconds, 720p at 24 frames a second; then the same with one clip of 30."""
    folder.mkdir(exist_ok=True)
    alike = [_clip(folder / f"{number}.mp4", number, fps=24.0) for number in range(CLIPS)]
    mixed = [*alike[:-1], _clip(folder / "other.mp4", CLIPS, fps=30.0)]
    target = folder / "reel.mp4"
    found = in_turns(
        rounds,
        {
            "alike": call(lambda: assemble_reel(alike, target)),
            "mixed": call(lambda: assemble_reel(mixed, target)),
        },
    )
    return Results(
        title=f"Reels: {CLIPS} clips of {SECONDS:g} s, 720p",
        limit="encoding the clips anew",
        rows=(
            Row(what="alike: copied", cost=found["alike"], limit=found["mixed"], note="bit for bit the clips' frames"),
            Row(what="one of another rate: encoded", cost=found["mixed"], limit=found["mixed"]),
        ),
    )


def _clip(path: Path, number: int, *, fps: float) -> Path:
    recipe = Recipe(
        kind="video",
        model="xai/grok-video",
        text=f"Clip {number} of the benchmark, slow push over the rooftops",
        variation=0,
        width=1280,
        height=720,
        aspect=None,
        side=720,
        longest_side=1920,
        fps=fps,
        seconds=SECONDS,
        start=None,
        end=None,
        source=None,
        references=(),
    )
    render_clip(recipe, path)
    return path
