"""Late jobs that several submissions may have caused: as many submissions count as spent as can have a job of their own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from animatic.ledger import How, Ledger
from animatic.ledger.late_jobs import with_own_jobs
from tests.unit.ledger.conftest import NOON, Intend

pytestmark = pytest.mark.anyio

DAY = date(2026, 11, 21)
A, B, C = ("a" * 64, "b" * 64, "c" * 64)
PRICE = Decimal("0.42")


async def give_up(ledger: Ledger, intend: Intend, *fingerprints: str) -> None:
    for fingerprint in fingerprints:
        await intend(fingerprint)
        await ledger.submissions.settle(fingerprint, 1, "never_arrived", usd=Decimal(0))


async def may_be_of(ledger: Ledger, job_id: str, *fingerprints: str) -> None:
    submissions = [found for one in fingerprints for found in await ledger.submissions.of(one)]
    await ledger.late_jobs.record(job_id, NOON, submissions)


async def spent(ledger: Ledger) -> tuple[Decimal, Decimal]:
    totals = (await ledger.spending.on([DAY])).totals
    return totals.usd, totals.open_usd


@pytest.mark.parametrize(
    ("jobs", "billed"),
    [
        ({}, 0),
        ({"j1": "AB"}, 1),
        ({"j1": "AB", "j2": "AB"}, 2),
        ({"j1": "A", "j2": "A"}, 1),
        ({"j1": "AB", "j2": "A"}, 2),
        ({"j1": "ABC", "j2": "AC", "j3": "A"}, 3),
        ({"j1": "ABC", "j2": "ABC", "j3": "ABC", "j4": "ABC"}, 3),
    ],
)
async def test_as_many_count_as_can_have_a_job_of_their_own(ledger: Ledger, intend: Intend, jobs: dict[str, str], billed: int) -> None:
    await give_up(ledger, intend, A, B, C)
    for job_id, owners in jobs.items():
        for _ in range(2):
            await may_be_of(ledger, job_id, *({"A": A, "B": B, "C": C}[name] for name in owners))
    assert await spent(ledger) == (billed * PRICE, billed * PRICE)


@pytest.mark.parametrize("how", ["answer", "person", "callback"])
async def test_a_job_that_is_somebodys_counts_for_nobody_else(ledger: Ledger, intend: Intend, how: How) -> None:
    await give_up(ledger, intend, A)
    await may_be_of(ledger, "j1", A)
    await ledger.submissions.submitted(await intend(B), "j1", created_at=NOON, how=how)
    assert await spent(ledger) == (PRICE, PRICE)


async def test_a_job_that_may_be_of_an_open_submission_adds_nothing(ledger: Ledger, intend: Intend) -> None:
    await give_up(ledger, intend, A)
    await intend(B)
    await may_be_of(ledger, "j1", A, B)
    assert await spent(ledger) == (PRICE, PRICE)
    await may_be_of(ledger, "j2", B)
    assert await spent(ledger) == (2 * PRICE, 2 * PRICE)


async def test_a_job_that_was_taken_for_one_may_be_the_others_once_another_came(ledger: Ledger, intend: Intend) -> None:
    await give_up(ledger, intend, A)
    await ledger.submissions.submitted(await intend(B), "j1", created_at=NOON, how="evidence")
    await may_be_of(ledger, "j1", A, B)
    assert await spent(ledger) == (PRICE, PRICE)
    await may_be_of(ledger, "j2", B)
    assert await spent(ledger) == (2 * PRICE, 2 * PRICE)


async def test_the_dearer_one_counts_and_an_unknown_price_stays_unknown(ledger: Ledger, intend: Intend) -> None:
    await intend(A, usd=Decimal(1))
    await intend(B, usd=Decimal(2))
    for fingerprint in (A, B):
        await ledger.submissions.settle(fingerprint, 1, "never_arrived", usd=Decimal(0))
    await may_be_of(ledger, "j1", A, B)
    assert (await spent(ledger))[0] == Decimal(2)
    await intend(C, usd=None)
    await ledger.submissions.settle(C, 1, "withdrawn", usd=Decimal(0))
    await may_be_of(ledger, "j2", C)
    totals = (await ledger.spending.on([DAY])).totals
    assert (totals.usd, totals.unpriced) == (Decimal(2), 1)


def test_nobody_goes_without_a_job_who_could_have_one() -> None:
    assert with_own_jobs({"a": ["1", "2"], "b": ["1"], "c": []}) == {"b": "1", "a": "2"}
    assert with_own_jobs({"a": ["1"], "b": ["1"]}) == {"a": "1"}
    assert len(with_own_jobs({key: [str(n) for n in range(6)] for key in "abcdef"})) == 6
