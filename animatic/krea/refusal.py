"""Turns failed requests into errors of ours: which one, in which words, and what to do next.

`verdict` says what an outcome means for a submission; this module says it to people. Texts of Krea's pass through `redact` on their way.
"""

from __future__ import annotations

import json
from http import HTTPStatus

import httpx

from animatic.errors import (
    AnimaticError,
    KreaRefusedError,
    ModelGoneError,
    OutOfCreditsError,
    PlanRequiredError,
    RequestRefusedError,
    UsageError,
)
from animatic.krea.errors import LostAnswerError, NotSentError
from animatic.krea.explain import JobError, explain_body
from animatic.krea.verdict import Verdict, of_exception, of_status
from animatic.redact import redact

GATEWAY_TIMEOUTS = frozenset({408, 504, 522, 524})
_DOUBT_HINT = "a job may exist and may be billed: it is looked for before anything is sent again"


def describe(error: BaseException) -> str:
    """Return the exception's type and text in one line, without secrets."""
    return f"{type(error).__name__}: {redact(str(error))}".rstrip(": ")


def of_lost_request(error: BaseException, endpoint: str) -> NotSentError | LostAnswerError:
    """Return what the exception of a submission means."""
    if of_exception(error) is Verdict.NOT_SENT:
        return NotSentError(f"Krea cannot be reached ({describe(error)})", hint="check the network, the proxy and KREA_API_URL")
    late = isinstance(error, httpx.TimeoutException | TimeoutError)
    return LostAnswerError(f"the answer to a submission to {endpoint} was lost ({describe(error)})", hint=_DOUBT_HINT, late=late)


def of_answer(status: int, body: bytes, content_type: str, endpoint: str, *, retry_after: float | None) -> AnimaticError:
    """Return what an answer that brings no job means for a submission.

    LostAnswerError: it may have been accepted. Every other error: it was not, and is not billed.
    """
    match of_status(status):
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
            f"Krea refuses the content ({status}): {text}", hint="change the prompt or the reference; nothing is billed", code="moderated"
        )
    if status == HTTPStatus.FORBIDDEN:
        return KreaRefusedError(
            f"Krea refuses the token's access to {endpoint} (403): {text}", hint="check what the token's workspace may use"
        )
    return RequestRefusedError(f"Krea refuses the request to {endpoint} ({status}): {text}", hint=_hint(status))


def _gone(body: bytes, reason: JobError, endpoint: str) -> ModelGoneError:
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    facts = data if isinstance(data, dict) else {}
    replacement = facts.get("replacement") if isinstance(facts.get("replacement"), str) else None
    since = f" since {facts['sunset_date']}" if isinstance(facts.get("sunset_date"), str) else ""
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
        case HTTPStatus.UNPROCESSABLE_ENTITY:
            return "check the fields, and that Krea can fetch every URL that is passed on; a local file is uploaded instead"
        case _:
            return "check the fields against `animatic models NAME`; nothing was made and nothing is billed"
