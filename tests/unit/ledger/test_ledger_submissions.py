"""Who may send, whose job it is, how it ended."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta
from decimal import Decimal

import pytest

from animatic.errors import AnimaticError
from animatic.ledger import AlreadySubmittedError, ClaimedError, Failure, Ledger, OpenSubmissionError
from animatic.ledger.records import attempt_folder
from animatic.storage import Storage
from tests.present import present
from tests.unit.ledger.conftest import Clock, Intend

DAWN = "da" * 32
SURF = "5f" * 32

pytestmark = pytest.mark.anyio


async def test_nothing_is_on_record_at_first(ledger: Ledger) -> None:
    assert await ledger.submissions.of(DAWN) == ()
    assert await ledger.submissions.claimed(["job-1"]) == frozenset()


async def test_of_many_workers_one_may_send(ledger: Ledger, intend: Intend) -> None:
    intents = await asyncio.gather(*(intend() for _ in range(20)))
    winners = [intent for intent in intents if intent]
    assert len(winners) == 1
    (attempt,) = await ledger.submissions.of(DAWN)
    assert attempt.state == "intended"
    assert attempt.intent == winners[0]


async def test_an_intent_tells_until_when_it_may_be_under_way(intend: Intend, clock: Clock) -> None:
    intent = await intend(deadline_seconds=90)
    assert intent.intended_at == clock.now
    assert intent.deadline == clock.now + timedelta(seconds=90)


async def test_the_token_is_128_bits_and_never_shown(intend: Intend) -> None:
    first, second = await intend(), await intend(SURF)
    assert len(bytes.fromhex(first.token)) == 16
    assert first.token != second.token
    assert first.token not in repr(first)


async def test_the_token_is_in_no_key(ledger: Ledger, storage: Storage, intend: Intend) -> None:
    intent = await intend()
    assert not [entry.key for entry in await storage.list("") if intent.token in entry.key]


async def test_a_submission_goes_from_intended_to_settled(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    intent = await intend()
    await ledger.submissions.submitted(intent, "job-1", created_at=clock.now, how="answer")
    (attempt,) = await ledger.submissions.of(DAWN)
    assert (attempt.state, present(attempt.submitted).job_id, present(attempt.submitted).how) == ("submitted", "job-1", "answer")
    assert await ledger.submissions.claimed(["job-1", "job-2"]) == {"job-1"}
    clock.advance(minutes=1)
    settled = await ledger.submissions.settle(DAWN, 1, "completed", usd=Decimal("0.40"), job_id="job-1", completed_at=clock.now)
    (attempt,) = await ledger.submissions.of(DAWN)
    assert attempt.state == "settled"
    assert attempt.settled == settled
    assert attempt.settled.usd == Decimal("0.40")


async def test_submitted_twice_is_once(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    intent = await intend()
    await ledger.submissions.submitted(intent, "job-1", created_at=clock.now, how="answer")
    clock.advance(seconds=5)
    await ledger.submissions.submitted((DAWN, 1), "job-1", created_at=None, how="callback")
    (attempt,) = await ledger.submissions.of(DAWN)
    assert present(attempt.submitted).how == "answer"


async def test_a_job_belongs_to_one_submission_only(ledger: Ledger, intend: Intend) -> None:
    await ledger.submissions.submitted(await intend(DAWN), "job-1", created_at=None, how="answer")
    await intend(SURF)
    with pytest.raises(ClaimedError) as caught:
        await ledger.submissions.submitted((SURF, 1), "job-1", created_at=None, how="listed")
    assert (caught.value.job_id, caught.value.fingerprint, caught.value.attempt) == ("job-1", DAWN, 1)
    assert (await ledger.submissions.of(SURF))[0].state == "intended"


async def test_of_many_submissions_that_adopt_a_job_one_gets_it(ledger: Ledger, intend: Intend) -> None:
    fingerprints = [f"{n:02x}" * 32 for n in range(12)]
    for fingerprint in fingerprints:
        await intend(fingerprint)
    results = await asyncio.gather(
        *(ledger.submissions.submitted((fingerprint, 1), "job-1", created_at=None, how="listed") for fingerprint in fingerprints),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    assert all(isinstance(result, ClaimedError) for result in results if result)
    states = [(await ledger.submissions.of(fingerprint))[0].state for fingerprint in fingerprints]
    assert states.count("submitted") == 1


async def test_a_submission_that_has_its_job_adopts_no_other(ledger: Ledger, intend: Intend) -> None:
    await ledger.submissions.submitted(await intend(), "job-1", created_at=None, how="answer")
    with pytest.raises(AlreadySubmittedError, match="job-1"):
        await ledger.submissions.submitted((DAWN, 1), "job-2", created_at=None, how="listed")
    assert await ledger.submissions.claimed(["job-2"]) == frozenset()


async def test_an_answer_after_another_job_was_adopted_keeps_both_jobs_from_others(ledger: Ledger, intend: Intend) -> None:
    intent = await intend()
    await ledger.submissions.submitted((DAWN, 1), "adopted", created_at=None, how="listed")
    with pytest.raises(AlreadySubmittedError, match="adopted"):
        await ledger.submissions.submitted(intent, "answered", created_at=None, how="answer")
    assert await ledger.submissions.claimed(["adopted", "answered"]) == {"adopted", "answered"}


async def test_a_crash_between_claim_and_record_is_made_good(ledger: Ledger, storage: Storage, intend: Intend, clock: Clock) -> None:
    await ledger.submissions.submitted(await intend(), "job-1", created_at=clock.now, how="answer")
    await storage.delete(f"{attempt_folder(DAWN, 1)}submitted.json")
    assert (await ledger.submissions.of(DAWN))[0].state == "intended"
    assert await ledger.submissions.claimed(["job-1"]) == {"job-1"}
    (attempt,) = await ledger.submissions.of(DAWN)
    assert (attempt.state, present(attempt.submitted).job_id, present(attempt.submitted).created_at) == ("submitted", "job-1", clock.now)


async def test_what_became_a_job_never_counts_as_never_arrived(ledger: Ledger, intend: Intend) -> None:
    await ledger.submissions.submitted(await intend(), "job-1", created_at=None, how="answer")
    for outcome in ("never_arrived", "unsent"):
        with pytest.raises(AlreadySubmittedError, match="job-1"):
            await ledger.submissions.settle(DAWN, 1, outcome, usd=Decimal(0))
    assert (await ledger.submissions.of(DAWN))[0].state == "submitted"


async def test_the_first_end_stands(ledger: Ledger, intend: Intend) -> None:
    await intend()
    first = await ledger.submissions.settle(DAWN, 1, "failed", usd=Decimal(0), error=Failure(code="nsfw", message="refused"))
    second = await ledger.submissions.settle(DAWN, 1, "completed", usd=Decimal("0.42"))
    assert second == first
    assert present((await ledger.submissions.of(DAWN))[0].settled).error == Failure(code="nsfw", message="refused")


async def test_of_many_ends_one_stands_and_all_are_told(ledger: Ledger, intend: Intend) -> None:
    await intend()
    ends = await asyncio.gather(*(ledger.submissions.settle(DAWN, 1, "failed", usd=Decimal(n)) for n in range(10)))
    assert len(set(ends)) == 1
    assert (await ledger.submissions.of(DAWN))[0].settled == ends[0]


async def test_a_further_attempt_waits_for_the_one_before(ledger: Ledger, intend: Intend) -> None:
    await intend()
    with pytest.raises(OpenSubmissionError):
        await intend(attempt=2)
    await ledger.submissions.settle(DAWN, 1, "failed", usd=Decimal(0))
    assert await intend(attempt=2)
    assert [attempt.number for attempt in await ledger.submissions.of(DAWN)] == [1, 2]


async def test_a_doubt_shows_its_candidates_until_somebody_decides(ledger: Ledger, intend: Intend) -> None:
    await intend()
    await ledger.submissions.doubt(DAWN, 1, "two jobs fit", ["job-1", "job-2"])
    again = await ledger.submissions.doubt(DAWN, 1, "three jobs fit", ["job-3"])
    (attempt,) = await ledger.submissions.of(DAWN)
    assert attempt.state == "in_doubt"
    assert attempt.doubt == again
    assert attempt.doubt.candidates == ("job-1", "job-2")
    await ledger.submissions.submitted((DAWN, 1), "job-2", created_at=None, how="person")
    assert (await ledger.submissions.of(DAWN))[0].state == "submitted"


async def test_open_intents_are_those_of_the_window_without_a_job_or_an_end(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    start = clock.now
    await intend("01" * 32)
    clock.advance(hours=11, minutes=59)
    await intend("02" * 32)
    await ledger.submissions.submitted(await intend("03" * 32), "job-3", created_at=None, how="answer")
    await intend("04" * 32)
    await ledger.submissions.settle("04" * 32, 1, "unsent", usd=Decimal(0))
    clock.advance(minutes=2)
    await intend("05" * 32)
    await intend("06" * 32)
    await ledger.submissions.doubt("06" * 32, 1, "two jobs fit", ["a", "b"])
    found = await ledger.recent.open(start + timedelta(seconds=1), clock.now)
    assert [attempt.intent.fingerprint[:2] for attempt in found] == ["02", "05", "06"]
    assert found[2].state == "in_doubt"
    assert len(await ledger.recent.open(start, clock.now)) == 4
    assert await ledger.recent.open(clock.now + timedelta(1), clock.now + timedelta(2)) == ()


async def test_odd_job_ids_are_claimed_too(ledger: Ledger, intend: Intend) -> None:
    await ledger.submissions.submitted(await intend(), "a/b?c=ü", created_at=None, how="answer")
    assert await ledger.submissions.claimed(["a/b?c=ü", "a"]) == {"a/b?c=ü"}


@pytest.mark.parametrize(
    "error",
    [ClaimedError("job-1", DAWN, 2), AlreadySubmittedError(DAWN, 1, "job-1"), OpenSubmissionError(DAWN, 1)],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_another_process_and_say_what_to_do(error: AnimaticError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))
    assert error.exit_code == 5
    assert error.hint
