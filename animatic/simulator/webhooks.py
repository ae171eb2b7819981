"""One call per job that names ``X-Webhook-URL``, when the job has ended; lost, doubled and early ones where faults say so."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from animatic.simulator.jobs import TERMINAL, Job
from animatic.simulator.replies import job_reply
from animatic.simulator.simulation import Simulation
from animatic.simulator.wire import full_reply

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 10


@asynccontextmanager
async def calling(simulation: Simulation, base: str) -> AsyncIterator[None]:
    """Call webhooks for as long as the block runs; jobs of an earlier process on the same folder included."""
    caller = _Caller(simulation, base)
    task = asyncio.create_task(caller.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Caller:
    def __init__(self, simulation: Simulation, base: str) -> None:
        self._simulation = simulation
        self._base = base
        self._decided: set[str] = set()
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        while True:
            for job in self._simulation.store.jobs_to_call():
                self._look(job)
            await asyncio.sleep(_LOOK_SECONDS)

    def _look(self, job: Job) -> None:
        simulation = self._simulation
        status = simulation.status(job)
        if job.id not in self._decided and status not in TERMINAL:
            self._decided.add(job.id)
            if simulation.strikes("webhook_early"):
                self._call(job, job_reply(job, status, ended_at=0, result=None, shape="urls"))
        if status in TERMINAL and simulation.store.claim_call(job.id):
            if simulation.strikes("webhook_lost"):
                return
            for _ in range(1 + simulation.strikes("webhook_doubled")):
                self._call(job, full_reply(simulation, job, self._base))

    def _call(self, job: Job, reply: dict[str, Any]) -> None:
        assert job.webhook is not None
        self._simulation.counts["webhook"] += 1
        task = asyncio.create_task(asyncio.to_thread(_post, job.webhook, json.dumps(reply).encode()))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


def _post(url: str, payload: bytes) -> None:
    """POST once. What comes back is not looked at, as nothing is known of repeats at Krea."""
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, payload, {"Content-Type": "application/json", "User-Agent": "animatic-simulator"})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        _LOG.warning("the webhook of %s could not be called: %s", parts.hostname, type(error).__name__)
    finally:
        connection.close()
