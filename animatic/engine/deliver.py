"""Copies recorded takes into the run's folder. Idempotent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from animatic.engine.crashpoints import crashpoint
from animatic.engine.inputs import local_clip
from animatic.engine.origin import Part, deliver_marked, mark_of_take
from animatic.engine.run import Run
from animatic.engine.strays import strays_among
from animatic.engine.workdir import on_disk
from animatic.errors import StorageError
from animatic.ledger import Take
from animatic.manifest import Clip
from animatic.plan import ShotInput, Step, fingerprint_of
from animatic.spec.takes import MAX_TAKES

TAKES_BESIDE = MAX_TAKES
"""Takes of a shot that one run may make beside the one that is picked."""


def file_name(step: Step, suffix: str) -> str:
    """Return the delivered name below the run's folder, ``[VARIANT/]01-dawn.mp4``: the same whatever the take, for conforms and scripts.

    Its number has as many digits as that of the last shot of the storyboard, two at least: a folder lists the shots in their order.

    Takes beside the one that counts lie in ``[VARIANT/]01-dawn.takes/``, by number.
    """
    name = f"{step.numeral}-{step.shot}{f'.takes/{step.take}' if step.further else ''}{suffix}"
    return f"{step.variant_name}/{name}" if step.variant_name else name


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """What lies in the run's folder now."""

    clip: Clip
    thumbnail: str | None
    note: str | None = None
    """What the clip lacks, in words."""


async def deliver_take(run: Run, step: Step, take: Take) -> Delivered:
    """Copy a take into the run's folder.

    A copy with marks of origin, not a link: editing a delivered clip must not damage the take that later runs reuse. Raises StorageError.
    """
    name = file_name(step, PurePosixPath(take.clip.key).suffix)
    with on_disk(run.workdir):
        source = await local_clip(run, take)
        parts = await _started_from(run, step)
        # What lies there with the take's own size was delivered before files were marked.
        marked = await deliver_marked(
            run,
            source,
            name,
            mark_of_take(take, simulated=run.simulated),
            take.clip.mime,
            replaces=take.clip.size,
            parts=parts,
            take=take,
            other_takes=_had_others(step),
        )
    still = None
    if take.thumbnail is not None:
        key = f"{run.prefix}/{file_name(step, '.thumbnail.jpg')}"
        await _copy(run, take.thumbnail, key, other_takes=_had_others(step))
        still = run.storage.location(key)
    if step.has_others and not step.further:  # where it counts now it may have lain beside another one before
        beside = replace(step, further=True)
        for name_before in (file_name(beside, PurePosixPath(take.clip.key).suffix), file_name(beside, ".thumbnail.jpg")):
            await run.storage.delete(f"{run.prefix}/{name_before}")
    crashpoint("after-delivered")
    if not step.further and not step.is_chosen:
        await select_newest(run, step)
    clip = take.clip
    return Delivered(
        clip=Clip(
            key=run.storage.location(f"{run.prefix}/{name}"),
            sha256=marked.sha256,
            size=marked.size,
            mime=clip.mime,
            width=clip.width,
            height=clip.height,
            fps=clip.fps,
            duration=clip.duration,
            frames=clip.frames,
            channels=clip.channels,
            sample_rate=clip.sample_rate,
            codec=clip.codec,
            loudness=clip.loudness,
            triangles=clip.triangles,
            file=name,
            original_sha256=clip.sha256,
            origin=marked.how,
            time_stamped=marked.stamped,
        ),
        thumbnail=still,
        note=f"signed without a time stamp: {marked.unstamped}" if marked.unstamped is not None else None,
    )


def _had_others(step: Step) -> bool:
    """Whether another take may lie in a step's place in the same run: several are made, or a person wanted another one."""
    return step.has_others or step.approve


async def _started_from(run: Run, step: Step) -> list[Part]:
    """Return the takes of this run that a shot started from, where its file is signed with them as ingredients."""
    if run.signer is None or (step.locked is not None and step.locked.otherwise != step.fingerprint):
        return []  # the take of a locked shot was made from what other shots were then
    needed = dict.fromkeys(item.step for item in step.request.inputs if isinstance(item, ShotInput))
    takes = [run.takes[key] for key in needed if key in run.takes]
    return [Part(take=take, path=await local_clip(run, take), relation="inputTo") for take in takes]


async def select_newest(run: Run, step: Step) -> None:
    """Record that a take beyond the first counts from now on. A newer one that was chosen meanwhile, or a person's choice, stands."""
    highest = await run.ledger.selections.highest_take(step.base) if step.take > 1 else step.take
    if highest < step.take:
        await run.ledger.selections.select(step.base, step.take, step.fingerprint, f"the newest take, delivered by run {run.plan.run_id}")
        crashpoint("after-selected")
        ours = {other.fingerprint for other in run.plan.steps}  # this run makes them itself
        # A person asked for another take instead of what was not understood: of the last choice, of those that were made beside it, or of
        # later ones. What lies further below was looked at by then.
        below = [fingerprint_of(step.base, number) for number in range(max(1, highest - TAKES_BESIDE), step.take)]
        there = await run.ledger.takes.get_many(below)
        for before in below:
            if before not in ours and before not in there:
                given_up = await run.ledger.submissions.withdraw(before, f"take {step.take} was made instead")
                run.state.strays |= {stray.job_id: stray for stray in strays_among(given_up, None)}


async def _copy(run: Run, source: str, target: str, *, other_takes: bool) -> None:
    async with run.gates.transfer:
        if await run.storage.copy(source, target):
            return
        there, wanted = await run.storage.head(target), await run.storage.head(source)
        if other_takes and there is not None and wanted is not None and there.size != wanted.size:  # that of the take that counted before
            await run.storage.delete(target)
            await run.storage.copy(source, target)
            return
    if there is None or wanted is None or there.size != wanted.size:
        raise StorageError(
            f"{run.storage.location(target)} is there already and is something else",
            hint=f"move it away, then: `animatic resume {run.plan.run_id}`",
        )
