"""The histories notice each fix that is taken out of the product: a rule that finds nothing would prove nothing."""

from __future__ import annotations

import pytest

from tests.histories import first_broken
from tests.histories.faults_put_back import FIXES, Fix, taken_out

LIMIT = 600
QUICK = frozenset(
    {
        "a lost answer gets the time of its POST",
        "an unclear result is not bought again",
        "budgets are reserved",
        "a claimed job is nobody else's",
        "strays are told",
        "only the job that was asked for is believed",
        "what is called failed is looked at again",
    }
)
"""Those that are noticed within a few histories."""


def _each() -> list[object]:
    return [pytest.param(fix, id=fix.name, marks=() if fix.name in QUICK else pytest.mark.slow) for fix in FIXES]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fix", _each())
def test_a_fix_that_is_taken_out_is_noticed(fix: Fix) -> None:
    with taken_out(fix):
        found = first_broken(fix.rules, fix.forced, LIMIT)
    assert found, f"nothing was noticed in {LIMIT} histories without the fix: {fix.name}"
    whole = first_broken(fix.rules, fix.forced, found.seed)
    assert not whole, f"history {found.seed} breaks a rule with the fix, too: {whole.broken if whole else ()}"
