"""The table from outcomes of a submission to what they mean is total, and errs on the side of doubt."""

from __future__ import annotations

import ssl

import httpx
import pytest

from animatic.errors import (
    KreaRefusedError,
    ModelGoneError,
    OutOfCreditsError,
    PlanRequiredError,
    RequestRefusedError,
    UsageError,
)
from animatic.krea import LostAnswerError, NotSentError
from animatic.krea.errors import EXCEPTIONS, Verdict, of_answer, of_exception, of_lost_request, of_status


def tree(base: type[Exception]) -> set[type[Exception]]:
    return {base}.union(*(tree(sub) for sub in base.__subclasses__()))


ABSTRACT = {httpx.TransportError, httpx.TimeoutException, httpx.NetworkError, httpx.ProtocolError}
PROVABLY_UNSENT = {httpx.ConnectTimeout, httpx.ConnectError, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol}


def test_every_exception_of_httpx_stands_in_the_table() -> None:
    # Those of other libraries that derive from httpx's in this process are not its own.
    own = {error for error in tree(httpx.RequestError) if error.__module__.startswith("httpx")}
    assert own - ABSTRACT == set(EXCEPTIONS)


@pytest.mark.parametrize("error", sorted(tree(httpx.RequestError), key=str))
def test_only_what_provably_never_left_is_not_sent(error: type[Exception]) -> None:
    expected = Verdict.NOT_SENT if error in PROVABLY_UNSENT else Verdict.DOUBTFUL
    assert of_exception(error("x")) is expected


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), ssl.SSLError(), RuntimeError(), ConnectionResetError()])
def test_anything_unknown_is_doubtful(error: Exception) -> None:
    assert of_exception(error) is Verdict.DOUBTFUL


def test_every_status_has_a_verdict() -> None:
    verdicts = {status: of_status(status) for status in range(1000)}
    assert {status for status, verdict in verdicts.items() if verdict is Verdict.NOT_SENT} == {407, 425, 429}
    assert all(verdicts[status] is Verdict.ACCEPTED for status in range(200, 300))
    assert all(verdicts[status] is Verdict.DOUBTFUL for status in [*range(200), 302, 303, 408, 409, 499, *range(500, 1000)])
    refused = [status for status in range(300, 500) if status not in {302, 303, 407, 408, 409, 425, 429, 499}]
    assert all(verdicts[status] is Verdict.REFUSED for status in refused)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error": "duration: too long"}', RequestRefusedError),
        (401, b'{"message": "Unauthorized"}', KreaRefusedError),
        (402, b'{"error": "Insufficient balance"}', OutOfCreditsError),
        (402, b'{"error": "You have run out of credits. Upgrade your plan or top up."}', OutOfCreditsError),
        (402, b'{"error": "payment required"}', OutOfCreditsError),
        (402, b'{"error": "This model requires a Pro plan"}', PlanRequiredError),
        (402, b'{"error": {"code": "plan_required", "message": "Not on this plan"}}', PlanRequiredError),
        (403, b'{"error": "Upgrade your plan to use this model"}', PlanRequiredError),
        (403, b"<html><title>Attention Required</title></html>", KreaRefusedError),
        (404, b"", RequestRefusedError),
        (410, b'{"error": "model_unavailable", "message": "gone", "replacement": "bytedance/seedance-2"}', ModelGoneError),
        (413, b"", RequestRefusedError),
        (422, b'{"error": "Input file rejected"}', RequestRefusedError),
        (307, b"", UsageError),
        (425, b"", NotSentError),
        (429, b'{"error": "maximum concurrent jobs"}', NotSentError),
        (408, b"", LostAnswerError),
        (409, b'{"error": "duplicate"}', LostAnswerError),
        (400, b'{"error": "duplicate", "job_id": "j-1"}', LostAnswerError),
        (402, b'{"error": "low balance", "job": {"job_id": "j-1"}}', LostAnswerError),
        (429, b'{"error": "busy", "data": {"job_id": "j-1"}}', LostAnswerError),
        (400, b'{"error": "no", "job_id": null, "job": "none", "data": []}', RequestRefusedError),
        (400, b"[" * 100_000, RequestRefusedError),
        (500, b"", LostAnswerError),
        (524, b"<html><title>524: A timeout occurred</title>", LostAnswerError),
        (200, b"{}", LostAnswerError),
    ],
)
def test_answers_without_a_job_become_the_error_that_says_what_to_do(status: int, body: bytes, error: type[Exception]) -> None:
    found = of_answer(status, body, "", "/generate/video/x/y", retry_after=None)
    assert type(found) is error
    assert found.hint or error is NotSentError
    assert str(status) in found.message


def test_a_withdrawn_model_names_its_replacement() -> None:
    found = of_answer(
        410,
        b'{"error": "model_unavailable", "message": "gone", "replacement": "a/b", "sunset_date": "2026-04-27"}',
        "",
        "/g",
        retry_after=None,
    )
    assert isinstance(found, ModelGoneError)
    assert found.replacement == "a/b"
    assert "2026-04-27" in found.message
    assert "a/b" in found.message
    assert "a/b" in (found.hint or "")


def test_moderated_requests_have_a_code_of_their_own() -> None:
    found = of_answer(400, b'{"error": "Prompt flagged by content policy"}', "", "/g", retry_after=None)
    assert isinstance(found, RequestRefusedError)
    assert found.code == "moderated"


def test_a_busy_krea_says_when_to_come_back() -> None:
    found = of_answer(429, b"", "", "/g", retry_after=7.0)
    assert isinstance(found, NotSentError)
    assert (found.busy, found.retry_after) == (True, 7.0)


def test_messages_of_lost_requests_carry_no_secrets() -> None:
    found = of_lost_request(httpx.ReadError("https://u:p@krea.test/x?token=abc"), "/g", base_url="https://krea.test")
    assert isinstance(found, LostAnswerError)
    assert "abc" not in str(found)
    assert "u:p" not in str(found)
