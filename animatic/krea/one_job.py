"""Reads and cancels one job, by its id.

Whoever asks about a job has paid for it, or may have. So no answer means that a request was judged: one that refuses the token or the
account is believed, and every other that is not the job which was asked for makes no sense, and is asked for again as in an outage.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

import httpx

from animatic.errors import AnimaticError, KreaRefusedError, OutOfCreditsError
from animatic.krea.errors import describe, refusal
from animatic.krea.session import Answer, Session, is_passing
from animatic.krea.wire import Job, WireError

log = logging.getLogger(__name__)

CANCEL_SECONDS = 10.0
"""For the answer to a cancelling request, and for trying it again: somebody waits at the terminal."""
UNKNOWN = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
"""Answers that say that Krea has no such job, or not any more."""
_TO_WHOM = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN)


async def show_job(session: Session, job_id: str, parse: Callable[[Answer], Job]) -> Job | None:
    """Return the job of that id, None if Krea knows none. Raises KreaUnreachableError, KreaRefusedError, OutOfCreditsError."""

    def parse_own(answer: Answer) -> Job:
        job = parse(answer)
        if job.id.casefold() != job_id.casefold():  # a cache, or a proxy that mixed two answers up: that job may be anybody's
            raise WireError("it is about another job")
        return replace(job, id=job_id)

    return await session.read(
        lambda: session.request("GET", job_path(job_id)), parse_own, verdicts=dict.fromkeys(UNKNOWN), refuse=refuse_to_show
    )


async def cancel_job(session: Session, job_id: str) -> bool:
    """Ask Krea to cancel the job; False where it is unknown or past that, or where Krea gives no answer that tells.

    Only reading the job tells how that ended: it may be cancelled without a word, or complete meanwhile, and is billed then. So whatever
    ails Krea, this raises nothing but KreaRefusedError (401); what passes is tried again for ``CANCEL_SECONDS``.
    """
    backoff, began = session.backoff(), session.monotonic()
    while True:
        try:
            request = session.request("DELETE", job_path(job_id), timeout=CANCEL_SECONDS)
            answer = await session.send_once(request, seconds=CANCEL_SECONDS)
        except (httpx.HTTPError, TimeoutError) as error:
            said = describe(error)
        else:
            if answer.status == HTTPStatus.UNAUTHORIZED:
                raise refusal(answer.status, answer.body, answer.content_type, job_path(job_id))
            if not is_passing(answer.status):
                return answer.status // 100 == 2  # noqa: PLR2004 (the class of statuses that say yes)
            said = str(answer.status)
        if session.monotonic() - began > CANCEL_SECONDS:
            log.warning("Krea does not say whether it cancels job %s: %s", job_id, said)
            return False
        await session.sleep(backoff.next())


def job_path(job_id: str) -> str:
    """Return the API's path of a job."""
    return f"/jobs/{quote(job_id, safe='')}"


def refuse_to_show(status: int, body: bytes, content_type: str, path: str) -> AnimaticError | None:
    """Return the error for an answer that refuses to show jobs; None for one that says nothing about who asks."""
    if status not in _TO_WHOM:
        return None
    error = refusal(status, body, content_type, path)
    if isinstance(error, KreaRefusedError | OutOfCreditsError):
        return error
    # Its words are those for a request: of a plan, or of content.
    return KreaRefusedError(f"Krea refuses to show {path}: {error.message}", hint="check what the token's workspace may use")
