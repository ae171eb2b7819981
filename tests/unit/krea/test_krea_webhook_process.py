"""``animatic webhook`` as a process: it wakes runs of other processes, and what goes wrong on the way changes nothing but speed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from animatic.krea import webhook_exchange
from animatic.krea.webhook_exchange import WebhookExchange
from animatic.krea.webhook_listener import WebhookListener, why_no_receiver

pytestmark = pytest.mark.anyio
TOKEN, OTHER = "0e164745ca739c099c6176489aa5a7a9", "b" * 32


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Process:
    """A receiver that was started from the command line."""

    url: str
    process: subprocess.Popen[str]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it; its exit code and all that it has said."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out + err


@contextlib.contextmanager
def receiving(*options: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "animatic", "webhook", "--json", *(options or ("--port", "0"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Process(json.loads(process.stdout.readline())["url"], process)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Process]:
    with receiving() as process:
        yield process


async def until(met: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def call(url: str, token: str, job_id: str = "j-1") -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.post(f"{url}/hooks/{token}", json={"job_id": job_id})).status_code


async def ask(url: str, tokens: object) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        return await http.post(f"{url}/listen", json={"tokens": tokens})


async def known(url: str, token: str, job_id: str = "j-1") -> None:
    """Call until the receiver knows the token, as one that a run has registered this instant."""
    async with asyncio.timeout(10):
        while await call(url, token, job_id) != 204:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


OTHER_RUN = """
import asyncio, sys
from animatic.krea.webhook_listener import WebhookListener

async def main():
    async with WebhookListener(sys.argv[1], on_callback=lambda token, job: None) as listener:
        print(listener.register(sys.argv[2]), flush=True)
        print(await listener.wait_for(sys.argv[2], 60), flush=True)

asyncio.run(main())
"""


async def test_a_run_in_another_process_is_woken_at_once(receiver: Process) -> None:
    command = [sys.executable, "-c", OTHER_RUN, receiver.url, TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:  # noqa: ASYNC220 (started, not waited for)
        assert other.stdout is not None
        assert other.stdout.readline() == f"{receiver.url}/hooks/{TOKEN}\n"
        await known(receiver.url, TOKEN)
        called = time.monotonic()
        assert await asyncio.to_thread(other.stdout.readline) == "j-1\n"
        assert time.monotonic() - called < 2.0
        assert other.wait(20) == 0


async def test_each_run_hears_its_own_callbacks_alone_and_each_of_them_once(receiver: Process) -> None:
    heard: dict[str, list[tuple[str, str]]] = {"one": [], "two": []}
    async with (
        WebhookListener(receiver.url, on_callback=lambda *said: heard["one"].append(said)) as one,
        WebhookListener(receiver.url, on_callback=lambda *said: heard["two"].append(said)) as two,
    ):
        for listener, token in ((one, "1" * 32), (two, "2" * 32), (two, "3" * 32)):
            listener.register(token)
        # Doubled, and in another order than they were registered.
        for token in ("3" * 32, "1" * 32, "3" * 32, "2" * 32):
            await known(receiver.url, token, f"job-{token[0]}")
        await until(lambda: len(heard["one"]) == 1 and len(heard["two"]) == 2)
        await asyncio.sleep(0.2)
        assert await two.wait_for("3" * 32, 0) == "job-3"
        assert await one.wait_for("3" * 32, 0) is None
    assert heard["one"] == [("1" * 32, "job-1")]
    assert sorted(heard["two"]) == [("2" * 32, "job-2"), ("3" * 32, "job-3")]


async def test_a_callback_between_two_questions_is_kept(receiver: Process) -> None:
    token = "c" * 32
    async with WebhookListener(receiver.url, on_callback=lambda *_: None) as first:  # a worker that dies
        first.register(token)
        await known(receiver.url, token)
    async with WebhookListener(receiver.url, on_callback=lambda *_: None) as second:  # and the one that takes its job up
        second.register(token)
        assert await second.wait_for(token, 10) == "j-1"


@pytest.mark.parametrize(
    "tokens",
    [None, "x", {}, ["short"], [7], [TOKEN, "g/" * 20], ["é" * 32], ["a" * 129], [f"{number:032x}" for number in range(1501)]],
    ids=["null", "text", "map", "short", "number", "slashes", "letters", "long", "many"],
)
async def test_questions_that_are_none_are_refused(receiver: Process, tokens: object) -> None:
    assert (await ask(receiver.url, tokens)).status_code == 400


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"[" * 30_000, "application/json", 400),
        (b"{", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * 70_000, "application/json", 413),
    ],
    ids=["deep", "torn", "text", "large"],
)
async def test_bodies_are_bounded(receiver: Process, content: bytes, kind: str, status: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{receiver.url}/listen", content=content, headers={"content-type": kind})
    assert answer.status_code == status


async def test_forged_callbacks_and_strangers_are_turned_away(receiver: Process) -> None:
    assert await call(receiver.url, OTHER) == 404
    for token in ("x", "%00", "é"):
        assert await call(receiver.url, token) == 404
    async with httpx.AsyncClient(trust_env=False, base_url=receiver.url) as http:
        assert (await http.get(f"/hooks/{OTHER}")).status_code == 405
        assert (await http.get("/")).status_code == 404


async def test_a_storm_of_slow_connections_keeps_no_callback_out(receiver: Process) -> None:
    token = "d" * 32
    async with WebhookListener(receiver.url, on_callback=lambda *_: None) as listener:
        listener.register(token)
        port = int(receiver.url.rpartition(":")[2])
        with contextlib.ExitStack() as stack:
            for _ in range(600):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                with contextlib.suppress(OSError):
                    connection.sendall(b"POST /listen HTTP/1.1\r\nHost: x\r\n")
            await known(receiver.url, token)
            assert await listener.wait_for(token, 20) == "j-1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_it_is_told_to_and_has_said_no_token(number: int) -> None:
    with receiving() as process:
        held = asyncio.ensure_future(ask(process.url, [TOKEN]))
        await known(process.url, TOKEN)
        assert (await held).json() == {"called": {TOKEN: "j-1"}}
        held = asyncio.ensure_future(ask(process.url, [OTHER]))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        code, said = await asyncio.to_thread(process.end, number)
        assert (code, said) == (0, "")
        assert time.monotonic() - began < 2.0
        assert (await held).json() == {"called": {}}


async def test_a_run_goes_on_without_the_receiver_and_finds_it_again() -> None:
    with receiving() as first:
        async with WebhookListener(
            first.url, on_callback=lambda *_: None, sleep=lambda seconds: asyncio.sleep(min(seconds, 0.1))
        ) as listener:
            listener.register(TOKEN)
            await asyncio.sleep(0.2)
            first.process.kill()
            first.process.wait()
            assert await listener.wait_for(TOKEN, 0.2) is None
            with receiving("--port", first.url.rpartition(":")[2]):
                await known(first.url, TOKEN)
                assert await listener.wait_for(TOKEN, 10) == "j-1"


def test_a_taken_port_is_said_and_nothing_else() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "animatic", "webhook", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


async def test_whoever_asks_whether_there_is_a_receiver_is_told(receiver: Process) -> None:
    assert await why_no_receiver(receiver.url) is None
    assert await why_no_receiver(f"{receiver.url}/elsewhere") == "something else answers there (404)"
    assert await why_no_receiver("http://127.0.0.1:9")
    page = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    assert await why_no_receiver("http://page.test", transport=page)


async def test_what_nobody_asks_for_any_more_is_forgotten_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_exchange, "MAX_TOKENS", 3)
    monkeypatch.setattr(webhook_exchange, "HOLD_SECONDS", 0.01)
    now = 0.0
    async with WebhookExchange("https://public.test/base", host="127.0.0.1", port=0, clock=lambda: now) as exchange:
        url = f"http://127.0.0.1:{exchange.port}/base"  # a proxy may pass its prefix on
        tokens = [str(number) * 32 for number in range(5)]
        assert (await ask(url, tokens)).json() == {"called": {}}
        assert [await call(url, token) for token in tokens] == [204, 204, 204, 404, 404]
        now += webhook_exchange.REMEMBERED_SECONDS + 1
        await ask(url, tokens[3:])
        assert [await call(url, token) for token in tokens] == [404, 404, 404, 204, 204]


class Answers(httpx.AsyncBaseTransport):
    """A receiver that answers as dictated, the last answer for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(await request.aread())["tokens"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return (
            httpx.Response(200, json=answer)
            if isinstance(answer, dict)
            else httpx.Response(answer[0], headers=answer[1], content=answer[2])
        )


@pytest.mark.parametrize(
    "nonsense",
    [
        httpx.ConnectError("down"),
        (404, {}, b""),
        (302, {"Location": "http://evil.test"}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"[" * 30_000),
        (200, {}, b"x" * 2_000_000),
        {"called": [1]},
        {"called": {OTHER: "j-9"}},
        {"called": {TOKEN: {"deep": 1}}},
        {"called": {TOKEN: "x" * 300}},
    ],
    ids=["down", "404", "redirect", "page", "deep", "endless", "list", "foreign token", "no id", "long id"],
)
async def test_nonsense_is_asked_again_ever_more_rarely_and_the_truth_still_heard(nonsense: Any) -> None:
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)
        await asyncio.sleep(0)

    heard: list[tuple[str, str]] = []
    transport = Answers(*[nonsense] * 8, {"called": {TOKEN: "j-1"}})
    async with WebhookListener(
        "http://hooks.test", on_callback=lambda *said: heard.append(said), sleep=sleep, transport=transport
    ) as listener:
        listener.register(TOKEN)
        assert await listener.wait_for(TOKEN, 10) == "j-1"
    assert heard == [(TOKEN, "j-1")]
    assert max(paused) > 10.0
    assert len(transport.asked) == 9


async def test_a_handler_that_fails_keeps_nothing_from_being_heard(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: str) -> None:
        raise RuntimeError("handler")

    transport = Answers({"called": {TOKEN: "j-1", OTHER: "j-2"}})
    async with WebhookListener("http://hooks.test", on_callback=fail, transport=transport) as listener:
        listener.register(TOKEN)
        listener.register(OTHER)
        assert await listener.wait_for(OTHER, 10) == "j-2"
    assert "handler" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("token", ["", "short", "g/" * 20])
async def test_weak_tokens_are_not_registered(token: str) -> None:
    async with WebhookListener("http://hooks.test", on_callback=lambda *_: None) as listener:
        with pytest.raises(ValueError, match="128 bits"):
            listener.register(token)
