"""The benchmarks themselves: what they measure is a valid storyboard, and what they print is what they measured."""

from __future__ import annotations

import itertools
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.plan import build_plan, check_declaration
from animatic.spec import load_declaration
from benchmarks.declarations import PROMPTS, write_declaration, write_prompts
from benchmarks.measure import CommandFailedError, Cost, command, in_turns
from benchmarks.tables import Results, Row, show


@pytest.mark.parametrize(("chain", "linked"), [(1, 0), (4, 6), (9, 8)])
def test_the_storyboards_are_valid_and_as_long_as_asked_and_chained_as_asked(tmp_path: Path, chain: int, linked: int) -> None:
    declaration = load_declaration((write_declaration(tmp_path / "pipelines.yaml", 9, chain=chain),))
    assert check_declaration(declaration, Catalog.load()) == ()
    plan = build_plan(declaration, "storyboard", Catalog.load(), run_id="r", started=datetime(2026, 1, 31, tzinfo=UTC))
    assert [len(step.depends_on) for step in plan.steps].count(1) == linked
    assert len(plan.steps) == 9


@pytest.mark.parametrize("prompt", PROMPTS)
def test_storyboards_of_every_form_of_prompt_are_valid(tmp_path: Path, prompt: str) -> None:
    declaration = load_declaration((write_prompts(tmp_path / "pipelines.yaml", 5, PROMPTS[prompt]),))
    assert check_declaration(declaration, Catalog.load()) == ()
    flawed = load_declaration((write_prompts(tmp_path / "flawed.yaml", 5, PROMPTS[prompt], more=", durations: 3, resolution: 8k"),))
    assert len(check_declaration(flawed, Catalog.load())) == 2 * 5


def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    walls = {name: iter(values) for name, values in {"ours": (100, 3, 1, 2), "limit": (100, 1, 1, 1)}.items()}

    def measure(name: str) -> Cost:
        order.append(name)
        return Cost(wall=next(walls[name]), cpu=0.5)

    found = in_turns(3, {"ours": lambda: measure("ours"), "limit": lambda: measure("limit")})
    assert order == ["ours", "limit"] * 4
    assert found == {"ours": Cost(wall=2, cpu=0.5), "limit": Cost(wall=1, cpu=0.5)}


def test_a_command_that_fails_is_no_measurement() -> None:
    assert command([sys.executable, "-c", "sum(range(10**6))"])().cpu > 0
    with pytest.raises(CommandFailedError, match="no such thing"):
        command([sys.executable, "-c", "raise SystemExit('no such thing')"])()


def test_tables_show_ratios_and_json_holds_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row(what="validate", cost=Cost(wall=3.0, cpu=1.0), limit=Cost(wall=2.0, cpu=0.0), target="2 x")
    results = Results(title="Start-up", limit="the imports", rows=(row,))
    show(results, as_json=False)
    cells = [cell.strip() for line in capsys.readouterr().out.splitlines() if "validate" in line for cell in line.split("│")]
    assert list(itertools.filterfalse(lambda cell: not cell, cells)) == ["validate", "3.00", "1.00", "2.00", "1.50", "2 x"]
    show(results, as_json=True)
    assert json.loads(capsys.readouterr().out)["rows"][0]["cost"] == {"wall": 3.0, "cpu": 1.0}
