"""Puts a file into the run's folder with its mark of origin. Idempotent: the same file and mark give the same bytes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from animatic import __version__
from animatic.engine.run import Run
from animatic.errors import StorageError
from animatic.ledger import Take
from animatic.marks import Mark, Marked, read_mark, write_marked
from animatic.marks.credentials import has_credentials
from animatic.marks.signing import SIGNABLE, Ingredient, Relation
from animatic.plan import without_take

SOFTWARE = f"animatic {__version__}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A take that a file was made of, and a local copy of it."""

    take: Take
    path: Path
    relation: Relation


def mark_of_take(take: Take, *, simulated: bool, software: str = SOFTWARE) -> Mark:
    """Return the mark of a take: it names the run that made it, so that a take is the same bytes wherever it is delivered again."""
    return Mark(run=take.run_id, pipeline=take.pipeline, shot=take.step, model=take.model, simulated=simulated, software=software)


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


async def deliver_marked(
    run: Run,
    source: Path,
    name: str,
    mark: Mark,
    mime: str,
    *,
    replaces: int | None,
    parts: Sequence[Part] = (),
    keep_as: Path | None = None,
    other_takes: bool = False,
) -> Marked:
    """Store a marked copy of a local file as ``name`` below the run's folder, signed where the run signs; returns what was stored.

    ``replaces``: the size of a file of an earlier attempt at that place that may go; None: whatever lies there is of an earlier attempt.
    ``parts``: what it was made of, for the signature. ``keep_as``: where a signed copy stays on this machine, for what is made of it.
    ``other_takes``: whether another take of the same shot may lie there, and goes.
    Raises StorageError, UsageError where signing fails, and OSError where the local disk is full.
    """
    key = f"{run.prefix}/{name}"
    # A name of its own: variants that share a take deliver it at the same time.
    copy = run.workdir / f"marked-{secrets.token_hex(4)}-{name.replace('/', '-')}"
    try:
        async with run.gates.transfer:
            marked = await asyncio.to_thread(_marked_copy, run, source, copy, mark, mime, parts)
            if not await run.storage.store(key, copy, content_type=mime, sha256=marked.sha256):
                await _make_room(run, key, mark, mime, replaces, other_takes=other_takes)
                if not await run.storage.store(key, copy, content_type=mime, sha256=marked.sha256):
                    raise StorageError(
                        f"another process is writing {run.storage.location(key)}", hint=f"try again: `animatic resume {run.plan.run_id}`"
                    )
        if keep_as is not None and marked.how == "signed":
            copy.replace(keep_as)
    finally:
        copy.unlink(missing_ok=True)
    return marked


def signed_copy(run: Run, take: Take) -> Path:
    """Return where the signed copy of a take lies on this machine once it was delivered."""
    return run.workdir / f"signed-{take.fingerprint}{Path(take.clip.key).suffix}"


def _marked_copy(run: Run, source: Path, copy: Path, mark: Mark, mime: str, parts: Sequence[Part]) -> Marked:
    if run.signer is None or mime not in SIGNABLE:
        return write_marked(source, copy, mark, mime)
    ingredients = [_ingredient(run, part) for part in parts]
    if has_credentials(source, mime):  # what its maker signed is its parent
        ingredients.append(Ingredient(path=source, mime=mime, title=mark.shot, relation="parentOf"))
    unsigned = copy.with_name(f"unsigned-{copy.name}")
    try:
        write_marked(source, unsigned, mark, mime, over_credentials=True)
        return run.signer.sign(unsigned, copy, mark, mime, ingredients)
    finally:
        unsigned.unlink(missing_ok=True)


def _ingredient(run: Run, part: Part) -> Ingredient:
    signed = signed_copy(run, part.take)
    path = signed if signed.exists() else part.path
    return Ingredient(path=path, mime=part.take.clip.mime, title=part.take.step, relation=part.relation)


def _of_one_shot(one: Mark, other: Mark) -> bool:
    return (one.pipeline, without_take(one.shot), one.simulated) == (other.pipeline, without_take(other.shot), other.simulated)


async def _make_room(run: Run, key: str, mark: Mark, mime: str, replaces: int | None, *, other_takes: bool) -> None:
    """Remove what an earlier attempt of this run left. Raises StorageError where it is something else."""
    there = await run.storage.head(key)
    if there is not None and replaces is not None and there.size != replaces:
        # A signature differs from time to time: the mark tells whose file it is.
        before = run.workdir / f"before-{secrets.token_hex(4)}"
        try:
            found = await asyncio.to_thread(read_mark, before, mime) if await run.storage.fetch(key, before) else None
            ours = found == mark or (other_takes and found is not None and _of_one_shot(found, mark))
        finally:
            before.unlink(missing_ok=True)
        if not ours:
            raise StorageError(
                f"{run.storage.location(key)} is there already and is something else",
                hint=f"move it away, then: `animatic resume {run.plan.run_id}`",
            )
    await run.storage.delete(key)
