"""How the end of a run is told: for people on a few lines, for programs as JSON."""

from __future__ import annotations

import contextlib
import errno
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from animatic.cli import execution
from animatic.cli.ending import facts, report, summary
from animatic.cli.execution import Prepared, run_async, start
from animatic.cli.status import show
from animatic.engine.estimate import Estimate
from animatic.errors import InterruptedRunError, OverBudgetError
from animatic.manifest.parts import Quality
from animatic.spec import load_declaration
from tests.unit.cli.conftest import Ended


def test_the_summary_tells_shots_money_and_places(ended: Ended) -> None:
    context, manifest = ended("delivered", "in_doubt", unpriced=1)
    head, *places = summary(context, manifest).splitlines()
    assert head == f"teaser {manifest.run_id}: 1 delivered, 1 in doubt; billed $0.28, 1 without a known price (simulated)"
    assert places == [
        "  reel      /out/teaser/reel.mp4",
        "  page      /out/teaser/index.html",
        "  manifest  /out/teaser/manifest.json",
    ]


def test_programs_are_told_more_where_a_verb_has_more_to_say(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    context, manifest = ended("delivered", "delivered")
    report(context, as_json=True, told={"retake": {"warnings": ["two things"]}})
    told = json.loads(capsys.readouterr().out)
    assert (told["run_id"], told["retake"]) == (context.plan.run_id, {"warnings": ["two things"]})
    assert manifest.run_id == told["run_id"]


def test_the_summary_of_an_unchanged_storyboard_says_that_nothing_was_paid(ended: Ended) -> None:
    text = summary(*ended("reused", "reused", billed="0"))
    assert "all 2 shots are unchanged and were reused; nothing was submitted, nothing was paid (simulated)" in text
    context, manifest = ended("reused", "reused", billed="0")
    alone = manifest.model_copy(update={"shots": manifest.shots[:1]})
    assert "the shot is unchanged and was reused; nothing was submitted" in summary(context, alone)


def test_the_summary_names_shots_whose_job_was_adopted_by_evidence(ended: Ended) -> None:
    context, manifest = ended("delivered", "delivered")
    note = "job 7 was taken for it"
    shots = [shot.model_copy(update={"how": how, "note": note}) for shot, how in zip(manifest.shots, ["evidence", "answer"], strict=True)]
    text = summary(context, manifest.model_copy(update={"shots": tuple(shots)}))
    assert [line.strip() for line in text.splitlines() if note in line] == [f"{shots[0].key or shots[0].id}: {note}"]


def test_the_summary_counts_what_the_checks_of_takes_found_in_one_line(ended: Ended) -> None:
    context, manifest = ended("delivered", "delivered")
    found = {"ok": False, "findings": [{"check": "black", "at": 0.5, "for": 1}, {"check": "length"}, {"check": "black", "at": 3}]}
    first, second = manifest.shots
    seen = (first.model_copy(update={"qc": Quality.model_validate(found)}), second.model_copy(update={"qc": Quality(ok=True)}))
    name = first.key or first.id
    _, line, *_ = summary(context, manifest.model_copy(update={"shots": seen})).splitlines()
    assert line == f"  to look at: 3 findings in 1 shot: {name} (black, length)"
    told = facts(context, manifest.model_copy(update={"shots": seen}))["qc"]
    assert [(key, said["findings"][0]) for key, said in told.items()] == [(name, {"check": "black", "at": 0.5, "for": 1, "detail": ""})]
    assert "to look at" not in summary(context, manifest)
    assert facts(context, manifest)["qc"] == facts(context, None)["qc"] == {}


def test_an_unknown_sum_is_not_zero(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    show(ended("delivered", "delivered", billed=None, unpriced=2)[1], "/out/teaser/index.html")
    assert "billed unknown, 2 without a known price" in capsys.readouterr().out
    assert "billed unknown, 2 without a known price" in summary(*ended("delivered", "delivered", billed=None, unpriced=2))


def test_programs_get_the_code_of_the_error(ended: Ended) -> None:
    context, manifest = ended("delivered", "failed", error=OverBudgetError("too much", hint="less"))
    found = facts(context, manifest)
    assert found["error"] == {"code": "over_budget", "exit_code": 3, "message": "too much", "hint": "less", "problems": []}
    assert found["cost"] == {"estimated_usd": 0.56, "billed_usd": 0.28, "reused_usd": 0.0, "unpriced": 0}
    assert found["shots"] == {"delivered": 1, "failed": 1}


def test_a_run_without_a_manifest_has_facts_too(ended: Ended) -> None:
    context, _ = ended("delivered", "delivered")
    found = facts(context, None)
    assert (found["state"], found["cost"], found["shots"], found["error"]) == (None, None, {}, None)


def test_async_work_returns_its_result_or_raises() -> None:
    async def fine() -> int:
        return 3

    async def fails() -> int:
        raise OverBudgetError("too much")

    assert run_async(fine()) == 3
    with pytest.raises(OverBudgetError):
        run_async(fails())


def test_an_interruption_before_the_run_began_says_that_nothing_was_submitted(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    context, _ = ended("delivered", "delivered")

    def interrupted(_prepared: object) -> contextlib.AbstractContextManager[None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(execution, "_services", interrupted)
    spec = load_declaration((Path(context.plan.source_file),)).pipelines["teaser"]
    found = Estimate(decisions={}, to_pay=())
    prepared = Prepared(spec=spec, plan=context.plan, estimate=found, settings=context.settings, simulate=False)
    with pytest.raises(InterruptedRunError, match="nothing was submitted, nothing was paid"):
        start(prepared, as_json=False, cancel_jobs=False)


def test_what_an_interruption_leaves_is_told_apart_with_money(ended: Ended) -> None:
    context, manifest = ended("waiting", "waiting", billed="0")
    states: tuple[dict[str, Any], ...] = (
        {"doing": "running", "set_aside_usd": Decimal("0.28"), "fingerprint": "a"},
        {"doing": "not started", "fingerprint": "b"},
    )
    shots = tuple(shot.model_copy(update=state) for shot, state in zip(manifest.shots, states, strict=True))
    manifest = manifest.model_copy(update={"shots": shots, "reel": None})
    head, running, pending, *_ = summary(context, manifest).splitlines()
    assert head.endswith("2 waiting; billed $0.00 (simulated)")
    assert running == "  1 running at Krea: $0.28 set aside, billed if it completes"
    assert pending == "  1 not started"
    assert facts(context, manifest)["waiting"] == {"running": {"shots": 1, "usd": 0.28}, "not_started": {"shots": 1, "usd": 0.0}}


@pytest.mark.parametrize(
    ("state", "goes_on"), [("failed", "; `animatic resume {run}` goes on"), ("in_doubt", "")], ids=["Krea went away", "a person decides"]
)
def test_what_a_shot_without_a_take_has_left_at_krea_is_told_with_money(ended: Ended, state: str, goes_on: str) -> None:
    context, manifest = ended("delivered", state, billed="0.28")
    left = {"doing": "submitted", "set_aside_usd": Decimal("0.28"), "fingerprint": "b"}
    shots = (manifest.shots[0], manifest.shots[1].model_copy(update=left))
    manifest = manifest.model_copy(update={"shots": shots, "reel": None})
    said = summary(context, manifest).splitlines()[1]
    assert said == "  1 submitted without an answer yet: $0.28 set aside, billed if it completes" + goes_on.format(run=manifest.run_id)
    assert facts(context, manifest)["waiting"] == {"submitted": {"shots": 1, "usd": 0.28}}


def test_a_run_of_which_every_shot_is_left_out_says_so(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    context, manifest = ended("reused", "reused", billed="0")
    empty = manifest.model_copy(update={"shots": ()})
    assert summary(context, empty).splitlines()[0].endswith(": nothing to make: `when` leaves every shot out (simulated)")
    show(empty, "/out/teaser/index.html")
    assert capsys.readouterr().out.splitlines()[1] == "  nothing to make: `when` leaves every shot out"


@pytest.mark.parametrize("left", [BrokenPipeError(), KeyboardInterrupt(), OSError(errno.EIO, "the terminal was closed")], ids=repr)
def test_who_leaves_while_the_end_of_a_run_is_told_changes_nothing_of_it(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, left: BaseException
) -> None:
    context, _ = ended("delivered", "failed", error=OverBudgetError("too much"))
    context.reported = True
    leaving: list[str] = []

    async def executed(*_args: object, **_options: object) -> object:
        return context

    def unread(*_args: object, **_options: object) -> None:
        raise left

    monkeypatch.setattr(execution, "_services", lambda _prepared: contextlib.nullcontext())
    monkeypatch.setattr(execution, "_execute", executed)
    monkeypatch.setattr(execution, "report", unread)
    monkeypatch.setattr(execution, "leave_unread", lambda: leaving.append("left"))
    spec = load_declaration((Path(context.plan.source_file),)).pipelines["teaser"]
    found = Estimate(decisions={}, to_pay=())
    prepared = Prepared(spec=spec, plan=context.plan, estimate=found, settings=context.settings, simulate=False)
    code = None
    with contextlib.suppress(OSError, KeyboardInterrupt):  # one that came through would end all tests
        code = start(prepared, as_json=True, cancel_jobs=False)
    assert (code, leaving) == (3, ["left"])
