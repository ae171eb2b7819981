"""Many waits cost few requests; every wait ends, with the job or with the reason."""

from __future__ import annotations

import time as real_time
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from animatic.errors import AnimaticError, InterruptedRunError, JobFailedError, JobTimeoutError, KreaRefusedError, KreaUnreachableError
from animatic.krea import Job, KreaClient, Watcher
from animatic.krea.pace import Durations, interval
from animatic.settings import Patience, Secret
from tests import virtual_time
from tests.unit.krea.conftest import FakeKrea, Time

pytestmark = pytest.mark.anyio


@pytest.fixture
def watcher(client: KreaClient, time: Time) -> Watcher:
    return Watcher(client, poll=2.0, sleep=time.sleep, clock=time.monotonic)


async def wait_for_all(watcher: Watcher, krea: FakeKrea, ids: list[str], **options: Any) -> dict[str, Job | AnimaticError]:
    ended: dict[str, Job | AnimaticError] = {}

    async def wait(job_id: str) -> None:
        try:
            created = krea.created_at(job_id) if job_id in krea.born else None
            ended[job_id] = await watcher.wait(job_id, deadline=30, created_at=created, **options)
        except AnimaticError as error:
            ended[job_id] = error

    async with anyio.create_task_group() as group:
        for job_id in ids:
            group.start_soon(wait, job_id)
    return ended


async def test_a_job_is_waited_for_through_every_status(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=30)
    seen: list[str] = []
    async with client, watcher:
        job = await watcher.wait("a", deadline=30, created_at=krea.created_at("a"), on_status=lambda job: seen.append(job.status))
    assert job.urls == ("https://gen.krea.test/a.mp4?sig=1",)
    assert seen == ["queued", "scheduled", "processing", "sampling", "intermediate-complete", "completed"]
    assert krea.counts["list"] == 0
    assert 30 <= time.seconds <= 36


async def test_the_first_look_comes_within_a_second(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=0.5)
    async with client, watcher:
        await watcher.wait("a", deadline=30)
    assert time.seconds <= 1


async def test_a_failed_job_brings_the_reason_that_the_list_does_not_show(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    for number in range(5):
        krea.add(f"j{number}", status="failed", error={"code": "moderated", "message": "flagged"})
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, list(krea.born))
    for job in ended.values():
        assert isinstance(job, Job)
        assert job.error is not None
        assert job.moderated
    assert krea.counts == {"list": krea.counts["list"], "one": 5}


async def test_a_thousand_waits_cost_a_request_each_and_one_list_a_poll(
    krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher
) -> None:
    ids = [f"job-{number:04}" for number in range(1000)]
    for number, job_id in enumerate(ids):
        krea.add(job_id, seconds=60 + number % 60)
    began = real_time.process_time()
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, ids)
    cpu = real_time.process_time() - began
    assert all(isinstance(job, Job) and job.status == "completed" for job in ended.values())
    assert krea.counts["one"] == 1000
    assert krea.counts["list"] <= 120 / 2 + 5
    assert 119 <= time.seconds <= 130
    assert cpu < 30


async def test_jobs_of_others_are_paged_past(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    for job_id in ("mine-1", "mine-2", "mine-3"):
        krea.add(job_id, seconds=20)
    time.seconds += 1
    for number in range(350):
        krea.add(f"other-{number}", seconds=5)
        time.seconds += 0.01
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, ["mine-1", "mine-2", "mine-3"])
    assert all(isinstance(job, Job) for job in ended.values())
    assert {request.url.path for request in krea.requests} == {"/jobs", "/jobs/mine-1", "/jobs/mine-2", "/jobs/mine-3"}


async def test_what_the_list_does_not_show_is_read_by_itself_ever_more_rarely(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    for number in range(6):
        krea.add(f"j{number}", seconds=100)
    krea.unlisted = {"j0"}
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, list(krea.born))
    assert all(isinstance(job, Job) for job in ended.values())
    singles = [request.url.path for request in krea.requests].count("/jobs/j0")
    assert 4 <= singles < krea.counts["list"] / 1.5


async def test_a_job_that_appears_late_is_waited_for(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=60)
    krea.hidden = {"a"}

    async def appear() -> None:
        while time.seconds < 20:
            await anyio.lowlevel.checkpoint()
        krea.hidden = set()

    async with client, watcher, anyio.create_task_group() as group:
        group.start_soon(appear)
        job = await watcher.wait("a", deadline=30, created_at=krea.created_at("a"))
    assert job.status == "completed"


async def test_a_job_that_vanishes_is_given_up_as_possibly_billed(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=1000)

    async def vanish() -> None:
        while time.seconds < 20:
            await anyio.lowlevel.checkpoint()
        krea.hidden = {"a"}

    async with client, watcher, anyio.create_task_group() as group:
        group.start_soon(vanish)
        with pytest.raises(JobFailedError) as caught:
            await watcher.wait("a", deadline=30, created_at=krea.created_at("a"))
    assert caught.value.code == "job_lost"
    assert not caught.value.repeatable
    assert "billed" in (caught.value.hint or "")
    assert 80 <= time.seconds <= 95


async def test_a_job_that_is_never_seen_is_given_up_later(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    async with client, watcher:
        with pytest.raises(JobFailedError):
            await watcher.wait("nobody", deadline=30)
    assert 180 <= time.seconds <= 200


async def test_a_short_outage_is_not_felt(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    for number in range(5):
        krea.add(f"j{number}", seconds=10)
    krea.down_until = 50
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, list(krea.born))
    assert all(isinstance(job, Job) for job in ended.values())
    assert time.seconds >= 50


async def test_a_long_outage_fails_every_wait_with_an_error_of_its_own(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    for number in range(5):
        krea.add(f"j{number}", seconds=10)
    krea.down_until = 1000
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, list(krea.born))
    assert all(isinstance(error, KreaUnreachableError) for error in ended.values())
    assert len({id(error) for error in ended.values()}) == 5


async def test_the_watcher_goes_on_after_an_outage(krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=1)
    krea.down_until = 100
    async with client, watcher:
        with pytest.raises(KreaUnreachableError):
            await watcher.wait("a", deadline=30)
        time.seconds = 101
        assert (await watcher.wait("a", deadline=30)).status == "completed"


async def test_a_refused_token_fails_every_wait(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a")
    krea.add("b")
    krea.script += [httpx.Response(401)] * 4
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, ["a", "b"])
    assert all(isinstance(error, KreaRefusedError) for error in ended.values())


async def test_unknown_statuses_are_pending_and_warned_of_once(
    krea: FakeKrea, client: KreaClient, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    krea.add("a", seconds=1)
    for _ in range(3):
        krea.script.append(httpx.Response(200, json={"job_id": "a", "status": "dreaming", "created_at": "2026-11-21T10:00:00Z"}))
    async with client, watcher:
        assert (await watcher.wait("a", deadline=30)).status == "completed"
    assert krea.counts["one"] == 4
    assert sum("'dreaming'" in record.getMessage() for record in caplog.records) == 1


async def test_a_webhook_call_is_looked_into_at_once(krea: FakeKrea, client: KreaClient) -> None:
    krea.add("a", seconds=0)
    async with client, Watcher(client, poll=20.0) as watcher:
        began = real_time.monotonic()
        async with anyio.create_task_group() as group:

            async def call() -> None:
                await anyio.sleep(0.05)
                watcher.nudge("a")
                watcher.nudge("nobody")

            group.start_soon(call)
            job = await watcher.wait("a", deadline=10)
    assert job.status == "completed"
    assert real_time.monotonic() - began < 0.9


async def test_a_webhook_call_that_came_too_early_does_no_harm(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=10)
    async with client, watcher, anyio.create_task_group() as group:

        async def call() -> None:
            for _ in range(3):
                watcher.nudge("a")
                await anyio.lowlevel.checkpoint()

        group.start_soon(call)
        assert (await watcher.wait("a", deadline=30)).status == "completed"


async def test_a_deadline_ends_the_wait(krea: FakeKrea, client: KreaClient) -> None:
    krea.add("a", seconds=1000)
    async with client, Watcher(client, poll=0.01) as watcher:
        with pytest.raises(JobTimeoutError) as caught:
            await watcher.wait("a", deadline=0.05)
    assert "queued" in caught.value.message


async def test_a_job_that_finished_since_the_last_look_is_not_lost_to_its_deadline(krea: FakeKrea, client: KreaClient) -> None:
    krea.add("a", seconds=0)
    async with client, Watcher(client, poll=500) as watcher:
        job = await watcher.wait("a", deadline=0.02)
    assert job.status == "completed"


async def test_two_waits_for_one_job_both_end(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=5)
    ended: list[Job] = []

    async def wait() -> None:
        ended.append(await watcher.wait("a", deadline=30))

    async with client, watcher, anyio.create_task_group() as group:
        group.start_soon(wait)
        group.start_soon(wait)
    assert [job.id for job in ended] == ["a", "a"]


async def test_a_wait_that_is_cancelled_is_forgotten(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=1e9)
    async with client, watcher:
        with anyio.move_on_after(0.02) as scope:
            await watcher.wait("a", deadline=30)
        assert scope.cancelled_caught
        assert watcher._watched == {}


async def test_leaving_the_watcher_ends_all_waits(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    krea.add("a", seconds=1e9)
    errors: list[InterruptedRunError] = []

    async def wait() -> None:
        try:
            await watcher.wait("a", deadline=30)
        except InterruptedRunError as error:
            errors.append(error)

    async with client, anyio.create_task_group() as group, watcher:
        group.start_soon(wait)
        await anyio.sleep(0.01)
    assert len(errors) == 1
    with pytest.raises(InterruptedRunError):
        await watcher.wait("a", deadline=1)


async def test_a_listener_that_fails_keeps_nobody_waiting(
    krea: FakeKrea, client: KreaClient, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    krea.add("a", seconds=5)

    def fail(_: Job) -> None:
        raise RuntimeError("listener")

    async with client, watcher:
        assert (await watcher.wait("a", deadline=30, on_status=fail)).status == "completed"
    assert "listener" in caplog.text


async def test_a_bug_in_the_loop_leaves_nobody_waiting(
    krea: FakeKrea, client: KreaClient, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    krea.add("a", seconds=5)

    async def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(watcher, "_read_each", broken)
    async with client, watcher:
        with pytest.raises(AnimaticError, match="ZeroDivisionError"):
            await watcher.wait("a", deadline=30)


async def test_known_durations_bring_the_end_sooner_without_more_looks(
    krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher
) -> None:
    late: list[float] = []
    looks: list[int] = []
    async with client, watcher:
        for number in range(4):
            krea.counts.clear()
            krea.add(f"j{number}", seconds=38.0)
            await watcher.wait(f"j{number}", deadline=30, created_at=time.now(), model="a/b")
            late.append(time.seconds - krea.born[f"j{number}"] - 38.0)
            looks.append(krea.counts["one"])
    assert late[-1] <= 1.0 < late[0]
    assert looks[-1] <= looks[0] + 8


def test_intervals_stay_within_their_bounds() -> None:
    for poll in (0.05, 1.0, 2.0, 10.0):
        for expected in (None, 0.1, 3.0, 60.0, 600.0):
            for elapsed in (0.001, 1, 5, 40, 59, 300, 3000):
                assert poll / 2 <= interval(elapsed, expected, poll) <= max(min(2.5 * poll, 5.0), poll)
            assert interval(0, expected, poll) <= 1.0


def test_looks_come_closer_together_where_the_end_is_expected() -> None:
    assert interval(60, 60, 2.0) == 1.0
    assert interval(5, 60, 2.0) == 5.0
    assert interval(600, None, 2.0) == 5.0


def test_durations_are_the_middle_of_the_last_twenty() -> None:
    durations = Durations()
    durations.record("m", 500.0)
    assert durations.expected("m") is None
    for seconds in [10.0] * 30 + [400.0]:
        durations.record("m", seconds)
    durations.record("m", -1.0)
    assert durations.expected("m") == 10.0
    assert durations.expected(None) is None


async def test_the_first_to_end_tell_how_soon_to_look_at_the_others(
    krea: FakeKrea, time: Time, client: KreaClient, watcher: Watcher
) -> None:
    """Forty jobs that were submitted within three seconds end within three seconds: none of them lies about for a whole poll."""
    late: dict[str, float] = {}

    async def wait(job_id: str, seconds: float) -> None:
        await watcher.wait(job_id, deadline=60, created_at=krea.created_at(job_id), model="xai/grok-video")
        late[job_id] = time.seconds - seconds

    async with client, watcher, anyio.create_task_group() as group:
        for number in range(40):
            krea.add(f"j{number}", seconds=5 + number * 0.08)
            group.start_soon(wait, f"j{number}", 5 + number * 0.08)
    assert sorted(late.values())[len(late) // 2] <= 1.1
    assert max(late.values()) <= 2.1


SENSELESS = [
    httpx.Response(500),
    httpx.Response(302, headers={"location": "/elsewhere"}),
    httpx.Response(200, json={"status": "processing"}),
    httpx.Response(200, json={"job_id": "of-another", "status": "completed", "result": {"urls": ["https://gen.krea.test/x.mp4"]}}),
]


class LoopTime(Time):
    """The time of a loop whose clock jumps: many may sleep at once."""

    @property
    def seconds(self) -> float:
        return virtual_time.monotonic()

    @seconds.setter
    def seconds(self, _value: float) -> None:
        pass


@pytest.mark.parametrize("anyio_backend", [pytest.param(("asyncio", {"loop_factory": virtual_time.VirtualTimeLoop}), id="virtual time")])
@pytest.mark.parametrize("answer", SENSELESS, ids=lambda answer: f"{answer.status_code}-{answer.content[:30]!r}")
@pytest.mark.parametrize("count", [1, 6])
async def test_a_job_that_cannot_be_read_is_given_up_alone_and_delays_no_other(answer: httpx.Response, count: int) -> None:
    """Sixty seconds of patience for one job are no outage while Krea answers for the others."""
    time = LoopTime()
    krea = FakeKrea(time)
    ended: dict[str, JobFailedError | float] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        return answer if request.url.path == "/jobs/bad" else krea(request)

    async def wait(job_id: str) -> None:
        try:
            await waiting.wait(job_id, deadline=1000, created_at=krea.created_at(job_id))
        except JobFailedError as error:
            ended[job_id] = error
        else:
            ended[job_id] = time.seconds

    krea.add("bad", seconds=1)
    client = KreaClient(
        "https://krea.test",
        Secret("token"),
        patience=Patience(outage=60),
        transport=httpx.MockTransport(handle),
        clock=time.now,
        monotonic=virtual_time.monotonic,
    )
    waiting = Watcher(client, poll=2.0, clock=virtual_time.monotonic)
    async with client, waiting, anyio.create_task_group() as group:
        group.start_soon(wait, "bad")
        for number in range(count):
            krea.add(f"good-{number}", seconds=30)
            group.start_soon(wait, f"good-{number}")
        krea.add("last", seconds=300)
        group.start_soon(wait, "last")
    error = ended.pop("bad")
    assert isinstance(error, JobFailedError)
    assert (error.code, error.repeatable) == ("job_unreadable", False)
    last = ended.pop("last")
    assert isinstance(last, float)
    assert last < 310
    assert len(ended) == count
    assert all(isinstance(seconds, float) and seconds < 40 for seconds in ended.values())


async def test_krea_that_answers_for_no_job_is_an_outage(krea: FakeKrea, client: KreaClient, watcher: Watcher) -> None:
    for job_id in ("a", "b"):
        krea.add(job_id)
    krea.script += [httpx.Response(200, json={"status": "processing"})] * 1000
    async with client, watcher:
        ended = await wait_for_all(watcher, krea, ["a", "b"])
    assert all(isinstance(error, KreaUnreachableError | JobTimeoutError) for error in ended.values())
    assert any(isinstance(error, KreaUnreachableError) for error in ended.values())


async def test_a_read_that_hangs_keeps_no_other_waiting(client_for: Callable[..., KreaClient]) -> None:
    """In real time: what is asked for beside it is seen at the next look."""
    hung = anyio.Event()
    shown = {"status": "completed", "created_at": "2026-11-21T10:00:00Z", "result": {"urls": ["https://gen.krea.test/a.mp4"]}}

    async def handle(request: httpx.Request) -> httpx.Response:
        job_id = request.url.path.rpartition("/")[2]
        if job_id == "bad":
            hung.set()
            await anyio.sleep(3600)
        return httpx.Response(200, json={"job_id": job_id, **shown})

    client = client_for(handle)
    watcher = Watcher(client, poll=0.05)
    async with client, watcher, anyio.create_task_group() as group:
        group.start_soon(lambda: watcher.wait("bad", deadline=3600))
        await hung.wait()
        with anyio.fail_after(5):
            assert (await watcher.wait("good", deadline=60)).status == "completed"
        group.cancel_scope.cancel()
