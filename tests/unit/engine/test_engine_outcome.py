"""How a run's end is told: the first sixty characters hold the count, the cause and the remedy."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from animatic.engine.outcome import REMEDIES, ended_by, missing_shots, outcome
from animatic.engine.progress import ProgressTracker
from animatic.errors import (
    AnimaticError,
    InDoubtError,
    JobFailedError,
    KreaUnreachableError,
    OverBudgetError,
    ServiceError,
    ShotError,
    StorageError,
    UnclearResultError,
)
from animatic.krea import NotSentError
from animatic.storage import StorageRefusedError
from tests.present import present

GONE = ShotError("not made, because storm is missing", code="upstream")
BLOOD = JobFailedError("The request was flagged by content moderation.", code="moderated", repeatable=False)


def run_of(errors: dict[str, AnimaticError], *, shots: int = 6) -> Any:
    steps = {f"s{number}": None for number in range(shots - len(errors))} | {key: None for key in errors if key != "reel"}
    plan = SimpleNamespace(shots=tuple(range(shots)), run_id="r1")
    state, progress = SimpleNamespace(errors=errors, unrecorded={}, takes={}), ProgressTracker.of(dict.fromkeys(steps, "m"))
    return SimpleNamespace(state=state, stopped=None, steps=steps, plan=plan, progress=progress)


def test_the_reel_is_no_shot() -> None:
    errors = {"storm": JobFailedError("the provider failed"), "after": GONE, "wreck": GONE, "blood": BLOOD}
    found = outcome(run_of({**errors, "reel": ShotError("no reel: storm is missing")}))
    assert found is not None
    assert found.message.startswith("4 of 6 shots missing: ")
    alone = outcome(run_of({"reel": ShotError("the disk is full")}))
    assert alone is not None
    assert alone.message == "all 6 shots delivered, but no reel: the disk is full"


@pytest.mark.parametrize("code", REMEDIES)
@pytest.mark.parametrize("key", ["s", "a-long-shot-id-indeed"])
def test_count_cause_and_remedy_stand_in_the_first_sixty_characters(code: str, key: str) -> None:
    text = missing_shots({key: ShotError("why", code=code), "b": ShotError("why", code=code), "c": GONE}, 40)
    cause, remedy = REMEDIES[code]
    head = text[:60]
    assert "3 of 40 shots missing" in head
    assert f"{cause} (+1); {remedy}" in head
    assert text.endswith(f"{key}: why; b: why; c waits for them")


def test_the_commonest_cause_is_named_and_what_waits_is_not_a_failure() -> None:
    fail = JobFailedError("the provider failed")
    text = missing_shots({"after": GONE, "blood": BLOOD, "storm": fail, "home": fail}, 6)
    assert text.startswith("4 of 6 shots missing: storm failed at Krea (+2); resume. blood: The request")


def test_krea_s_own_codes_are_told_in_our_words() -> None:
    flagged = JobFailedError("flagged", code="content_moderated", repeatable=False)
    broken = JobFailedError("the provider failed", code="provider_error_17")
    assert missing_shots({"a": flagged}, 3).startswith("1 of 3 shots missing: a moderated; reword, resume. a: flagged")
    assert missing_shots({"a": broken}, 3).startswith("1 of 3 shots missing: a failed at Krea; resume. a: the provider")


def test_a_job_that_nobody_else_knows_is_named() -> None:
    full = StorageError("cannot create x: the disk is full", hint="free some space")
    run = run_of({"a": full, "b": GONE})
    run.state.unrecorded = {"a": "job-1", "b": "job-2"}
    found = outcome(run)
    assert found is not None
    assert found.message == "cannot create x: the disk is full; paid, and not recorded: a is job job-1, b is job job-2"
    assert found.hint == "free some space; where `animatic resume r1` asks whose a job is: `animatic adopt SHOT JOB`"


def test_what_a_service_ends_says_how_to_go_on_and_what_was_billed() -> None:
    full = StorageRefusedError("cannot create x: the disk is full", hint="free some space")
    found = outcome(run_of({"a": full, "b": GONE}))
    assert type(found) is StorageRefusedError
    assert found.message == full.message
    assert found.hint == "free some space; then `animatic resume r1` goes on, and pays for nothing again"
    # No manifest could be written, so that no summary says it.
    run = run_of({})
    run.manifest = SimpleNamespace(manifest=lambda: SimpleNamespace(cost=SimpleNamespace(billed_usd=Decimal("0.1"))))
    run.budget = SimpleNamespace(spent=Decimal("0.1"))
    run.progress = SimpleNamespace(shots={key: SimpleNamespace(job_id=f"job-{key}") for key in ("a", "b")})
    run.state.takes = {"a": None, "b": None}
    assert ended_by(run, full, summed_up=False).hint == f"{found.hint}; this run was billed $0.10 so far"
    run.budget.spent += Decimal("0.05")
    del run.state.takes["b"]
    told = f"{found.hint}; this run was billed $0.10 so far, and may be billed $0.05 more: b is job job-b"
    assert ended_by(run, full, summed_up=False).hint == told
    assert ended_by(run, full).hint == told  # what lies at the destination, and is summed up, may say less
    assert "billed" not in present(ended_by(run, KreaUnreachableError("Krea is away", hint="look")).hint)
    away = KreaUnreachableError("Krea is away", hint="try `animatic resume` when it is back")
    unchanged = outcome(run_of({"a": away}))
    assert unchanged is not None
    assert (type(unchanged), unchanged.hint) == (KreaUnreachableError, away.hint)


def test_a_clip_that_is_gone_is_not_brought_back_by_resume() -> None:
    gone = ShotError("the clip of a is gone", hint="put the file back, or `animatic retake coast a`", code="clip_missing")
    found = outcome(run_of({"a": gone, "b": GONE}))
    assert found is not None
    assert found.hint == gone.hint
    mixed = outcome(run_of({"a": gone, "b": BLOOD}))
    assert mixed is not None
    assert "`animatic resume r1`" in present(mixed.hint)


def test_money_comes_first_and_doubt_says_how_to_decide_at_once() -> None:
    money = OverBudgetError("over")
    assert outcome(run_of({"a": BLOOD, "b": money})) is money
    doubt = outcome(run_of({"a": InDoubtError("?"), "b": BLOOD}))
    assert isinstance(doubt, InDoubtError)
    assert doubt.message[:60].startswith("1 of 6 shots in doubt: decide with `animatic doubts`.")
    unclear = outcome(run_of({"a": UnclearResultError("job j completed and was billed")}))
    assert isinstance(unclear, UnclearResultError)
    assert unclear.message[:60].startswith("1 of 6 shots paid, result unclear: `animatic doubts`.")


def test_takes_of_one_shot_are_one_shot() -> None:
    refused = ShotError("no", code="request_refused")
    text = missing_shots({"pt/dawn": refused, "pt/dawn#2": refused, "no#1b": refused, "en/dawn": refused}, 6)
    assert text.startswith("3 of 6 shots missing: ")


def test_lost_answers_and_unclear_results_are_told_apart_with_what_may_be_billed() -> None:
    run = run_of({"a": InDoubtError("2 jobs"), "b": UnclearResultError("job-3"), "c": BLOOD})
    run.progress.change("a", "in doubt", "2 jobs", aside=Decimal("0.10"))
    found = outcome(run)
    assert found is not None
    assert found.message == (
        "2 of 6 shots in doubt: decide with `animatic doubts`. a: Krea may or may not have accepted the submission ($0.10 may be billed); "
        "b: paid, and the result was not understood"
    )


@pytest.mark.parametrize(
    "error", [NotSentError("Krea turned it away", retry_after=3.0, busy=True), KreaUnreachableError("no answer", code="x")]
)
def test_an_error_of_a_service_keeps_what_it_is_where_it_ends_a_run(error: ServiceError) -> None:
    told = ended_by(run_of({"a": error}), error)
    assert (type(told), told.code, told.message) == (type(error), error.code, error.message)
    assert "animatic resume r1" in (told.hint or "")
    assert getattr(told, "retry_after", None) == getattr(error, "retry_after", None)
    assert error.hint is None
