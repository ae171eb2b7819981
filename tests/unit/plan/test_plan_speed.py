"""Thousands of shots: what is done per shot must stay small against reading the file. Bounds are generous; they catch quadratic work."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from animatic.catalog import Catalog
from animatic.plan import as_svg, build_plan, examine, render_plan
from tests.unit.plan.plan_helpers import STARTED, DeclarationOf

SHOTS = 3_000


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize("prompt", ["Aerial of the town {n} at dawn", '"Aerial of {{{{ params.city }}}} {n}"'], ids=["plain", "templates"])
def test_thousands_of_shots_are_checked_and_planned_quickly(
    declaration_of: DeclarationOf, catalog: Catalog, tmp_path: Path, prompt: str
) -> None:
    shots = "".join(
        f"    - id: s{n}\n      prompt: {prompt.format(n=n)}\n      duration: {1 + n % 15}\n"
        + (f"      start_image: s{n - 1}\n" if n % 3 else "")
        for n in range(SHOTS)
    )
    declaration = declaration_of("big:\n  params: {city: {default: Lisbon}}\n  shots:\n" + shots)
    text = (tmp_path / "pipelines.yaml").read_text(encoding="utf-8")
    reading = seconds(lambda: yaml.compose(text, Loader=yaml.CSafeLoader))
    found = []
    checking = seconds(lambda: found.append(examine(declaration, catalog)))
    assert found[0].problems == ()
    assert found[0].edges == SHOTS * 2 // 3 - (SHOTS % 3 == 2)
    assert checking < 5 * reading
    plans = []
    assert seconds(lambda: plans.append(build_plan(declaration, "big", catalog, run_id="r", started=STARTED))) < 10
    assert seconds(lambda: render_plan(plans[0])) < 5
    assert seconds(lambda: as_svg(plans[0])) < 10


def test_mistakes_in_every_shot_stay_quick(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    shots = "".join(f"    - {{id: s{n}, prompt: P, duration: 99, durations: 3}}\n" for n in range(1000))
    declaration = declaration_of("big:\n  shots:\n" + shots)
    found = []
    assert seconds(lambda: found.append(examine(declaration, catalog))) < 10
    assert len(found[0].problems) == 2000
