"""The receiver believes only a known token, only a job id, and answers everything else early."""

from __future__ import annotations

import json
import logging
import signal
import socket
from typing import Any, Self

import anyio
import httpx
import pytest

from animatic.errors import UsageError
from animatic.krea.webhook import MAX_BODY_BYTES, MAX_BURST, WebhookReceiver

pytestmark = pytest.mark.anyio
TOKEN = "0e164745ca739c099c6176489aa5a7a9"
JOB = {"job_id": "j-1", "status": "completed", "result": {"urls": ["https://evil.test/x.mp4"]}}


class Receiver:
    """A running receiver and a client for it."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[tuple[str, str]] = []
        self.receiver = WebhookReceiver("https://public.test/base/", port=0, on_callback=lambda *call: self.calls.append(call), **options)

    async def __aenter__(self) -> Self:
        await self.receiver.__aenter__()
        self.receiver.register(TOKEN)
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.receiver.port}", trust_env=False)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.http.aclose()
        await self.receiver.__aexit__(*exc_info)

    async def post(self, token: str = TOKEN, **content: Any) -> int:
        return (await self.http.post(f"/hooks/{token}", **(content or {"json": JOB}))).status_code


async def test_a_callback_names_its_job(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with Receiver() as server:
            url = server.receiver.register(TOKEN)
            assert url == f"https://public.test/base/hooks/{TOKEN}"
            assert await server.post() == 204
            assert await server.post() == 204
            assert await server.receiver.wait_for(TOKEN, 1) == "j-1"
            assert server.calls == [(TOKEN, "j-1")] * 2
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert all(TOKEN not in record.getMessage() for record in ours)


async def test_a_proxy_may_pass_its_prefix_on() -> None:
    async with Receiver() as server:
        assert (await server.http.post(f"/base/hooks/{TOKEN}", json=JOB)).status_code == 204


async def test_waiting_ends_when_the_callback_comes() -> None:
    async with Receiver() as server, anyio.create_task_group() as group:

        async def call() -> None:
            await anyio.sleep(0.02)
            await server.post()

        group.start_soon(call)
        assert await server.receiver.wait_for(TOKEN, 5) == "j-1"


async def test_waiting_ends_without_a_callback() -> None:
    async with Receiver() as server:
        assert await server.receiver.wait_for(TOKEN, 0.01) is None
        assert await server.receiver.wait_for("f" * 32, 5) is None


@pytest.mark.parametrize("token", ["f" * 32, "x", TOKEN.upper() + "0", "%00", "é"])
async def test_an_unknown_token_is_turned_away(token: str) -> None:
    async with Receiver() as server:
        assert await server.post(token) == 404
        assert server.calls == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"content": json.dumps(JOB), "headers": {"content-type": "text/plain"}}, 415),
        ({"content": json.dumps(JOB)}, 415),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"", "headers": {"content-type": "application/json; charset=utf-8"}}, 400),
        ({"json": []}, 400),
        ({"json": {"status": "completed"}}, 400),
        ({"json": {"job_id": "x" * 200}}, 400),
        ({"json": {"job_id": 7}}, 400),
        ({"json": {"job_id": "a", "padding": "x" * MAX_BODY_BYTES}}, 413),
        ({"json": {"id": "j-1"}}, 204),
    ],
    ids=["text", "no type", "torn", "empty", "list", "no id", "long id", "number", "large", "other name"],
)
async def test_bodies_are_hints_or_refused(content: dict[str, Any], status: int) -> None:
    async with Receiver() as server:
        assert await server.post(**content) == status
        assert len(server.calls) == (status == 204)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_only_posts_are_heard(method: str) -> None:
    async with Receiver() as server:
        assert (await server.http.request(method, f"/hooks/{TOKEN}")).status_code == 405


async def test_a_flood_is_slowed_down() -> None:
    now = 0.0
    async with Receiver(clock=lambda: now) as server:
        for _ in range(int(MAX_BURST)):
            server.receiver._allowance.take()
        assert await server.post() == 429
        now += 1.0
        assert await server.post() == 204


async def test_a_callback_whose_handling_fails_is_still_answered(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: str) -> None:
        raise RuntimeError("handler")

    async with WebhookReceiver("https://public.test", port=0, on_callback=fail) as receiver, httpx.AsyncClient(trust_env=False) as http:
        receiver.register(TOKEN)
        assert (await http.post(f"http://127.0.0.1:{receiver.port}/hooks/{TOKEN}", json=JOB)).status_code == 204
    assert "handler" in caplog.text


async def test_a_taken_port_is_said_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="ANIMATIC_WEBHOOK_PORT"):
            await WebhookReceiver("https://public.test", port=taken.getsockname()[1]).__aenter__()


async def test_signals_stay_with_the_program() -> None:
    before = signal.getsignal(signal.SIGINT)
    async with Receiver():
        await anyio.sleep(0.05)
        assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("token", ["", "short", "g/" * 20])
def test_weak_tokens_are_not_registered(token: str) -> None:
    with pytest.raises(ValueError, match="128 bits"):
        WebhookReceiver("https://public.test", port=0).register(token)
