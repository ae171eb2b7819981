from __future__ import annotations

import copy
import itertools
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

import pytest

from animatic.errors import UsageError
from animatic.plan import (
    Plan,
    as_mermaid,
    as_svg,
    diff_plans,
    expected_minutes,
    new_run_id,
    plan_from_json,
    plan_to_json,
    render_plan,
    to_pay,
)
from animatic.plan.layout import COMPACT, arrange
from tests.unit.plan.plan_helpers import PNG, PlanOf

STORY = """
    teaser:
      description: A town by the sea.
      params: {city: {type: string, default: Lisbon}, long: {type: boolean, default: true}}
      budget_usd: 2.5
      concurrency: 2
      tags: [a, b]
      shots:
        - {id: still, kind: image, prompt: "{{ params.city }}", image_urls: [ref.png]}
        - {id: dawn, title: Dawn, prompt: Dawn, start_image: still, fallback: [{model: kling/kling-2.5, duration: 5}]}
        - {id: late, prompt: Late, start_image: {shot: dawn, frame: 1.5}, reference_images: ["https://h.example/a.png?token=secret"]}
        - {id: noir, model: kling/kling-2.5, prompt: Noir, start_image: late}
        - {id: gone, prompt: Gone, when: not params.long}
      cut: {}
"""


@dataclass(frozen=True)
class Decision:
    action: Literal["run", "reuse", "resume"]
    reason: str
    changes: tuple[str, ...] = ()


@pytest.fixture
def plan(plan_of: PlanOf, tmp_path: Path) -> Plan:
    (tmp_path / "ref.png").write_bytes(PNG)
    return plan_of(STORY)


def test_a_plan_survives_json_and_pickle(plan: Plan) -> None:
    text = json.dumps(plan_to_json(plan), allow_nan=False)
    again = plan_from_json(json.loads(text))
    assert again == plan
    assert json.dumps(plan_to_json(again)) == text
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert isinstance(again.estimated_usd, Decimal)


def test_a_plan_that_was_written_before_steps_knew_their_variant_is_read(plan_of: PlanOf) -> None:
    for text in (
        "t: {shots: [{id: a, prompt: A}], cut: {}}",
        't: {matrix: {size: [480p, 720p]}, shots: [{id: a, prompt: "{{ matrix.size }}"}], cut: {}}',
    ):
        now = plan_of(text)
        data = copy.deepcopy(plan_to_json(now))
        for item in (*data["steps"], *data["cuts"]):
            del item["variant_name"]
        assert plan_from_json(data) == now
    assert [(step.key, step.variant_name, step.shot) for step in now.steps] == [("480p/a", "480p", "a"), ("720p/a", "720p", "a")]
    assert [(cut.steps, cut.variant_name) for cut in now.cuts] == [(("480p/a",), "480p"), (("720p/a",), "720p")]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.pop("steps"), "this is not a plan"),
        (lambda data: data.update(version=9), "this plan has version 9"),
        (lambda data: data["steps"][0].pop("fingerprint"), "the plan is damaged at steps.0.fingerprint"),
        (lambda data: data.update(budget_usd="much"), "the plan is damaged at budget_usd"),
        (lambda data: data["steps"].insert(0, "dawn"), "the plan is damaged at steps.0"),
        (lambda data: data["steps"].insert(0, {}), "the plan is damaged at steps.0.key"),
        (lambda data: data["cuts"].insert(0, {"steps": [], "variant": {}}), "the plan is damaged at cuts.0.variant_name"),
        (lambda data: data.pop("cuts"), "the plan is damaged at cuts"),
    ],
)
def test_a_damaged_plan_is_refused(plan: Plan, damage: Callable[[dict[str, Any]], object], message: str) -> None:
    data = copy.deepcopy(plan_to_json(plan))
    damage(data)
    with pytest.raises(UsageError) as caught:
        plan_from_json(data)
    assert message in caught.value.message
    assert "animatic plan PIPELINE --out" in (caught.value.hint or "")


@pytest.mark.parametrize("data", [None, [], "plan", {}])
def test_what_is_no_plan_is_refused(data: object) -> None:
    with pytest.raises(UsageError):
        plan_from_json(data)


def test_a_plan_does_not_differ_from_itself_or_in_what_does_not_matter(plan: Plan, plan_of: PlanOf) -> None:
    assert diff_plans(plan, plan) == ()
    assert diff_plans(plan, plan_of(STORY.replace("title: Dawn", "title: Morning"), run_id="other")) == ()


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("Late, start", "Later, start", ["late: prompt 'Late' -> 'Later'", "noir: what it is made from has changed"]),
        (
            "frame: 1.5",
            "frame: last",
            ["late: start_image: dawn (frame 1.5) -> dawn (frame last)", "noir: what it is made from has changed"],
        ),
        ("budget_usd: 2.5", "budget_usd: 3", ["budget_usd: 2.5 -> 3"]),
        ("duration: 5}]", "duration: 10}]", ["dawn: fallback 1: duration 5 -> 10"]),
        (
            "default: Lisbon",
            "default: Porto",
            [
                "params.city 'Lisbon' -> 'Porto'",
                "still: prompt 'Lisbon' -> 'Porto'",
                "dawn: what it is made from has changed",
                "late: what it is made from has changed",
                "noir: what it is made from has changed",
            ],
        ),
        ("concurrency: 2", "concurrency: 2\n      qc: off", [f"{key}: qc warn -> off" for key in ("still", "dawn", "late", "noir")]),
        ("token=secret", "token=other", ["late: what it is made from has changed", "noir: what it is made from has changed"]),
        ("cut: {}", "cut: {shots: [late]}", ["the cut of the reel is different"]),
        ("not params.long", "params.long", ["gone is new", "the cut of the reel is different"]),
    ],
)
def test_differences_are_told_in_words(plan: Plan, plan_of: PlanOf, old: str, new: str, sentences: list[str]) -> None:
    assert old in STORY
    assert list(diff_plans(plan, plan_of(STORY.replace(old, new)))) == sentences


def test_the_report_shows_what_would_be_done_and_paid(plan: Plan) -> None:
    decisions = {step.key: Decision("run", "new") for step in plan.steps} | {"still": Decision("reuse", "unchanged since run 7")}
    text = render_plan(plan, decisions)
    assert to_pay(plan, decisions) == (Decimal("0.84"), 1)
    assert "teaser (city=Lisbon, long=true)" in text
    assert "unchanged since run 7" in text
    assert "to pay    $0.84 of $0.99 in all, and 1 without a known price" in text
    assert "budget    $2.50: $1.66 left" in text
    assert "xai/grok-video (+1 fallback)" in text
    assert "dawn (start_image: frame at 1.5 s)" in text
    assert "gone: left out by its `when`" in text
    assert "secret" not in text


def test_the_report_says_how_far_a_budget_is_exceeded(plan: Plan) -> None:
    assert "budget    $0.50: exceeded by $0.49" in render_plan(replace(plan, budget_usd=Decimal("0.50")))


def test_the_critical_path_is_the_longest_chain(plan: Plan) -> None:
    chain, minutes = plan.critical_path(lambda step: 10.0 if step.key == "still" else 1.0)
    assert (chain, minutes) == (("still", "dawn", "late", "noir"), 13.0)
    assert all(expected_minutes(step) > 0 for step in plan.steps)


def test_graphs_escape_what_people_write(plan: Plan) -> None:
    hostile = replace(plan, pipeline="<b>&", steps=(replace(plan.steps[0], key='<script>"x"</script>', shot="<script>"), *plan.steps[1:]))
    hostile = replace(hostile, steps=tuple(replace(step, depends_on=()) for step in hostile.steps), cuts=())
    root = ET.fromstring(as_svg(hostile))
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert "<script>" not in as_mermaid(hostile)


def test_graphs_hold_every_shot_edge_and_reel(plan: Plan) -> None:
    root = ET.fromstring(as_svg(plan))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"still", "dawn", "late", "noir", "reel"} <= set(texts)
    drawn = as_mermaid(plan)
    assert drawn.count("-->") == 3
    assert drawn.count("-.->") == 3
    assert 'late<br/><small>xai/grok-video</small>"' in drawn
    assert "start_image: frame at 1.5 s" in drawn


def test_cards_never_overlap_and_lines_run_to_the_right() -> None:
    links = {f"n{index}": [f"n{need}" for need in range(index) if index % (need + 2) == 0] for index in range(24)}
    layout = arrange(links, COMPACT)
    corners = list(layout.cards.values())
    assert len({(round(x), round(y)) for x, y in corners}) == len(links)
    for points in layout.lines.values():
        assert all(left[0] < right[0] for left, right in itertools.pairwise(points))
        for (x, y), (end, _) in zip(points[1:-1:2], points[2:-1:2], strict=False):
            assert end - x == COMPACT.width
            assert not any(left == x and top - 1 < y < top + COMPACT.height + 1 for left, top in corners)


def test_run_ids_sort_by_time() -> None:
    early, late = (new_run_id(datetime(2026, 11, 21, 10, 45, second, tzinfo=UTC)) for second in (1, 2))
    assert early.startswith("20261121T104501Z-")
    assert early < late
    assert new_run_id(datetime(2026, 11, 21, tzinfo=UTC)) != new_run_id(datetime(2026, 11, 21, tzinfo=UTC))
