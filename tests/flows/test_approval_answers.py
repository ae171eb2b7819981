"""The form of a suspended run: which fields it has, what a person says in it, and what is made of that, whatever is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from animatic.catalog import Catalog
from animatic.engine.approvals import Following
from animatic.engine.plan_run import PlanOptions, plan_unread
from animatic.engine.questions import Question, following_all
from animatic.flows.approval_form import UNNAMED, answers_in, asked_of, form_of, written
from animatic.flows.suspension import NET, _net
from animatic.flows.time_outs import BEHIND, SHORTEST, automation_name, resume_at
from animatic.ledger.approvals import Approval, OnTimeout
from animatic.plan import Plan
from animatic.spec import load_declaration

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
TEXT = """
version: 1
pipelines:
  bottle:
    shots:
      - {id: still, kind: image, model: google/nano-banana-pro, prompt: A bottle, takes: 3, approve: true}
      - {id: mark, kind: image, model: google/nano-banana-pro, prompt: A mark, approve: true}
      - {id: spin, model: xai/grok-video, prompt: Dolly, duration: 1, resolution: 480p, start_image: still}
      - {id: both, model: xai/grok-video, prompt: Both, duration: 1, resolution: 480p, start_image: still, end_image: mark}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "pipelines.yaml").write_text(TEXT.replace(", end_image: mark", ""))
    declaration = load_declaration((tmp_path / "pipelines.yaml",))
    return plan_unread(declaration, declaration.pipelines["bottle"], {}, Catalog.load(), PlanOptions())


def question(
    plan: Plan, key: str, *, until: datetime | None = None, then: OnTimeout = "stop", shots: tuple[str, ...] = ("spin",)
) -> Question:
    step = plan.step(key)
    takes = {other.take: other for other in plan.steps if other.base == step.base}
    asked = Approval(
        kind="asked", take=1, offered=tuple(takes), run_id="r", step=key, by=None, note=None, at=NOON, until=until, on_timeout=then
    )
    return Question(step=step, asked=asked, following=Following(shots=shots, usd=Decimal("1.26"), unpriced=0), takes=takes)


def said(questions: list[Question], **values: Any) -> list[Any]:
    return answers_in(written(asked_of(questions)), json.dumps(values))


def test_one_shot_has_plain_fields_and_only_the_decision_must_be_given(plan: Plan) -> None:
    schema = form_of([question(plan, "still")], "...").model_json_schema()
    assert [*schema["properties"]] == ["decision", "take", "prompt", "note", "name"]
    assert schema["required"] == ["decision"]
    assert schema["properties"]["decision"]["enum"] == ["approve", "make another take"]
    assert schema["properties"]["decision"]["description"] == "Approving pays $1.26 (spin)."
    assert schema["properties"]["take"]["enum"] == ["1", "2", "3"]
    assert "take" not in form_of([question(plan, "mark")], "...").model_json_schema()["properties"], "one take is no choice"


def test_several_shots_have_their_own_and_each_may_be_left_for_later(plan: Plan) -> None:
    questions = [question(plan, "still"), question(plan, "mark")]
    form = form_of(questions, "...")
    schema = form.model_json_schema()
    assert schema["required"] == ["shot_1_decision", "shot_2_decision"]
    assert schema["properties"]["shot_2_decision"]["title"] == "mark: decision"
    assert "decide later" in schema["properties"]["shot_1_decision"]["enum"]
    with pytest.raises(ValidationError):
        form.model_validate({"shot_1_decision": "approve", "shot_2_decision": "whatever"})
    [answer] = said(questions, shot_1_decision="decide later", shot_2_decision="approve", note=" fine ", name=" mara ")
    assert (answer.step, answer.question, answer.another, answer.take, answer.note, answer.by) == (
        "mark",
        NOON,
        False,
        None,
        "fine",
        "mara",
    )


def test_what_is_left_empty_says_nothing(plan: Plan) -> None:
    questions = [question(plan, "still")]
    assert said(questions) == []
    assert said(questions, decision="decide later") == []
    [answer] = said(questions, decision="make another take", prompt="  ", note="", name=None)
    assert (answer.another, answer.prompt, answer.note, answer.by) == (True, None, None, UNNAMED)
    [answer] = said(questions, decision="approve", take="3")
    assert answer.take == 3


def test_what_hangs_on_several_shots_is_counted_once(plan: Plan) -> None:
    run: Any = SimpleNamespace(steps={step.key: step for step in plan.steps})
    both = following_all(run, [question(plan, "still", shots=("spin", "both")), question(plan, "mark", shots=("both",))])
    assert both.shots == ("spin", "both")
    assert both.usd == sum((plan.step(key).request.price.usd or Decimal(0) for key in both.shots), Decimal(0))


def test_prefect_fails_a_run_itself_only_where_all_of_it_was_to_stop_and_nobody_resumed_it(plan: Plan) -> None:
    soon, later = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    stops = question(plan, "still", until=soon)
    assert _net([stops, question(plan, "mark", until=later)]) == later + NET
    assert _net([stops, question(plan, "mark", until=later, then="first")]) is None
    assert _net([stops, question(plan, "mark")]) is None, "it may wait for ever"


@pytest.mark.anyio
@pytest.mark.parametrize(("left", "within"), [(timedelta(hours=48), timedelta(hours=48) + BEHIND), (timedelta(seconds=-5), SHORTEST)])
async def test_the_server_is_to_resume_this_run_alone_and_not_before_its_time(left: timedelta, within: timedelta) -> None:
    made: list[Any] = []
    flow_run = uuid4()

    class Client:
        async def create_automation(self, automation: Any) -> None:
            made.append(automation)

    client: Any = Client()
    await resume_at(client, flow_run, NOON + left, NOON)
    [automation] = made
    assert automation.name == automation_name(flow_run)
    assert automation.trigger.within == within
    assert automation.trigger.match.model_dump() == {"prefect.resource.id": f"prefect.flow-run.{flow_run}"}
    assert automation.trigger.after == {"prefect.flow-run.Suspended"}
    assert "prefect.flow-run.Suspended" not in automation.trigger.expect
