"""``forecast``: a table for people, the runs for programs, and exit code 3 where a budget would not hold."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import GOOD, Verb

SCHEDULED = GOOD.replace("    budget_usd: 1.00\n", "    budget_usd: 1.00\n    schedule: {interval: 24h, fresh: true}\n")


def test_schedules_are_summed_up(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(SCHEDULED)
    said = animatic("forecast", "--days", "3")
    assert said.code == 0
    head, teaser, total, budget = said.out.splitlines()
    assert budget.startswith("budget of $1.00 for a run of teaser: the dearest is $0.56 (")
    assert head.split("  ")[0] == "PIPELINE"
    assert teaser.split()[:5] == ["teaser", "every", "1", "d", "3"]
    assert teaser.split()[-2:] == ["$1.68", "$1.68"]
    assert total.split() == ["total", "3", "$1.68", "$1.68"]
    assert not Path("out").exists(), "it reads only"


def test_programs_get_every_run(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(SCHEDULED.replace("fresh: true", "fresh: false"))
    found = animatic("forecast", "--days", "2", "--json").json
    assert isinstance(found, dict)
    assert (found["unchanged_usd"], found["anew_usd"]) == (0.56, 1.12)
    assert [(run["pipeline"], run["unchanged_usd"]) for run in found["runs"]] == [("teaser", 0.56), ("teaser", 0.0)]


def test_a_budget_that_would_not_hold_is_exit_code_3(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(SCHEDULED.replace("budget_usd: 1.00", "budget_usd: 0.50"))
    said = animatic("forecast", "--days", "2")
    assert said.code == 3
    assert said.out.splitlines()[-1].startswith("budget of $0.50 for a run of teaser: the dearest is $0.56 (")
    assert said.out.endswith(", which it would not hold\n")


def test_without_a_schedule_there_is_nothing_to_pay(animatic: Verb) -> None:
    said = animatic("forecast")
    assert (said.code, said.out) == (0, "no schedule is due in the coming 31 days\n")


def test_the_most_that_checks_may_add_is_said_below(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(SCHEDULED.replace("    budget_usd: 1.00\n", "    qc: retake\n"))
    said = animatic("forecast", "--days", "3").out.splitlines()
    assert said[-1] == "if checks ask for further takes (`qc: retake`): up to $3.36 instead of $1.68, within the budgets"
    found = animatic("forecast", "--days", "3", "--json").json
    assert isinstance(found, dict)
    assert (found["worst_case_usd"], found["runs"][0]["worst_case_usd"]) == (3.36, 1.12)
