"""The ledger as a state machine: several workers, a Krea that bills, and a crash before or after any single write.

The workers keep to the rules of submission; the machine decides who does what next, what Krea answers, and where a process dies. Whatever
happens: one worker at most may send each POST, a job belongs to one submission, what was written never changes, and what the ledger counts
as spent is never less than what Krea may bill. And as long as the workers keep to the rules: no job that Krea accepted is ever taken for
another submission's, or for one that never arrived (and would be paid for again).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from animatic.ledger import AlreadySubmittedError, Attempt, ClaimedError, ClipRecord, Intent, Ledger, OpenAttemptError, Take
from animatic.ledger.records import ROOT
from animatic.storage import Storage, open_storage
from tests.faults.ledger_recording import CrashError, CrashingStorage
from tests.present import present
from tests.s3server import S3

pytest_plugins = ["tests.s3server"]

START = datetime(2026, 11, 21, 23, 50, tzinfo=UTC)
FINGERPRINTS = [f"{n:02x}" * 32 for n in (1, 2)]
PRICE = Decimal("0.5")
NEVER = 1_000
fates = st.sampled_from(["answered", "answer lost", "killed before sending", "refused"])
crash_points = st.one_of(st.just(NEVER), st.integers(0, 7))


@dataclass
class Job:
    """What Krea has; it knows nothing of attempts, but the test does."""

    job_id: str
    owner: tuple[str, int]
    created_at: datetime


class LedgerMachine(RuleBasedStateMachine):
    make_storage: Callable[[], Storage]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.storage = type(self).make_storage()
        self.now = START
        self.numbers = itertools.count(1)
        self.jobs: dict[str, Job] = {}
        self.sendable: list[Intent] = []
        """Intents that a living worker holds and has not sent."""
        self.answered: list[tuple[Intent, str]] = []
        """Answers that a living worker has, and the ledger does not."""
        self.intents_won: dict[tuple[str, int], int] = {}
        self.seen: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.loop.close()

    def clock(self) -> datetime:
        return self.now

    def crashing(self, operation: Callable[[Ledger], Coroutine[Any, Any, Any]], writes_left: int) -> Any:
        """Run it as a worker that dies after so many writes (even: before the next write lands; odd: after, unaware of it)."""
        ledger = Ledger(CrashingStorage(self.storage, writes_left), clock=self.clock)
        return self.loop.run(operation(ledger))

    def calm(self, operation: Callable[[Ledger], Coroutine[Any, Any, Any]]) -> Any:
        return self.crashing(operation, NEVER)

    @initialize()
    def begin(self) -> None:
        self.now = START

    @rule(seconds=st.sampled_from([1, 60, 900]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), workers=st.integers(2, 4))
    def workers_race_to_intend(self, fingerprint: str, workers: int) -> None:
        self.some_intend(fingerprint, workers, NEVER)

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), crash=crash_points)
    def a_worker_intends(self, fingerprint: str, crash: int) -> None:
        self.some_intend(fingerprint, 1, crash)

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), fate=fates, crash=crash_points)
    def a_worker_submits(self, fingerprint: str, fate: str, crash: int) -> None:
        busy = len(self.sendable), len(self.answered)
        self.some_intend(fingerprint, 1, NEVER)
        if len(self.sendable) > busy[0]:
            self.send(fate)
        if len(self.answered) > busy[1]:
            self.note_the_answer(crash)

    def some_intend(self, fingerprint: str, workers: int, crash: int) -> None:
        attempts = self.calm(lambda ledger: ledger.attempts(fingerprint))
        attempt = len(attempts) + 1

        async def race(ledger: Ledger) -> list[Any]:
            return await asyncio.gather(*(self.intend(ledger, fingerprint, attempt) for _ in range(workers)), return_exceptions=True)

        for result in self.crashing(race, crash):
            if isinstance(result, Intent):
                self.sendable.append(result)
                self.intents_won[fingerprint, attempt] = self.intents_won.get((fingerprint, attempt), 0) + 1
            elif isinstance(result, OpenAttemptError):
                assert attempts[-1].settled is None
            else:
                assert result is None or isinstance(result, CrashError)

    async def intend(self, ledger: Ledger, fingerprint: str, attempt: int) -> Intent | None:
        return await ledger.intend(
            fingerprint=fingerprint,
            attempt=attempt,
            model="xai/grok-video",
            endpoint="/generate/video/xai/grok-video",
            pipeline="teaser",
            step="dawn",
            run_id="run",
            usd=PRICE,
            deadline_seconds=120,
        )

    @precondition(lambda self: self.sendable)
    @rule(fate=fates)
    def send(self, fate: str) -> None:
        intent = self.sendable.pop()
        if fate == "killed before sending":
            return
        if fate == "refused" or self.now >= intent.deadline:
            self.calm(lambda ledger: ledger.settle(intent.fingerprint, intent.attempt, "unsent", usd=Decimal(0)))
            return
        job = Job(f"job-{next(self.numbers)}", (intent.fingerprint, intent.attempt), self.now)
        self.jobs[job.job_id] = job
        if fate == "answered":
            self.answered.append((intent, job.job_id))

    @precondition(lambda self: self.answered)
    @rule(crash=crash_points)
    def note_the_answer(self, crash: int) -> None:
        intent, job_id = self.answered.pop()
        try:
            self.crashing(lambda ledger: ledger.submitted(intent, job_id, created_at=self.jobs[job_id].created_at, how="answer"), crash)
        except* CrashError:
            pass

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), crash=crash_points)
    def resolve_by_reading(self, fingerprint: str, crash: int) -> None:
        """Another worker takes over whatever is open: jobs of the window that nobody claimed decide."""
        held = {(intent.fingerprint, intent.attempt) for intent in [*self.sendable, *(intent for intent, _ in self.answered)]}

        async def resolve(ledger: Ledger) -> None:
            attempts = await ledger.attempts(fingerprint)
            if not attempts or attempts[-1].state != "intended" or (fingerprint, attempts[-1].number) in held:
                return  # nothing open, or its owner is alive and busy with it
            intent = attempts[-1].intent
            window = [job.job_id for job in self.jobs.values() if intent.intended_at <= job.created_at <= intent.deadline]
            free = sorted(set(window) - await ledger.claimed(window))
            if (await ledger.attempts(fingerprint))[-1].state != "intended":
                return  # one of the claimed jobs was its own
            if not free:
                await ledger.settle(fingerprint, intent.attempt, "never_arrived", usd=Decimal(0))
            elif len(free) == 1 and not await ledger.rivals(intent):
                await ledger.submitted(intent, free[0], created_at=self.jobs[free[0]].created_at, how="listed")
            else:
                await ledger.doubt(fingerprint, intent.attempt, "several jobs or submissions fit", free)

        try:
            self.crashing(resolve, crash)
        except* CrashError:
            pass

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), crash=crash_points)
    def a_person_who_knows_decides(self, fingerprint: str, crash: int) -> None:
        attempts = self.calm(lambda ledger: ledger.attempts(fingerprint))
        if not attempts or attempts[-1].state != "in_doubt":
            return
        owner = (fingerprint, attempts[-1].number)
        own = [job_id for job_id in attempts[-1].doubt.candidates if self.jobs[job_id].owner == owner]
        try:
            if own:
                self.crashing(lambda ledger: ledger.submitted(owner, own[0], created_at=None, how="person"), crash)
            else:
                self.crashing(lambda ledger: ledger.settle(*owner, "never_arrived", usd=Decimal(0)), crash)
        except* CrashError:
            pass

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), n=st.integers(1, 9))
    def nobody_takes_a_job_away(self, fingerprint: str, n: int) -> None:
        attempts = self.calm(lambda ledger: ledger.attempts(fingerprint))
        job_id = f"job-{n}"
        claimed = self.calm(lambda ledger: ledger.claimed([job_id]))
        if claimed and attempts and attempts[-1].submitted and attempts[-1].submitted.job_id != job_id:
            with pytest.raises((ClaimedError, AlreadySubmittedError)):
                self.calm(lambda ledger: ledger.submitted((fingerprint, attempts[-1].number), job_id, created_at=None, how="listed"))

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), outcome=st.sampled_from(["completed", "failed", "timed_out"]), crash=crash_points)
    def settle(self, fingerprint: str, outcome: Any, crash: int) -> None:
        usd = {"completed": PRICE, "failed": Decimal(0), "timed_out": None}[outcome]

        async def end(ledger: Ledger) -> None:
            attempts = await ledger.attempts(fingerprint)
            if attempts and attempts[-1].state == "submitted":
                job_id = present(attempts[-1].submitted).job_id
                settled = await ledger.settle(fingerprint, attempts[-1].number, outcome, usd=usd, job_id=job_id)
                if settled.outcome == "completed":
                    await ledger.record_take(take_of(fingerprint, job_id, self.now))

        try:
            self.crashing(end, crash)
        except* CrashError:
            pass

    @rule(fingerprint=st.sampled_from(FINGERPRINTS))
    def another_end_changes_nothing(self, fingerprint: str) -> None:
        attempts = self.calm(lambda ledger: ledger.attempts(fingerprint))
        for attempt in attempts:
            if attempt.settled:
                assert self.calm(methodcaller("settle", fingerprint, attempt.number, "cancelled", usd=PRICE)) == attempt.settled

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), n=st.integers(0, 9))
    def another_take_changes_nothing(self, fingerprint: str, n: int) -> None:
        standing = self.calm(lambda ledger: ledger.take(fingerprint))
        if standing:
            assert self.calm(lambda ledger: ledger.record_take(take_of(fingerprint, f"other-{n}", self.now))) == standing

    @invariant()
    def one_worker_at_most_may_send(self) -> None:
        assert all(won == 1 for won in self.intents_won.values())

    @invariant()
    def records_never_change(self) -> None:
        async def contents() -> dict[str, bytes]:
            return {entry.key: await self.storage.read(entry.key) or b"" for entry in await self.storage.list(ROOT)}

        now = self.loop.run(contents())
        assert {key: now.get(key) for key in self.seen} == self.seen
        assert all(json.loads(data)["version"] == 1 for data in now.values())
        self.seen = now

    @invariant()
    def what_krea_accepted_is_known_for_what_it_is(self) -> None:
        attempts = [attempt for fingerprint in FINGERPRINTS for attempt in self.calm(methodcaller("attempts", fingerprint))]
        owners = {job.owner: job.job_id for job in self.jobs.values()}
        for attempt in attempts:
            job_id = owners.get((attempt.intent.fingerprint, attempt.number))
            if attempt.submitted:
                assert attempt.submitted.job_id == job_id
            if attempt.settled and attempt.settled.outcome in {"unsent", "never_arrived"}:
                assert job_id is None, "it would be paid for again"
        self.spending_is_never_too_little(attempts, owners)
        self.open_intents_are_found(attempts)

    def spending_is_never_too_little(self, attempts: list[Attempt], owners: dict[tuple[str, int], str]) -> None:
        spending = self.calm(lambda ledger: ledger.spending([START.date(), START.date() + timedelta(1)]))
        counted = {(cost.line.fingerprint, cost.line.attempt): cost.usd for cost in spending.costs}
        assert len(counted) == len(spending.costs)
        for attempt in attempts:
            owner = (attempt.intent.fingerprint, attempt.number)
            if attempt.maybe_billed and owner in owners:
                assert counted[owner] == PRICE

    def open_intents_are_found(self, attempts: list[Attempt]) -> None:
        found = self.calm(lambda ledger: ledger.open_intents(START, self.now))
        sent = {job.owner for job in self.jobs.values()}
        open_ones = {(attempt.intent.fingerprint, attempt.number) for attempt in attempts if attempt.state in {"intended", "in_doubt"}}
        keys = {(attempt.intent.fingerprint, attempt.number) for attempt in found}
        assert open_ones & sent <= keys <= open_ones


def take_of(fingerprint: str, job_id: str, at: datetime) -> Take:
    clip = ClipRecord(key="clip.mp4", sha256="0" * 64, size=1, mime="video/mp4", width=2, height=2, fps=24.0, duration=1.0, frames=24)
    return Take(
        fingerprint=fingerprint,
        base="ba" * 32,
        number=1,
        kind="video",
        model="xai/grok-video",
        request={"prompt": job_id},
        attempt=1,
        job_id=job_id,
        submitted_at=at,
        completed_at=at,
        usd=PRICE,
        clip=clip,
        thumbnail=None,
        result_urls=(),
        inputs=(),
        pipeline="teaser",
        step="dawn",
        run_id="run",
        made_at=at,
    )


def run_machine(make_storage: Callable[[], Storage], *, examples: int, steps: int) -> None:
    machine = type("Machine", (LedgerMachine,), {"make_storage": staticmethod(make_storage)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Callable[[], Storage]]:
    def fresh() -> Storage:
        return open_storage(tempfile.mkdtemp(dir=tmp_path))

    yield fresh
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def prefixes(s3: S3) -> Callable[[], Storage]:
    numbers = itertools.count()
    home = open_storage(s3.url)
    return lambda: home.below(f"example-{next(numbers)}")


def test_in_a_folder(folders: Callable[[], Storage]) -> None:
    run_machine(folders, examples=10, steps=20)


def test_in_a_bucket(prefixes: Callable[[], Storage]) -> None:
    run_machine(prefixes, examples=2, steps=12)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_in_a_folder_at_length(folders: Callable[[], Storage]) -> None:
    run_machine(folders, examples=100, steps=40)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_in_a_bucket_at_length(prefixes: Callable[[], Storage]) -> None:
    run_machine(prefixes, examples=8, steps=30)
