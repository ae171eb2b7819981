"""What is counted, and that it is never too little."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from animatic.ledger import Ledger, Outcome, Totals
from animatic.ledger.records import journal_folder, spending_key
from animatic.storage import Storage, StorageRefusedError
from animatic.storage.folder import FolderStorage
from tests.unit.ledger.conftest import DAWN, NOON, Clock, CountingStorage, Intend, fingerprint

DAY = date(2026, 11, 21)

pytestmark = pytest.mark.anyio


async def test_nothing_costs_nothing(ledger: Ledger) -> None:
    assert (await ledger.spending.on([DAY])).totals == Totals(submissions=0, usd=Decimal(0), open_usd=Decimal(0), unpriced=0)


async def test_what_is_open_counts_as_spent(ledger: Ledger, intend: Intend) -> None:
    await intend(fingerprint(1))
    await ledger.submissions.submitted(await intend(fingerprint(2)), "job-2", created_at=None, how="answer")
    await intend(fingerprint(3))
    await ledger.submissions.doubt(fingerprint(3), 1, "two jobs fit", ["a", "b"])
    assert (await ledger.spending.on([DAY])).totals == Totals(submissions=3, usd=Decimal("1.26"), open_usd=Decimal("1.26"), unpriced=0)


async def test_what_is_settled_counts_with_what_was_billed(ledger: Ledger, intend: Intend) -> None:
    ends: list[tuple[Outcome, str]] = [("completed", "0.40"), ("failed", "0"), ("never_arrived", "0")]
    for n, (outcome, usd) in enumerate(ends):
        await intend(fingerprint(n))
        await ledger.submissions.settle(fingerprint(n), 1, outcome, usd=Decimal(usd))
    assert (await ledger.spending.on([DAY])).totals == Totals(submissions=3, usd=Decimal("0.40"), open_usd=Decimal(0), unpriced=0)


async def test_a_bill_that_is_not_known_counts_as_expected(ledger: Ledger, intend: Intend) -> None:
    await intend(fingerprint(1))
    await ledger.submissions.settle(fingerprint(1), 1, "timed_out", usd=None)
    assert (await ledger.spending.on([DAY])).totals.usd == Decimal("0.42")


async def test_unknown_prices_are_counted_as_unknown(ledger: Ledger, intend: Intend) -> None:
    await intend(fingerprint(1), usd=None)
    await intend(fingerprint(2), usd=None)
    await ledger.submissions.settle(fingerprint(2), 1, "completed", usd=None)
    await intend(fingerprint(3), usd=None)
    await ledger.submissions.settle(fingerprint(3), 1, "failed", usd=Decimal(0))
    totals = (await ledger.spending.on([DAY])).totals
    assert (totals.usd, totals.unpriced) == (Decimal(0), 2)


async def test_an_answer_after_it_was_given_up_counts_again(ledger: Ledger, intend: Intend) -> None:
    intent = await intend()
    await ledger.submissions.settle(intent.fingerprint, 1, "never_arrived", usd=Decimal(0))
    await ledger.submissions.submitted(intent, "late", created_at=None, how="answer")
    assert (await ledger.spending.on([DAY])).totals.open_usd == Decimal("0.42")


async def test_an_adopted_job_counts_even_if_its_owner_died_before_the_journal(ledger: Ledger, storage: Storage, intend: Intend) -> None:
    intent = await intend()
    (line,) = await storage.list(journal_folder(DAY))
    await storage.delete(line.key)
    assert (await ledger.spending.on([DAY])).totals.submissions == 0
    await ledger.submissions.submitted((intent.fingerprint, 1), "job-1", created_at=None, how="listed")
    assert (await ledger.spending.on([DAY])).totals.usd == Decimal("0.42")


async def test_a_damaged_line_of_the_journal_costs_what_its_intent_says(
    ledger: Ledger, storage: Storage, intend: Intend, clock: Clock
) -> None:
    await intend(fingerprint(1))
    await intend(fingerprint(2))
    await ledger.submissions.settle(fingerprint(2), 1, "completed", usd=Decimal("0.40"))
    before = await ledger.spending.on([DAY])
    for line in await storage.list(journal_folder(DAY)):
        await storage.write(line.key, b'{"version": 1, "fing', content_type="application/json")
    later = Ledger(storage, clock=clock)
    assert await later.spending.on([DAY]) == before
    assert before.totals.usd == Decimal("0.82")
    assert len(later.left_out) == 2


async def test_sums_by_pipeline_model_and_shot(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    await intend(fingerprint(1), pipeline="teaser", step="dawn", model="b")
    await intend(fingerprint(2), pipeline="teaser", step="surf", model="a", usd=Decimal(1))
    clock.advance(days=1)
    await intend(fingerprint(3), pipeline="launch", step="spin", model="a", usd=None)
    spending = await ledger.spending.on([DAY, DAY + timedelta(1), DAY])
    assert {name: totals.usd for name, totals in spending.by(lambda cost: cost.line.model).items()} == {
        "a": Decimal(1),
        "b": Decimal("0.42"),
    }
    assert {name: totals.submissions for name, totals in spending.by(lambda cost: cost.line.pipeline).items()} == {"launch": 1, "teaser": 2}
    assert list(spending.by(lambda cost: f"{cost.day} {cost.line.step}")) == ["2026-11-21 dawn", "2026-11-21 surf", "2026-11-22 spin"]
    assert [cost.line.step for cost in spending.costs] == ["dawn", "surf", "spin"]


async def test_days_are_of_utc(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC).astimezone()
    await intend(fingerprint(1))
    assert (await ledger.spending.on([DAY])).totals.submissions == 1
    assert (await ledger.spending.on([DAY])).costs[0].day == DAY


@pytest.fixture
def storage(tmp_path: Path) -> CountingStorage:
    return CountingStorage(tmp_path / "out")


async def test_a_past_day_is_summed_up_once(ledger: Ledger, storage: CountingStorage, intend: Intend, clock: Clock) -> None:
    for n in range(10):
        await intend(fingerprint(n))
        await ledger.submissions.settle(fingerprint(n), 1, "completed", usd=Decimal("0.40"))
    clock.advance(days=1)
    await ledger.spending.on([DAY])
    assert await storage.read(spending_key(DAY)) is None
    clock.advance(days=1)
    before = await ledger.spending.on([DAY])
    storage.reads = 0
    assert await ledger.spending.on([DAY]) == before
    assert storage.reads == 1


async def test_what_is_not_final_is_left_out_of_the_sum_and_looked_up_again(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    for n in range(4):
        await intend(fingerprint(n))
    await ledger.submissions.settle(fingerprint(0), 1, "completed", usd=Decimal("0.40"))
    await ledger.submissions.settle(fingerprint(1), 1, "never_arrived", usd=Decimal(0))
    clock.advance(days=40)
    assert (await ledger.spending.on([DAY])).totals.usd == Decimal("1.24")
    await ledger.submissions.submitted((fingerprint(1), 1), "late", created_at=None, how="person")
    await ledger.submissions.settle(fingerprint(2), 1, "cancelled", usd=Decimal(0))
    totals = (await ledger.spending.on([DAY])).totals
    assert (totals.usd, totals.open_usd, totals.submissions) == (Decimal("1.24"), Decimal("0.84"), 4)


async def test_a_line_of_a_wrong_clock_is_still_counted_in_a_day_that_was_summed_up(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    await intend(fingerprint(1))
    await ledger.submissions.settle(fingerprint(1), 1, "completed", usd=Decimal(1))
    clock.advance(days=3)
    await ledger.spending.on([DAY])
    clock.advance(days=-3)
    await intend(fingerprint(2))
    clock.advance(days=3)
    assert (await ledger.spending.on([DAY])).totals.usd == Decimal("1.42")


async def test_who_may_only_read_is_told_what_was_spent(ledger: Ledger, storage: CountingStorage, intend: Intend, clock: Clock) -> None:
    await intend(fingerprint(1))
    await ledger.submissions.settle(fingerprint(1), 1, "completed", usd=Decimal(1))
    clock.advance(days=3)
    storage.read_only = True
    assert (await ledger.spending.on([DAY])).totals.usd == Decimal(1)


async def test_what_is_final_is_passed_over_when_looking_for_what_is_open(
    ledger: Ledger, storage: CountingStorage, intend: Intend, clock: Clock
) -> None:
    start = clock.now
    for n in range(20):
        await intend(fingerprint(n))
        if n:
            await ledger.submissions.settle(fingerprint(n), 1, "completed", usd=Decimal(1))
    clock.advance(days=30)
    await ledger.spending.on([DAY])
    storage.reads = 0
    (attempt,) = await ledger.recent.open(start, clock.now)
    assert attempt.intent.fingerprint == fingerprint(0)
    assert storage.reads < 8


@pytest.mark.parametrize("refused", ["journal/", "settled.json"])
async def test_what_may_not_be_read_is_not_counted_as_nothing(
    ledger: Ledger, intend: Intend, tmp_path: Path, clock: Clock, refused: str
) -> None:
    class Refusing(FolderStorage):
        async def read(self, key: str) -> bytes | None:
            if refused in key:
                raise StorageRefusedError(f"{key}: access denied")
            return await super().read(key)

    await intend()
    await ledger.submissions.settle(DAWN, 1, "completed", usd=Decimal("0.40"))
    barred = Ledger(Refusing(tmp_path / "out"), clock=clock)
    with pytest.raises(StorageRefusedError, match="access denied"):
        await barred.spending.on([DAY])
    assert barred.left_out == ()


async def test_what_a_clock_that_is_ahead_has_entered_was_spent_by_now(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    await intend(fingerprint(1))
    clock.advance(hours=20)
    await intend(fingerprint(2))
    clock.advance(days=5000)  # a machine whose clock was never set
    await ledger.runs.save(f"{clock.now:%Y%m%dT%H%M%SZ}-4f3a", {})
    await intend(fingerprint(3))
    clock.now = NOON
    assert [cost.line.fingerprint for cost in (await ledger.spending.on(await ledger.days_since(DAY))).costs] == [
        fingerprint(n) for n in (1, 2, 3)
    ]
