"""How jobs end, and what a run makes of it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from animatic.catalog import Catalog
from animatic.engine.decided import with_decisions
from animatic.engine.decisions import adopt_job, allow_resubmission, find_doubt, list_doubts
from animatic.engine.estimate import estimate
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import plan_retake
from animatic.engine.wait import cancel_running
from animatic.errors import JobFailedError, JobOpenError, JobTimeoutError, ShotError, UnclearResultError, UsageError
from animatic.krea import Job
from animatic.ledger import Intent
from animatic.plan import Step, fingerprint_of
from tests import virtual_time
from tests.unit.engine.studio import CHAIN, ONE, Studio, patient

pytestmark = pytest.mark.anyio


async def test_moderated_jobs_are_not_repeated(studio: Studio) -> None:
    studio.krea.ends = ["moderated"]
    error = await studio.render()
    assert isinstance(error, ShotError)
    assert isinstance(studio.run.state.errors["dawn"], JobFailedError)
    assert studio.krea.counts["post"] == 1
    attempt = studio.run.manifest.shot("dawn").record.attempts[0]
    assert (attempt.status, attempt.usd) == ("failed", Decimal(0))


@pytest.mark.parametrize(
    ("ends", "retries", "posts"),
    [
        (["output-refused", "completed"], 2, 2),
        (["output-refused", "output-refused", "completed"], 5, 2),
        (["output-refused", "completed"], 0, 1),
        (["failed", "output-refused", "completed"], 1, 2),
        (["output-refused", "failed", "completed"], 2, 3),
    ],
)
async def test_a_result_that_moderation_refused_is_made_once_more(studio: Studio, ends: list[str], retries: int, posts: int) -> None:
    """It differs from one attempt to the next, and so does the verdict; ``retries`` holds as well."""
    studio.declare(ONE.replace("}", f", retries: {retries}}}"))
    studio.krea.ends = list(ends)
    error = await studio.render()
    assert (error is None) == (ends[posts - 1] == "completed")
    assert studio.krea.counts["post"] == posts
    attempts = studio.run.manifest.shot("dawn").record.attempts
    told = [attempt.error.message for attempt, end in zip(attempts, ends, strict=False) if end == "output-refused" and attempt.error]
    assert told
    assert all("moderation refused what came of it" in message for message in told)
    if error is not None and "failed" not in ends:
        assert "moderated" in error.message


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


@pytest.mark.parametrize("end", ["nested", "several"])
async def test_a_result_is_taken_from_wherever_it_stands(studio: Studio, end: str) -> None:
    studio.krea.ends = [end]
    studio.krea.downloads = ["still", "clip"] if end == "several" else ["clip"]
    assert await studio.render() is None
    assert studio.state() == "delivered"
    assert studio.krea.counts["post"] == 1
    step = await studio.step()
    take = await studio.ledger.takes.get(step.fingerprint)
    assert take is not None
    assert take.result_urls[0] == "https://krea.test/files/job-1"


async def test_of_several_addresses_none_holds_what_the_shot_should_be(studio: Studio) -> None:
    studio.krea.ends = ["several"]
    studio.krea.downloads = ["still", "still"]
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 5
    assert "should be a clip" in studio.run.state.errors["dawn"].message


async def test_an_address_that_was_sent_is_no_result(studio: Studio) -> None:
    studio.declare("- {id: dawn, prompt: Dawn, duration: 4, start_image: 'https://example.com/first.png'}")
    studio.krea.ends = ["empty"]
    studio.krea.on_post = lambda _body: asyncio.get_running_loop().call_later(
        1, lambda: studio.krea.jobs["job-1"].outcome.update(result={"frame": "https://example.com/first.png"})
    )
    assert isinstance(await studio.render(), UnclearResultError)


async def test_a_result_that_comes_after_the_end_is_waited_for(studio: Studio) -> None:
    studio.krea.ends = ["empty"]
    studio.krea.on_post = lambda _body: asyncio.get_running_loop().call_later(12, lambda: studio.krea.complete(studio.krea.jobs["job-1"]))
    assert await studio.render() is None
    assert studio.state() == "delivered"
    assert studio.krea.counts["post"] == 1


async def intended(studio: Studio, step: Step, attempt: int) -> Intent:
    """What another process wrote before its POST."""
    intent = await studio.ledger.submissions.intend(
        fingerprint=step.fingerprint,
        attempt=attempt,
        model=step.request.model,
        endpoint=step.request.endpoint,
        pipeline="coast",
        step=step.key,
        run_id="20261125-120000-abcd",
        usd=step.request.price.usd,
        deadline_seconds=60,
    )
    assert intent is not None
    return intent


FALLBACK = ONE.replace("}", ", retries: 2, fallback: [{model: kling/kling-2.5, duration: 5, resolution: null}]}")


async def test_a_result_that_is_not_understood_is_not_paid_for_again(studio: Studio) -> None:
    studio.declare(FALLBACK)
    studio.krea.ends = ["empty"]
    for _ in range(2):
        error = await studio.render()
        assert isinstance(error, UnclearResultError)
        assert (error.exit_code, error.code) == (5, "unclear_result")
        assert "job job-1 completed and was billed" in error.message
        assert "animatic resume" in (error.hint or "")
        assert "animatic retake coast dawn" in (error.hint or "")
        record = studio.run.manifest.shot("dawn").record
        assert (record.state, record.job_id, record.error and record.error.code) == ("in_doubt", "job-1", "unclear_result")
        assert [(attempt.status, attempt.job_id) for attempt in record.attempts] == [("completed", "job-1")]
        assert all(attempt.usd for attempt in record.attempts)
    assert studio.krea.counts["post"] == 1
    spending = await studio.ledger.spending.on([studio.clock().date()])
    assert spending.totals.usd == studio.run.plan.steps[0].request.price.usd
    decision = (await estimate(await studio.plan(), studio.ledger)).decisions["dawn"]
    assert (decision.action, "job-1" in decision.reason) == ("resume", True)


async def test_a_result_that_is_understood_later_is_delivered_by_the_next_run(studio: Studio) -> None:
    studio.krea.ends = ["empty"]
    assert isinstance(await studio.render(), UnclearResultError)
    studio.krea.complete(studio.krea.jobs["job-1"])
    assert await studio.render() is None
    assert studio.state() == "delivered"
    assert studio.krea.counts["post"] == 1
    assert await list_doubts(studio.destinations, timing=studio.timing()) == []


async def test_an_earlier_job_whose_result_was_not_understood_comes_before_a_further_attempt(studio: Studio) -> None:
    studio.krea.ends = ["empty"]
    assert isinstance(await studio.render(), UnclearResultError)
    step = await studio.step()
    # As the version before left it: a further attempt after the empty one.
    await intended(studio, step, 2)
    await studio.ledger.submissions.settle(step.fingerprint, 2, "unsent", usd=Decimal(0))
    studio.krea.complete(studio.krea.jobs["job-1"])
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1


async def test_a_result_that_is_not_understood_is_in_doubt_until_a_person_pays_again(studio: Studio) -> None:
    studio.krea.ends = ["empty"]
    assert isinstance(await studio.render(), UnclearResultError)
    doubts = await list_doubts(studio.destinations, timing=studio.timing())
    assert [(doubt.kind, doubt.usd) for doubt in doubts] == [("unclear_result", studio.run.plan.steps[0].request.price.usd)]
    assert "its result was not understood" in doubts[0].reason
    shot = studio.run.manifest.shot("dawn").record
    assert (shot.state, shot.job_id, shot.usd) == ("in_doubt", "job-1", shot.attempts[0].usd) == ("in_doubt", "job-1", doubts[0].usd)
    with pytest.raises(UsageError, match="job-1"):
        await adopt_job(find_doubt(doubts, "dawn"), Job(id="job-2", status="completed", created_at=studio.clock()))
    await allow_resubmission(find_doubt(doubts, "dawn"))
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2
    (stray,) = await list_doubts(studio.destinations, timing=studio.timing())
    assert (stray.kind, stray.reason) == ("stray", "paid beside job job-2, which made the take")
    spending = await studio.ledger.spending.on([studio.clock().date()])
    assert spending.totals.usd == 2 * (studio.run.plan.steps[0].request.price.usd or 0)


@pytest.mark.parametrize("days", [1, 5000])
async def test_doubts_of_a_machine_whose_clock_is_ahead_are_listed_at_once(studio: Studio, days: int) -> None:
    studio.krea.ends = ["empty"]
    studio.offset = timedelta(days=days)
    assert isinstance(await studio.render(), UnclearResultError)
    step = await studio.step()
    await intended(studio, step, 2)
    await studio.ledger.submissions.doubt(step.fingerprint, 2, "two jobs fit", ["a", "b"])
    studio.offset = timedelta(0)
    doubts = await list_doubts(studio.destinations, timing=studio.timing())
    assert {doubt.kind for doubt in doubts} == {"unclear_result", "lost_answer"}


async def test_a_retake_ends_the_doubt_about_a_result(studio: Studio) -> None:
    studio.krea.ends = ["empty"]
    assert isinstance(await studio.render(), UnclearResultError)
    spec = pipeline_named(studio.declaration, None)
    retake = await plan_retake(studio.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="dawn", changes={}, timing=studio.timing())
    assert await studio.render(retake.plan) is None
    assert studio.krea.counts["post"] == 2
    (stray,) = await list_doubts(studio.destinations, timing=studio.timing())
    assert (stray.kind, stray.reason) == ("stray", "take 2 was made instead")
    assert [(told.job_id, told.usd) for told in studio.run.manifest.stray_jobs] == [("job-1", stray.usd)]


async def test_a_run_that_goes_on_after_a_retake_takes_that_and_pays_for_nothing_again(studio: Studio) -> None:
    """Its page advises both to go on with it and to retake: who does one after the other pays once."""
    studio.declare(CHAIN)
    studio.krea.ends = ["empty"]
    begun = await studio.plan()
    assert isinstance(await studio.render(begun), UnclearResultError)
    spec = pipeline_named(studio.declaration, None)
    changes = {"prompt": "Rooftops at dusk"}
    retake = await plan_retake(
        studio.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="dawn", changes=changes, timing=studio.timing()
    )
    assert await studio.render(retake.plan) is None
    posts = studio.krea.counts["post"]
    assert await studio.render(await with_decisions(begun, studio.ledger, Catalog.load())) is None
    assert studio.krea.counts["post"] == posts
    shots = {shot.id: (shot.state, shot.take, shot.job_id) for shot in studio.run.manifest.manifest().shots}
    assert shots == {"dawn": ("reused", 2, "job-2"), "surf": ("reused", 1, "job-3")}
    # The run of the retake makes its own take, whatever counts.
    assert await with_decisions(retake.plan, studio.ledger, Catalog.load()) == retake.plan


async def test_a_retake_ends_the_doubt_about_a_result_beside_which_another_take_was_picked(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", takes: 3}"))
    studio.krea.ends = ["empty"]
    assert isinstance(await studio.render(), UnclearResultError)
    step = await studio.step()
    await studio.ledger.selections.select(step.base, 3, fingerprint_of(step.base, 3), "approved by mara")
    spec = pipeline_named(studio.declaration, None)
    retake = await plan_retake(studio.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="dawn", changes={}, timing=studio.timing())
    assert await studio.render(retake.plan) is None
    (stray,) = await list_doubts(studio.destinations, timing=studio.timing())
    assert (stray.kind, stray.reason) == ("stray", "take 4 was made instead")
    assert [(told.job_id, told.usd) for told in studio.run.manifest.stray_jobs] == [("job-1", stray.usd)]


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


async def test_while_a_job_may_run_nothing_else_is_paid_for_its_shot(studio: Studio) -> None:
    studio.declare(FALLBACK)
    studio.timeout = 20.0
    studio.krea.ends = ["uncancellable"]
    for _ in range(2):
        error = await studio.render()
        assert error is not None
        assert error.exit_code == 4
        failure = studio.run.state.errors["dawn"]
        assert isinstance(failure, JobOpenError)
        assert failure.code == "timeout"
        assert "Krea does not say that it was cancelled, so it may still be billed" in failure.message
        assert f"animatic resume {studio.run.plan.run_id}" in (failure.hint or "")
        submissions = await studio.ledger.submissions.of(studio.run.plan.steps[0].fingerprint)
        assert [(submission.state, submission.waits_for_job) for submission in submissions] == [("submitted", True)]
    assert studio.krea.counts["post"] == 1
    spending = await studio.ledger.spending.on([studio.clock().date()])
    assert spending.totals.open_usd == studio.run.plan.steps[0].request.price.usd
    decision = (await estimate(await studio.plan(), studio.ledger)).decisions["dawn"]
    assert (decision.action, "waits for job job-1" in decision.reason) == ("resume", True)
    studio.krea.complete(studio.krea.jobs["job-1"])
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1


async def test_a_job_that_outlived_its_timeout_gets_the_time_again_in_the_next_run(studio: Studio) -> None:
    studio.timeout = 20.0
    studio.krea.ends = ["uncancellable"]
    assert await studio.render() is not None
    asyncio.get_running_loop().call_later(15, lambda: studio.krea.complete(studio.krea.jobs["job-1"]))
    assert await studio.render() is None
    assert (studio.krea.counts["post"], studio.krea.counts["cancel"]) == (1, 1)


async def test_a_job_that_was_cancelled_makes_way_for_the_fallback(studio: Studio) -> None:
    studio.declare(FALLBACK)
    studio.timeout = 20.0
    studio.krea.ends = ["running", "completed"]
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2


@pytest.mark.parametrize(("end", "posts"), [("completed", 1), ("running", 1), ("failed", 2), ("cancelled", 2)])
async def test_a_job_that_an_older_version_settled_too_early_is_still_ours(studio: Studio, end: str, posts: int) -> None:
    studio.declare(ONE.replace("}", ", retries: 1}"))
    studio.timeout = 20.0
    studio.krea.ends = ["uncancellable"]
    await studio.render()
    step = await studio.step()
    await studio.ledger.submissions.settle(step.fingerprint, 1, "timed_out", usd=None, job_id="job-1")
    job = studio.krea.jobs["job-1"]
    match end:
        case "completed":
            studio.krea.complete(job)
        case "failed" | "cancelled":
            job.status, job.outcome = end, {"status": end}
    decision = (await estimate(await studio.plan(), studio.ledger)).decisions["dawn"]
    assert "waits for job job-1" in decision.reason
    for _ in range(2):
        await studio.render()
    assert studio.krea.counts["post"] == posts


async def test_a_late_answer_whose_job_failed_makes_way_for_another(studio: Studio) -> None:
    studio.declare(ONE.replace("}", ", retries: 1}"))
    studio.krea.ends = ["failed", "completed"]
    step = await studio.step()
    intent = await intended(studio, step, 1)
    job = studio.krea.add(step.request.endpoint, {})
    await studio.ledger.submissions.settle(step.fingerprint, 1, "never_arrived", usd=Decimal(0))
    await studio.ledger.submissions.submitted(intent, job.id, created_at=None, how="answer")
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1


async def test_a_job_that_krea_lost_is_not_sent_again(studio: Studio) -> None:
    studio.declare(FALLBACK)
    studio.krea.hidden = {"job-1"}
    for _ in range(2):
        error = await studio.render()
        assert error is not None
        assert error.exit_code == 4
        failure = studio.run.state.errors["dawn"]
        assert isinstance(failure, JobOpenError)
        assert (failure.code, failure.message) == ("job_lost", "Krea no longer knows job job-1, which may have been billed")
        assert error.hint == failure.hint  # it says what may be billed, and what goes on
        assert "animatic retake coast dawn" in (failure.hint or "")
    assert studio.krea.counts["post"] == 1
    studio.krea.hidden = set()
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1


async def test_an_interrupted_run_leaves_what_krea_does_not_cancel_to_the_next(studio: Studio) -> None:
    studio.krea.ends = ["uncancellable"]
    rendering = asyncio.ensure_future(studio.render())
    while not (studio.runs and studio.run.state.running):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert await cancel_running(studio.run) == 0
    studio.krea.complete(studio.krea.jobs["job-1"])
    rendering.cancel()
    await asyncio.wait([rendering])
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)


NO_CANCELS = [
    httpx.Response(302, headers={"location": "/elsewhere"}),
    httpx.Response(402, json={"error": "insufficient balance"}),
    httpx.Response(403, json={"error": "forbidden"}),
    httpx.Response(409, json={"error": "running"}),
    httpx.Response(500),
    httpx.Response(401, json={"message": "Unauthorized"}),
]
"""Answers to a cancelling request that do not say that the job is cancelled."""


@pytest.mark.parametrize("answer", NO_CANCELS, ids=lambda answer: str(answer.status_code))
async def test_a_job_that_krea_does_not_cancel_ends_no_interrupted_run_otherwise(studio: Studio, answer: httpx.Response) -> None:
    studio.declare(ONE + "\n      - {id: other, prompt: Other, duration: 4}")
    studio.krea.ends = ["uncancellable", "running"]
    studio.krea.on_one = lambda method, job: answer if method == "DELETE" and job.id == "job-1" else None
    rendering = asyncio.ensure_future(studio.render())
    while not (studio.runs and len(studio.run.state.running) == 2):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    began = virtual_time.monotonic()
    assert await cancel_running(studio.run) == 1  # the other one
    assert virtual_time.monotonic() - began < 60
    rendering.cancel()
    await asyncio.wait([rendering])
    studio.krea.on_one = lambda _method, _job: None
    for job in studio.krea.jobs.values():
        if job.status != "cancelled":
            studio.krea.complete(job)
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2  # the one that ran on, and the other one anew


async def test_a_job_that_outlives_its_timeout_while_krea_does_not_cancel_stays_open(studio: Studio) -> None:
    studio.declare(FALLBACK)
    studio.timeout = 20.0
    studio.krea.ends = ["uncancellable"]
    studio.krea.on_one = lambda method, _job: httpx.Response(500) if method == "DELETE" else None
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 4
    assert isinstance(studio.run.state.errors["dawn"], JobOpenError)
    assert studio.krea.counts["post"] == 1


@pytest.mark.parametrize("stranger", [True, False], ids=["known at Krea", "unknown"])
@pytest.mark.parametrize("status", ["completed", "failed"])
async def test_an_answer_about_another_job_is_no_answer_about_ours(studio: Studio, status: str, stranger: bool) -> None:
    """Neither is that job's clip the shot's, nor does its failure let the shot be paid for again."""
    if stranger:
        studio.krea.add("/generate/video/kling/kling-2.5", {"prompt": "somebody else's"})
    result = {"urls": ["https://krea.test/files/job-9?sig=secret"]} if status == "completed" else None
    shown = {"job_id": "job-1" if stranger else "job-9", "status": status, "created_at": studio.clock().isoformat(), "result": result}
    answers = [httpx.Response(200, json=shown)] * 3
    ours = "job-2" if stranger else "job-1"
    studio.krea.on_one = lambda _method, job: answers.pop() if answers and job.id == ours else None
    assert await studio.render() is None
    assert studio.run.manifest.shot("dawn").record.job_id == ours
    assert studio.krea.counts["post"] == 1


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(410, json={"error": "gone"}), httpx.Response(400, json={"error": "bad"}), httpx.Response(302), httpx.Response(500)],
)
async def test_a_job_that_cannot_be_read_stays_open_and_no_fallback_starts(studio: Studio, answer: httpx.Response) -> None:
    studio.declare(FALLBACK + "\n      - {id: other, prompt: Other, duration: 4}")
    studio.patience = patient(outage=30.0)
    studio.timeout = 2000.0
    studio.krea.polls_until_end = 60
    studio.krea.on_one = lambda _method, job: answer if job.body["prompt"] != "Other" else None
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 4
    assert studio.state("other") == "delivered"
    failure = studio.run.state.errors["dawn"]
    assert isinstance(failure, JobOpenError)
    assert failure.code == ("job_lost" if answer.status_code == 410 else "job_unreadable")
    assert f"animatic resume {studio.run.plan.run_id}" in (failure.hint or "")
    assert studio.krea.counts["post"] == 2
    studio.krea.on_one = lambda _method, _job: None
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2


async def test_an_interrupted_run_can_cancel_what_it_waits_for(studio: Studio) -> None:
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
