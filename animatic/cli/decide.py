"""The verbs for submissions in doubt, which only a person can decide: ``doubts``, ``adopt`` and ``resubmit``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.options import deliver_option, file_option, json_option
from animatic.cli.sources import declared
from animatic.errors import UsageError
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.engine.decisions import OpenDoubt
    from animatic.krea import KreaClient

WAITS_FOR_A_PERSON = 5


@click.command()
@file_option
@deliver_option
@json_option
def doubts(files: tuple[Path, ...], deliver: str | None, as_json: bool) -> int:
    """Show submissions that Krea may or may not have accepted, and the jobs that they may have become."""
    found = asyncio.run(_doubts(files, deliver))
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("nothing is in doubt")
    for doubt in [] if as_json else found:
        print(f"{doubt['pipeline']} · {doubt['shot']}  sent {doubt['intended_at']}  {doubt['model']}  take {doubt['fingerprint'][:12]}")
        for job in doubt["candidates"] or []:
            print(f"  {job['job_id']}  {job['status']:<12} {job['created_at']}  {job['url'] or ''}")
        if not doubt["candidates"]:
            print(
                "  no job of that time is unclaimed" if doubt["candidates"] is not None else "  candidates: set KREA_API_TOKEN to see them"
            )
        print(f"  decide: animatic adopt {doubt['shot']} JOB   or, if it is none of them:   animatic resubmit {doubt['shot']}")
    return WAITS_FOR_A_PERSON if found else 0


async def _doubts(files: tuple[Path, ...], deliver: str | None) -> list[dict[str, Any]]:
    from animatic.engine.decisions import candidates_of, list_doubts
    from animatic.engine.history import open_destinations
    from animatic.redact import bare_url

    settings = Settings.from_environment()
    told = []
    for doubt in await list_doubts(open_destinations(declared(files), deliver)):
        simulated, submission, jobs = doubt.destination.simulated, doubt.submission, None
        if settings.krea_token is not None and not simulated:
            async with _client(settings) as client:
                jobs = await candidates_of(client, doubt)
        told.append(
            {
                "pipeline": submission.intent.pipeline,
                "shot": submission.intent.step,
                "fingerprint": submission.intent.fingerprint,
                "attempt": submission.number,
                "model": submission.intent.model,
                "intended_at": submission.intent.intended_at.isoformat(timespec="seconds"),
                "simulated": simulated,
                "candidates": None
                if jobs is None
                else [
                    {
                        "job_id": job.id,
                        "status": job.status,
                        "created_at": job.created_at.isoformat(),
                        "url": bare_url(job.urls[0]) if job.urls else None,
                    }
                    for job in jobs
                ],
            }
        )
    return told


@click.command()
@click.argument("shot")
@click.argument("job_id", metavar="JOB")
@file_option
@deliver_option
@json_option
def adopt(shot: str, job_id: str, files: tuple[Path, ...], deliver: str | None, as_json: bool) -> None:
    """Say that the doubtful submission of SHOT became JOB: the next run or resume delivers it."""
    asyncio.run(_adopt(shot, job_id, files, deliver))
    if as_json:
        print(json.dumps({"shot": shot, "job_id": job_id}))
    else:
        print(f"{shot} is job {job_id} now; `animatic run` or `animatic resume` delivers it")


async def _adopt(shot: str, job_id: str, files: tuple[Path, ...], deliver: str | None) -> None:
    from animatic.engine import decisions

    settings = Settings.from_environment()
    doubt = await _find_doubt(shot, files, deliver)
    settings.require_token()
    async with _client(settings) as client:
        job = await client.job(job_id)
    if job is None:
        raise UsageError(f"Krea knows no job {job_id}", hint="`animatic doubts` shows the candidates")
    await decisions.adopt_job(doubt, job)


@click.command()
@click.argument("shot")
@file_option
@deliver_option
@json_option
def resubmit(shot: str, files: tuple[Path, ...], deliver: str | None, as_json: bool) -> None:
    """Say that Krea has no job for the doubtful submission of SHOT: the next run or resume sends it again, and pays for it."""
    asyncio.run(_resubmit(shot, files, deliver))
    if as_json:
        print(json.dumps({"shot": shot, "resubmit": True}))
    else:
        print(f"{shot} will be submitted again by the next `animatic run` or `animatic resume`")


async def _resubmit(shot: str, files: tuple[Path, ...], deliver: str | None) -> None:
    from animatic.engine.decisions import allow_resubmission

    await allow_resubmission(await _find_doubt(shot, files, deliver))


async def _find_doubt(shot: str, files: tuple[Path, ...], deliver: str | None) -> OpenDoubt:
    from animatic.engine.decisions import find_doubt, list_doubts
    from animatic.engine.history import open_destinations

    return find_doubt(await list_doubts(open_destinations(declared(files), deliver)), shot)


def _client(settings: Settings) -> KreaClient:
    from animatic.krea import KreaClient

    return KreaClient(settings.krea_url, settings.krea_token, patience=settings.patience)
