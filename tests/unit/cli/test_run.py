"""``run``: what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import GOOD, Verb


def test_only_the_plan_that_was_reviewed_is_run(animatic: Verb) -> None:
    assert animatic("plan", "--simulate", "--out", "plan.json").code == 0
    Path("pipelines.yaml").write_text(GOOD.replace("prompt: Surf", "prompt: Waves"), encoding="utf-8")
    said = animatic("run", "--simulate", "--plan", "plan.json")
    assert (said.code, said.out) == (2, "")
    assert "the plan in plan.json is not what would run now" in said.err
    assert "surf" in said.err
    said = animatic("run", "--simulate", "--plan", "pipelines.yaml")
    assert (said.code, "pipelines.yaml is not a plan" in said.err) == (2, True)
    assert not Path("out").exists()


def test_what_is_over_budget_is_refused_with_3(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("budget_usd: 1.00", "budget_usd: 0.50"), encoding="utf-8")
    said = animatic("run", "--simulate")
    assert (said.code, "over its budget" in said.err) == (3, True)
