"""Puts a file into the run's folder with its mark of origin. Idempotent: the same file and mark give the same bytes."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from animatic import __version__
from animatic.engine.run import Run
from animatic.engine.signed_takes import recipe_of, signature_record, signed_again
from animatic.errors import StorageError
from animatic.ledger import Take
from animatic.marks import Mark, Marked, read_mark, write_marked
from animatic.marks.credentials import has_credentials
from animatic.marks.signing import SIGNABLE, Ingredient, Relation, Signer
from animatic.plan import without_take

SOFTWARE = f"animatic {__version__}"
log = logging.getLogger(__name__)


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
    take: Take | None = None,
    other_takes: bool = False,
) -> Marked:
    """Store a marked copy of a local file as ``name`` below the run's folder, signed where the run signs; returns what was stored.

    ``replaces``: the size of a file of an earlier attempt at that place that may go; None: whatever lies there is of an earlier attempt.
    ``parts``: what it was made of, for the signature. ``take``: what the file is, so that it is signed once for all runs, and the signed
    copy stays on this machine for what is made of it.
    ``other_takes``: whether another take of the same shot may lie there, and goes.
    Raises StorageError, UsageError where signing fails, and OSError where the local disk is full.
    """
    key = f"{run.prefix}/{name}"
    # A name of its own: variants that share a take deliver it at the same time.
    copy = run.workdir / f"marked-{secrets.token_hex(4)}-{name.replace('/', '-')}"
    try:
        async with run.gates.transfer:
            if run.signer is not None and mime in SIGNABLE:
                marked = await _signed_copy(run, run.signer, source, copy, mark, mime, parts, take)
            else:
                marked = await asyncio.to_thread(write_marked, source, copy, mark, mime)
            if not await run.storage.store(key, copy, content_type=mime, sha256=marked.sha256):
                await _make_room(run, key, mark, mime, replaces, other_takes=other_takes)
                if not await run.storage.store(key, copy, content_type=mime, sha256=marked.sha256):
                    raise StorageError(
                        f"another process is writing {run.storage.location(key)}", hint=f"try again: `animatic resume {run.plan.run_id}`"
                    )
        if take is not None and marked.how == "signed":
            copy.replace(signed_copy(run, take))
    finally:
        copy.unlink(missing_ok=True)
    return marked


def signed_copy(run: Run, take: Take) -> Path:
    """Return where the signed copy of a take lies on this machine once it was delivered."""
    return run.workdir / f"signed-{take.fingerprint}{Path(take.clip.key).suffix}"


async def _signed_copy(
    run: Run, signer: Signer, source: Path, copy: Path, mark: Mark, mime: str, parts: Sequence[Part], take: Take | None
) -> Marked:
    """Write a signed copy: of a take the one that an earlier run signed, if there is one with all that is asked for now."""
    unsigned = copy.with_name(f"unsigned-{copy.name}")
    try:
        await asyncio.to_thread(write_marked, source, unsigned, mark, mime, over_credentials=True)
        recipe = recipe_of(signer, take, mark, [(part.take, part.relation) for part in parts]) if take is not None else ""
        for known in await run.ledger.signatures.of(take.fingerprint, recipe) if take is not None else ():
            if known.stamped == (True if signer.stamps else None):
                again = await asyncio.to_thread(signed_again, known, unsigned, copy)
                if again is not None:
                    return again
        ingredients = [_ingredient(run, part) for part in parts]
        if has_credentials(source, mime):  # what its maker signed is its parent
            ingredients.append(Ingredient(path=source, mime=mime, title=mark.shot, relation="parentOf"))
        marked = await asyncio.to_thread(signer.sign, unsigned, copy, mark, mime, ingredients)
        if take is not None:
            record = await asyncio.to_thread(signature_record, take, recipe, marked, unsigned, copy, run.timing.now())
            await run.ledger.signatures.record(record)
    finally:
        unsigned.unlink(missing_ok=True)
    if marked.unstamped is not None:
        log.warning("%s is signed without a time stamp: %s", mark.shot, marked.unstamped)
    return marked


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
