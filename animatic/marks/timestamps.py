"""Has signatures time-stamped by a service (RFC 3161), so that they hold on when their certificate has ended.

The library that signs asks the service itself, but knows no proxies and waits long. It is given an address of this machine instead, at
which its question is taken and passed on under our rules.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from animatic.errors import ServiceError
from animatic.marks.exchange import UnansweredError, exchange

QUESTION, ANSWER = "application/timestamp-query", "application/timestamp-reply"
TRIES = 2
"""With their pauses and limits less than the 30 s for which the library waits."""
PAUSE_SECONDS = 1.0
_MOST_ASKED = 1 << 16
_LOOK_SECONDS = 0.01


class TimeStampError(ServiceError):
    """The time stamp service of ``provenance`` does not answer, or not with time stamps."""

    code = "timestamp"


class Question:
    """What the library asks for one signature. ``failure``: why the service gave no answer; None while it did."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.failure: str | None = None


class StampService:
    """A time stamp service at an address. Once it did not answer, it is asked only once for each further signature."""

    def __init__(self, url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url = url
        self._sleep = sleep
        self._tries = TRIES

    def answer(self, question: bytes) -> bytes:
        """Return what the service says to a question of the protocol. Raises UnansweredError."""
        tries = self._tries
        for left in reversed(range(tries)):
            try:
                answer = exchange(self.url, question, QUESTION)
            except UnansweredError as error:
                if left and error.again:
                    self._sleep(PAUSE_SECONDS)
                    continue
                self._tries = 1
                raise
            self._tries = TRIES
            return answer
        raise AssertionError("at least one try is made")

    @contextmanager
    def opened(self) -> Iterator[Question]:
        """Yield an address of this machine at which the service is asked, for one signature."""
        path = f"/{secrets.token_urlsafe(16)}"  # nobody else on this machine has anything stamped here
        with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
            question = Question(f"http://127.0.0.1:{server.server_port}{path}")
            server.RequestHandlerClass = _passing(self, path, question)
            thread = threading.Thread(target=server.serve_forever, args=(_LOOK_SECONDS,), name="time stamps", daemon=True)
            thread.start()
            try:
                yield question
            finally:
                server.shutdown()
                thread.join()


def _passing(service: StampService, path: str, question: Question) -> type[BaseHTTPRequestHandler]:
    class Passing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != path or not length.isdigit() or int(length) > _MOST_ASKED:
                self.send_error(404)
                return
            try:
                answer = service.answer(self.rfile.read(int(length)))
            except UnansweredError as error:
                question.failure = str(error)
                self.send_error(502)
                return
            question.failure = None
            self.send_response(200)
            self.send_header("Content-Type", ANSWER)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing: standard error is the run's."""

    return Passing
