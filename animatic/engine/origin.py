"""Puts a file into the run's folder with its mark of origin. Idempotent: the same file and mark give the same bytes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from pathlib import Path

from animatic import __version__
from animatic.engine.run import Run
from animatic.errors import StorageError
from animatic.ledger import Take
from animatic.marks import Mark, Marked, write_marked

SOFTWARE = f"animatic {__version__}"


def mark_of_take(run: Run, take: Take) -> Mark:
    """Return the mark of a take: it names the run that made it, so that a take is the same bytes wherever it is delivered again."""
    return Mark(run=take.run_id, pipeline=take.pipeline, shot=take.step, model=take.model, simulated=run.simulated, software=SOFTWARE)


def mark_of_reel(run: Run, name: str, models: Iterable[str]) -> Mark:
    """Return the mark of something that this run put together from several takes."""
    return Mark(
        run=run.plan.run_id,
        pipeline=run.plan.pipeline,
        shot=name,
        model=", ".join(dict.fromkeys(models)),
        simulated=run.simulated,
        software=SOFTWARE,
    )


async def deliver_marked(run: Run, source: Path, name: str, mark: Mark, mime: str, *, replaces: int | None) -> Marked:
    """Store a marked copy of a local file as ``name`` below the run's folder; returns what was stored.

    ``replaces``: the size of a file of an earlier attempt at that place that may go; None: whatever lies there is of an earlier attempt.
    Raises StorageError, and OSError where the local disk is full.
    """
    key = f"{run.prefix}/{name}"
    # A name of its own: variants that share a take deliver it at the same time.
    copy = run.workdir / f"marked-{secrets.token_hex(4)}-{name.replace('/', '-')}"
    try:
        async with run.gates.transfer:
            marked = await asyncio.to_thread(write_marked, source, copy, mark, mime)
            if not await run.storage.store(key, copy, content_type=mime, sha256=marked.sha256):
                await _make_room(run, key, replaces)
                if not await run.storage.store(key, copy, content_type=mime, sha256=marked.sha256):
                    raise StorageError(
                        f"another process is writing {run.storage.location(key)}", hint=f"try again: `animatic resume {run.plan.run_id}`"
                    )
    finally:
        copy.unlink(missing_ok=True)
    return marked


async def _make_room(run: Run, key: str, replaces: int | None) -> None:
    there = await run.storage.head(key)
    if there is not None and replaces is not None and there.size != replaces:
        raise StorageError(
            f"{run.storage.location(key)} is there already and is something else",
            hint=f"move it away, then: `animatic resume {run.plan.run_id}`",
        )
    await run.storage.delete(key)
