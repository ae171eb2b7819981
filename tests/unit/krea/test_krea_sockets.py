"""What real sockets do to a submission: the exceptions that httpx makes of it fall on the right side of the table."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketStream

from animatic.krea import Job, KreaClient, LostAnswerError, NotSentError
from animatic.settings import Patience, Secret

pytestmark = pytest.mark.anyio
ANSWER = b'{"job_id": "j-1", "status": "queued", "created_at": "2026-11-21T10:00:00Z"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def server(handler: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    async def serve(stream: SocketStream) -> None:
        async with stream:
            await handler(stream)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        group.cancel_scope.cancel()


async def submit(url: str) -> Job:
    async with KreaClient(url, Secret("tok"), patience=Patience(post=0.3, get=0.3, outage=0)) as client:
        return await client.submit("/generate/video/xai/grok-video", {"prompt": "x"})


async def read_request(stream: SocketStream) -> None:
    data = b""
    while b'{"prompt"' not in data:
        data += await stream.receive()


async def test_an_answer_is_a_job() -> None:
    async def handler(stream: SocketStream) -> None:
        await read_request(stream)
        await stream.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)

    async with server(handler) as port:
        assert (await submit(f"http://127.0.0.1:{port}")).id == "j-1"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 20",
        HEAD + b"Content-Length: 9999\r\n\r\n" + ANSWER,
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"job',
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
    ids=["closed", "torn head", "torn body", "torn chunk", "bad encoding", "other protocol"],
)
async def test_a_connection_that_breaks_after_sending_is_a_doubt(answer: bytes) -> None:
    async def handler(stream: SocketStream) -> None:
        await read_request(stream)
        await stream.send(answer)

    async with server(handler) as port:
        with pytest.raises(LostAnswerError):
            await submit(f"http://127.0.0.1:{port}")


async def test_a_reset_after_sending_is_a_doubt() -> None:
    async def handler(stream: SocketStream) -> None:
        await read_request(stream)
        raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async with server(handler) as port:
        with pytest.raises(LostAnswerError):
            await submit(f"http://127.0.0.1:{port}")


async def test_silence_is_a_doubt_that_a_time_out_made() -> None:
    async def handler(stream: SocketStream) -> None:
        await read_request(stream)
        await anyio.sleep(5)

    async with server(handler) as port:
        with pytest.raises(LostAnswerError) as caught:
            await submit(f"http://127.0.0.1:{port}")
    assert caught.value.late


async def test_nobody_listening_is_not_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotSentError):
        await submit(f"http://127.0.0.1:{port}")


async def test_a_failed_handshake_is_not_sent() -> None:
    async def handler(stream: SocketStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with server(handler) as port:
        with pytest.raises(NotSentError):
            await submit(f"https://127.0.0.1:{port}")


async def test_an_unknown_host_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotSentError, match="not known"):
        await submit("http://krea.invalid")


async def test_a_proxy_that_refuses_the_tunnel_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(stream: SocketStream) -> None:
        assert (await stream.receive()).startswith(b"CONNECT api.krea.test:443 ")
        await stream.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    async with server(handler) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        with pytest.raises(NotSentError):
            await submit("https://api.krea.test")
