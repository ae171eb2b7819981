"""Properties that hold for every storyboard: what a fingerprint depends on, what a plan costs, and in which order it stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animatic.catalog import Catalog
from animatic.plan import Plan, build_plan, plan_from_json, plan_to_json
from animatic.plan.fingerprint import base_of, fingerprint_of
from animatic.plan.select import dependents, reachable
from animatic.source import load_text
from animatic.spec import declare

CATALOG = Catalog.load()
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf"), exclude_characters="{}"), min_size=1, max_size=20
).filter(str.strip)  # blank titles and prompts are mistakes


@st.composite
def storyboards(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return shots whose references point to earlier ones."""
    shots: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 6))):
        shot: dict[str, Any] = {"id": f"s{index}", "prompt": draw(WORDS), "duration": draw(st.integers(1, 15))}
        if draw(st.booleans()):
            shot["resolution"] = draw(st.sampled_from(["480p", "720p"]))
        if index and draw(st.booleans()):
            shot["start_image"] = draw(
                st.sampled_from([f"s{need}" for need in range(index)])
                | st.builds(lambda need: {"shot": f"s{need}", "frame": "first"}, st.integers(0, index - 1))
            )
        if index and draw(st.booleans()):
            shot["reference_images"] = draw(st.lists(st.sampled_from([f"s{need}" for need in range(index)]), min_size=1, max_size=3))
        shots.append(shot)
    return shots


def plan(shots: list[dict[str, Any]], *, indent: int | None = None, note: str = "") -> Plan:
    pipelines = {"p": {"description": note, "shots": shots}}
    text = json.dumps(
        {"version": 1, "defaults": {"video": {"model": "xai/grok-video"}}, "pipelines": pipelines}, indent=indent, ensure_ascii=False
    )
    return build_plan(declare([load_text(text)]), "p", CATALOG, run_id="r", started=datetime(2026, 11, 21, tzinfo=UTC))


def prints(made: Plan) -> dict[str, str]:
    return {step.key: step.fingerprint for step in made.steps}


@given(storyboards(), st.data())
@QUICK
def test_cosmetic_edits_change_no_fingerprint(shots: list[dict[str, Any]], data: st.DataObject) -> None:
    edited = [
        {key: shot[key] for key in data.draw(st.permutations(list(shot)))} | {"title": data.draw(WORDS), "retries": 1} for shot in shots
    ]
    shuffled = data.draw(st.permutations(edited))
    assert prints(plan(shuffled, indent=2, note="other words")) == prints(plan(shots))


@given(storyboards(), st.data())
@QUICK
def test_a_change_upstream_changes_exactly_what_hangs_on_it(shots: list[dict[str, Any]], data: st.DataObject) -> None:
    before = plan(shots)
    victim = data.draw(st.sampled_from(shots))["id"]
    after = plan([{**shot, "prompt": shot["prompt"] + " again"} if shot["id"] == victim else shot for shot in shots])
    changed = {key for key, value in prints(before).items() if prints(after)[key] != value}
    assert changed == reachable([victim], dependents({step.key: step.depends_on for step in before.steps}))


@given(storyboards())
@QUICK
def test_cost_is_the_sum_of_the_different_takes(shots: list[dict[str, Any]]) -> None:
    made = plan(shots)
    rates = {"480p": Decimal("0.05"), "720p": Decimal("0.07")}
    expected = {step.fingerprint: rates[step.request.body.get("resolution", "720p")] * step.request.body["duration"] for step in made.steps}
    assert made.estimated_usd == sum(expected.values())
    twice = plan([*shots, {"id": "more", "prompt": "one more, unlike the others \u2603", "duration": 10}])
    assert twice.estimated_usd == made.estimated_usd + Decimal("0.70")


@given(storyboards(), st.randoms())
@QUICK
def test_steps_stand_after_what_they_depend_on(shots: list[dict[str, Any]], random: Any) -> None:
    random.shuffle(shots)
    seen: set[str] = set()
    for step in plan(shots).steps:
        assert set(step.depends_on) <= seen
        seen.add(step.key)
    assert seen == {shot["id"] for shot in shots}


@given(storyboards())
@QUICK
def test_json_loses_nothing(shots: list[dict[str, Any]]) -> None:
    made = plan(shots)
    assert plan_from_json(json.loads(json.dumps(plan_to_json(made)))) == made


@given(st.integers(1, 15))
@QUICK
def test_whole_numbers_are_the_same_however_they_are_written(seconds: int) -> None:
    one, other = (plan([{"id": "a", "prompt": "A", "duration": value}]).steps[0] for value in (seconds, float(seconds)))
    assert one.fingerprint == other.fingerprint
    assert base_of(one.request, {}) == one.base
    assert fingerprint_of(one.base, 1) == one.fingerprint != fingerprint_of(one.base, 2)
