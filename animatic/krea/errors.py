"""Krea's failures: what a status or a transport error means for a submission, and the error that says so to people.

The tables of `Verdict` decide whether a paid request was accepted; `of_lost_request`, `of_answer` and `refusal` turn the verdict into an
error. These errors are told apart here only::

    KreaUnreachableError      6  (animatic.errors)
    ├── NotSentError             provably not accepted: send it again as it is
    └── LostAnswerError          may have been accepted and billed: resolve by reading, never by sending again
    UsageError                2  (animatic.errors)
    └── UnexpectedSimulatorError
    ShotError                 4  (animatic.errors)
    ├── ResultUnreachableError   the host of a result does not answer: its shot fails, the run goes on
    └── ExpiredUrlError          the file's URL is no longer good: read the job again for a fresh one
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import assert_never

import httpx

from animatic import proxies
from animatic.errors import (
    AnimaticError,
    KreaRefusedError,
    KreaUnreachableError,
    ModelGoneError,
    OutOfCreditsError,
    PlanRequiredError,
    RequestRefusedError,
    ShotError,
    UsageError,
)
from animatic.krea.bodies import parse_json
from animatic.krea.reasons import JobError, explain_body
from animatic.redact import redact

MODERATED = "moderated"
"""The code of a submission whose content Krea refuses."""
RESUME_LATER = "what was submitted is in the ledger: try `animatic resume` when the service is back"
RATE_LIMITED = "rate_limited"
"""The code of a submission that Krea, or a proxy before it, answered with "not now"."""


class NotSentError(KreaUnreachableError):
    """A submission that Krea did not accept: it never left, or was turned away for now.

    ``retry_after``: seconds that Krea asked for, None if it asked for none. ``busy`` is true where Krea answered (429, 425;
    ``code`` is then `RATE_LIMITED`), and false where nobody did.
    """

    code = "not_sent"

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None, busy: bool = False) -> None:
        super().__init__(message, hint=hint, code=RATE_LIMITED if busy else None)
        self.retry_after = retry_after
        self.busy = busy


TURNED_AWAY = frozenset({NotSentError.code, RATE_LIMITED, NotSentError.__name__})
"""Codes, as ledgers have them, of submissions that were turned away for now, or that nobody was there for: no request was judged."""

ANSWERED_NO = frozenset(
    {
        RATE_LIMITED,
        UsageError.code,
        RequestRefusedError.code,
        MODERATED,
        ModelGoneError.code,
        PlanRequiredError.code,
        OutOfCreditsError.code,
        KreaRefusedError.code,
    }
)
"""Codes of submissions that were sent, and that an answer said were not accepted: of a POST that a proxy has repeated, the last answer."""


class LostAnswerError(KreaUnreachableError):
    """A submission whose answer was lost, unreadable, or an error of Krea's own: a job may exist and may be billed.

    ``late``: a time-out, ours or a gateway's, cut the waiting short. Krea may still be at work on it, so its job may appear later than
    after a plain error.
    """

    code = "lost_answer"
    retryable = False

    def __init__(self, message: str, *, hint: str | None = None, late: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.late = late


class ResultUnreachableError(ShotError):
    """The host of a finished file has not answered as it should for ``patience.outage``: waited for long enough, so not retryable."""

    code = "result_unreachable"


class ExpiredUrlError(ShotError):
    """The URL of a finished file answers 403, 404 or 410."""

    code = "url_expired"
    retryable = True


class UnexpectedSimulatorError(UsageError):
    """The simulator answered where Krea was meant: nothing was billed, and nothing it says counts."""

    code = "unexpected_simulator"


class Verdict(Enum):
    """Whether a submission was accepted."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Krea looked at it and said no: sending it again as it is helps nobody."""
    NOT_SENT = "not sent"
    """It was not accepted and may be sent again as it is."""
    DOUBTFUL = "doubtful"
    """It may have been accepted and billed."""


# Subclasses inherit; RequestError itself stands for whatever httpx adds in the future.
EXCEPTIONS: dict[type[Exception], Verdict] = {
    httpx.RequestError: Verdict.DOUBTFUL,
    httpx.ConnectTimeout: Verdict.NOT_SENT,
    httpx.ConnectError: Verdict.NOT_SENT,  # refused, unroutable, DNS, a failed TLS handshake
    httpx.PoolTimeout: Verdict.NOT_SENT,
    httpx.ProxyError: Verdict.NOT_SENT,  # the proxy did not open the tunnel
    httpx.UnsupportedProtocol: Verdict.NOT_SENT,
    httpx.ReadTimeout: Verdict.DOUBTFUL,
    httpx.WriteTimeout: Verdict.DOUBTFUL,  # the body is short: all of it may be in the network's buffers
    httpx.ReadError: Verdict.DOUBTFUL,
    httpx.WriteError: Verdict.DOUBTFUL,
    httpx.CloseError: Verdict.DOUBTFUL,
    httpx.RemoteProtocolError: Verdict.DOUBTFUL,  # closed without an answer, or a torn one
    httpx.LocalProtocolError: Verdict.DOUBTFUL,
    httpx.DecodingError: Verdict.DOUBTFUL,
    httpx.TooManyRedirects: Verdict.DOUBTFUL,
}

# Statuses that differ from their class: 2xx accepted, 3xx and 4xx refused, 5xx and all that is no HTTP status doubtful.
STATUSES: dict[int, Verdict] = {
    HTTPStatus.FOUND: Verdict.DOUBTFUL,
    HTTPStatus.SEE_OTHER: Verdict.DOUBTFUL,  # the way to say: done, look over there
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: Verdict.NOT_SENT,
    HTTPStatus.REQUEST_TIMEOUT: Verdict.DOUBTFUL,
    HTTPStatus.TOO_EARLY: Verdict.NOT_SENT,
    HTTPStatus.TOO_MANY_REQUESTS: Verdict.NOT_SENT,
    HTTPStatus.CONFLICT: Verdict.DOUBTFUL,  # Krea documents none: a proxy may have repeated the POST, and this be the answer to the second
    499: Verdict.DOUBTFUL,  # nginx: the client went away, while the request was being worked on
}


GATEWAY_TIMEOUTS = frozenset({408, 504, 522, 524})

_DOUBT_HINT = "a job may exist and may be billed: it is looked for before anything is sent again"


def of_exception(error: BaseException) -> Verdict:
    """Return what an exception of the transport means for a submission; whatever is not in the table is doubtful."""
    for base in type(error).__mro__:
        if base in EXCEPTIONS:
            return EXCEPTIONS[base]
    return Verdict.DOUBTFUL


def of_status(status: int) -> Verdict:
    """Return what an answer's status means for a submission, before its body is looked at."""
    if status in STATUSES:
        return STATUSES[status]
    match status // 100:
        case 2:
            return Verdict.ACCEPTED
        case 3 | 4:
            return Verdict.REFUSED
        case _:
            return Verdict.DOUBTFUL


def describe(error: BaseException) -> str:
    """Return the exception's type and text in one line, without secrets."""
    return f"{type(error).__name__}: {redact(str(error))}".rstrip(": ")


def of_lost_request(error: BaseException, endpoint: str, *, base_url: str) -> NotSentError | LostAnswerError:
    """Return what the exception of a submission to ``base_url`` means."""
    if of_exception(error) is Verdict.NOT_SENT:
        hint = proxies.advised("check the network and KREA_API_URL", base_url)
        return NotSentError(f"Krea cannot be reached ({describe(error)})", hint=hint)
    late = isinstance(error, httpx.TimeoutException | TimeoutError)
    return LostAnswerError(f"the answer to a submission to {endpoint} was lost ({describe(error)})", hint=_DOUBT_HINT, late=late)


def of_answer(status: int, body: bytes, content_type: str, endpoint: str, *, retry_after: float | None) -> AnimaticError:
    """Return what an answer that brings no job means for a submission.

    LostAnswerError: it may have been accepted. Every other error: it was not, and is not billed.
    """
    match of_status(status):
        case Verdict.REFUSED | Verdict.NOT_SENT if _names_a_job(body):
            return LostAnswerError(f"Krea answered {status} to a submission to {endpoint}, and named a job", hint=_DOUBT_HINT)
        case Verdict.REFUSED:
            return refusal(status, body, content_type, endpoint)
        case Verdict.NOT_SENT:
            text = explain_body(body, content_type).message
            return NotSentError(f"Krea turned a submission away for now ({status}): {text}", retry_after=retry_after, busy=True)
        case Verdict.ACCEPTED:
            return LostAnswerError(f"Krea accepted a submission to {endpoint} ({status}) without naming the job", hint=_DOUBT_HINT)
        case Verdict.DOUBTFUL:
            text = explain_body(body, content_type).message
            return LostAnswerError(
                f"Krea answered {status} to a submission to {endpoint}: {text}", hint=_DOUBT_HINT, late=status in GATEWAY_TIMEOUTS
            )
        case verdict:
            assert_never(verdict)


def _names_a_job(body: bytes) -> bool:
    """Whether an answer names a job, whatever else it says: then there is one."""
    try:
        data = parse_json(body)
    except ValueError:
        return False
    parts = (data, data.get("job"), data.get("data")) if isinstance(data, dict) else ()
    return any(isinstance(part, dict) and bool(part.get("job_id")) for part in parts)


def refusal(status: int, body: bytes, content_type: str, endpoint: str) -> AnimaticError:
    """Return the error for an answer that refuses a request for good; ``status`` is 3xx or 4xx."""
    reason = explain_body(body, content_type)
    text = reason.message
    if status < HTTPStatus.BAD_REQUEST:
        return UsageError(
            f"KREA_API_URL is redirected ({status} from {endpoint})", hint="set KREA_API_URL to the address that answers itself"
        )
    if status == HTTPStatus.UNAUTHORIZED:
        return KreaRefusedError(
            f"Krea refuses the token (401): {text}",
            hint="check KREA_API_TOKEN; tokens are made at krea.ai/settings/api-tokens, and the workspace must have API access",
        )
    if status == HTTPStatus.GONE:
        return _gone(body, reason, endpoint)
    if status in {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN} and reason.about_plan:
        return PlanRequiredError(
            f"Krea wants a higher plan for {endpoint} ({status}): {text}", hint="upgrade the plan, or choose another model"
        )
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return OutOfCreditsError(
            f"Krea's balance is used up (402): {text}", hint="top up at krea.ai and run again: what is paid for is reused"
        )
    if reason.moderated:
        return RequestRefusedError(
            f"Krea refuses the content ({status}): {text}", hint="change the prompt or the reference; nothing is billed", code=MODERATED
        )
    if status == HTTPStatus.FORBIDDEN and not reason.about_input:
        return KreaRefusedError(
            f"Krea refuses the token's access to {endpoint} (403): {text}", hint="check what the token's workspace may use"
        )
    return RequestRefusedError(f"Krea refuses the request to {endpoint} ({status}): {text}", hint=_hint(status))


def _gone(body: bytes, reason: JobError, endpoint: str) -> ModelGoneError:
    try:
        data = parse_json(body)
    except ValueError:
        data = None
    facts = data if isinstance(data, dict) else {}
    replacement = redact(facts["replacement"]) if isinstance(facts.get("replacement"), str) else None
    since = f" since {redact(facts['sunset_date'])}" if isinstance(facts.get("sunset_date"), str) else ""
    # In the message, not the hint alone: a run with several failed shots lists their messages.
    instead = f"; it names {replacement} instead" if replacement else ""
    return ModelGoneError(
        f"Krea has withdrawn {endpoint}{since} (410): {reason.message}{instead}",
        hint=f"use {replacement}, or name a fallback" if replacement else "choose another model, or name a fallback",
        replacement=replacement,
    )


def _hint(status: int) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return "check the model's name and KREA_API_URL; `animatic models` lists what is known"
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.FORBIDDEN:
            return "check the fields, and that Krea can fetch every URL that is passed on; a local file is uploaded instead"
        case _:
            return "check the fields against `animatic models NAME`; nothing was made and nothing is billed"
