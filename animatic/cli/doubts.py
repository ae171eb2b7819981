"""``doubts``: lists the submissions that only a person can decide. Decides nothing."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.advice import completed
from animatic.cli.lookup import destinations, krea_client, warn_of_damage
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, tell, warn
from animatic.errors import AnimaticError, InDoubtError
from animatic.money import dollars
from animatic.redact import bare_url
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.engine.decisions import OpenDoubt
    from animatic.krea import Job

FINGERPRINT_DIGITS = 12
"""So many of a fingerprint are shown, and name a doubt where its shot does not."""


@click.command()
@file_option
@deliver_option
@only_simulated_option
@json_option
def doubts(files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> int:
    """List submissions in doubt, and jobs that were paid and are in no take.

    A submission is in doubt where its answer was lost (Krea may have accepted it), or where its job completed and was billed, but its
    result was not understood. The exit code is 5 if there are any. Decide each with `animatic adopt` or `animatic resubmit`. Stray jobs
    wait for nobody: each was paid beside the job that made the take, was given up, or has no take because its run ended before.
    """
    found = asyncio.run(_doubts(files, deliver, simulate=simulate))
    if as_json:
        print_json(found)
    elif found:
        tell("\n".join(line for doubt in found for line in _lines(doubt, _name_of(doubt, found))))
    else:
        print("nothing is in doubt")
    return InDoubtError.exit_code if any(doubt["kind"] != "stray" for doubt in found) else 0


async def _doubts(files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> list[dict[str, Any]]:
    from animatic.engine.candidate_pictures import save_picture
    from animatic.engine.decisions import ask_krea, candidates_of, list_doubts
    from animatic.engine.reach import out_of_reach

    settings, now = Settings.from_environment(), datetime.now(UTC)
    where = destinations(files, deliver, simulate=simulate)
    listed = await list_doubts(where)
    real = [destination for destination in where if not destination.simulated]
    unasked = [doubt for doubt in listed if doubt.destination.simulated or settings.krea_token is None]
    found = [_facts(doubt, () if doubt.kind != "lost_answer" else None, {}) for doubt in unasked]
    if settings.krea_token is not None and real:
        async with krea_client(settings) as client:
            asked: list[dict[str, Any]] = []
            try:
                for doubt in [doubt for destination in real for doubt in await ask_krea(client, listed, destination, now)]:
                    elsewhere = out_of_reach(client, doubt.submission.intent) if doubt.kind == "lost_answer" else None
                    jobs = () if elsewhere else await candidates_of(client, doubt) if doubt.kind == "lost_answer" else doubt.late
                    pictures = {job.id: await save_picture(client, job, settings.home / "candidates") for job in jobs}
                    asked.append(_facts(doubt, None if elsewhere else jobs, pictures, reason=elsewhere))
                found += asked
            except AnimaticError as error:  # whatever Krea says now, what the ledger knows is told
                warn(f"Krea was not asked: {error}")
                found += [_facts(doubt, () if doubt.kind != "lost_answer" else None, {}) for doubt in listed if doubt.destination in real]
    warn_of_damage(where)
    return sorted(found, key=lambda doubt: str(doubt["intended_at"]))


def _facts(
    doubt: OpenDoubt, jobs: tuple[Job, ...] | None, pictures: Mapping[str, Path | None], *, reason: str | None = None
) -> dict[str, Any]:
    """Return a doubt for programs; ``candidates`` is null where Krea was not asked, or not the one that it was sent to: ``reason``."""
    intent = doubt.submission.intent
    return {
        "kind": doubt.kind,
        "pipeline": intent.pipeline,
        "run": intent.run_id,
        "shot": intent.step,
        "fingerprint": intent.fingerprint,
        "attempt": doubt.submission.number,
        "model": intent.model,
        "intended_at": intent.intended_at.isoformat(timespec="seconds"),
        "simulated": doubt.destination.simulated,
        "job_id": doubt.job_id,
        "usd": None if doubt.usd is None else float(doubt.usd),
        "reason": completed(reason or doubt.reason),
        "candidates": None if jobs is None else [_candidate(job, pictures.get(job.id)) for job in jobs],
    }


def _candidate(job: Job, picture: Path | None) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "status": job.status,
        "created_at": job.created_at.isoformat(),
        "url": bare_url(job.urls[0]) if job.urls else None,
        "picture": str(picture) if picture else None,
    }


def _name_of(doubt: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """Return what `adopt` and `resubmit` know a doubt by: its shot, else, where others of that name wait, its fingerprint."""
    same = {other["fingerprint"] for other in found if other["shot"] == doubt["shot"] and other["kind"] != "stray"}
    return shlex.quote(doubt["shot"]) if len(same) <= 1 else str(doubt["fingerprint"][:FINGERPRINT_DIGITS])


def _lines(doubt: dict[str, Any], name: str) -> list[str]:
    """Return the lines about one. ``name``: by which its commands call it."""
    shot, candidates, price = doubt["shot"], doubt["candidates"], dollars(doubt["usd"], unknown="an unknown price")
    shown = [
        f"  {job['job_id']}  {job['status']:<12} {job['created_at']}  {job['picture'] or job['url'] or ''}" for job in candidates or ()
    ]
    lines = [
        f"{doubt['pipeline']} · {shot}  sent {doubt['intended_at']}  {doubt['model']}  take {doubt['fingerprint'][:FINGERPRINT_DIGITS]}"
    ]
    if doubt["kind"] == "unclear_result":
        again, anew = f"`animatic resume {doubt['run']}`", f"`animatic retake {doubt['pipeline']} {shlex.quote(shot)}`"
        return [*lines, f"  {doubt['reason']}", f"  look at it again: {again}   or pay for a new one: {anew}"]
    if doubt["kind"] == "stray":
        what = f"job {doubt['job_id']} for {price}" if doubt["job_id"] else f"{price} may be billed"
        return [*lines, f"  stray: {what}: {doubt['reason']}; look at it at krea.ai", *shown]
    lines += [f"  {price} may be billed: {doubt['reason']}", *shown]
    if candidates is None:
        lines.append("  candidates: set KREA_API_TOKEN, and KREA_API_URL, as it was sent with to see them")
    elif not candidates:
        lines.append("  no job of that time is unclaimed")
    lines.append(f"  decide: `animatic adopt {name} JOB`   or, if it is none of them:   `animatic resubmit {name}`")
    return lines
