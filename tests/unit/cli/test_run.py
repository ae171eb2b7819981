"""``run``: what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.cli.saved_plans import read_plan
from tests.unit.cli.conftest import BAD, GOOD, Verb


def test_only_the_plan_that_was_reviewed_is_run(animatic: Verb) -> None:
    assert animatic("plan", "--simulate", "--out", "plan.json").code == 0
    Path("pipelines.yaml").write_text(GOOD.replace("prompt: Surf", "prompt: Waves"), encoding="utf-8")
    said = animatic("run", "--plan", "plan.json")
    assert (said.code, said.out) == (2, "")
    assert "the plan in plan.json is not what would run now" in said.err
    assert "surf: prompt 'Surf' -> 'Waves'" in said.err
    said = animatic("run", "--plan", "pipelines.yaml")
    assert (said.code, "pipelines.yaml is not a plan" in said.err) == (2, True)
    assert not Path("out").exists()


def test_what_is_over_budget_is_refused_with_3(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("budget_usd: 1.00", "budget_usd: 0.50"), encoding="utf-8")
    said = animatic("run", "--simulate")
    assert (said.code, "over its budget" in said.err) == (3, True)


@pytest.mark.parametrize(
    "option", [["--simulate"], ["--param", "city=Porto"], ["--only", "dawn"], ["--fresh"], ["--deliver", "x"], ["teaser"]]
)
def test_a_saved_plan_takes_no_other_planning_option(animatic: Verb, option: list[str]) -> None:
    assert animatic("plan", "--simulate", "--out", "plan.json").code == 0
    said = animatic("run", "--plan", "plan.json", *option)
    assert (said.code, said.out) == (2, "")
    assert "--plan takes everything from plan.json" in said.err
    assert (option[0] if option[0].startswith("--") else "pipeline 'teaser'") in said.err


def test_a_saved_plan_holds_all_that_planning_it_again_needs(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Selection, params, destination, file and simulation are those of `plan`; from another folder, too."""
    Path("boards").mkdir()
    Path("pipelines.yaml").rename("boards/board.yaml")
    given = ["--file", "boards/board.yaml", "--param", "city=Porto", "--only", "dawn", "--deliver", "elsewhere", "--simulate"]
    said = animatic("plan", *given, "--out", "plan.json")
    assert (said.code, "run it with `animatic run --plan plan.json`" in said.err) == (0, True)
    plan, asked = read_plan(Path("plan.json"))
    assert [step.key for step in plan.steps] == ["dawn"]
    assert (asked.files, asked.params, asked.options.only) == ((Path("boards/board.yaml"),), {"city": "Porto"}, "dawn")
    assert (asked.options.simulated, asked.options.deliver) == (True, str(Path("elsewhere").absolute()))
    text = Path("boards/board.yaml").read_text()
    Path("boards/board.yaml").write_text(
        text.replace('id: dawn, prompt: "{{ params.city }}"', 'id: dawn, prompt: "Fado in {{ params.city }}"')
    )
    monkeypatch.chdir("boards")
    said = animatic("run", "--plan", "../plan.json")
    assert said.code == 2
    assert "dawn: prompt 'Porto' -> 'Fado in Porto'" in said.err
    assert len(said.err.splitlines()) == 3, "nothing of the selection, the params and the destination differs"


@pytest.mark.parametrize("verb", [["run"], ["retake", "surf"]])
def test_mistakes_of_the_file_come_before_the_missing_token(animatic: Verb, verb: list[str]) -> None:
    assert "no Krea token" in animatic(*verb).err
    Path("pipelines.yaml").write_text(BAD, encoding="utf-8")
    said = animatic(*verb)
    assert said.code == 2
    assert "duration 40 is out of range" in said.err
    assert "no Krea token" not in said.err
