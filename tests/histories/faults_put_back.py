"""Takes fixes out of the product, one at a time: the rules must notice each. A fix that nothing notices is not proven."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

from animatic.engine import budget, doubt, expectation, late_jobs, lost, reach, rivals, search, second_look, strays, wait
from animatic.errors import JobFailedError, KreaUnreachableError
from animatic.krea import Job, one_job
from animatic.ledger import submissions
from animatic.ledger.records import RecordStore
from tests.histories.scenario import FAULTS, LIES

Patches = list[tuple[Any, str, Any]]


@dataclass(frozen=True, kw_only=True)
class Fix:
    """One fix of the product, and how to take it out."""

    name: str
    without: Callable[[], Patches]
    rules: frozenset[str]
    """The rules that notice it."""
    forced: frozenset[str]
    """Faults that occur in every history that looks for it; all others are left out."""


@contextlib.contextmanager
def taken_out(fix: Fix) -> Iterator[None]:
    """Put the fault back that the fix mended."""
    with contextlib.ExitStack() as stack:
        for owner, name, mutant in fix.without():
            stack.enter_context(mock.patch.object(owner, name, mutant))
        yield


def _everywhere(old: Any, new: Any) -> Patches:
    """Replace a function wherever the product has it by name."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("animatic.")]
    return [(module, name, new) for module in modules for name, value in list(vars(module).items()) if value is old]


def _window_ends_at_the_loss() -> Patches:
    begin = search.begin_search

    def begin_narrowly(run: Any, submission: Any, lost: Any) -> Any:
        found = begin(run, submission, lost)
        if lost is not None:
            found.window = replace(found.window, last=search.krea_time(run) + timedelta(seconds=2))
        return found

    return _everywhere(begin, begin_narrowly)


def _dead_senders_get_the_grace_only() -> Patches:
    begin = search.begin_search

    def begin_briefly(run: Any, submission: Any, lost: Any) -> Any:
        found = begin(run, submission, lost)
        if lost is None:
            listed_by = min(found.deadlines.listed_by, run.timing.monotonic() + run.settings.patience.grace)
            found.deadlines = replace(found.deadlines, listed_by=listed_by)
        return found

    return _everywhere(begin, begin_briefly)


def _lost_answers_get_the_grace_only() -> Patches:
    begin = search.begin_search

    def begin_briefly(run: Any, submission: Any, lost: Any) -> Any:
        found = begin(run, submission, lost)
        if lost is not None:
            found.deadlines = replace(found.deadlines, listed_by=found.deadlines.adopted_by)
        return found

    return _everywhere(begin, begin_briefly)


def _adopted_at_the_first_look() -> Patches:
    begin = search.begin_search

    def begin_eagerly(run: Any, submission: Any, lost: Any) -> Any:
        found = begin(run, submission, lost)
        found.deadlines = replace(found.deadlines, adopted_by=run.timing.monotonic(), compared_by=run.timing.monotonic())
        return found

    return _everywhere(begin, begin_eagerly)


def _types_and_results_ignored() -> Patches:
    return [
        *_everywhere(expectation.has_other_type, lambda _type, _intent, _learned: False),
        *_everywhere(expectation.gives_other, lambda _result, _intent, _learned: False),
    ]


def _rivals_ignored() -> Patches:
    async def nobody(*_args: Any, **_options: Any) -> tuple[()]:
        return ()

    return _everywhere(rivals.rivals_for, nobody)


def _failures_believed() -> Patches:
    async def nothing(*_args: Any, **_more: Any) -> list[Any]:
        return []

    return _everywhere(second_look.completed_after_all, nothing)


def _unclear_results_bought_again() -> Patches:
    async def buy_again(run: Any, _step: Any, submitted: Any, job: Job) -> JobFailedError:
        await wait._settle(run, submitted, "failed", usd=Decimal(0), job=job, code="empty_result")
        return JobFailedError("the job completed without a result", code="empty_result", repeatable=True)

    return [(wait, "_unclear", buy_again), *_failures_believed()]  # a second look would see that it completed


def _cancels_believed() -> Patches:
    cancel = wait.cancel_job

    async def believe(run: Any, submitted: Any, *, code: str, message: str) -> Job | None:
        job = await cancel(run, submitted, code=code, message=message)
        if job is None or job.terminal:
            return job
        await wait._settle(run, submitted, "timed_out", usd=Decimal(0), job=job, code=code, message=message)
        return replace(job, status="cancelled")

    return [*_everywhere(cancel, believe), *_failures_believed()]


def _absence_in_another_account_believed() -> Patches:
    return _everywhere(reach.out_of_reach, lambda _client, _intent: None)


def _attempts_without_bound() -> Patches:
    check = lost.check_lost_answers

    async def go_on(run: Any, step: Any) -> bool:
        try:
            return await check(run, step)
        except KreaUnreachableError:
            return False

    return _everywhere(check, go_on)


def _claims_ignored() -> Patches:
    create_or_read = RecordStore.create_or_read

    async def mine(self: RecordStore, key: str, record: Any) -> Any:
        if "/claims/" in key:
            await self.create(key, record)
            return record
        return await create_or_read(self, key, record)

    async def unclaimed(_self: Any, _jobs: Any) -> frozenset[str]:
        return frozenset()

    return [(RecordStore, "create_or_read", mine), (submissions.Submissions, "claimed", unclaimed)]


def _intents_not_exclusive() -> Patches:
    create = RecordStore.create

    async def create_anyhow(self: RecordStore, key: str, record: object) -> bool:
        return await create(self, key, record) or key.endswith("intended.json")

    return [(RecordStore, "create", create_anyhow)]


def _stale_intents_sent() -> Patches:
    return _everywhere(doubt.STALE_INTENT, timedelta(days=9))


def _budgets_not_reserved() -> Patches:
    async def spend(_self: Any, _step: Any, _attempt: int, _request: Any) -> None:
        return None

    async def confirm(_self: Any, _step: Any) -> None:
        return None

    return [(budget.Budget, "reserve", spend), (budget.Budget, "confirm", confirm)]


def _second_look_at_the_budget_left_out() -> Patches:
    async def confirm(_self: Any, _step: Any) -> None:
        return None

    return [(budget.Budget, "confirm", confirm)]


def _lost_answers_not_reserved() -> Patches:
    give_up = search._never_arrived

    async def release(run: Any, submission: Any, lost: Any) -> None:
        await give_up(run, submission, lost)
        run.budget.release(submission.intent.fingerprint, submission.number)

    return [(search, "_never_arrived", release)]


def _strays_not_told() -> Patches:
    async def nothing(*_args: Any) -> list[Any]:
        return []

    return [*_everywhere(strays.list_strays, nothing), *_everywhere(late_jobs.late_jobs, nothing)]


def _late_jobs_of_several_not_counted() -> Patches:
    async def nothing(*_args: Any) -> frozenset[str]:
        return frozenset()

    return _everywhere(late_jobs.keep_late_jobs, nothing)


def _other_jobs_believed() -> Patches:
    async def show(session: Any, job_id: str, parse: Any) -> Any:
        return await session.read(lambda: session.request("GET", one_job.job_path(job_id)), parse, verdicts={404: None})

    return _everywhere(one_job.show_job, show)


def _fix(name: str, without: Callable[[], Patches], rules: str, forced: str) -> Fix:
    assert set(forced.split()) <= {*FAULTS, *LIES}, forced
    return Fix(name=name, without=without, rules=frozenset(rules.split()), forced=frozenset(forced.split()))


FIXES = (
    _fix("the window reaches to the moment of looking", _window_ends_at_the_loss, "hasty silent", "error-late drop-late timeout-late"),
    _fix("a dead sender gets the time of its POST", _dead_senders_get_the_grace_only, "hasty", "kill slow timeout-after resume"),
    _fix("a lost answer gets the time of its POST", _lost_answers_get_the_grace_only, "hasty", "error-late drop-late"),
    _fix("a lone candidate waits for the grace", _adopted_at_the_first_look, "stranger", "foreign-same error-late drop-late"),
    _fix("types and results are compared", _types_and_results_ignored, "stranger swapped", "foreign-other error-after drop-before"),
    _fix("what fits two is left to a person", _rivals_ignored, "swapped", "drop-after drop-before twins kill untyped"),
    _fix("an unclear result is not bought again", _unclear_results_bought_again, "hasty silent", "shape-none shape-odd"),
    _fix("a cancel counts when Krea says so", _cancels_believed, "silent hasty", "cancel-ignored long interrupt"),
    _fix("another account's silence proves nothing", _absence_in_another_account_believed, "hasty silent", "two-accounts kill drop-after"),
    _fix("attempts are bounded", _attempts_without_bound, "posts endless end", "error-before drop-before"),
    _fix("a claimed job is nobody else's", _claims_ignored, "shared swapped silent", "drop-after drop-before untyped twins"),
    _fix("one worker wins an intent", _intents_not_exclusive, "hasty silent shared posts", "twins same-process"),
    _fix("what has gone stale is not sent", _stale_intents_sent, "hasty silent", "pause twins slow-storage"),
    _fix("budgets are reserved", _budgets_not_reserved, "budget", "error-before drop-after"),
    _fix("budgets are looked at again after the intent", _second_look_at_the_budget_left_out, "budget", "twins slow-storage"),
    _fix("a lost answer stays reserved", _lost_answers_not_reserved, "budget", "error-before drop-before"),
    _fix(
        "late jobs of several submissions count", _late_jobs_of_several_not_counted, "uncounted", "error-late drop-late listed-late twins"
    ),
    _fix("strays are told", _strays_not_told, "silent", "error-late drop-late listed-late kill"),
    _fix("only the job that was asked for is believed", _other_jobs_believed, "shared swapped silent", "reads-swapped foreign-same failed"),
    _fix("what is called failed is looked at again", _failures_believed, "silent uncounted", "called-failed"),
)
