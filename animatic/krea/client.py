"""The one place that talks to Krea: submit, look, cancel, upload, download.

A submission is sent exactly once; its outcome is a job, a refusal, or a doubt (`verdict`). Everything else is safe to repeat, and is repeated
until ``patience.outage``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import anyio
import httpx

from animatic.backoff import Backoff
from animatic.krea.errors import Verdict, of_answer, of_lost_request, of_status
from animatic.krea.session import Answer, Session, Sleep
from animatic.krea.transfer import Download, Progress, download, upload
from animatic.krea.wire import Asset, Job, Page, WireError, parse_asset, parse_job, parse_page
from animatic.settings import Patience, Secret

log = logging.getLogger(__name__)

LARGEST_PAGE = 1000
YOUNG = timedelta(seconds=30)
YOUNG_TRIES = 15


class KreaClient:
    """Krea's API. An async context manager; one per process is enough, and shares its connections.

    ``token`` None sends no token (and Krea answers 401). ``transport``, ``sleep``, ``clock`` (UTC) and ``monotonic`` (seconds) are for tests.
    ``webhook_url`` is sent with every submission that brings none of its own.
    """

    def __init__(
        self,
        base_url: str,
        token: Secret | None,
        *,
        patience: Patience,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = anyio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        webhook_url: str | None = None,
    ) -> None:
        self.patience = patience
        self._base_url = base_url
        self._session = Session(base_url, token, patience=patience, transport=transport, sleep=sleep, clock=clock, monotonic=monotonic)
        self._webhook_url = webhook_url
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
    def clock_offset(self) -> timedelta:
        """Krea's clock minus ours, from the ``Date`` of its answers; zero before the first."""
        return self._session.offset.value

    async def submit(self, endpoint: str, body: Mapping[str, Any], *, webhook: str | None = None) -> Job:
        """Send one paid POST, once.

        Raises LostAnswerError where it may have been accepted. Every other error means that it was not and is not billed: NotSentError (send it
        again as it is, after ``retry_after``), RequestRefusedError, ModelGoneError, PlanRequiredError, OutOfCreditsError, KreaRefusedError.
        """
        callback = webhook or self._webhook_url
        request = self._session.request(
            "POST", endpoint, json=dict(body), headers={"X-Webhook-URL": callback} if callback else None, timeout=self.patience.post
        )
        try:
            async with self._session.posts:
                answer = await self._session.send_once(request, seconds=self.patience.post)
        except Exception as error:  # whatever it is, the request may have left
            raise of_lost_request(error, endpoint) from error
        if of_status(answer.status) is Verdict.ACCEPTED:
            try:
                return parse_job(answer.json(), seen=self._now(), deprecation=self._deprecation(answer, endpoint))
            except ValueError:  # torn, no JSON, no job id: it was accepted, but as what?
                log.warning("the answer to a submission to %s cannot be read", endpoint)
        raise of_answer(answer.status, answer.body, answer.content_type, endpoint, retry_after=answer.retry_after)

    async def job(self, job_id: str, *, created_at: datetime | None = None) -> Job | None:
        """Return the job, None if Krea knows none of that id (or it is not ours).

        Krea may answer 404 for a moment after a submission: with ``created_at``, that is asked again while the job is younger than 30 s.
        """
        backoff = Backoff()
        for _ in range(YOUNG_TRIES):
            job = await self._session.read(lambda: self._session.request("GET", _job_path(job_id)), self._one_job, verdicts={404: None})
            if job or created_at is None or self._now() - created_at > YOUNG:
                return job
            await self._session.sleep(backoff.next())
        return None

    async def jobs(self, *, since: datetime | None = None, limit: int = LARGEST_PAGE) -> AsyncGenerator[Job, None]:
        """Yield jobs, newest first, ``limit`` a page, down to those created before ``since``."""
        cursor: str | None = None
        while True:
            page = await self._page(cursor, limit)
            recent = [job for job in page.jobs if since is None or job.created_at >= since]
            for job in recent:
                yield job
            if not recent or len(recent) < len(page.jobs) or page.cursor is None or page.cursor == cursor:
                return
            cursor = page.cursor

    async def cancel(self, job_id: str) -> bool:
        """Ask Krea to cancel the job; False where it is unknown or past that. Read the job afterwards: completion may have won, and is billed."""
        return await self._session.read(
            lambda: self._session.request("DELETE", _job_path(job_id)),
            lambda _: True,
            verdicts=dict.fromkeys((400, 404, 405, 409, 410, 422), False),
        )

    async def upload(self, path: Path, *, mime: str, description: str = "") -> Asset:
        """Upload a local file of at most 75 MB. Raises BadMediaError where it cannot be read, is too large, or Krea refuses it."""
        return await upload(self._session, path, mime=mime, description=description)

    async def asset(self, asset_id: str) -> Asset | None:
        """Return an uploaded file's record, None if it is gone."""
        return await self._session.read(
            lambda: self._session.request("GET", f"/assets/{quote(asset_id, safe='')}"), _one_asset, verdicts={404: None, 410: None}
        )

    async def download(self, url: str, target: Path, *, progress: Progress | None = None) -> Download:
        """Fetch a result file, whole or not at all; see `transfer.download` for its errors."""
        return await download(self._session, url, target, progress=progress)

    async def fetch_openapi(self) -> dict[str, Any]:
        """Return Krea's OpenAPI document, for refreshing the catalogue."""

        def parse(answer: Answer) -> dict[str, Any]:
            document = answer.json()
            if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
                raise WireError("not an OpenAPI document")
            return document

        return await self._session.read(lambda: self._session.request("GET", "/openapi.json"), parse)

    async def _page(self, cursor: str | None, limit: int) -> Page:
        params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        return await self._session.read(
            lambda: self._session.request("GET", "/jobs", params=params), lambda answer: parse_page(answer.json(), seen=self._now())
        )

    def _one_job(self, answer: Answer) -> Job | None:
        return parse_job(answer.json(), seen=self._now())

    def _now(self) -> datetime:
        return self._session.clock() + self._session.offset.value

    def _deprecation(self, answer: Answer, endpoint: str) -> str | None:
        """Krea announces a model's end in the headers of its answers before it withdraws it."""
        if answer.headers.get("deprecation", "").strip().lower() in {"", "false"} and "sunset" not in answer.headers:
            return None
        sunset = answer.headers.get("sunset")
        text = f"Krea will withdraw {endpoint}" + (f" on {sunset}" if sunset else "")
        if endpoint not in self._warned:
            self._warned.add(endpoint)
            log.warning("%s", text)
        return text


def _one_asset(answer: Answer) -> Asset | None:
    return parse_asset(answer.json())


def _job_path(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"
