"""Counts requests to Prefect's API: a relay between a run and its server that passes every byte on, in a process of its own.

``python -m benchmarks.counting PORT`` prints its own port, and the number of requests so far for each line that it reads; it ends with its
input. What goes through websockets (the states of tasks, logs) is one request each.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator

HEAD = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) /\S* HTTP/1\.1\r\n")
"""How a request begins. A client that waits for each answer begins it with a write of its own."""
CHUNK = 1 << 16


def begins_request(chunk: bytes) -> bool:
    """Whether what a client has written at once begins a request: the body of one, or a frame of a websocket, does not."""
    return HEAD.match(chunk) is not None


class Relay:
    """Passes connections on to a port of this machine, and counts the requests in them."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.requests = 0

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side ends it."""
        try:
            behind, ahead = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass(reader, ahead, count=True), self._pass(behind, writer, count=False))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                self.requests += count and begins_request(chunk)
                writer.write(chunk)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()


class Counter:
    """A relay in a process of its own: ``url`` to give to a run, and how many requests have come through."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{self._line()}/api"

    def requests(self) -> int:
        """Return how many requests have come through so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def counting(port: int) -> Iterator[Counter]:
    """Count the requests to a Prefect server of this machine for as long as the block lasts."""
    command = [sys.executable, "-m", "benchmarks.counting", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Counter(process)  # leaving closes its input, which ends it


async def _main(target: int) -> None:
    relay = Relay(target)
    server = await asyncio.start_server(relay.connect, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        while await asyncio.to_thread(sys.stdin.readline):
            print(relay.requests, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(int(sys.argv[1])))
