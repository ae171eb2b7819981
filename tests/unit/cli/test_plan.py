"""``plan``: what it prints where, and that it writes nothing but what was asked for."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.unit.cli.conftest import CAST, GOOD, Verb


def written() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


def test_plan_shows_shots_money_and_the_budget_and_writes_nothing(animatic: Verb) -> None:
    before = written()
    said = animatic("plan", "teaser", "--param", "city=Porto")
    assert said.code == 0
    assert "teaser (city=Porto)" in said.out
    assert "to pay    $0.56" in said.out
    assert "budget    $1.00: $0.44 left after this\n" in said.out
    assert "no take yet" in said.out
    assert written() == before


def test_plan_without_a_name_takes_the_first_pipeline(animatic: Verb) -> None:
    assert animatic("plan").out.startswith("teaser")


def test_plan_over_the_budget_prints_the_plan_and_exits_3(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("budget_usd: 1.00", "budget_usd: 0.50"), encoding="utf-8")
    said = animatic("plan")
    assert said.code == 3
    assert "exceeded by $0.06" in said.out
    assert "over its budget" in said.err


def test_plan_speaks_json(animatic: Verb) -> None:
    said = animatic("plan", "--json")
    assert isinstance(said.json, dict)
    assert (said.json["to_pay_usd"], said.json["unpriced"], said.json["destination_read"]) == (0.56, 0, True)
    assert [(step["key"], step["action"], step["usd"]) for step in said.json["steps"]] == [("dawn", "run", 0.28), ("surf", "run", 0.28)]
    assert said.json["critical_path"] == ["dawn", "surf"]


def test_plan_names_the_cast_its_pictures_and_its_lines(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(CAST, encoding="utf-8")
    said = animatic("plan")
    assert "cast      mara (sheet) in 1 shot, grain in 1 shot\n" in said.out
    assert "sheet (mara)" in said.out
    data = animatic("plan", "--json").json
    assert isinstance(data, dict)
    assert data["cast"] == [{"name": "mara", "images": ["sheet"], "shots": ["opens"]}, {"name": "grain", "images": [], "shots": ["opens"]}]
    assert [(step["key"], step["cast"], step["line"]) for step in data["steps"]] == [
        ("sheet", [], None),
        ("opens", ["mara", "grain"], "Good morning"),
    ]
    assert data["plan"]["steps"][1]["requests"][0]["inputs"][0]["member"] == "mara"


def test_plan_goes_to_a_file_that_reads_back(animatic: Verb) -> None:
    from animatic.plan import plan_from_json

    said = animatic("plan", "--out", "plan.json")
    assert said.code == 0
    assert [step.key for step in plan_from_json(json.loads(Path("plan.json").read_text())).steps] == ["dawn", "surf"]
    assert animatic("plan", "--out", "nowhere/plan.json").code == 2


def test_plan_draws_graphs(animatic: Verb) -> None:
    assert animatic("plan", "--graph", "mermaid").out.startswith("flowchart LR\n")
    assert ET.fromstring(animatic("plan", "--graph", "svg").out).tag.endswith("svg")


def test_plan_of_a_selection(animatic: Verb) -> None:
    assert "surf" not in animatic("plan", "--only", "dawn").out
    said = animatic("plan", "--only", "dwan")
    assert said.code == 2
    assert "did you mean dawn?" in said.err


def test_plan_without_its_destination_says_so_and_plans_all_the_same(animatic: Verb) -> None:
    Path("file").write_text("in the way")
    said = animatic("plan", "--deliver", "file")
    assert said.code == 0
    assert "warning: the destination cannot be read" in said.err
    assert "to pay    $0.56" in said.out


def test_a_plan_that_cannot_be_written_leaves_no_part_of_it(animatic: Verb) -> None:
    Path("readonly").mkdir(mode=0o500)
    before = written()
    said = animatic("plan", "--out", "readonly/deep/plan.json")
    assert (said.code, "cannot write the plan to" in said.err) == (2, True)
    assert written() == before


def test_a_written_plan_is_checked_against_what_would_run_now(animatic: Verb) -> None:
    """The exit code tells whether anything differs: the request, the price, what was asked for."""
    assert animatic("plan", "--param", "city=Porto", "--out", "plan.json").code == 0
    assert animatic("plan", "--check", "plan.json").code == 0
    declared = Path("pipelines.yaml").read_text()
    Path("pipelines.yaml").write_text("# a comment\n" + declared, encoding="utf-8")
    assert animatic("plan", "--check", "plan.json").code == 0, "it does the same"
    Path("pipelines.yaml").write_text(declared.replace("prompt: Surf, duration: 4", "prompt: Surf, duration: 6"), encoding="utf-8")
    said = animatic("plan", "--check", "plan.json", "--json")
    assert said.code == 2
    assert isinstance(said.json, dict)
    assert said.json["error"]["message"].splitlines() == [
        "the plan in plan.json is not what would run now:",
        "surf: duration 4 -> 6",
        "surf: price $0.28 -> $0.42",
    ]
    for other in (["teaser"], ["--param", "city=Rome"], ["--simulate"], ["--out", "new.json"]):
        refused = animatic("plan", "--check", "plan.json", *other)
        assert (refused.code, "--check takes everything from plan.json" in refused.err) == (2, True), other


def test_prices_alone_make_a_written_plan_another(animatic: Verb) -> None:
    animatic("plan", "--out", "plan.json")
    text = Path("plan.json").read_text()
    assert text.count('"usd": "0.28"') == 2
    Path("plan.json").write_text(text.replace('"usd": "0.28"', '"usd": "0.20"', 1), encoding="utf-8")
    said = animatic("plan", "--check", "plan.json")
    assert (said.code, "price $0.20 -> $0.28" in said.err) == (2, True)
