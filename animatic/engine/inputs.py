"""Turns the inputs of a request into URLs that Krea can fetch.

Frames and local files go through Krea's assets, once per content. Krea's own result URLs are passed on as they are while they are young
and can be fetched, and no submission failed with them; otherwise (nobody documents how long they last) the clip that lies at the
destination is uploaded. URLs of the user are passed on untouched, unless the model takes only what Krea hosts: then what lies there is
fetched and uploaded.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from animatic.catalog.model import field_name
from animatic.engine.crashpoints import crashpoint
from animatic.engine.run import Run
from animatic.engine.workdir import on_disk
from animatic.errors import BadClipError, BadMediaError, StorageError
from animatic.files import sha256_of
from animatic.krea import TURNED_AWAY, ExpiredUrlError, ResultUnreachableError
from animatic.ledger import SentInput, Settled, Submission, Take
from animatic.limits import MAX_URL_LENGTH
from animatic.media import extract_frame, prepare_picture, sniff
from animatic.plan import FileInput, Frame, Input, Request, ShotInput
from animatic.plan.model import UrlInput
from animatic.proxies import is_inside
from animatic.redact import bare_url

log = logging.getLogger(__name__)

RESULT_URL_TRUSTED = timedelta(hours=1)
"""How long Krea's address of a result is passed on before the stored clip is uploaded instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """A request body that is ready to be sent, and what the manifest says of its inputs."""

    body: Mapping[str, Any]
    inputs: tuple[SentInput, ...]


async def resolve_inputs(run: Run, request: Request, *, refused: Collection[str] = ()) -> Resolved:
    """Fill every input of a request.

    ``refused``: URLs, without their query, that were sent with submissions that failed: no result is passed on by one of them.
    Raises BadMediaError, StorageError, KreaUnreachableError; nothing was paid.
    """
    body: dict[str, Any] = copy.deepcopy(dict(request.body))
    sent: list[SentInput] = []
    for item in request.inputs:
        async with run.gates.prepare:
            with on_disk(run.workdir):
                url, record = await _resolve(run, item, refused)
        _put(body, item.path, url)
        sent.append(record)
    return Resolved(body=body, inputs=tuple(sent))


def sent_with_failures(submissions: Iterable[Submission]) -> frozenset[str]:
    """Return the input URLs, without their query, of submissions that failed or were refused: one that has expired may be why."""
    failed = [
        submission
        for submission in submissions
        if submission.ending and submission.ending.outcome in {"failed", "unsent"} and not _was_busy(submission.ending)
    ]
    return frozenset(item.sent_as for submission in failed for item in submission.intent.inputs if item.sent_as)


def _was_busy(settled: Settled) -> bool:
    """Whether Krea turned the submission away for now, or was not there: its inputs were not looked at."""
    return settled.error is not None and settled.error.code in TURNED_AWAY


def passes_results_on(run: Run, inputs: Iterable[SentInput]) -> bool:
    """Whether Krea was given an address of its own for the clip of a shot: one that it may refuse all the same."""
    clips = [item for item in inputs if item.shot is not None and item.frame is None]
    return any(item.sent_as in run.takes[item.shot].result_urls for item in clips if item.shot is not None)


async def _resolve(run: Run, item: Input, refused: Collection[str]) -> tuple[str, SentInput]:
    """Return the URL to send for an input, and the record of it."""
    field = field_name(item.path)
    if isinstance(item, ShotInput):
        take = run.takes[item.step]
        if item.frame is None:
            url, digest = await _clip_url(run, take, refused), take.clip.sha256
        else:
            frame, digest = await _frame(run, take, item.frame)
            url = await _asset(run, frame, digest, "image/png", f"{item.step} {item.frame} frame")
        return url, SentInput(field=field, origin="shot", shot=item.step, frame=item.frame, sha256=digest, sent_as=bare_url(url))
    if isinstance(item, FileInput):
        path = Path(item.file)
        digest = await asyncio.to_thread(sha256_of, path)
        if digest != item.sha256:
            raise BadMediaError(
                f"{item.written} changed since the run was planned",
                hint="run again: the plan is then made from the new file",
                code="file_changed",
            )
        url = await _file_url(run, path, digest)
        return url, SentInput(field=field, origin="file", path=item.written, sha256=digest, sent_as=bare_url(url))
    if item.hosted:
        url, digest = await _hosted(run, item)
        return url, SentInput(field=field, origin="url", url=bare_url(item.url), sha256=digest, sent_as=bare_url(url))
    return item.url, SentInput(field=field, origin="url", url=bare_url(item.url), sent_as=bare_url(item.url))


async def _file_url(run: Run, path: Path, digest: str) -> str:
    """Return the URL of a reference file, or of what is made of it where Krea would not take it, or would see it turned."""
    mime, _ = await asyncio.to_thread(sniff, path)
    async with run.gates.media:
        made = await asyncio.to_thread(prepare_picture, path, run.workdir / f"sent-{digest}")
    if made is None:
        return await _asset(run, path, digest, mime, path.name)
    log.info("%s is sent as %s, turned and sized as Krea takes it", path.name, made[1])
    return await _asset(run, made[0], await asyncio.to_thread(sha256_of, made[0]), made[1], path.name)


async def _hosted(run: Run, item: UrlInput) -> tuple[str, str]:
    """Fetch what lies at a user's address and upload it; returns Krea's address of it, and the hash of what was fetched."""
    shown, host = bare_url(item.url), urlsplit(item.url).hostname or ""
    instead = "save it as a file and write its path: it is uploaded to Krea once"
    if is_inside(host) and not run.simulated:
        raise BadMediaError(f"{shown} is an address of this machine or network, which is not fetched for Krea", hint=instead)
    fetched = run.workdir / f"fetched-{secrets.token_hex(4)}"
    try:
        digest = (await run.client.download(item.url, fetched)).sha256
        return await _file_url(run, fetched, digest), digest
    except (BadClipError, ExpiredUrlError, ResultUnreachableError) as error:
        raise BadMediaError(
            f"{shown} cannot be fetched, and the model takes only what Krea hosts: {error.message}", hint=instead
        ) from error
    finally:
        fetched.unlink(missing_ok=True)


async def _clip_url(run: Run, take: Take, refused: Collection[str]) -> str:
    """Return Krea's own URL of a result while it is young and good, else upload the stored clip."""
    if take.completed_at is not None and run.timing.now() - take.completed_at < RESULT_URL_TRUSTED:
        job = await run.client.job(take.job_id)
        # Of several addresses, that of the clip: another may be a preview.
        url = next((url for url in job.urls if bare_url(url) in take.result_urls[:1]), None) if job is not None else None
        if url and len(url) <= MAX_URL_LENGTH and bare_url(url) not in refused and await run.client.answers(url):
            return url
    clip = await local_clip(run, take)
    return await _asset(run, clip, take.clip.sha256, take.clip.mime, f"clip of {take.step}")


async def picture_of_shot(run: Run, given: ShotInput) -> Path:
    """Return a local copy of the still, or of the frame of a clip, that an input takes from an earlier shot of this run."""
    take = run.takes[given.step]
    return await local_clip(run, take) if given.frame is None else (await _frame(run, take, given.frame))[0]


async def _frame(run: Run, take: Take, frame: Frame) -> tuple[Path, str]:
    target = run.workdir / f"{take.fingerprint}-{frame}.png"
    if not target.exists():
        clip = await local_clip(run, take)
        async with run.gates.media:
            await asyncio.to_thread(extract_frame, clip, frame, target)
    return target, await asyncio.to_thread(sha256_of, target)


async def local_clip(run: Run, take: Take) -> Path:
    """Return a local copy of a take's file, fetched from the destination when this run did not just download it.

    Raises StorageError when the object is gone or is not what the ledger says.
    """
    target = run.workdir / f"{take.fingerprint}{Path(take.clip.key).suffix}"
    if target.exists():
        return target
    # A name of its own: several shots that start from one clip ask for it at the same time.
    arriving = target.with_name(f"arriving-{secrets.token_hex(4)}-{target.name}")
    async with run.gates.transfer:
        found = await run.storage.fetch(take.clip.key, arriving)
    if not found or await asyncio.to_thread(sha256_of, arriving) != take.clip.sha256:
        raise StorageError(
            f"the clip of {take.step!r} at {run.storage.location(take.clip.key)} is {'not what was delivered' if found else 'gone'}",
            hint=f"put the file back, or make a new take: `animatic retake {take.pipeline} {take.step}`",
        )
    arriving.replace(target)
    return target


async def _asset(run: Run, path: Path, sha256: str, mime: str, description: str) -> str:
    """Return the URL of an asset with this content, uploading it if Krea does not have it (any more)."""
    host = urlsplit(run.client.base_url).netloc
    if there := await _known_asset(run, host, sha256):
        return there
    async with run.gates.assets[sha256]:
        if there := await _known_asset(run, host, sha256):  # another shot of this run has just uploaded it
            return there
        crashpoint("before-upload-asset")
        asset = await run.client.upload(path, mime=mime, description=description)
        crashpoint("after-upload-asset")
        await run.ledger.assets.record(host, sha256, asset_id=asset.id, url=bare_url(asset.url), mime=mime)
        crashpoint("after-asset-recorded")
        return asset.url


async def _known_asset(run: Run, host: str, sha256: str) -> str | None:
    """Return the URL of an asset that was uploaded before and that Krea still has."""
    known = await run.ledger.assets.latest(host, sha256)
    there = await run.client.asset(known.asset_id) if known is not None else None
    return there.url if there is not None else None


def _put(body: Any, path: tuple[str | int, ...], value: str) -> None:
    for part in path[:-1]:
        body = body[part]
    body[path[-1]] = value
