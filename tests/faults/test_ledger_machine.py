"""The ledger as a state machine: several workers, a Krea that bills, and a crash before or after any single write.

The machine decides who does what next, what Krea answers, and where a process dies; what became of an unanswered submission is found
out by the product's own code (`animatic.engine.doubt`) in a run of its own. Whatever happens: one worker at most may send each POST, a
job belongs to one submission, what was written never changes, and what the ledger counts as spent is never less than what Krea may
bill. And as long as the workers keep to the rules: no job that Krea accepted is ever taken for another submission's, or for one that
never arrived (and would be paid for again).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from animatic.engine.doubt import resolve_doubt, resolve_left_behind
from animatic.engine.run import Run
from animatic.engine.windows import SENDING_SLACK_SECONDS
from animatic.errors import InDoubtError
from animatic.ledger import AlreadySubmittedError, ClaimedError, ClipRecord, Intent, Ledger, OpenSubmissionError, Settled, Submission, Take
from animatic.ledger.outcomes import was_accepted
from animatic.ledger.records import ROOT
from animatic.settings import Patience
from animatic.storage import Storage, open_storage
from tests import virtual_time
from tests.faults.ledger_recording import CrashError, CrashingStorage
from tests.krea_double import KreaDouble
from tests.present import present
from tests.s3server import S3
from tests.unit.engine.studio import Studio
from tests.virtual_time import VirtualTimeLoop

pytest_plugins = ["tests.s3server"]

START = datetime(2026, 11, 21, 23, 50, tzinfo=UTC)
FINGERPRINTS = [f"{n:02x}" * 32 for n in (1, 2)]
PRICE = Decimal("0.5")
NEVER = 1_000
POST_SECONDS = 60.0
fates = st.sampled_from(["answered", "answer lost", "killed before sending", "refused"])
crash_points = st.one_of(st.just(NEVER), st.integers(0, 7))


class LedgerMachine(RuleBasedStateMachine):
    make_storage: Callable[[], Storage]
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.loop.began = START
        self.storage = type(self).make_storage()
        self.krea = KreaDouble()
        self.owners: dict[str, tuple[str, int]] = {}
        """The submission that each job is of. Krea does not know, but the test does."""
        self.sendable: list[Intent] = []
        """Intents that a living worker holds and has not sent."""
        self.answered: list[tuple[Intent, str]] = []
        """Answers that a living worker has, and the ledger does not."""
        self.intents_won: dict[tuple[str, int], int] = {}
        self.seen: dict[str, bytes] = {}
        self.stack = AsyncExitStack()
        self.run = self.runner.run(self.open_run())

    async def open_run(self) -> Run:
        studio = Studio(folder=Path(tempfile.mkdtemp(dir=self.folder)), krea=self.krea, patience=replace(Patience(), post=POST_SECONDS))
        studio.declare()
        run: Run = await self.stack.enter_async_context(studio.open(await studio.plan()))
        return run

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @property
    def loop(self) -> VirtualTimeLoop:
        loop = self.runner.get_loop()
        assert isinstance(loop, VirtualTimeLoop)
        return loop

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.elapsed)

    @property
    def held(self) -> set[tuple[str, int]]:
        """The submissions that a living worker is busy with."""
        busy = [*self.sendable, *(intent for intent, _ in self.answered)]
        return {(intent.fingerprint, intent.attempt) for intent in busy}

    def ledger(self, writes_left: int) -> Ledger:
        storage: Any = CrashingStorage(self.storage, writes_left)
        return Ledger(storage, clock=virtual_time.now, owner_alive=lambda intent: (intent.fingerprint, intent.attempt) in self.held)

    def crashing(self, operation: Callable[[Ledger], Coroutine[Any, Any, Any]], writes_left: int) -> Any:
        """Run it as a worker that dies after so many writes (even: before the next write lands; odd: after, unaware of it)."""
        return self.runner.run(operation(self.ledger(writes_left)))

    def calm(self, operation: Callable[[Ledger], Coroutine[Any, Any, Any]]) -> Any:
        return self.crashing(operation, NEVER)

    def deciding(self, operation: Callable[[Run], Coroutine[Any, Any, Any]], writes_left: int) -> None:
        """Let a run of the product find something out; it may die, or leave it to a person."""
        try:
            self.runner.run(operation(replace(self.run, ledger=self.ledger(writes_left))))
        except* CrashError:
            pass
        except* InDoubtError:
            pass

    @rule(seconds=st.sampled_from([1, 60, 900]))
    def time_passes(self, seconds: int) -> None:
        self.runner.run(asyncio.sleep(seconds))

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
        attempts = self.calm(lambda ledger: ledger.submissions.of(fingerprint))
        attempt = len(attempts) + 1

        async def race(ledger: Ledger) -> list[Any]:
            return await asyncio.gather(*(self.intend(ledger, fingerprint, attempt) for _ in range(workers)), return_exceptions=True)

        for result in self.crashing(race, crash):
            if isinstance(result, Intent):
                self.sendable.append(result)
                self.intents_won[fingerprint, attempt] = self.intents_won.get((fingerprint, attempt), 0) + 1
            elif isinstance(result, OpenSubmissionError):
                assert attempts[-1].settled is None
            else:
                assert result is None or isinstance(result, CrashError)

    async def intend(self, ledger: Ledger, fingerprint: str, attempt: int) -> Intent | None:
        return await ledger.submissions.intend(
            fingerprint=fingerprint,
            attempt=attempt,
            model="xai/grok-video",
            endpoint="/generate/video/xai/grok-video",
            pipeline="teaser",
            step="dawn",
            run_id="run",
            usd=PRICE,
            deadline_seconds=POST_SECONDS + SENDING_SLACK_SECONDS,
        )

    @precondition(lambda self: self.sendable)
    @rule(fate=fates)
    def send(self, fate: str) -> None:
        intent = self.sendable.pop()
        if fate == "killed before sending":
            return
        if fate == "refused" or self.now >= intent.deadline:
            self.calm(lambda ledger: ledger.submissions.settle(intent.fingerprint, intent.attempt, "unsent", usd=Decimal(0)))
            return
        job_id = self.runner.run(self.accept())
        self.owners[job_id] = (intent.fingerprint, intent.attempt)
        if fate == "answered":
            self.answered.append((intent, job_id))

    async def accept(self) -> str:
        return self.krea.add("/generate/video/xai/grok-video", {"prompt": "Dawn"}).id

    @precondition(lambda self: self.answered)
    @rule(crash=crash_points)
    def note_the_answer(self, crash: int) -> None:
        intent, job_id = self.answered.pop()
        try:
            self.crashing(
                lambda ledger: ledger.submissions.submitted(intent, job_id, created_at=self.krea.jobs[job_id].created_at, how="answer"),
                crash,
            )
        except* CrashError:
            pass

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), crash=crash_points)
    def another_worker_finds_out_what_became_of_it(self, fingerprint: str, crash: int) -> None:
        submissions = self.calm(lambda ledger: ledger.submissions.of(fingerprint))
        if submissions and (fingerprint, submissions[-1].number) not in self.held:  # a worker that is busy with it is waited for
            self.deciding(lambda run: resolve_doubt(run, submissions[-1]), crash)

    @rule(both=st.tuples(fates, fates), fingerprint=st.sampled_from(FINGERPRINTS), crash=crash_points)
    def two_workers_submit_at_once_and_a_third_finds_out(self, both: tuple[str, str], fingerprint: str, crash: int) -> None:
        for shot, fate in zip(FINGERPRINTS, both, strict=True):
            self.a_worker_submits(shot, fate, crash)
        self.another_worker_finds_out_what_became_of_it(fingerprint, NEVER)

    @rule(crash=crash_points)
    def a_worker_looks_after_what_dead_ones_left(self, crash: int) -> None:
        self.deciding(resolve_left_behind, crash)

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), crash=crash_points)
    def a_person_who_knows_decides(self, fingerprint: str, crash: int) -> None:
        attempts = self.calm(lambda ledger: ledger.submissions.of(fingerprint))
        if not attempts or attempts[-1].state != "in_doubt":
            return
        owner = (fingerprint, attempts[-1].number)
        own = [job_id for job_id in attempts[-1].doubt.candidates if self.owners[job_id] == owner]
        try:
            if own:
                self.crashing(lambda ledger: ledger.submissions.submitted(owner, own[0], created_at=None, how="person"), crash)
            else:
                self.crashing(lambda ledger: ledger.submissions.settle(*owner, "never_arrived", usd=Decimal(0)), crash)
        except* CrashError:
            pass

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), n=st.integers(1, 9))
    def nobody_takes_a_job_away(self, fingerprint: str, n: int) -> None:
        attempts = self.calm(lambda ledger: ledger.submissions.of(fingerprint))
        job_id = f"job-{n}"
        claimed = self.calm(lambda ledger: ledger.submissions.claimed([job_id]))
        if claimed and attempts and attempts[-1].submitted and attempts[-1].submitted.job_id != job_id:
            with pytest.raises((ClaimedError, AlreadySubmittedError)):
                self.calm(
                    lambda ledger: ledger.submissions.submitted((fingerprint, attempts[-1].number), job_id, created_at=None, how="listed")
                )

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), outcome=st.sampled_from(["completed", "failed", "timed_out"]), crash=crash_points)
    def settle(self, fingerprint: str, outcome: Any, crash: int) -> None:
        usd = {"completed": PRICE, "failed": Decimal(0), "timed_out": None}[outcome]

        async def end(ledger: Ledger) -> None:
            attempts = await ledger.submissions.of(fingerprint)
            if attempts and attempts[-1].state == "submitted":
                job_id = present(attempts[-1].submitted).job_id
                settled = await ledger.submissions.settle(fingerprint, attempts[-1].number, outcome, usd=usd, job_id=job_id)
                if settled.outcome == "completed":
                    await ledger.takes.record(take_of(fingerprint, job_id, self.now))

        try:
            self.crashing(end, crash)
        except* CrashError:
            pass

    @rule(fingerprint=st.sampled_from(FINGERPRINTS))
    def another_end_changes_nothing(self, fingerprint: str) -> None:
        attempts = self.calm(lambda ledger: ledger.submissions.of(fingerprint))
        for attempt in attempts:
            if attempt.settled:
                assert self.calm(partial(settle_again, attempt)) == attempt.settled

    @rule(fingerprint=st.sampled_from(FINGERPRINTS), n=st.integers(0, 9))
    def another_take_changes_nothing(self, fingerprint: str, n: int) -> None:
        standing = self.calm(lambda ledger: ledger.takes.get(fingerprint))
        if standing:
            assert self.calm(lambda ledger: ledger.takes.record(take_of(fingerprint, f"other-{n}", self.now))) == standing

    @invariant()
    def one_worker_at_most_may_send(self) -> None:
        assert all(won == 1 for won in self.intents_won.values())

    @invariant()
    def records_never_change(self) -> None:
        async def contents() -> dict[str, bytes]:
            return {entry.key: await self.storage.read(entry.key) or b"" for entry in await self.storage.list(ROOT)}

        now = self.runner.run(contents())
        assert {key: now.get(key) for key in self.seen} == self.seen
        assert all(json.loads(data)["version"] == 1 for data in now.values())
        self.seen = now

    @invariant()
    def what_krea_accepted_is_known_for_what_it_is(self) -> None:
        attempts = [attempt for fingerprint in FINGERPRINTS for attempt in self.calm(partial(submissions_for, fingerprint))]
        owners = {owner: job_id for job_id, owner in self.owners.items()}
        for attempt in attempts:
            job_id = owners.get((attempt.intent.fingerprint, attempt.number))
            if attempt.submitted:
                assert attempt.submitted.job_id == job_id
            if attempt.settled and attempt.settled.outcome in {"unsent", "never_arrived"}:
                assert job_id is None, "it would be paid for again"
        self.spending_is_never_too_little(attempts, owners)
        self.open_intents_are_found(attempts)

    def spending_is_never_too_little(self, attempts: list[Submission], owners: dict[tuple[str, int], str]) -> None:
        spending = self.calm(lambda ledger: ledger.spending.on([START.date(), START.date() + timedelta(1)]))
        counted = {(cost.line.fingerprint, cost.line.attempt): cost.usd for cost in spending.costs}
        assert len(counted) == len(spending.costs)
        for attempt in attempts:
            owner = (attempt.intent.fingerprint, attempt.number)
            if may_be_billed(attempt) and owner in owners:
                assert counted[owner] == PRICE

    def open_intents_are_found(self, attempts: list[Submission]) -> None:
        found = self.calm(lambda ledger: ledger.recent.open(START, self.now))
        sent = set(self.owners.values())
        open_ones = {(attempt.intent.fingerprint, attempt.number) for attempt in attempts if attempt.state in {"intended", "in_doubt"}}
        keys = {(attempt.intent.fingerprint, attempt.number) for attempt in found}
        assert open_ones & sent <= keys <= open_ones


async def submissions_for(fingerprint: str, ledger: Ledger) -> tuple[Submission, ...]:
    return await ledger.submissions.of(fingerprint)


async def settle_again(submission: Submission, ledger: Ledger) -> Settled:
    return await ledger.submissions.settle(submission.intent.fingerprint, submission.number, "cancelled", usd=PRICE)


def may_be_billed(submission: Submission) -> bool:
    if submission.settled is None or not was_accepted(submission.settled.outcome):
        return True  # where Krea has a job for it, its answer came after all
    return submission.settled.usd is None or submission.settled.usd > 0


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


def run_machine(make_storage: Callable[[], Storage], folder: Path, *, examples: int, steps: int) -> None:
    machine = type("Machine", (LedgerMachine,), {"make_storage": staticmethod(make_storage), "folder": folder})
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


def test_in_a_folder(folders: Callable[[], Storage], tmp_path: Path) -> None:
    run_machine(folders, tmp_path, examples=10, steps=20)


def test_in_a_bucket(prefixes: Callable[[], Storage], tmp_path: Path) -> None:
    run_machine(prefixes, tmp_path, examples=2, steps=12)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_in_a_folder_at_length(folders: Callable[[], Storage], tmp_path: Path) -> None:
    run_machine(folders, tmp_path, examples=100, steps=40)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_in_a_bucket_at_length(prefixes: Callable[[], Storage], tmp_path: Path) -> None:
    run_machine(prefixes, tmp_path, examples=8, steps=30)
