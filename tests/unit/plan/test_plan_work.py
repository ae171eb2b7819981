"""Thousands of shots: the work for each stays the same however many there are. Counted, not timed; `benchmarks scale` times it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.catalog.model import yields
from animatic.plan import as_svg, build_plan, examine, files, references, render_plan
from animatic.spec import Declaration
from tests.unit.plan.plan_helpers import PNG, STARTED, DeclarationOf

FEW, MORE = 60, 240


def lines_run(work: Callable[[], object]) -> int:
    """Return how many lines of Python the work runs, loops of comprehensions included."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    # What other tests left is collected now, and not while lines are counted: its finalizers would count as well.
    gc.collect()
    gc.disable()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return count


def storyboard(shots: int, prompt: str = "Aerial of the town {n} at dawn", more: str = "") -> str:
    return "big:\n  params: {city: {default: Lisbon}}\n  shots:\n" + "".join(
        f"    - id: s{n}\n      prompt: {prompt.format(n=n)}\n      duration: {1 + n % 15}\n{more}"
        + (f"      start_image: s{n - 1}\n" if n % 3 else "")
        for n in range(shots)
    )


def plan_all(declaration: Declaration, catalog: Catalog) -> None:
    plan = build_plan(declaration, "big", catalog, run_id="r", started=STARTED)
    render_plan(plan)
    as_svg(plan)


def check_all(declaration: Declaration, catalog: Catalog) -> None:
    examine(declaration, catalog)


PROMPTS = {
    "plain": "Aerial of the town {n} at dawn",
    "names": '"Aerial of {{{{ params.city }}}} {n}"',
    "expressions": '"Aerial of {{{{ params.city | upper }}}} {n}"',
}


@pytest.mark.parametrize("work", [check_all, plan_all])
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_work_grows_with_the_shots_and_not_faster(
    declaration_of: DeclarationOf, catalog: Catalog, prompt: str, work: Callable[[Declaration, Catalog], None]
) -> None:
    few, more = (declaration_of(storyboard(shots, prompt)) for shots in (FEW, MORE))
    work(few, catalog)  # what is worked out once and kept (checks of a model, compiled templates) is no part of what is counted
    work(more, catalog)
    assert lines_run(lambda: work(more, catalog)) < 1.15 * MORE / FEW * lines_run(lambda: work(few, catalog))


def test_work_for_mistakes_grows_with_the_shots_and_not_faster(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    few, more = (declaration_of(storyboard(shots, more="      durations: 3\n      resolution: 8k\n")) for shots in (FEW // 3, MORE // 3))
    check_all(few, catalog)
    assert len(examine(more, catalog).problems) == 2 * MORE // 3
    assert lines_run(lambda: check_all(more, catalog)) < 1.15 * MORE / FEW * lines_run(lambda: check_all(few, catalog))


def calls(function: Callable[..., object], work: Callable[[], object]) -> int:
    """Return how often the work calls a function."""
    code, count = function.__code__, 0

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code is code

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_what_many_shots_share_is_worked_out_once(declaration_of: DeclarationOf, catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "sea.png").write_bytes(PNG)
    declaration = declaration_of(storyboard(9, more="      reference_images: [sea.png, {file: sea.png}]\n"))

    def check() -> None:
        assert not examine(declaration, catalog).problems

    assert calls(files.inspect, check) == 1
    assert calls(references.BaseFolder.read, check) == 1
    assert calls(yields, check) == 1


def test_the_garbage_collector_does_not_pass_over_a_large_file_while_it_is_checked(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of(storyboard(MORE))
    passes = 0

    def count(phase: str, _info: dict[str, int]) -> None:
        nonlocal passes
        passes += phase == "start"

    thresholds = gc.get_threshold()
    gc.callbacks.append(count)
    gc.set_threshold(100)
    try:
        examine(declaration, catalog)
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(count)
    assert passes < 5
    assert gc.isenabled()
