"""Jobs of which Krea said that they failed or were cancelled, and that complete after all: none is billed without a word."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from animatic.engine.decisions import OpenDoubt, ask_krea, list_doubts
from animatic.engine.estimate import estimate
from animatic.errors import JobOpenError, KreaUnreachableError
from animatic.ledger import Ledger
from animatic.settings import Secret
from tests import virtual_time
from tests.krea_double import DoubleJob
from tests.unit.engine.studio import ONE, Studio

pytestmark = pytest.mark.anyio

PRICE = Decimal("0.20")
ENDS = pytest.mark.parametrize("end", ["failed", "cancelled"])


def say_at_first(studio: Studio, end: str, times: int) -> None:
    """Let Krea say so many times, whenever the first job is read, that it ended so; then, that it completed."""
    left = [end] * times
    studio.krea.polls_until_end = 0

    def said(method: str, job: DoubleJob) -> httpx.Response | None:
        if method != "GET" or job.id != "job-1" or not left:
            return None
        return httpx.Response(200, json={"job_id": job.id, "status": left.pop(), "created_at": job.created_at.isoformat(), "result": None})

    studio.krea.on_one = said


async def asked(studio: Studio) -> list[OpenDoubt]:
    """What `doubts` says once the process of the run has ended."""
    (there,) = studio.destinations
    ledger = Ledger(there.storage, clock=studio.clock, owner_alive=lambda _intent: False)
    destination = replace(there, ledger=ledger)
    client = studio.krea.client(studio.url, Secret(studio.token), studio.patience, False)
    async with client:
        return await ask_krea(client, await list_doubts((destination,), timing=studio.timing()), destination, studio.clock())


async def spent(studio: Studio) -> Decimal:
    return (await studio.ledger.spending.on([studio.clock().date()])).totals.usd


async def test_a_failed_job_that_completes_before_the_next_attempt_is_the_shot_s(studio: Studio) -> None:
    say_at_first(studio, "failed", 1)
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)
    assert [(attempt.status, attempt.usd) for attempt in studio.run.manifest.shot("dawn").record.attempts] == [("completed", PRICE)]
    assert await spent(studio) == studio.run.budget.spent == PRICE
    assert await asked(studio) == []


async def test_a_failed_job_that_completes_beside_the_next_attempt_is_named(studio: Studio) -> None:
    say_at_first(studio, "failed", 2)
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (2, 2)
    record = studio.run.manifest.shot("dawn").record
    assert [(attempt.job_id, attempt.status, attempt.usd) for attempt in record.attempts] == [
        ("job-1", "completed", PRICE),
        ("job-2", "completed", PRICE),
    ]
    (told,) = studio.run.manifest.stray_jobs
    assert (told.job_id, told.usd) == ("job-1", PRICE)
    assert studio.run.manifest.manifest().cost.billed_usd == 2 * PRICE
    assert await spent(studio) == 2 * PRICE
    (doubt,) = await asked(studio)
    assert (doubt.kind, doubt.usd) == ("stray", PRICE)


async def test_a_shot_whose_failed_job_completes_by_the_end_of_the_run_is_fetched_by_the_next(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", retries: 0}"))
    say_at_first(studio, "failed", 1)
    assert await studio.render() is not None
    (told,) = studio.run.manifest.stray_jobs
    assert (told.job_id, told.usd) == ("job-1", PRICE)
    assert f"animatic resume {studio.run.plan.run_id}" in told.why
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)
    assert await spent(studio) == PRICE


@ENDS
async def test_one_that_completes_after_the_run_is_named_by_doubts_and_fetched_by_the_next_run(studio: Studio, end: str) -> None:
    studio.declare(ONE.replace("}", ", retries: 0}"))
    say_at_first(studio, end, 2)
    assert await studio.render() is not None
    assert studio.run.manifest.stray_jobs == ()
    assert await spent(studio) == 0
    for _ in range(2):
        (doubt,) = await asked(studio)
        assert (doubt.kind, doubt.usd) == ("stray", PRICE)
        assert f"animatic resume {studio.run.plan.run_id}" in doubt.reason
        assert await spent(studio) == PRICE
    assert (await estimate(await studio.plan(), studio.ledger)).decisions["dawn"].action == "resume"
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)


@ENDS
async def test_one_that_completes_after_the_run_is_the_shot_s_though_nobody_asked(studio: Studio, end: str) -> None:
    studio.declare(ONE.replace("}", ", retries: 0}"))
    say_at_first(studio, end, 2)
    assert await studio.render() is not None
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)
    assert await spent(studio) == PRICE


async def test_a_failed_job_that_runs_on_is_waited_for_before_anything_else_is_paid(studio: Studio) -> None:
    say_at_first(studio, "failed", 1)
    studio.krea.polls_until_end = 20
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)


async def test_while_a_failed_job_runs_on_nothing_else_is_paid_for_its_shot(studio: Studio) -> None:
    studio.timeout = 20.0
    studio.krea.ends = ["uncancellable"]
    say_at_first(studio, "failed", 1)
    for _ in range(2):
        error = await studio.render()
        assert error is not None
        assert error.exit_code == 4
        assert isinstance(studio.run.state.errors["dawn"], JobOpenError)
    studio.krea.complete(studio.krea.jobs["job-1"])
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)
    assert await spent(studio) == PRICE


async def test_one_that_turns_out_to_be_of_no_use_waits_for_a_person(studio: Studio) -> None:
    say_at_first(studio, "failed", 1)
    studio.krea.downloads = ["still"] * 3
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 5
    assert studio.krea.counts["post"] == 1
    (doubt,) = await asked(studio)
    assert (doubt.kind, doubt.usd) == ("unclear_result", PRICE)


async def test_what_stays_failed_is_made_anew_and_costs_nothing(studio: Studio) -> None:
    studio.krea.ends = ["failed", "failed", "completed"]
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 3
    assert studio.run.manifest.stray_jobs == ()
    assert await asked(studio) == []
    assert await spent(studio) == PRICE


async def test_a_failed_job_that_cannot_be_read_again_keeps_no_further_attempt_back(studio: Studio) -> None:
    studio.krea.ends = ["failed", "completed"]
    reads = {"job-1": 0}

    def unreadable(method: str, job: DoubleJob) -> httpx.Response | None:
        if method != "GET" or job.id != "job-1":
            return None
        reads["job-1"] += 1
        return httpx.Response(500) if reads["job-1"] > 2 else None

    studio.krea.on_one = unreadable
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2


async def test_doubts_wait_for_an_outage_of_krea_once(studio: Studio) -> None:
    studio.declare("".join(f"- {{id: s{number}, prompt: Shot {number}, duration: 4, retries: 0}}\n      " for number in range(3)))
    studio.krea.ends = ["failed"] * 3
    assert await studio.render() is not None
    studio.krea.on_one = lambda _method, _job: httpx.Response(503)
    began = virtual_time.monotonic()
    with pytest.raises(KreaUnreachableError):
        await asked(studio)
    assert virtual_time.monotonic() - began < 1.1 * studio.patience.outage


async def test_a_run_that_ended_for_an_outage_of_krea_waits_for_no_second_one(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", retries: 0}") + "\n      - {id: other, prompt: Other, duration: 4, retries: 0}")
    studio.krea.polls_until_end = 0
    studio.krea.ends = ["failed", "running"]
    reads: list[float] = []

    def away(_method: str, job: DoubleJob) -> httpx.Response | None:
        if job.id == "job-1":
            reads.append(virtual_time.monotonic())
        return None if len(reads) == 1 and job.id == "job-1" else httpx.Response(503)

    studio.krea.on_one = away
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 6
    assert len(reads) == 1
