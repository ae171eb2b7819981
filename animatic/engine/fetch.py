"""Downloads a completed job's result, checks it, stores it at the destination and records the take. Never submits; idempotent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from animatic.catalog.model import Kind
from animatic.engine.crashpoints import crashpoint
from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.engine.workdir import on_disk
from animatic.errors import AnimaticError, BadClipError
from animatic.formats import suffix_of
from animatic.krea import Download, ExpiredUrlError, Job, ResultUnreachableError
from animatic.ledger import ClipRecord, Take, take_folder
from animatic.media import Facts, probe, thumbnail
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
    thumbnail_key = await _thumbnail(run, clip, folder, download.sha256)
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
            clip=_clip_record(key, download, facts),
            thumbnail=thumbnail_key,
            result_urls=tuple(dict.fromkeys(bare_url(address) for address in (url, *job.urls))),
            inputs=submitted.inputs,
            pipeline=run.plan.pipeline,
            step=step.key,
            run_id=run.plan.run_id,
            made_at=run.timing.now(),
        )
    )
    crashpoint("after-take")
    return take


async def _download(run: Run, step: Step, submitted: SubmittedJob, job: Job, target: Path) -> tuple[str, Download, Facts]:
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


async def _download_at(run: Run, step: Step, submitted: SubmittedJob, job: Job, place: int, target: Path) -> tuple[str, Download, Facts]:
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


async def _download_one(run: Run, step: Step, url: str, target: Path) -> tuple[Download, Facts]:
    # The client limits its downloads itself, try by try: one that waits for a host that is away keeps no other from its turn.
    download = await run.client.download(url, target)
    crashpoint("after-download")
    async with run.gates.media:
        facts = await asyncio.to_thread(probe, target)
    _check_kind(run, step, facts)
    return download, facts


async def _thumbnail(run: Run, clip: Path, folder: str, sha256: str) -> str:
    small = clip.with_name(f"{clip.stem}.thumbnail.jpg")
    async with run.gates.media:
        await asyncio.to_thread(thumbnail, clip, small)
    key = f"{folder}{sha256[:16]}.jpg"
    await run.storage.write(key, await asyncio.to_thread(small.read_bytes), content_type="image/jpeg")
    return key


def _check_kind(run: Run, step: Step, facts: Facts) -> None:
    due: Kind = "video" if step.kind == "video" else "image"
    if not facts.mime.startswith(f"{due}/"):
        raise BadClipError(
            f"shot {step.key!r} should be {'a clip' if due == 'video' else 'a still'}, but Krea delivered {facts.mime}",
            hint=f"it is paid for and stays as it is; for another result: `animatic retake {run.plan.pipeline} {step.key}`",
            code="wrong_kind",
        )


def _clip_record(key: str, download: Download, facts: Facts) -> ClipRecord:
    return ClipRecord(
        key=key,
        sha256=download.sha256,
        size=download.size,
        mime=facts.mime,
        width=facts.width,
        height=facts.height,
        fps=facts.fps,
        duration=facts.duration,
        frames=facts.frames,
    )
