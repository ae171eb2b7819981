"""Slots for jobs, in a run and shared with other runs: who gets them, who holds none, and what a missing answer changes."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from animatic.catalog.model import Kind
from animatic.engine.run import Run
from animatic.engine.slots import SharedSlot, SlotGate
from animatic.errors import AnimaticError
from tests import virtual_time
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

JOB_SECONDS = 60.0


class Shared:
    """A limit of others': how many have it, the most that ever had it at once, and who was left to run out."""

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.held = self.peak = self.asked = self.left = self.owed = 0

    async def limits(self, kind: Kind) -> bool:
        return self.most is not None

    async def take(self, kind: Kind) -> SharedSlot | None:
        self.asked += 1
        await asyncio.sleep(0.04)
        if self.most is not None and self.held >= self.most:
            return None
        return _Held(self)

    def owe(self, kind: Kind) -> SharedSlot:
        self.owed += 1
        return _Held(self)


class _Held:
    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        shared.held += 1
        shared.peak = max(shared.peak, shared.held)

    def give_back(self) -> None:
        self._shared.held -= 1

    def leave(self) -> None:
        self._shared.left += 1


class Jobs:
    """Krea's jobs last a minute here; how many of them ran at once, and in which order they began."""

    def __init__(self, studio: Studio) -> None:
        self._krea = studio.krea
        self.running = self.most = 0
        self.order: list[str] = []
        studio.krea.on_post = self._begun
        studio.krea.polls_until_end = 10**9

    def _begun(self, body: dict[str, Any]) -> None:
        self.order.append(body["prompt"])
        self.running += 1
        self.most = max(self.most, self.running)
        asyncio.get_running_loop().call_later(JOB_SECONDS, self._ended, len(self._krea.jobs))

    def _ended(self, number: int) -> None:
        self.running -= 1
        list(self._krea.jobs.values())[number].polls = 10**9 + 1


def given(shared: Shared, *, seed: int = 7) -> Callable[[Run], Run]:
    """Return what gives a run these shared limits; runs draw their pauses by a seed of their own."""

    def give(run: Run) -> Run:
        timing = replace(run.timing, randomness=random.Random(seed))
        return replace(run, gates=replace(run.gates, slots=SlotGate(run.plan.concurrency, shared, timing)))

    return give


def shots(count: int, *, kind: str = "video") -> str:
    extra = ", duration: 4" if kind == "video" else f", kind: {kind}"
    return "\n      ".join(f"- {{id: s{n}, prompt: Shot {n}{extra}}}" for n in range(count))


async def test_two_runs_together_never_have_more_jobs_than_the_shared_limit(studio: Studio) -> None:
    studio.declare(shots(10))
    jobs, shared = Jobs(studio), Shared(3)
    other = Studio(folder=studio.folder / "other", krea=studio.krea)
    other.folder.mkdir()
    other.declare(shots(6).replace("Shot", "Other"))
    ended = await asyncio.gather(studio.render(before=given(shared)), other.render(before=given(shared, seed=8)))
    assert list(ended) == [None, None]
    assert len(studio.krea.billed) == 16
    assert jobs.most == shared.peak == 3
    assert shared.held == 0
    # The run of ten does not keep the other out until it is through.
    assert jobs.order.index("Other 2") < max(jobs.order.index(f"Shot {n}") for n in range(10))


async def test_a_run_asks_for_one_slot_at_a_time_and_not_all_the_time(studio: Studio) -> None:
    studio.declare(shots(30))
    Jobs(studio)
    shared = Shared(2)
    assert await studio.render(before=given(shared)) is None
    seconds = 30 / 2 * JOB_SECONDS
    assert shared.asked < 30 + seconds  # about one question every two seconds, not one for each that waits


async def test_where_others_wait_as_well_a_run_takes_one_slot_at_a_time(studio: Studio) -> None:
    class Noted(Shared):
        def __init__(self) -> None:
            super().__init__(0)
            self.times: list[float] = []

        async def take(self, kind: Kind) -> SharedSlot | None:
            slot = await super().take(kind)
            if slot is not None:
                self.times.append(virtual_time.monotonic())
            return slot

    studio.declare(shots(4))
    Jobs(studio)
    shared = Noted()
    rendering = asyncio.create_task(studio.render(before=given(shared)))
    await asyncio.sleep(5)
    shared.most = 4  # they are free all at once: others have a chance between each two
    assert await rendering is None
    assert [later - earlier > 0.2 for earlier, later in itertools.pairwise(shared.times)] == [True] * 3
    assert shared.times[-1] - shared.times[0] < 3


async def test_what_most_others_wait_for_gets_the_first_slot(studio: Studio) -> None:
    chain = "\n      - {id: c1, prompt: First of the chain, duration: 4}\n      - {id: c2, prompt: Second, start_image: c1, duration: 4}"
    studio.declare(shots(3) + chain)
    jobs = Jobs(studio)
    assert await studio.render(before=given(Shared(1))) is None
    assert jobs.order[0] == "First of the chain"
    assert [prompt for prompt in jobs.order if prompt.startswith("Shot")] == ["Shot 0", "Shot 1", "Shot 2"]


async def test_chained_shots_wait_for_their_inputs_without_a_slot(studio: Studio) -> None:
    links = "\n      ".join(f"- {{id: s{n}, prompt: Shot {n}, start_image: s{n - 1}, duration: 4}}" for n in range(1, 6))
    studio.declare("- {id: s0, prompt: Shot 0, duration: 4}\n      " + links)
    jobs = Jobs(studio)
    assert await studio.render(before=given(Shared(1))) is None
    assert jobs.most == 1
    assert len(studio.krea.billed) == 6


async def test_takes_that_are_there_need_no_slot(studio: Studio) -> None:
    studio.declare(shots(3))
    assert await studio.render() is None
    shared = Shared(0)
    assert await studio.render(before=given(shared)) is None
    assert shared.asked == shared.owed == 0
    assert studio.state("s0") == "reused"


async def test_a_job_that_a_dead_run_left_is_waited_for_at_once_and_counts(studio: Studio) -> None:
    studio.declare(shots(2))
    jobs, shared = Jobs(studio), Shared(1)
    rendering = asyncio.create_task(studio.render(before=given(shared)))
    await asyncio.sleep(5)
    rendering.cancel()
    await asyncio.wait([rendering])
    assert (shared.left, shared.held, len(jobs.order)) == (1, 1, 1)  # its job runs on: the slot is left to run out
    began = virtual_time.monotonic()
    resumed = asyncio.create_task(studio.render(before=given(shared)))
    await asyncio.sleep(JOB_SECONDS)
    assert shared.owed == 1
    assert sorted(studio.state(key) for key in ("s0", "s1")) == ["delivered", "waiting"]
    shared.held -= 1  # it has run out
    assert await resumed is None
    assert virtual_time.monotonic() - began < 2.5 * JOB_SECONDS
    assert len(studio.krea.billed) == jobs.most + 1 == 2


async def test_a_run_that_is_stopped_while_it_waits_leaves_no_slot_taken(studio: Studio) -> None:
    studio.declare(shots(4))
    Jobs(studio)
    shared = Shared(0)
    rendering = asyncio.create_task(studio.render(before=given(shared)))
    await asyncio.sleep(30)
    assert studio.run.progress.shots["s0"].detail.startswith("waiting for a slot")
    studio.run.stop(AnimaticError("enough"))
    await asyncio.sleep(10)
    assert rendering.done()
    assert shared.held == shared.left == 0
    assert not studio.krea.posts


async def test_kinds_with_limits_of_their_own_do_not_wait_for_each_other(studio: Studio) -> None:
    class Apart(Shared):
        async def take(self, kind: Kind) -> SharedSlot | None:
            return None if kind == "video" else await super().take(kind)

    studio.declare(shots(2) + "\n      " + shots(2, kind="image").replace("id: s", "id: i"))
    Jobs(studio)
    rendering = asyncio.create_task(studio.render(before=given(Apart(5))))
    await asyncio.sleep(3 * JOB_SECONDS)
    assert [studio.state(key) for key in ("i0", "i1")] == ["delivered", "delivered"]
    rendering.cancel()
    await asyncio.wait([rendering])


async def test_the_limit_of_the_pipeline_holds_beside_the_shared_one(studio: Studio) -> None:
    studio.declare(shots(8), pipeline="concurrency: 2")
    jobs, shared = Jobs(studio), Shared(5)
    assert await studio.render(before=given(shared)) is None
    assert jobs.most == shared.peak == 2


async def test_a_429_keeps_its_slot_so_that_all_go_slower_and_goes_on_when_krea_takes_it(studio: Studio) -> None:
    studio.declare(shots(4))
    studio.krea.answers = ["429", "429"]
    jobs, shared = Jobs(studio), Shared(1)
    peaks: list[int] = []
    begun = studio.krea.on_post

    def posted(body: dict[str, Any]) -> None:
        peaks.append(shared.held)
        if not studio.krea.answers:
            begun(body)

    studio.krea.on_post = posted
    assert await studio.render(before=given(shared)) is None
    assert peaks == [1] * 6  # each POST with the one slot in hand, those that were turned away included
    assert len(jobs.order) == 4
