"""Downloads a completed job's result, checks it, stores it at the destination and records the take. Never submits; idempotent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import assert_never

from animatic.catalog.model import Yield
from animatic.engine.checks import check
from animatic.engine.crashpoints import crashpoint
from animatic.engine.results import clip_record, picture_of, store_picture
from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.engine.workdir import on_disk
from animatic.errors import AnimaticError, BadClipError
from animatic.formats import suffix_of
from animatic.krea import Download, ExpiredUrlError, Job, ResultUnreachableError
from animatic.ledger import Take, take_folder
from animatic.media import AnyFacts, kind_of, measure
from animatic.plan import Step
from animatic.redact import bare_url


async def fetch_take(run: Run, step: Step, submitted: SubmittedJob, job: Job) -> Take:
    """Download, prove, store and record a result; returns the take that stands (another worker's, if that was first).

    Raises BadClipError (cut, of the wrong kind, does not decode), ExpiredUrlError, ResultUnreachableError, StorageError,
    KreaUnreachableError. The clip is paid for: a later run resumes it from the ledger.
    """
    run.progress.change(step.key, "fetching", job_id=job.id)
    with on_disk(run.workdir):
        return await _fetch(run, step, submitted, job)


async def _fetch(run: Run, step: Step, submitted: SubmittedJob, job: Job) -> Take:
    # The file's name is what messages about it say.
    arriving = run.workdir / f"{step.fingerprint}.{submitted.attempt}" / "what Krea delivered"
    arriving.parent.mkdir(exist_ok=True)
    url, download, facts = await _download(run, step, submitted, job, arriving)
    clip = run.workdir / f"{step.fingerprint}{suffix_of(facts.mime) or '.bin'}"
    arriving.replace(clip)
    folder = take_folder(step.fingerprint)
    # The name holds the content's hash: what a crashed worker left there can never pass for something else.
    key = f"{folder}{download.sha256[:16]}{clip.suffix}"
    async with run.gates.transfer:
        await run.storage.store(key, clip, content_type=facts.mime, sha256=download.sha256)
    crashpoint("after-clip-stored")
    picture_of(clip).unlink(missing_ok=True)  # that of an earlier try
    checked = await check(run, step, submitted, clip, facts, picture_of(clip))
    others = [address for address in job.urls if bare_url(address) != bare_url(url)]
    thumbnail_key = await store_picture(run, others, clip, facts, f"{folder}{download.sha256[:16]}.thumbnail.jpg")
    take = await run.ledger.takes.record(
        Take(
            fingerprint=step.fingerprint,
            base=step.base,
            number=step.take,
            kind=step.kind,
            model=submitted.model,
            request=submitted.request,
            attempt=submitted.attempt,
            job_id=job.id,
            submitted_at=submitted.submitted_at,
            completed_at=job.completed_at or run.timing.now(),
            usd=submitted.usd,
            clip=clip_record(key, download, facts),
            thumbnail=thumbnail_key,
            result_urls=tuple(dict.fromkeys(bare_url(address) for address in (url, *job.urls))),
            inputs=submitted.inputs,
            pipeline=run.plan.pipeline,
            step=step.key,
            run_id=run.plan.run_id,
            made_at=run.timing.now(),
            damage=checked.damage,
            findings=checked.findings,
            continuity=checked.continuity,
        )
    )
    crashpoint("after-take")
    return take


async def _download(run: Run, step: Step, submitted: SubmittedJob, job: Job, target: Path) -> tuple[str, Download, AnyFacts]:
    """Fetch the first of the result's addresses that holds what the shot should be; returns it, and the facts of what it gave."""
    refused: AnimaticError | None = None
    for place in range(len(job.urls)):
        try:
            return await _download_at(run, step, submitted, job, place, target)
        except (ExpiredUrlError, ResultUnreachableError) as error:  # another address may lie elsewhere
            refused = refused or error
        except BadClipError as error:
            if error.retryable:  # perhaps only its way here was bad: another address is no better than this one
                raise
            refused = refused or error
    assert refused is not None
    raise refused


async def _download_at(run: Run, step: Step, submitted: SubmittedJob, job: Job, place: int, target: Path) -> tuple[str, Download, AnyFacts]:
    """Fetch one of the result's addresses. They do not last: reading the job again gives a new one where there is one."""
    url = job.urls[place]
    try:
        return url, *await _download_one(run, step, url, target)
    except ExpiredUrlError:
        again = await run.client.job(job.id)
        fresh = () if again is None else submitted.result_of(again).urls
        if place >= len(fresh):
            raise
        return fresh[place], *await _download_one(run, step, fresh[place], target)


async def _download_one(run: Run, step: Step, url: str, target: Path) -> tuple[Download, AnyFacts]:
    # The client limits its downloads itself, try by try: one that waits for a host that is away keeps no other from its turn.
    download = await run.client.download(url, target)
    crashpoint("after-download")
    async with run.gates.media:
        facts = await asyncio.to_thread(measure, target)
    _check_kind(run, step, facts)
    return download, facts


def _check_kind(run: Run, step: Step, facts: AnyFacts) -> None:
    due = step.makes
    if kind_of(facts) != due:
        raise BadClipError(
            f"shot {step.key!r} should be {_result_words(due)}, but Krea delivered {facts.mime}",
            hint=f"it is paid for and stays as it is; for another result: `animatic retake {run.plan.pipeline} {step.key}`",
            code="wrong_kind",
        )


def _result_words(made: Yield) -> str:
    match made:
        case "video":
            return "a clip"
        case "image":
            return "a still"
        case "audio":
            return "sound"
        case "3d":
            return "a mesh"
        case _:
            assert_never(made)
