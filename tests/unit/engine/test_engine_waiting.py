"""How jobs end, and what a run makes of it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from animatic.engine.wait import cancel_running
from animatic.errors import JobFailedError, JobTimeoutError, ShotError
from tests.unit.engine.studio import ONE, Studio, patient

pytestmark = pytest.mark.anyio


async def test_moderated_jobs_are_not_repeated(studio: Studio) -> None:
    studio.krea.ends = ["moderated"]
    error = await studio.render()
    assert isinstance(error, ShotError)
    assert isinstance(studio.run.state.errors["dawn"], JobFailedError)
    assert studio.krea.counts["post"] == 1
    attempt = studio.run.manifest.shot("dawn").record.attempts[0]
    assert (attempt.status, attempt.usd) == ("failed", Decimal(0))


async def test_failed_jobs_are_repeated_as_often_as_the_shot_says(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", retries: 2}"))
    studio.krea.ends = ["failed", "failed", "completed"]
    assert await studio.render() is None
    assert [attempt.status for attempt in studio.run.manifest.shot("dawn").record.attempts] == ["failed", "failed", "completed"]


async def test_the_last_failure_is_the_shots(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", retries: 1}"))
    studio.krea.ends = ["failed", "failed", "completed"]
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 4
    assert "worker was lost" in error.message
    assert studio.krea.counts["post"] == 2


async def test_an_empty_result_counts_as_spent_and_is_repeated(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", retries: 1}"))
    studio.krea.ends = ["empty", "empty"]
    error = await studio.render()
    assert isinstance(error, ShotError)
    attempts = studio.run.manifest.shot("dawn").record.attempts
    assert [attempt.status for attempt in attempts] == ["completed", "completed"]
    assert all(attempt.usd for attempt in attempts)


async def test_a_cancelled_job_is_not_repeated_by_the_run_but_by_the_next(studio: Studio) -> None:
    studio.krea.ends = ["cancelled"]
    assert isinstance(await studio.render(), ShotError)
    assert studio.krea.counts["post"] == 1
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2


async def test_a_job_that_outlives_its_timeout_is_cancelled_and_costs_nothing(studio: Studio) -> None:
    studio.timeout = 0.2
    studio.krea.ends = ["running"]
    await studio.render()
    assert isinstance(studio.run.state.errors["dawn"], JobTimeoutError)
    assert "was cancelled" in studio.run.state.errors["dawn"].message
    assert studio.krea.counts["cancel"] == 1
    assert studio.run.manifest.shot("dawn").record.attempts[0].usd == 0
    assert studio.run.budget.spent == 0


async def test_a_job_that_completes_while_it_is_cancelled_is_delivered(studio: Studio) -> None:
    studio.timeout = 0.2
    studio.krea.ends = ["finishes-on-cancel"]
    assert await studio.render() is None
    assert studio.state() == "delivered"
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)


async def test_a_job_that_cannot_be_cancelled_may_be_billed_and_is_delivered_by_the_next_run(
    studio: Studio,
) -> None:
    studio.timeout = 0.2
    studio.krea.ends = ["uncancellable"]
    await studio.render()
    assert "may still be billed" in studio.run.state.errors["dawn"].message
    spending = await studio.ledger.spending.on([studio.clock().date()])
    assert spending.totals.usd == studio.run.plan.steps[0].request.price.usd
    studio.krea.complete(studio.krea.jobs["job-1"])
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1


async def test_a_job_that_krea_lost_is_not_sent_again(studio: Studio) -> None:
    studio.krea.hidden = {"job-1"}
    for _ in range(2):
        error = await studio.render()
        assert error is not None
        assert error.exit_code == 4
        assert studio.run.state.errors["dawn"].message == "Krea no longer knows job job-1"
        assert "animatic retake coast dawn" in (studio.run.state.errors["dawn"].hint or "")
    assert studio.krea.counts["post"] == 1


async def test_an_interrupted_run_can_cancel_what_it_waits_for(studio: Studio) -> None:
    import asyncio

    studio.krea.ends = ["running"]
    plan = await studio.plan()
    rendering = asyncio.ensure_future(studio.render(plan))
    while not (studio.runs and studio.run.state.running):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert await cancel_running(studio.run) == 1
    await rendering
    attempts = await studio.ledger.submissions.of(plan.steps[0].fingerprint)
    assert attempts[0].settled is not None
    assert (attempts[0].settled.outcome, attempts[0].settled.usd) == ("cancelled", Decimal(0))


async def test_an_outage_while_waiting_exits_with_6_and_is_taken_up_later(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    studio.patience = patient(outage=0.2)
    krea = studio.krea
    answer = krea._one
    krea.polls_until_end = 3

    def fail(method: str, job_id: str) -> httpx.Response:
        return httpx.Response(503, json={"error": "down"})

    monkeypatch.setattr(krea, "_one", fail)
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 6
    monkeypatch.setattr(krea, "_one", answer)
    assert await studio.render(studio.run.plan) is None
    assert krea.counts["post"] == 1


async def test_the_manifest_names_every_attempt_and_what_it_cost(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", retries: 1}"))
    studio.krea.ends = ["failed", "completed"]
    await studio.render()
    manifest = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())
    assert [(attempt["status"], attempt["usd"] > 0) for attempt in manifest["shots"][0]["attempts"]] == [
        ("failed", False),
        ("completed", True),
    ]
    assert manifest["cost"]["billed_usd"] == pytest.approx(float(studio.run.budget.spent))
