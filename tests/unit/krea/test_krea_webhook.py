"""The receiver believes only a known token, only a job id, and answers everything else early."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import anyio
import httpx
import pytest

from animatic.errors import UsageError
from animatic.krea import bounded_server
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
        ({"content": b"[" * 30_000, "headers": {"content-type": "application/json"}}, 400),
        ({"content": b'{"a":' * 12_000, "headers": {"content-type": "application/json"}}, 400),
        ({"json": {"job_id": "a", "padding": "x" * MAX_BODY_BYTES}}, 413),
        ({"json": {"id": "j-1"}}, 204),
    ],
    ids=["text", "no type", "torn", "empty", "list", "no id", "long id", "number", "deep list", "deep map", "large", "other name"],
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


async def test_strangers_do_not_use_up_what_callbacks_are_allowed() -> None:
    async with Receiver(clock=lambda: 0.0) as server:
        for _ in range(int(MAX_BURST) + 1):
            assert await server.post("f" * 32) == 404
        assert await server.post() == 204


HALF_A_REQUEST = f"POST /hooks/{TOKEN} HTTP/1.1\r\nHost: x\r\n".encode()


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /ho", HALF_A_REQUEST, HALF_A_REQUEST + b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"],
    ids=["nothing", "half a line", "half the headers", "half the body"],
)
async def test_a_slow_connection_is_cut(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_server, "CONNECTION_SECONDS", 0.05)
    async with Receiver() as server, await anyio.connect_tcp("127.0.0.1", server.receiver.port) as stream:
        with anyio.fail_after(10):
            if sent:
                await stream.send(sent)
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()


async def test_endless_headers_are_cut() -> None:
    async with Receiver() as server, await anyio.connect_tcp("127.0.0.1", server.receiver.port) as stream:
        with anyio.fail_after(10):
            with contextlib.suppress(anyio.BrokenResourceError):
                await stream.send(HALF_A_REQUEST + b"X: " + b"x" * (2 * bounded_server.MAX_HEADER_BYTES))
            assert b" 400 " in await stream.receive()


async def test_a_connection_carries_one_request() -> None:
    """One that is kept alive would hold a descriptor for nothing."""
    async with Receiver() as server, await anyio.connect_tcp("127.0.0.1", server.receiver.port) as stream:
        with anyio.fail_after(10):
            await stream.send(b"POST /hooks/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            said = b"".join([some async for some in stream])  # until it is closed
    assert said.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in said.lower()


async def test_errors_of_accepting_are_told_once_a_minute_and_others_as_ever(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio reports "too many open files" at every try, with its traceback: a stranger would decide how long the log gets."""
    now = [1000.0]
    monkeypatch.setattr("animatic.krea.bounded_server.time.monotonic", lambda: now[0])
    loop = asyncio.get_running_loop()
    with socket.socket() as listener, caplog.at_level(logging.WARNING), bounded_server._quiet_accepting(listener):
        for _ in range(100):
            loop.call_exception_handler({"message": "out of system resource", "exception": OSError(24, "too many"), "socket": listener})
        assert [record.getMessage() for record in caplog.records] == ["a callback could not be accepted: [Errno 24] too many"]
        assert caplog.records[0].exc_info is None
        now[0] += bounded_server.SECONDS_BETWEEN_COMPLAINTS
        loop.call_exception_handler({"message": "out of system resource", "exception": OSError(24, "too many"), "socket": listener})
        assert len(caplog.records) == 2
        loop.call_exception_handler({"message": "something else broke"})
        assert (len(caplog.records), caplog.records[-1].name) == (3, "asyncio")


async def test_the_receiver_is_quiet_about_accepting() -> None:
    before = asyncio.get_running_loop().get_exception_handler()
    async with Receiver() as server:
        assert await server.post() == 204
        assert asyncio.get_running_loop().get_exception_handler() is not before
    assert asyncio.get_running_loop().get_exception_handler() is before


FEW_DESCRIPTORS = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
from animatic.krea.webhook import WebhookReceiver

async def main():
    async with WebhookReceiver("https://public.test", port=0) as receiver:
        receiver.register(sys.argv[1])
        print(receiver.port, flush=True)
        print(await receiver.wait_for(sys.argv[1], 60), flush=True)
        with open(sys.argv[2], "w") as file:
            print("the run goes on", file=file)

asyncio.run(main())
"""


def test_a_storm_of_slow_connections_takes_neither_the_descriptors_nor_the_log_nor_the_callback(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FEW_DESCRIPTORS, TOKEN, str(tmp_path / "written")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with contextlib.ExitStack() as stack:
            for _ in range(400):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                with contextlib.suppress(OSError):
                    connection.sendall(HALF_A_REQUEST)
            with httpx.Client(trust_env=False) as http:
                assert http.post(f"http://127.0.0.1:{port}/hooks/{TOKEN}", json=JOB).status_code == 204
            out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("j-1\n", "", 0)
    assert (tmp_path / "written").read_text() == "the run goes on\n"


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
