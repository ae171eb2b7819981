"""The parts of the model: processes die and stop as real ones do, the storage keeps what was on its way, Krea shows what it has."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime

import pytest

from tests.histories.krea import JobFate, Krea
from tests.histories.loop import EndlessError, HistoryLoop, Process
from tests.histories.memory import MemoryStorage


def process(**stops: float) -> Process:
    return Process(name="p", host="anna", pid=7, stops={int(step.removeprefix("at")): seconds for step, seconds in stops.items()})


def test_a_killed_process_runs_nothing_more() -> None:
    loop = HistoryLoop()
    seen: list[object] = []

    async def work() -> None:
        try:
            for number in range(10):
                seen.append(number)
                await asyncio.sleep(1)
        finally:
            seen.append("finally")

    victim = process(at4=float("inf"))
    loop.spawn(victim, work())
    loop.run_until_complete(asyncio.sleep(60))
    before = list(seen)
    loop.clean_up()
    loop.close()
    assert not victim.alive
    assert before
    assert "finally" not in before
    assert len(before) < 10


def test_a_stopped_process_goes_on_later_while_others_run() -> None:
    loop = HistoryLoop()
    seen: list[tuple[str, int]] = []

    async def work(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append((name, round(loop.time())))

    loop.spawn(process(at2=30.0), work("stopped"))
    loop.spawn(process(), work("other"))
    loop.run_until_complete(asyncio.sleep(60))
    loop.close()
    assert [at for name, at in seen if name == "other"] == [1, 2, 3]
    assert min(at for name, at in seen if name == "stopped") >= 30
    assert len(seen) == 6


def test_a_loop_without_anything_to_do_is_an_error() -> None:
    loop = HistoryLoop()
    with pytest.raises(EndlessError):
        loop.run_until_complete(loop.create_future())
    loop.clean_up()
    loop.close()


def test_what_is_on_its_way_to_the_storage_is_written_although_its_writer_dies() -> None:
    loop = HistoryLoop()
    storage = MemoryStorage(loop, lambda: datetime.now(UTC), slow=1.0, rng=random.Random(1))
    writer = process()

    async def write() -> None:
        await storage.create("a/b", b"x")

    loop.spawn(writer, write())
    loop.later(0.01, loop.halt, writer)
    loop.run_until_complete(asyncio.sleep(5))
    assert storage.objects == {"a/b": b"x"}
    assert not loop.run_until_complete(storage.create("a/b", b"y"))
    assert loop.run_until_complete(storage.create("a/b", b"x"))
    loop.clean_up()
    loop.close()


def test_krea_lists_late_cancels_as_fated_and_bills_what_completed() -> None:
    krea = Krea()
    late = krea.create(1.0, "first", "/generate/video/a/b", "t", JobFate(listed_after=5.0, duration=10.0), None)
    stubborn = krea.create(2.0, "first", "/generate/video/a/b", "t", JobFate(duration=10.0, cancelling="ignored"), None)
    assert [job.id for job in krea.visible(3.0, "first")] == [stubborn.id]
    assert [job.id for job in krea.visible(6.0, "first")] == [stubborn.id, late.id]
    assert krea.visible(6.0, "second") == []
    krea.cancel(4.0, late)
    krea.cancel(4.0, stubborn)
    assert (late.end, late.billed) == ("cancelled", False)
    assert (stubborn.end, stubborn.billed, stubborn.ends) == ("completed", True, 12.0)
    assert krea.shown(11.0, stubborn)["status"] == "processing"
    assert krea.shown(12.0, stubborn)["result"]["urls"]
