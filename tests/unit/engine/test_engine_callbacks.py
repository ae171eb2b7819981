"""A run that hears of callbacks through a receiver of its own process: it is woken by them, needs none of them, and pays no more."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from animatic.krea.webhook_exchange import WebhookExchange
from tests.unit.engine.studio import Studio, patient
from tests.unit.engine.test_engine_submission import ENDPOINT, intend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Sockets need a real clock."""
    return "asyncio"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens: a run that would listen itself is found out."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def call(url: str, job_id: str) -> None:
    async with asyncio.timeout(10), httpx.AsyncClient(trust_env=False) as http:
        while (await http.post(url, json={"job_id": job_id})).status_code != 204:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def complete_and_call(studio: Studio, token_url: str | None = None) -> None:
    """Let the job of the run end when it has been seen once and polls have become rare, and call back."""
    while not any(job.polls for job in studio.krea.jobs.values()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    job = next(iter(studio.krea.jobs.values()))
    studio.krea.complete(job)
    await call(token_url or job.webhook or "", job.id)


async def test_the_callback_wakes_a_run_that_would_look_again_in_a_minute(studio: Studio, taken: int) -> None:
    studio.patience = patient(poll=60)
    studio.krea.ends = ["running"]
    async with WebhookExchange("", host="127.0.0.1", port=0) as exchange:
        studio.settings = {"webhook_url": f"http://127.0.0.1:{exchange.port}", "webhook_port": taken}
        began = time.monotonic()
        calling = asyncio.ensure_future(complete_and_call(studio))
        assert await studio.render() is None
        await calling
    assert time.monotonic() - began < 20
    assert (studio.state(), studio.krea.counts["post"]) == ("delivered", 1)


async def test_the_callback_of_a_job_that_a_dead_run_submitted_wakes_the_run_that_waits_for_it(studio: Studio, taken: int) -> None:
    studio.patience = patient(poll=60)
    studio.krea.ends = ["running"]
    async with WebhookExchange("", host="127.0.0.1", port=0) as exchange:
        url = f"http://127.0.0.1:{exchange.port}"
        studio.settings = {"webhook_url": url, "webhook_port": taken}
        intent = await intend(studio)
        job = studio.krea.add(ENDPOINT, {})
        await studio.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how="answer")
        began = time.monotonic()
        calling = asyncio.ensure_future(complete_and_call(studio, f"{url}/hooks/{intent.token}"))
        assert await studio.render() is None
        await calling
    assert time.monotonic() - began < 20
    assert (studio.run.takes["dawn"].job_id, studio.krea.counts["post"]) == (job.id, 0)


async def test_a_forged_callback_ends_nothing(studio: Studio, taken: int) -> None:
    """One with the right token and another job, or too early, makes the run look once more at most."""
    studio.patience = patient(poll=0.5)
    studio.krea.ends = ["running"]
    async with WebhookExchange("", host="127.0.0.1", port=0) as exchange:
        studio.settings = {"webhook_url": f"http://127.0.0.1:{exchange.port}", "webhook_port": taken}

        async def forge() -> None:
            while not (ours := [job for job in studio.krea.jobs.values() if job.webhook]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await call(ours[0].webhook or "", "somebody-elses-job")
            await call(ours[0].webhook or "", ours[0].id)
            await asyncio.sleep(0.2)
            assert studio.runs[-1].takes == {}
            studio.krea.complete(ours[0])

        forging = asyncio.ensure_future(forge())
        assert await studio.render() is None
        await forging
    assert (studio.state(), studio.krea.counts["post"]) == ("delivered", 1)


async def test_no_receiver_and_no_port_to_listen_on_keep_no_run_from_going_on(
    studio: Studio, taken: int, caplog: pytest.LogCaptureFixture
) -> None:
    studio.patience = patient(poll=0.1)
    studio.settings = {"webhook_url": "http://127.0.0.1:9", "webhook_port": taken}
    assert await studio.render() is None
    assert (studio.state(), studio.krea.counts["post"]) == ("delivered", 1)
    assert f"cannot listen on 127.0.0.1:{taken}" in caplog.text
    assert "`animatic webhook`" in caplog.text
