"""The verbs that read a ledger or a server answer plainly where there is nothing yet, and change nothing."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Verb


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (("runs",), 0, "no runs yet", ""),
        (("status",), 2, "", "there are no runs yet"),
        (("watch",), 2, "", "there are no runs yet"),
        (("resume", "nope"), 2, "", "there is no run"),
        (("takes", "dawn"), 0, "dawn has no take yet", ""),
        (("takes", "noon"), 2, "", "no pipeline has a shot 'noon'"),
        (("takes", "teaser", "noon"), 2, "", "'teaser' has no shot 'noon'"),
        (("use", "dawn", "1"), 2, "", "has no take 1"),
        (("use", "dawn", "first"), 2, "", "'first' is not the number or name of a take"),
        (("doubts",), 0, "nothing is in doubt", ""),
        (("adopt", "dawn", "job-1"), 2, "", "no submission of shot 'dawn' is in doubt"),
        (("resubmit", "dawn"), 2, "", "no submission of shot 'dawn' is in doubt"),
        (("retake", "teaser", "dawn", "--simulate"), 2, "", "has no take yet"),
        (("retake", "teaser", "dawn"), 2, "", "--simulate"),
        (("run",), 2, "", "KREA_API_TOKEN is not set"),
        (("spend",), 0, "total            0   $0.00  $0.00", ""),
        (("down",), 0, "no local Prefect server was running", ""),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_nothing_there_is_answered(animatic: Verb, arguments: tuple[str, ...], code: int, out: str, err: str) -> None:
    said = animatic(*arguments)
    assert said.code == code, said
    assert out in said.out
    assert err in said.err


@pytest.mark.parametrize("verb", [("runs",), ("takes", "dawn"), ("doubts",)])
def test_nothing_is_an_empty_list_for_programs(animatic: Verb, verb: tuple[str, ...]) -> None:
    assert animatic(*verb, "--json").json == []


def test_money_is_numbers_for_programs(animatic: Verb) -> None:
    assert animatic("spend", "--days", "3", "--json").json == {"days": 3, "total_usd": 0.0, "rows": []}
