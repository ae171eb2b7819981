"""The reel of a run: its delivered clips, joined in the order of the cut."""

from __future__ import annotations

import asyncio

from animatic.engine.crashpoints import crashpoint
from animatic.engine.inputs import local_clip
from animatic.engine.run import Run
from animatic.engine.workdir import on_disk
from animatic.errors import AnimaticError
from animatic.files import sha256_of
from animatic.manifest import Clip
from animatic.media import assemble_reel
from animatic.plan import Cut


def reel_name(cut: Cut) -> str:
    """Return ``[VARIANT/]reel.mp4``."""
    return f"{cut.variant_name}/reel.mp4" if cut.variant_name else "reel.mp4"


def missing_from(run: Run, cut: Cut) -> tuple[str, ...]:
    """Return the steps of a cut that were not made."""
    return tuple(key for key in cut.steps if key not in run.takes)


async def deliver_reel(run: Run, cut: Cut) -> Clip:
    """Assemble and deliver one reel; returns what the manifest says of it. Raises AnimaticError; clips are already delivered then."""
    with on_disk(run.workdir):
        return await _deliver(run, cut)


async def _deliver(run: Run, cut: Cut) -> Clip:
    clips = [await local_clip(run, run.takes[key]) for key in cut.steps]
    name = reel_name(cut)
    target = run.workdir / name.replace("/", "-")
    async with run.media_gate:
        facts = await asyncio.to_thread(assemble_reel, clips, target)
    digest = await asyncio.to_thread(sha256_of, target)
    key = f"{run.prefix}/{name}"
    crashpoint("before-reel")
    if not await run.storage.store(key, target, content_type="video/mp4", sha256=digest):
        # A resumed run: the reel of the interrupted attempt may lack shots that are there now.
        await run.storage.delete(key)
        if not await run.storage.store(key, target, content_type="video/mp4", sha256=digest):
            raise AnimaticError(f"another process is writing {run.storage.location(key)}", hint=f"animatic resume {run.plan.run_id}")
    crashpoint("after-reel")
    return Clip(
        key=run.storage.location(key),
        sha256=digest,
        size=target.stat().st_size,
        mime=facts.mime,
        width=facts.width,
        height=facts.height,
        fps=facts.fps,
        duration=facts.duration,
        frames=facts.frames,
        file=name,
    )
