"""Jobs that were paid and make no take: found, followed, told in the manifest and to people, and counted in what was spent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from animatic.engine.decisions import OpenDoubt, ask_krea, find_doubt, list_doubts
from animatic.engine.run import Run
from animatic.errors import UsageError
from animatic.ledger import Failure, Intent
from animatic.plan import Plan
from animatic.settings import Secret
from tests.krea_double import Answer
from tests.unit.engine.studio import ONE, Studio

pytestmark = pytest.mark.anyio

GROK = "/generate/video/xai/grok-video"
PRICE = Decimal("0.2")


async def strays_of(studio: Studio) -> list[OpenDoubt]:
    (destination,) = studio.destinations
    async with studio.krea.client(studio.url, Secret(studio.token), studio.patience, False) as client:
        listed = await list_doubts((destination,), timing=studio.timing())
        return [one for one in await ask_krea(client, listed, destination, studio.clock()) if one.kind == "stray"]


async def spent(studio: Studio) -> Decimal:
    return (await studio.ledger.spending.on([studio.clock().date()])).totals.usd


async def give_up(studio: Studio, plan: Plan) -> Intent:
    """Leave a submission that others gave up, although its sender has only been frozen."""
    step = plan.step("dawn")
    intent = await studio.ledger.submissions.intend(
        fingerprint=step.fingerprint,
        attempt=1,
        model=step.request.model,
        endpoint=step.request.endpoint,
        pipeline="coast",
        step="dawn",
        run_id=plan.run_id,
        usd=PRICE,
        deadline_seconds=180,
        request=step.request.body,
    )
    assert intent is not None
    error = Failure(code="never_arrived", message="the process ended before an answer came")
    await studio.ledger.submissions.settle(step.fingerprint, 1, "never_arrived", usd=Decimal(0), error=error)
    return intent


async def test_an_answer_to_what_was_given_up_long_ago_is_a_stray_that_everybody_hears_of(studio: Studio) -> None:
    plan = await studio.plan()
    intent = await give_up(studio, plan)
    late = studio.krea.add(GROK, {"prompt": "Rooftops at dawn", "duration": 4})
    studio.krea.hidden.add(late.id)

    def thaw(run: Run) -> Run:
        async def sleep(seconds: float) -> None:
            if studio.krea.counts["post"] and late.id in studio.krea.hidden:  # the frozen process gets its answer
                studio.krea.hidden.discard(late.id)
                await studio.ledger.submissions.submitted(intent, late.id, created_at=late.created_at, how="answer")
            await run.timing.sleep(seconds)

        return replace(run, timing=replace(run.timing, sleep=sleep))

    assert await studio.render(plan, before=thaw) is None
    assert len(studio.krea.billed) == 2
    (stray,) = await strays_of(studio)
    assert stray.stray is not None
    assert (stray.stray.job_id, stray.usd, stray.submission.number) in {(late.id, PRICE, 1), ("job-2", PRICE, 2)}
    (told,) = studio.run.manifest.stray_jobs
    assert (told.job_id, told.usd) == (stray.stray.job_id, PRICE)
    assert "paid beside job" in told.why
    assert await spent(studio) == 2 * PRICE
    assert (await studio.ledger.spending.on([studio.clock().date()])).totals.open_usd == 0
    with pytest.raises(UsageError, match="waits for no decision"):
        find_doubt([stray], "dawn")


async def test_a_job_that_appears_after_its_submission_was_given_up_is_named(studio: Studio) -> None:
    studio.krea.answers, studio.krea.late_listing = ["500-after"], 160.0
    first = {"listing": 160.0}
    studio.krea.on_post = lambda _body: setattr(studio.krea, "late_listing", first.pop("listing", 0.0))
    studio.krea.polls_until_end = 30
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2
    (stray,) = await strays_of(studio)
    named = {stray.stray.job_id} if stray.stray else {job.id for job in stray.late}
    assert named == {"job-1"}
    assert [told.job_id for told in studio.run.manifest.stray_jobs] == ["job-1"]
    assert await spent(studio) == 2 * PRICE


async def test_a_job_that_nobody_claims_after_the_run_has_ended_is_named_as_a_late_one(studio: Studio) -> None:
    plan = await studio.plan()
    await give_up(studio, plan)
    assert await studio.render(plan) is None
    assert await strays_of(studio) == []
    assert studio.run.manifest.stray_jobs == ()
    late = studio.krea.add(GROK, {"prompt": "Rooftops at dawn", "duration": 4})
    late.created_at += timedelta(minutes=20)
    assert await strays_of(studio) == []
    assert await spent(studio) == PRICE
    late.created_at -= timedelta(minutes=20)
    for _ in range(2):
        (stray,) = await strays_of(studio)
        assert stray.stray is not None
        assert (stray.stray.job_id, stray.usd) == (late.id, PRICE)
        assert await spent(studio) == 2 * PRICE


async def test_a_submission_with_a_stray_and_a_job_that_may_be_its_own_is_named_once(studio: Studio) -> None:
    """Each of the two is named, in one question about one submission: its price is not told twice."""
    plan = await studio.plan()
    await give_up(studio, plan)
    assert await studio.render(plan) is None
    late = studio.krea.add(GROK, {"prompt": "Rooftops at dawn", "duration": 4})
    (stray,) = await strays_of(studio)
    assert (stray.job_id, stray.late) == (late.id, ())
    another = studio.krea.add(GROK, {"prompt": "Somebody else's", "duration": 4})
    (stray,) = await strays_of(studio)
    assert (stray.job_id, [job.id for job in stray.late]) == (late.id, [another.id])
    assert stray.reason.startswith("paid beside job job-1, which made the take; ")
    assert f"job {late.id} was taken for it, and Krea has made another one" in stray.reason


async def test_the_job_that_made_the_take_is_not_named_as_a_stray_where_another_one_may_be_its_own(studio: Studio) -> None:
    studio.krea.answers = ["500-after"]
    assert await studio.render() is None
    another = studio.krea.add(GROK, {"prompt": "Somebody else's", "duration": 4})
    (stray,) = await strays_of(studio)
    assert (stray.job_id, [job.id for job in stray.late]) == (None, [another.id])
    assert stray.reason == "job job-1 was taken for it, and Krea has made another one at that time"


async def test_a_stray_that_was_not_billed_is_none(studio: Studio) -> None:
    plan = await studio.plan()
    intent = await give_up(studio, plan)
    assert await studio.render(plan) is None
    studio.krea.ends = ["failed"]
    late = studio.krea.add(GROK, {"prompt": "Rooftops at dawn", "duration": 4})
    await studio.ledger.submissions.submitted(intent, late.id, created_at=late.created_at, how="answer")
    assert len(await list_doubts(studio.destinations, timing=studio.timing())) == 1
    late.polls = 5
    assert await strays_of(studio) == []
    assert await list_doubts(studio.destinations, timing=studio.timing()) == []
    assert await spent(studio) == PRICE


@pytest.mark.parametrize("answer", ["400", "401", "402", "410", "plan"])
async def test_a_job_behind_a_refusal_is_named(studio: Studio, answer: Answer) -> None:
    """A proxy repeats a POST, and the second one is refused."""
    studio.krea.answers = [answer]
    studio.krea.on_post = lambda body: studio.krea.add(GROK, dict(body))
    assert await studio.render() is not None
    (stray,) = await strays_of(studio)
    assert (stray.job_id, [job.id for job in stray.late], stray.usd) == (None, ["job-1"], PRICE)
    assert await spent(studio) == PRICE


@pytest.mark.parametrize("ended", ["refused", "given up"])
async def test_who_asks_for_doubts_makes_no_clip_of_a_job_that_may_be_a_stranger_s(studio: Studio, ended: str) -> None:
    """It was made at the time of a submission that failed, and no type speaks against it: what it gave is for a run to look at."""
    if ended == "refused":
        studio.krea.answers = ["402"]
        assert await studio.render() is not None
    else:
        await give_up(studio, await studio.plan())
    stranger = studio.krea.add("/generate/image/google/nano-banana-pro", {"prompt": "Somebody else's"})
    (stray,) = await strays_of(studio)
    assert [job.id for job in stray.late] == [stranger.id]
    assert await studio.render() is None
    assert studio.run.takes["dawn"].job_id != stranger.id


@pytest.mark.parametrize(("made_after", "named"), [(0.0, {"job-1"}), (3600.0, set())])
async def test_a_job_behind_a_busy_answer_is_named(studio: Studio, made_after: float, named: set[str]) -> None:
    """A proxy repeats a POST, and passes on the second answer."""
    studio.krea.answers = ["429"]

    def leave_job(body: dict[str, object]) -> None:
        if studio.krea.counts["post"] == 1:
            studio.krea.add(GROK, dict(body)).created_at += timedelta(seconds=made_after)

    studio.krea.on_post = leave_job
    assert await studio.render() is None
    assert studio.run.takes["dawn"].job_id == "job-2"
    assert {stray.stray.job_id for stray in await strays_of(studio) if stray.stray} == named


@pytest.mark.parametrize("shots", [ONE, ONE + "\n      - {id: long, prompt: Long, duration: 10}"])
async def test_a_further_job_beside_one_that_evidence_spoke_for_is_named(studio: Studio, shots: str) -> None:
    studio.declare(shots)
    studio.krea.always["Rooftops at dawn"], studio.krea.late_listing = "500-after", 40.0
    stranger = studio.krea.add(GROK, {"prompt": "of somebody else"})
    stranger.visible_at = stranger.created_at
    assert await studio.render() is None
    assert studio.run.takes["dawn"].job_id == stranger.id
    ours = next(job.id for job in studio.krea.jobs.values() if job.body["prompt"] == "Rooftops at dawn")
    # The other shot's job is listed as late, and so the run lasts long enough to see it.
    assert [told.job_id for told in studio.run.manifest.stray_jobs] == ([ours] if "long" in shots else [])
    await asyncio.sleep(60)
    (stray,) = await strays_of(studio)
    assert [job.id for job in stray.late] == [ours]
    assert f"job {stranger.id} was taken for it" in stray.reason
