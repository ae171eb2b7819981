"""From "the take is recorded" to "it lies in the run's folder, and the manifest says so". May be repeated freely."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from animatic.engine.crashpoints import crashpoint
from animatic.engine.run import Run
from animatic.errors import StorageError
from animatic.ledger import Take
from animatic.manifest import Clip
from animatic.plan import Step


def file_name(step: Step, suffix: str) -> str:
    """Return the delivered name below the run's folder: ``[VARIANT/]01-dawn.mp4``, a second take ``01-dawn.2.mp4``."""
    take = f".{step.take}" if step.take > 1 else ""
    name = f"{step.number:02d}-{step.shot}{take}{suffix}"
    return f"{step.variant_name}/{name}" if step.variant_name else name


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """What lies in the run's folder now."""

    clip: Clip
    thumbnail: str | None


async def deliver_take(run: Run, step: Step, take: Take) -> Delivered:
    """Copy a take into the run's folder.

    A copy, not a link: editing a delivered clip must not damage the take that later runs reuse. Raises StorageError.
    """
    name = file_name(step, PurePosixPath(take.clip.key).suffix)
    await _copy(run, take.clip.key, f"{run.prefix}/{name}")
    thumbnail = None
    if take.thumbnail is not None:
        key = f"{run.prefix}/{file_name(step, '.thumbnail.jpg')}"
        await _copy(run, take.thumbnail, key)
        thumbnail = run.storage.location(key)
    crashpoint("after-delivered")
    await _let_it_count(run, step)
    clip = take.clip
    return Delivered(
        clip=Clip(
            key=run.storage.location(f"{run.prefix}/{name}"),
            sha256=clip.sha256,
            size=clip.size,
            mime=clip.mime,
            width=clip.width,
            height=clip.height,
            fps=clip.fps,
            duration=clip.duration,
            frames=clip.frames,
            file=name,
        ),
        thumbnail=thumbnail,
    )


async def _let_it_count(run: Run, step: Step) -> None:
    """Record that a further take counts from now on. A newer one that was chosen meanwhile, or a person's choice, stands."""
    if step.take > 1 and await run.ledger.highest_take(step.base) < step.take:
        await run.ledger.select(step.base, step.take, step.fingerprint, f"the newest take, delivered by run {run.plan.run_id}")
        crashpoint("after-selected")


async def _copy(run: Run, source: str, target: str) -> None:
    async with run.transfer_gate:
        if await run.storage.copy(source, target):
            return
        there, wanted = await run.storage.head(target), await run.storage.head(source)
    if there is None or wanted is None or there.size != wanted.size:
        raise StorageError(
            f"{run.storage.location(target)} is there already and is something else",
            hint="move it away, then: animatic resume " + run.plan.run_id,
        )
