"""What is paid for, and what is not: the submission protocol against a Krea that loses answers and refuses."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from animatic.engine.history import open_destination
from animatic.engine.progress import ShotProgress
from animatic.engine.run import Run
from animatic.engine.windows import was_perhaps_not_sent
from animatic.errors import InDoubtError, KreaRefusedError, KreaUnreachableError, OutOfCreditsError, OverBudgetError, ShotError, UsageError
from animatic.krea import NotSentError
from animatic.ledger import Intent, Ledger
from animatic.ledger.owner import identity
from tests import virtual_time
from tests.krea_double import Answer
from tests.present import present
from tests.unit.engine.studio import CHAIN, ONE, Studio, patient

pytestmark = pytest.mark.anyio

ENDPOINT = "/generate/video/xai/grok-video"


async def intend(studio: Studio, *, ago: float = 1.0, pid: int | None = None, host: str | None = None, key: str = "dawn") -> Intent:
    """Write the intent of another process, dead unless ``pid`` says otherwise."""
    step = await studio.step(key)
    now = studio.clock() - timedelta(seconds=ago)
    ledger = Ledger(open_destination(str(studio.out), simulated=False), clock=lambda: now)
    intent = await ledger.submissions.intend(
        fingerprint=step.fingerprint,
        attempt=1,
        model=step.request.model,
        endpoint=ENDPOINT,
        pipeline="coast",
        step=key,
        run_id="20261121T000000Z-0000",
        usd=Decimal("0.2"),
        deadline_seconds=studio.patience.post + 60,
        request={"prompt": "as sent"},
    )
    assert intent is not None
    own_host, own_pid, started = identity()
    path = next((studio.out / ".animatic" / "submissions").glob(f"*/{step.fingerprint}/001/intended.json"))
    record = json.loads(path.read_text())
    record |= {"host": host or own_host, "pid": pid or 2**22 - 1}
    record |= {"started": started if pid == own_pid else f"{started.rpartition(' ')[0]} 1"}
    path.write_text(json.dumps(record))
    attempts = await studio.ledger.submissions.of(step.fingerprint)
    return attempts[0].intent


async def outcomes(studio: Studio, key: str = "dawn") -> list[str]:
    step = await studio.step(key)
    return [
        attempt.settled.outcome if attempt.settled else attempt.state for attempt in await studio.ledger.submissions.of(step.fingerprint)
    ]


async def test_a_take_is_made_once_and_reused_without_a_word_to_krea_about_it(studio: Studio) -> None:
    assert await studio.render() is None
    assert (studio.state(), len(studio.krea.billed)) == ("delivered", 1)
    assert await studio.render() is None
    assert (studio.state(), studio.krea.counts["post"]) == ("reused", 1)
    assert "01-dawn.mp4" in studio.files()


async def test_a_job_that_a_dead_process_paid_for_is_taken_up(studio: Studio) -> None:
    intent = await intend(studio)
    job = studio.krea.add(ENDPOINT, {"prompt": "as sent"})
    await studio.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how="answer")
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 0
    assert studio.run.takes["dawn"].job_id == job.id
    assert studio.run.takes["dawn"].request == {"prompt": "as sent"}


async def test_an_intent_of_a_dead_process_that_never_arrived_is_sent_again_once(studio: Studio) -> None:
    await intend(studio)
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1
    assert await outcomes(studio) == ["never_arrived", "completed"]
    first = (await studio.ledger.submissions.of((await studio.step()).fingerprint))[0]
    assert was_perhaps_not_sent(first)
    assert present(present(first.settled).error).code == "owner_ended"


async def test_an_intent_of_a_dead_process_that_did_arrive_is_adopted(studio: Studio) -> None:
    await intend(studio)
    studio.krea.add(ENDPOINT, {})
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (0, 1)


async def test_a_job_that_is_listed_late_is_still_found(studio: Studio) -> None:
    studio.patience = patient(grace=8.0)
    studio.krea.late_listing = 5.0
    await intend(studio, ago=0)
    studio.krea.add(ENDPOINT, {})
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 0


async def test_the_process_that_is_sending_is_waited_for(studio: Studio) -> None:
    intent = await intend(studio, pid=os.getpid())
    job = studio.krea.add(ENDPOINT, {})

    async def answer_later() -> None:
        await asyncio.sleep(0.3)
        await studio.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how="answer")

    answering = asyncio.ensure_future(answer_later())
    assert await studio.render() is None
    await answering
    assert studio.krea.counts["post"] == 0
    assert studio.run.takes["dawn"].job_id == job.id


async def test_a_process_of_another_machine_is_waited_for_until_its_deadline(studio: Studio) -> None:
    await intend(studio, host="elsewhere", ago=studio.patience.post + 59)  # its deadline is in a second
    assert await studio.render() is None
    assert await outcomes(studio) == ["never_arrived", "completed"]


@pytest.mark.parametrize(("ago", "waits"), [(600, True), (3000, False)])
async def test_what_another_machine_lost_long_ago_is_asked_about_without_waiting_for_it(studio: Studio, ago: float, *, waits: bool) -> None:
    """One job could be either of two: it is not claimed any more by whoever sent them."""
    studio.declare(ONE + "\n      - {id: dusk, prompt: Rooftops at dusk, duration: 4}")
    for key in ("dawn", "dusk"):
        await intend(studio, host="elsewhere", ago=ago, key=key)
    studio.krea.add(ENDPOINT, {"prompt": "as sent"}).created_at -= timedelta(seconds=ago)
    began = studio.clock()
    assert isinstance(await studio.render(), InDoubtError)
    assert (studio.clock() - began > timedelta(minutes=3)) is waits
    assert studio.krea.counts["post"] == 0


@pytest.mark.parametrize("answer", ["lost-after", "500-after", "524-after", "torn"])
async def test_a_lost_answer_to_an_accepted_submission_costs_nothing_more(studio: Studio, answer: Any) -> None:
    studio.krea.answers = [answer]
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)
    attempts = await studio.ledger.submissions.of((await studio.step()).fingerprint)
    assert [attempt.submitted.how for attempt in attempts if attempt.submitted] == ["evidence"]


@pytest.mark.parametrize("answer", ["lost-before", "500-before"])
async def test_a_lost_answer_to_a_submission_that_never_arrived_is_sent_again(studio: Studio, answer: Any) -> None:
    studio.krea.answers = [answer]
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (2, 1)
    assert await outcomes(studio) == ["never_arrived", "completed"]


def create_later(studio: Studio, seconds: float) -> None:
    """Let Krea create the job of a POST only so many seconds from now."""
    asyncio.get_running_loop().call_later(seconds, lambda: studio.krea.add(ENDPOINT, {"prompt": "as sent"}))


async def test_a_job_that_krea_creates_after_its_answer_was_lost_is_found(studio: Studio) -> None:
    studio.krea.answers = ["500-before"]
    studio.krea.on_post = lambda _body: create_later(studio, 10.0)
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)
    assert await outcomes(studio) == ["completed"]


async def test_a_job_that_krea_creates_long_after_its_sender_died_is_found(studio: Studio) -> None:
    await intend(studio, ago=1)
    create_later(studio, studio.patience.post - 2)
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (0, 1)


async def test_what_a_dead_sender_left_counts_as_never_arrived_after_the_time_of_its_post_and_no_sooner(studio: Studio) -> None:
    intent = await intend(studio, ago=30)
    assert await studio.render() is None
    attempts = await studio.ledger.submissions.of(intent.fingerprint)
    waited = present(attempts[0].settled).at - intent.intended_at
    ready = studio.patience.post + studio.patience.grace
    assert ready <= waited.total_seconds() <= ready + 3


async def test_other_shots_go_on_while_krea_may_be_working_on_what_a_dead_process_sent(studio: Studio) -> None:
    studio.declare(CHAIN.replace("start_image: dawn, ", ""))
    details: list[str] = []
    posts: list[tuple[str, float]] = []
    await intend(studio, ago=1)
    began = studio.clock()
    studio.krea.on_post = lambda body: posts.append((body["prompt"], (studio.clock() - began).total_seconds()))

    def listened(run: Run) -> Run:
        run.progress.listeners.append(lambda shot: details.append(shot.detail))
        return run

    assert await studio.render(before=listened) is None
    assert [prompt for prompt, _ in posts] == ["Surf", "Rooftops at dawn"]
    assert posts[0][1] < 2 * studio.patience.grace
    assert posts[1][1] > studio.patience.post
    assert [detail for detail in details if "may still be working on an earlier submission: waiting up to 1" in detail]


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(hours=1)])
async def test_a_clock_that_steps_while_a_submission_is_on_its_way_loses_nothing(studio: Studio, step: timedelta) -> None:
    studio.krea.answers, studio.krea.answer_delay = ["lost-after"], 5.0
    studio.krea.late_listing = 12.0
    studio.krea.on_post = lambda _body: setattr(studio, "offset", step)
    began = virtual_time.now()
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (1, 1)
    assert (virtual_time.now() - began).total_seconds() < 60


async def test_submissions_after_lost_answers_have_an_end_and_each_waits_until_krea_has_had_its_time(studio: Studio) -> None:
    studio.krea.answers = ["500-before"] * 50
    times: list[float] = []
    studio.krea.on_post = lambda _body: times.append(virtual_time.monotonic())
    error = present(await studio.render())
    assert isinstance(error, KreaUnreachableError)
    assert (error.exit_code, len(times)) == (6, (await studio.step()).retries + 1)
    krea_s_time = studio.patience.post + studio.patience.grace
    assert [krea_s_time] * 2 == pytest.approx([after - before for before, after in pairwise(times)], abs=3)
    assert "lost the answers to 3 submissions" in error.message
    assert "up to $0.60 may be billed" in error.message
    assert f"animatic resume {studio.run.plan.run_id}" in (error.hint or "")
    assert studio.krea.billed == []
    assert await studio.render(await studio.plan()) is not None
    assert len(times) == 6


async def test_the_timeout_of_a_shot_ends_its_submissions_after_lost_answers(studio: Studio) -> None:
    studio.timeout = 10.0
    studio.krea.answers = ["500-before"] * 50
    assert isinstance(await studio.render(), KreaUnreachableError)
    assert studio.krea.counts["post"] == 1


async def test_what_was_given_up_stays_reserved_in_the_budget_of_the_run(studio: Studio) -> None:
    studio.declare(pipeline="budget_usd: 0.4")
    studio.krea.answers = ["500-before"] * 50
    error = await studio.render()
    assert isinstance(error, OverBudgetError)
    assert studio.krea.counts["post"] == 2


async def test_the_job_of_an_attempt_that_was_given_up_is_found_before_the_next(studio: Studio) -> None:
    """Listed only while the second answer is looked for, and created before the second POST."""
    studio.krea.answers, studio.krea.late_listing = ["500-after", "500-before"], 150.0
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (2, 1)


async def test_the_list_is_read_once_more_before_the_post_that_follows_lost_answers(studio: Studio) -> None:
    """Krea is busy after the loss; the job shows up while it is waited for."""
    studio.krea.answers, studio.krea.late_listing, studio.krea.retry_after = ["500-after", "429"], 160.0, "60"
    assert await studio.render() is None
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (2, 1)


async def send_and_die(studio: Studio) -> None:
    """Leave the intent of a run that died while its submission was on its way: as this process wrote it, but of a dead one."""
    plan = await studio.plan()
    async with studio.open(plan) as run:
        intent = await run.ledger.submissions.intend(
            fingerprint=plan.step("dawn").fingerprint,
            attempt=1,
            model="xai/grok-video",
            endpoint=ENDPOINT,
            pipeline="coast",
            step="dawn",
            run_id="20261121T000000Z-0000",
            usd=Decimal("0.2"),
            deadline_seconds=studio.patience.post + 60,
            origin=run.client.origin,
            account=run.client.account,
        )
        assert intent is not None
    path = next((studio.out / ".animatic" / "submissions").glob("*/*/001/intended.json"))
    assert studio.token not in path.read_text().replace('"token"', "")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": 2**22 - 1, "started": f"{intent.started.rpartition(' ')[0]} 1"}))


@pytest.mark.parametrize("change", [{"token": "another account"}, {"url": "https://other.test"}])
async def test_silence_of_another_account_or_host_proves_nothing(studio: Studio, change: dict[str, str]) -> None:
    studio.token = "the first account"
    await send_and_die(studio)
    first = studio.token, studio.url
    for name, value in change.items():
        setattr(studio, name, value)
    error = present(await studio.render())
    assert isinstance(error, InDoubtError)
    assert "KREA_API_TOKEN" in (studio.run.manifest.shot("dawn").record.note or "")
    assert studio.krea.counts["post"] == 0
    attempt = (await studio.ledger.submissions.of((await studio.step()).fingerprint))[0]
    assert "it was sent" in present(attempt.doubt).reason
    studio.token, studio.url = first
    assert await studio.render() is None
    assert await outcomes(studio) == ["never_arrived", "completed"]


async def test_an_intent_of_before_without_an_account_is_looked_for_where_the_run_is(studio: Studio) -> None:
    intent = await intend(studio)
    assert intent.origin == ""
    studio.token = "another account"
    assert await studio.render() is None


async def test_a_job_of_another_account_is_asked_about_and_not_waited_for_until_it_counts_as_lost(studio: Studio) -> None:
    studio.krea.ends = ["running"]
    rendering = asyncio.ensure_future(studio.render(await studio.plan()))
    while await outcomes(studio) != ["submitted"]:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    rendering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rendering
    studio.token = "another account"
    studio.krea.hidden = {"job-1"}
    began = studio.clock()
    assert isinstance(await studio.render(), InDoubtError)
    assert (studio.clock() - began).total_seconds() < 5
    assert "job-1" in present(studio.run.manifest.shot("dawn").record.error).message
    studio.krea.hidden = set()  # a new token of the same account sees it
    studio.krea.complete(studio.krea.jobs["job-1"])
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1


async def test_a_stranger_s_job_that_is_alone_at_first_is_not_taken_for_ours(studio: Studio) -> None:
    studio.krea.answers = ["500-before"]

    def also_a_stranger(_body: Any) -> None:
        studio.krea.add(ENDPOINT, {"prompt": "a stranger's"})
        create_later(studio, 10.0)

    studio.krea.on_post = also_a_stranger
    assert isinstance(await studio.render(), InDoubtError)
    assert studio.krea.counts["post"] == 1


async def test_a_job_of_an_earlier_lost_answer_makes_it_a_doubt_and_is_not_passed_over(studio: Studio) -> None:
    studio.krea.answers, listed_after = ["500-after", "500-after"], iter((150.0, 5.0))
    studio.krea.on_post = lambda _body: setattr(studio.krea, "late_listing", next(listed_after))
    assert isinstance(await studio.render(), InDoubtError)
    assert studio.krea.counts["post"] == 2


@pytest.mark.parametrize(("theirs", "ours"), [("externalImage", None), ("klingVideo", "grokVideo")])
async def test_a_job_whose_type_contradicts_the_request_is_no_candidate(studio: Studio, theirs: str, ours: str | None) -> None:
    """By the kind of the route, or by what the ledger has learned of the model from Krea's answers."""
    foreign = "/generate/x/y/z"
    studio.krea.types = {foreign: theirs, **({ENDPOINT: ours} if ours else {})}
    if ours:
        studio.declare("- {id: before, prompt: Learned from, duration: 4}")
        assert await studio.render() is None
        studio.declare()
    posts = studio.krea.counts["post"]
    studio.krea.answers = ["500-before"]
    studio.krea.on_post = lambda body: studio.krea.add(foreign, {}) if studio.krea.counts["post"] == posts + 1 else None
    assert await studio.render() is None
    assert await outcomes(studio) == ["never_arrived", "completed"]
    assert studio.krea.jobs[studio.run.takes["dawn"].job_id].endpoint == ENDPOINT


async def test_what_was_adopted_by_evidence_is_told_in_ledger_and_manifest(studio: Studio) -> None:
    studio.krea.types = {ENDPOINT: "grokVideo"}
    studio.krea.answers = ["500-after"]
    assert await studio.render() is None
    shot = studio.run.manifest.shot("dawn").record
    assert shot.how == "evidence"
    assert present(shot.evidence)["type"] == "grokVideo"
    assert "job-1" in (shot.note or "")
    submitted = present((await studio.ledger.submissions.of((await studio.step()).fingerprint))[0].submitted)
    assert present(submitted.evidence).since < present(submitted.created_at)
    page = (studio.out / studio.run.prefix / "index.html").read_text()
    assert "job-1 was taken for it" in page


async def test_a_shot_that_krea_answered_has_no_evidence_to_show(studio: Studio) -> None:
    assert await studio.render() is None
    shot = studio.run.manifest.shot("dawn").record
    assert (shot.how, shot.evidence, shot.note) == ("answer", None, None)


async def test_several_candidates_wait_for_a_person_and_nothing_is_sent(studio: Studio) -> None:
    await intend(studio)
    candidates = {studio.krea.add(ENDPOINT, {}).id, studio.krea.add(ENDPOINT, {}).id}
    error = await studio.render()
    assert isinstance(error, InDoubtError)
    assert error.exit_code == 5
    assert studio.krea.counts["post"] == 0
    assert studio.state() == "in_doubt"
    attempt = (await studio.ledger.submissions.of((await studio.step()).fingerprint))[0]
    assert attempt.doubt is not None
    assert set(attempt.doubt.candidates) == candidates


async def test_jobs_outside_of_the_window_or_of_other_submissions_are_no_candidates(studio: Studio) -> None:
    intent = await intend(studio, ago=30)
    before = studio.krea.add(ENDPOINT, {})
    before.created_at = intent.intended_at - timedelta(seconds=5)
    other = studio.krea.add(ENDPOINT, {})
    await studio.ledger.submissions.submitted(("ab" * 32, 1), other.id, created_at=other.created_at, how="answer")
    ours = studio.krea.add(ENDPOINT, {})
    assert await studio.render() is None
    assert studio.run.takes["dawn"].job_id == ours.id
    assert studio.krea.counts["post"] == 0


async def test_one_job_and_two_dead_submissions_wait_for_a_person(studio: Studio) -> None:
    studio.declare(CHAIN.replace("start_image: dawn, ", ""))
    await intend(studio, key="dawn")
    await intend(studio, key="surf")
    studio.krea.add(ENDPOINT, {})
    assert isinstance(await studio.render(), InDoubtError)
    assert studio.krea.counts["post"] == 0


async def test_clocks_of_two_machines_may_differ_by_minutes(studio: Studio) -> None:
    """The one that died was five minutes behind Krea; this one is five minutes ahead of it."""
    intent = await intend(studio, ago=300 + 1)
    path = next((studio.out / ".animatic" / "submissions").glob(f"*/{intent.fingerprint}/001/intended.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"clock_offset": 300.0}))
    job = studio.krea.add(ENDPOINT, {})
    studio.offset = timedelta(minutes=5)
    assert await studio.render() is None
    assert studio.run.takes["dawn"].job_id == job.id
    assert studio.krea.counts["post"] == 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_callback_of_its_own_token_settles_a_doubt_at_once(studio: Studio) -> None:
    """Another job of the same moment would need a person; the callback names ours."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    studio.settings = {"webhook_url": f"http://127.0.0.1:{port}", "webhook_port": port}
    studio.krea.answers, studio.krea.answer_delay = ["lost-after"], 0.5
    studio.krea.on_post = lambda _body: studio.krea.add(ENDPOINT, {"prompt": "somebody else's"})

    async def call_back() -> None:
        while not (ours := [job for job in studio.krea.jobs.values() if job.webhook]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(ours[0].webhook or "", json={"job_id": ours[0].id})
        assert answer.status_code == 204

    calling = asyncio.ensure_future(call_back())
    assert await studio.render() is None
    await calling
    attempt = (await studio.ledger.submissions.of((await studio.step()).fingerprint))[0]
    assert attempt.submitted is not None
    assert attempt.submitted.how == "callback"
    assert studio.krea.counts["post"] == 1


async def test_a_submission_whose_job_was_found_a_moment_before_the_next_is_not_paid_again(studio: Studio) -> None:
    studio.settings["submit_at_once"] = 1
    intent = await intend(studio, ago=300)
    await studio.ledger.submissions.settle(intent.fingerprint, 1, "never_arrived", usd=Decimal(0))
    job = studio.krea.add(ENDPOINT, {})

    def meanwhile(run: Run) -> Run:
        async def sleep(seconds: float) -> None:
            if seconds == 0:  # the ledger was read, and the POST is next
                await studio.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how="callback")
            await asyncio.sleep(seconds)

        return replace(run, timing=replace(run.timing, sleep=sleep))

    assert await studio.render(before=meanwhile) is None
    assert studio.krea.counts["post"] == 0
    assert studio.run.takes["dawn"].job_id == job.id


async def test_a_run_that_is_cancelled_while_a_submission_is_answered_still_records_its_job(studio: Studio) -> None:
    studio.krea.answer_delay = 5.0
    rendering = asyncio.ensure_future(studio.render(await studio.plan()))
    while not studio.krea.jobs:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    rendering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rendering
    assert await outcomes(studio) == ["submitted"]


async def test_what_another_run_of_this_process_is_sending_is_waited_for_however_long_it_takes(studio: Studio) -> None:
    studio.krea.answer_delay, studio.krea.late_listing = 60.0, 70.0
    plans = [await studio.plan(), await studio.plan()]
    assert await asyncio.gather(*(studio.render(plan) for plan in plans)) == [None, None]
    assert studio.krea.counts["post"] == 1


async def test_pauses_between_tries_grow_to_45_seconds_whatever_the_grace(studio: Studio) -> None:
    studio.patience = patient(grace=0.5)
    studio.krea.answers = ["429"] * 9
    pauses: list[float] = []

    def listen(shot: ShotProgress) -> None:
        _, again, seconds = shot.detail.partition("; again in ")
        pauses.extend([float(seconds.removesuffix(" s"))] if again else [])

    def listened(run: Run) -> Run:
        run.progress.listeners.append(listen)
        return run

    assert await studio.render(before=listened) is None
    assert len(pauses) == 9
    assert pauses[0] <= 2
    assert 22 <= max(pauses) <= 45


async def test_a_busy_krea_is_asked_again_after_the_time_it_names(studio: Studio) -> None:
    studio.krea.answers = ["429", "429"]
    studio.krea.retry_after = "0.2"
    began = studio.clock()
    assert await studio.render() is None
    assert (studio.clock() - began).total_seconds() >= 0.4
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (3, 1)
    assert await outcomes(studio) == ["unsent", "unsent", "completed"]


async def test_no_connection_is_retried_for_the_length_of_an_outage_and_then_exits_with_6(studio: Studio) -> None:
    posts = 0

    def refuse(_body: Any) -> None:
        nonlocal posts
        posts += 1
        raise httpx.ConnectError("refused")

    studio.krea.on_post = refuse
    error = await studio.render()
    assert isinstance(error, NotSentError)
    assert error.exit_code == 6
    assert posts > 1
    studio.krea.on_post = lambda _body: None
    assert await studio.render() is None
    assert len(studio.krea.billed) == 1


@pytest.mark.parametrize(("answer", "kind", "code"), [("401", KreaRefusedError, 6), ("402", OutOfCreditsError, 3)])
async def test_no_money_or_no_token_stops_everything_and_delivers_what_runs(studio: Studio, answer: Any, kind: type, code: int) -> None:
    studio.declare("\n      ".join(f"- {{id: s{n}, prompt: Shot {n}, duration: 4}}" for n in range(5)))
    studio.settings["submit_at_once"] = 1
    studio.krea.answers = ["accept", "accept", answer]
    error = present(await studio.render())
    assert isinstance(error, kind)
    assert error.exit_code == code
    assert studio.krea.counts["post"] == 3
    states = sorted(studio.state(f"s{n}") for n in range(5))
    assert states == ["delivered", "delivered", "failed", "skipped", "skipped"]
    assert len(studio.krea.billed) == 2


@pytest.mark.parametrize("answer", ["410", "plan"])
async def test_a_model_that_is_gone_or_not_in_the_plan_falls_back(studio: Studio, answer: Any) -> None:
    studio.declare("- {id: dawn, prompt: Dawn, duration: 5, fallback: [{model: kling/kling-2.5, resolution: null}]}")
    studio.krea.answers = [answer]
    assert await studio.render() is None
    assert studio.run.takes["dawn"].model == "kling/kling-2.5"
    assert len(studio.krea.billed) == 1


async def test_a_model_that_is_gone_without_a_fallback_fails_the_shot_and_what_hangs_on_it(studio: Studio) -> None:
    studio.declare(CHAIN + "\n      - {id: gulls, prompt: Gulls, duration: 4}")
    studio.krea.always = {"Rooftops at dawn": "410"}
    error = await studio.render()
    assert isinstance(error, ShotError)
    assert error.exit_code == 4
    assert (studio.state("dawn"), studio.state("surf"), studio.state("gulls")) == ("failed", "skipped", "delivered")
    assert f"animatic resume {studio.run.plan.run_id}" in (error.hint or "")


async def test_a_refused_request_is_not_sent_again(studio: Studio) -> None:
    studio.krea.answers = ["400"]
    error = await studio.render()
    assert isinstance(error, ShotError)
    assert studio.krea.counts["post"] == 1


async def test_the_ledger_holds_no_query_of_a_signed_url(studio: Studio, tmp_path: Path) -> None:
    assert await studio.render() is None
    texts = [path.read_text() for path in (studio.out).rglob("*.json")]
    assert texts
    assert not [text for text in texts if "sig=secret" in text]


async def test_a_krea_that_never_answers_is_told_early_by_its_address(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    monkeypatch.setattr(type(studio.krea), "__call__", lambda _self, request: nobody(request))
    studio.patience = replace(studio.patience, outage=60.0)
    with pytest.raises(KreaUnreachableError, match=r"does not answer at https?://") as caught:
        await studio.render()
    assert "submitted nothing" in (caught.value.hint or "")
    assert caught.value.exit_code == 6


async def test_the_simulator_is_not_taken_for_krea(studio: Studio) -> None:
    studio.krea.is_simulator = True
    with pytest.raises(UsageError, match="KREA_API_URL points to the simulator"):
        await studio.render()
    assert not studio.krea.posts
    assert not (studio.out / ".animatic" / "runs").exists()


async def test_a_server_that_turns_out_to_be_the_simulator_ends_the_run(studio: Studio) -> None:
    studio.declare(f"{ONE}\n      - {{id: dusk, prompt: Dusk, duration: 4}}", pipeline="concurrency: 1")
    studio.krea.on_post = lambda _body: setattr(studio.krea, "is_simulator", True)
    error = await studio.render()
    assert isinstance(error, UsageError)
    assert "KREA_API_URL points to the simulator" in error.message
    assert len(studio.krea.posts) == 1
    shots = {key: studio.state(key) for key in ("dawn", "dusk")}
    assert "delivered" not in shots.values()
    studio.krea.is_simulator, studio.krea.on_post = False, lambda _body: None
    studio.krea.jobs.clear()  # the real Krea has never heard of it
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2


@pytest.mark.parametrize("answer", ["400", "401", "402", "410"])
async def test_a_token_that_krea_repeats_is_kept_nowhere(studio: Studio, answer: Answer) -> None:
    studio.token, studio.krea.echo, studio.krea.answers = "krea-7f3a9c51d2", "krea-7f3a9c51d2", [answer]
    error = present(await studio.render())
    assert "not allowed" in error.message
    kept = [path.read_text(errors="replace") for path in studio.out.rglob("*") if path.is_file()]
    assert any("not allowed" in text for text in kept)
    assert not [text for text in (str(error), repr(error), error.code, *kept) if studio.token in text]


async def test_what_was_sent_is_set_aside_from_the_moment_on_in_which_it_may_be_billed(studio: Studio) -> None:
    studio.krea.answers = ["500-after"]
    seen: list[tuple[str, Decimal]] = []

    def listening(run: Run) -> Run:
        run.progress.listeners.append(lambda shot: seen.append((shot.state, run.progress.money().set_aside)))
        return run

    assert await studio.render(before=listening) is None
    price, nothing = Decimal("0.2"), Decimal(0)
    assert list(dict.fromkeys(seen)) == [
        ("preparing", nothing),
        ("submitting", price),
        ("in doubt", price),
        ("running", price),
        ("fetching", nothing),
        ("delivered", nothing),
    ]
