"""A submission is sent once; its outcome is a job, a refusal or a doubt."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from animatic.errors import KreaRefusedError, RequestRefusedError
from animatic.krea import KreaClient, LostAnswerError, NotSentError
from animatic.krea.errors import UnexpectedSimulatorError
from animatic.settings import SIMULATOR_HEADER, Patience
from animatic.slate import SLATE_HEADER, SlateNote

pytestmark = pytest.mark.anyio
ROUTE = "/generate/video/xai/grok-video"
BODY = {"prompt": "Surf", "duration": 6}
Make = Callable[..., KreaClient]


def answering(*answers: httpx.Response | Exception) -> tuple[Callable[[httpx.Request], httpx.Response], list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers[min(len(seen), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handler, seen


async def test_the_request_is_what_krea_documents(client_for: Make, accepted: dict[str, Any]) -> None:
    handler, seen = answering(httpx.Response(200, json=accepted))
    async with client_for(handler) as client:
        job = await client.submit(ROUTE, BODY, webhook="https://hooks.test/hooks/abc")
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "https://krea.test" + ROUTE)
    assert json.loads(request.content) == BODY
    assert request.headers["authorization"] == "Bearer tok_secret_123"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-webhook-url"] == "https://hooks.test/hooks/abc"
    assert (job.id, job.status, job.terminal) == ("j-1", "queued", False)


async def test_no_webhook_header_without_a_webhook(client_for: Make, accepted: dict[str, Any]) -> None:
    handler, seen = answering(httpx.Response(200, json=accepted))
    async with client_for(handler) as client:
        await client.submit(ROUTE, BODY)
    assert "x-webhook-url" not in seen[0].headers


@pytest.mark.parametrize("status", [429, 500, 503, 524, 408, 400])
async def test_a_submission_is_never_sent_twice(client_for: Make, status: int) -> None:
    handler, seen = answering(httpx.Response(status, json={"error": "x"}))
    async with client_for(handler) as client:
        with pytest.raises((NotSentError, LostAnswerError, RequestRefusedError)):
            await client.submit(ROUTE, BODY)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Sat, 21 Nov 2026 10:00:20 GMT", 20.0), ("9999", 60.0), ("soon", None), ("-3", 0.0), ("nan", None)]
)
async def test_a_429_says_when_to_come_back(client_for: Make, header: str, seconds: float | None) -> None:
    handler, _ = answering(httpx.Response(429, json={"error": "busy"}, headers={"Retry-After": header}))
    async with client_for(handler) as client:
        with pytest.raises(NotSentError) as caught:
            await client.submit(ROUTE, BODY)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"job_id": "j-1", "stat',
        b"<html><title>OK</title></html>",
        b"[]",
        b'{"job_id": null}',
        b"null",
        b"[" * 100_000,
        b'{"job_id": "a\\u0000b"}',
        rb'{"job_id": "a\ud800"}',
        b'{"job_id": "' + b"x" * 5000 + b'"}',
    ],
    ids=range(11),
)
async def test_an_acceptance_that_names_no_job_is_a_doubt(client_for: Make, body: bytes) -> None:
    handler, _ = answering(httpx.Response(200, content=body))
    async with client_for(handler) as client:
        with pytest.raises(LostAnswerError):
            await client.submit(ROUTE, BODY)


async def test_a_torn_acceptance_is_a_doubt(client_for: Make, broken_stream: Callable[[bytes], httpx.AsyncByteStream]) -> None:
    handler, _ = answering(httpx.Response(200, stream=broken_stream(b'{"job_id": "j-1"}')))
    async with client_for(handler) as client:
        with pytest.raises(LostAnswerError):
            await client.submit(ROUTE, BODY)


async def test_a_torn_refusal_is_still_a_refusal(client_for: Make, broken_stream: Callable[[bytes], httpx.AsyncByteStream]) -> None:
    handler, _ = answering(httpx.Response(401, stream=broken_stream(b'{"mess')))
    async with client_for(handler) as client:
        with pytest.raises(KreaRefusedError):
            await client.submit(ROUTE, BODY)


async def test_an_answer_that_never_comes_is_a_doubt(client_for: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(_: httpx.Request) -> httpx.Response:
        await anyio.sleep(30)
        raise AssertionError("not reached")

    monkeypatch.setattr("animatic.krea.session.CONNECT_SECONDS", 0.01)
    async with client_for(handler, patience=Patience(post=0.02)) as client:
        with pytest.raises(LostAnswerError) as caught:
            await client.submit(ROUTE, BODY)
    assert caught.value.late


async def test_even_an_unforeseen_failure_is_a_doubt(client_for: Make) -> None:
    handler, _ = answering(ZeroDivisionError("in a transport"))
    async with client_for(handler) as client:
        with pytest.raises(LostAnswerError, match="ZeroDivisionError"):
            await client.submit(ROUTE, BODY)


async def test_a_refused_connection_was_not_sent(client_for: Make) -> None:
    handler, _ = answering(httpx.ConnectError("[Errno 111] refused"))
    async with client_for(handler) as client:
        with pytest.raises(NotSentError) as caught:
            await client.submit(ROUTE, BODY)
    assert not caught.value.busy
    assert "KREA_API_URL" in (caught.value.hint or "")


async def test_a_redirect_is_not_followed_with_the_token(client_for: Make) -> None:
    handler, seen = answering(httpx.Response(307, headers={"location": "https://evil.test/"}))
    async with client_for(handler) as client:
        with pytest.raises(Exception, match="redirected"):
            await client.submit(ROUTE, BODY)
    assert len(seen) == 1


async def test_a_route_that_is_about_to_go_is_said_once(
    client_for: Make, accepted: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    handler, _ = answering(httpx.Response(200, json=accepted, headers={"Deprecation": "true", "Sunset": "Mon, 01 Mar 2027 00:00:00 GMT"}))
    with caplog.at_level(logging.WARNING, logger="animatic"):
        async with client_for(handler) as client:
            jobs = [await client.submit(ROUTE, BODY) for _ in range(2)]
    assert all(job.deprecation and "01 Mar 2027" in job.deprecation for job in jobs)
    assert sum("withdraw" in record.getMessage() for record in caplog.records) == 1


async def test_no_secret_shows_in_logs_or_errors(client_for: Make, caplog: pytest.LogCaptureFixture) -> None:
    text = "bad url https://files.test/a.png?sig=SIGNED, Bearer tok_secret_123, called https://h.test/hooks/WEBHOOKTOKEN"
    handler, _ = answering(httpx.Response(400, json={"error": text}))
    with caplog.at_level(logging.DEBUG):
        async with client_for(handler) as client:
            with pytest.raises(RequestRefusedError) as caught:
                await client.submit(ROUTE, BODY, webhook="https://h.test/hooks/WEBHOOKTOKEN")
    for secret in ("SIGNED", "tok_secret_123", "WEBHOOKTOKEN"):
        assert secret not in str(caught.value)
        assert secret not in caplog.text


async def test_addresses_that_httpx_logs_are_bare(client_for: Make, caplog: pytest.LogCaptureFixture) -> None:
    handler, _ = answering(httpx.Response(200, json={"job_id": "j-1", "status": "queued"}))
    with caplog.at_level(logging.INFO):
        async with client_for(handler):
            logging.getLogger("httpx").info("HTTP Request: %s %s", "GET", httpx.URL("https://files.test/a.mp4?sig=SIGNED"))
    assert "https://files.test/a.mp4" in caplog.text
    assert "SIGNED" not in caplog.text


async def test_what_an_announcement_says_is_masked(client_for: Make, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"Sunset": "see https://files.test/a?sig=SIGNED", "Deprecation": "true"}
    handler, _ = answering(httpx.Response(200, json={"job_id": "j-1", "status": "queued"}, headers=headers))
    with caplog.at_level(logging.INFO):
        async with client_for(handler) as client:
            job = await client.submit(ROUTE, BODY)
    assert job.deprecation is not None
    assert "https://files.test/a" in job.deprecation
    assert "SIGNED" not in job.deprecation + caplog.text


async def test_without_a_token_none_is_sent(client_for: Make) -> None:
    handler, seen = answering(httpx.Response(401, json={"message": "Unauthorized"}))
    async with client_for(handler, token=None) as client:
        with pytest.raises(KreaRefusedError):
            await client.submit(ROUTE, BODY)
    assert "authorization" not in seen[0].headers


@pytest.mark.parametrize("error", [NotSentError("a", hint="b", retry_after=3.0, busy=True), LostAnswerError("a", hint="b", late=True)])
async def test_errors_survive_pickling(error: NotSentError | LostAnswerError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)


@pytest.mark.parametrize("status", [200, 400, 503])
async def test_the_simulator_in_the_place_of_krea_is_refused_whatever_it_answers(
    client_for: Make, accepted: dict[str, Any], status: int
) -> None:
    handler, seen = answering(httpx.Response(status, json=accepted, headers={SIMULATOR_HEADER: "1"}))
    async with client_for(handler) as client:
        with pytest.raises(UnexpectedSimulatorError, match=r"KREA_API_URL points to the simulator \(https://krea.test\)") as caught:
            await client.submit(ROUTE, BODY)
        with pytest.raises(UnexpectedSimulatorError):
            await client.job("j-1")
    assert (caught.value.exit_code, len(seen)) == (2, 2)
    assert "--simulate" in (caught.value.hint or "")


async def test_a_client_of_the_simulator_takes_its_answers(client_for: Make, accepted: dict[str, Any]) -> None:
    handler, _ = answering(httpx.Response(200, json=accepted, headers={SIMULATOR_HEADER: "1"}))
    async with client_for(handler, simulator=True) as client:
        assert (await client.submit(ROUTE, BODY)).id == "j-1"


async def test_what_a_slate_shows_is_told_to_the_simulator_and_never_to_krea(client_for: Make, accepted: dict[str, Any]) -> None:
    slate = SlateNote(shot="dawn", number=1, count=4, title="A secret title")
    handler, seen = answering(httpx.Response(200, json=accepted, headers={SIMULATOR_HEADER: "1"}))
    async with client_for(handler, simulator=True) as client:
        await client.submit(ROUTE, BODY, slate=slate)
    assert SlateNote.from_header(seen[0].headers[SLATE_HEADER]) == slate
    handler, seen = answering(httpx.Response(200, json=accepted))
    async with client_for(handler) as client:
        await client.submit(ROUTE, BODY, slate=slate)
    assert SLATE_HEADER not in seen[0].headers
    assert json.loads(seen[0].content) == BODY
