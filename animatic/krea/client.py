"""Krea's API: submit, read and cancel jobs, upload and download files.

A submission is sent exactly once; its outcome is a job, a refusal, or a doubt (`animatic.krea.errors`). Everything else is safe to repeat,
and is repeated until ``patience.outage``.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from animatic.krea.errors import UnexpectedSimulatorError, Verdict, of_answer, of_lost_request, of_status, refusal
from animatic.krea.job_clock import JobClock
from animatic.krea.listing import Reading, incomplete, require_readable
from animatic.krea.one_job import cancel_job, refuse_to_show, show_job
from animatic.krea.session import Answer, Refuse, Session, Sleep
from animatic.krea.transfer import Download, answers, download, upload
from animatic.krea.wire import Asset, Job, Page, WireError, parse_asset, parse_job, parse_page
from animatic.redact import redact
from animatic.settings import Patience, Secret
from animatic.slate import SLATE_HEADER, SlateNote

log = logging.getLogger(__name__)

MAX_PAGE_SIZE = 1000
"""Jobs that Krea lists on one page at most."""
NEW_JOB_AGE = timedelta(seconds=30)
"""Until this age a 404 may only mean that Krea does not show the job yet."""
NEW_JOB_TRIES = 15


class KreaClient:
    """Krea's API. An async context manager; one per process is enough, and shares its connections.

    ``token`` None sends no token (and Krea answers 401). ``simulator``: whether the simulator may answer; where Krea is meant, every
    answer of the simulator raises UnexpectedSimulatorError. ``transport``, ``sleep``, ``clock`` (UTC), ``monotonic`` (seconds) and
    ``randomness`` (of back-off) are for tests.
    """

    def __init__(
        self,
        base_url: str,
        token: Secret | None,
        *,
        patience: Patience,
        simulator: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        randomness: random.Random | None = None,
    ) -> None:
        self.patience = patience
        self._base_url = base_url
        self._simulator = simulator
        self._session = Session(
            base_url,
            token,
            patience=patience,
            simulator=simulator,
            transport=transport,
            sleep=sleep,
            clock=clock,
            monotonic=monotonic,
            randomness=randomness,
        )
        self.job_clock = JobClock()
        self._warned: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._session.__aexit__(*exc_info)

    @property
    def base_url(self) -> str:
        """Address of this Krea; assets belong to it."""
        return self._base_url

    @property
    def origin(self) -> str:
        """Scheme, host and port of this Krea: ``https://api.krea.ai``."""
        base = self._session.base
        return f"{base.scheme}://{base.netloc.decode('ascii')}"

    def account(self, key: str) -> str:
        """Return a keyed hash of the token: it tells whether two tokens are the same, and tells nothing of the token without the key."""
        return self._session.account(key)

    @property
    def clock_offset(self) -> timedelta:
        """Krea's clock minus ours as it is set now, from the ``Date`` of its answers; zero before the first."""
        return self._session.krea_time() - self._session.clock()

    @property
    def clock_error(self) -> timedelta:
        """By how much that may be wrong."""
        return self._session.offset.error

    async def submit(self, endpoint: str, body: Mapping[str, Any], *, webhook: str | None = None, slate: SlateNote | None = None) -> Job:
        """Send one paid POST, once.

        ``webhook``: the URL that Krea calls when the job has ended; ``slate``: what a slate shows, sent to the simulator alone.

        Raises LostAnswerError where the submission may have been accepted. Every other error means that it was not and is not billed:
        NotSentError (send it again as it is, after ``retry_after``), RequestRefusedError, ModelGoneError, PlanRequiredError,
        OutOfCreditsError, KreaRefusedError, UnexpectedSimulatorError.
        """
        headers = {"X-Webhook-URL": webhook} if webhook else {}
        if slate is not None and self._simulator:
            headers[SLATE_HEADER] = slate.to_header()
        request = self._session.request("POST", endpoint, json=dict(body), headers=headers, timeout=self.patience.post)
        sent = self._session.steady_time()
        try:
            answer = await self._session.send_once(request, seconds=self.patience.post)
        except UnexpectedSimulatorError:  # it went to the simulator, which bills nothing
            raise
        except Exception as error:  # whatever it is, the request may have left
            raise of_lost_request(error, endpoint, base_url=self._base_url) from error
        if of_status(answer.status) is Verdict.ACCEPTED:
            try:
                job = parse_job(answer.json(), seen=self._now(), base=self._base_url, deprecation=self._deprecation(answer, endpoint))
                offset = self._session.offset
                self.job_clock.made(job.id, earliest=sent + offset.value - offset.error, latest=self._now() + offset.error)
                self.job_clock.saw(job)
                return self._noted(job)
            except ValueError:  # torn, no JSON, no job id: it was accepted, but as what?
                log.warning("the answer to a submission to %s cannot be read", endpoint)
        raise of_answer(answer.status, answer.body, answer.content_type, endpoint, retry_after=answer.retry_after)

    async def job(self, job_id: str, *, created_at: datetime | None = None) -> Job | None:
        """Return the job, None if Krea knows none of that id (or it is not ours). Raises as `one_job.show_job`.

        Krea may answer 404 for a moment after a submission: with ``created_at``, that is asked again while the job is younger than 30 s.
        """
        backoff = self._session.backoff()
        for _ in range(NEW_JOB_TRIES):
            job = await show_job(self._session, job_id, self._one_job)
            if job or created_at is None or self._now() - created_at > NEW_JOB_AGE:
                return job
            await self._session.sleep(backoff.next())
        return None

    async def jobs(self, *, since: datetime | None = None, limit: int = MAX_PAGE_SIZE, complete: bool = False) -> AsyncGenerator[Job, None]:
        """Yield jobs, newest first as Krea lists them, ``limit`` a page, without those created before ``since``.

        ``complete``: what is not yielded is taken for what does not exist. KreaUnreachableError where the list does not prove that.
        """
        cursor: str | None = None
        reading = Reading(since)
        while True:
            page = await self._page(cursor, limit, refusal if since is None else refuse_to_show)  # then they exist
            reading.saw(page)
            if complete:
                require_readable(page, since)
            for job in page.jobs:
                if since is None or job.latest >= since:
                    yield job
            if complete and page.cursor is None and reading.may_be_cut(page, limit):
                raise incomplete("it goes from old to new, and ends where a page is full")
            if page.cursor is None or reading.far_enough:
                return
            if not reading.turns_to(page.cursor):
                if complete:
                    raise incomplete("its pages lead in a circle")
                return
            cursor = page.cursor

    async def cancel(self, job_id: str) -> bool:
        """Ask Krea to cancel the job; see `one_job.cancel_job`. Read the job afterwards: only that tells how it ended."""
        return await cancel_job(self._session, job_id)

    async def upload(self, path: Path, *, mime: str, description: str = "") -> Asset:
        """Upload a local file of at most 75 MB. Raises BadMediaError where it cannot be read, is too large, or Krea refuses it."""
        return await upload(self._session, path, mime=mime, description=description)

    async def asset(self, asset_id: str) -> Asset | None:
        """Return an uploaded file's record, None if it is gone."""
        return await self._session.read(
            lambda: self._session.request("GET", f"/assets/{quote(asset_id, safe='')}"), self._one_asset, verdicts={404: None, 410: None}
        )

    async def download(self, url: str, target: Path) -> Download:
        """Fetch a result file, whole or not at all; see `transfer.download` for its errors."""
        return await download(self._session, url, target)

    async def answers(self, url: str) -> bool:
        """Return whether a result file's URL can be fetched now."""
        return await answers(self._session, url)

    async def fetch_openapi(self) -> dict[str, Any]:
        """Return Krea's OpenAPI document, for refreshing the catalogue."""

        def parse(answer: Answer) -> dict[str, Any]:
            document = answer.json()
            if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
                raise WireError("not an OpenAPI document")
            return document

        return await self._session.read(lambda: self._session.request("GET", "/openapi.json"), parse)

    async def _page(self, cursor: str | None, limit: int, refuse: Refuse) -> Page:
        params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        page = await self._session.read(
            lambda: self._session.request("GET", "/jobs", params=params),
            lambda answer: parse_page(answer.json(), seen=self._now(), base=self._base_url),
            refuse=refuse,
        )
        for job in page.jobs:
            self.job_clock.saw(job)
        jobs, unread = tuple(map(self._noted, page.jobs)), tuple(map(self.job_clock.latest, page.unread))
        return replace(page, jobs=jobs, unread=unread)

    def _one_job(self, answer: Answer, deprecation: str | None = None) -> Job:
        return self._noted(parse_job(answer.json(), seen=self._now(), base=self._base_url, deprecation=deprecation))

    def _one_asset(self, answer: Answer) -> Asset | None:
        return parse_asset(answer.json(), base=self._base_url)

    def _noted(self, job: Job) -> Job:
        """Return the job, its times by the clock of Krea's answers; warn of a status that is not known."""
        if not job.known:
            status = repr(job.status[:40])
            self._warn_once(f"Krea reports the job status {status}, which this version does not know; it is taken for one that goes on")
        return self.job_clock.placed(job)

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            log.warning("%s", text)

    def _now(self) -> datetime:
        return self._session.krea_time()

    def _deprecation(self, answer: Answer, endpoint: str) -> str | None:
        """Return Krea's announcement, in the headers of an answer, that it will withdraw the model; None without one."""
        if answer.headers.get("deprecation", "").strip().lower() in {"", "false"} and "sunset" not in answer.headers:
            return None
        sunset = redact(answer.headers.get("sunset", ""))
        text = f"Krea will withdraw {endpoint}" + (f" on {sunset}" if sunset else "")
        self._warn_once(text)
        return text
