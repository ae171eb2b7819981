"""``watch``: what the manifest and the live table say becomes the progress that is shown."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import get_args

import pytest

from animatic.cli import watch
from animatic.cli.live import _look, _urgency
from animatic.cli.watch import STATES, _number, follow_manifest, follow_rows, seconds_gone_on
from animatic.engine.progress import ProgressTracker, ShotProgress, State, doing_of, state_of_record
from animatic.manifest.model import Doing, ShotState
from tests.unit.cli.conftest import Ended


def test_every_state_of_a_manifest_has_a_state_of_progress() -> None:
    assert {state: state_of_record(state) for state in get_args(ShotState)} == {
        "delivered": "delivered",
        "reused": "reused",
        "failed": "failed",
        "skipped": "skipped",
        "in_doubt": "in doubt",
        "waiting": "pending",
    }


def test_rows_of_the_live_table_are_applied_and_foreign_ones_left_out() -> None:
    progress = ProgressTracker.of({"dawn": "xai/grok-video", "surf": "xai/grok-video"})
    follow_rows(
        progress,
        [
            {"shot": "dawn", "state": "running", "detail": "processing", "job": "j1", "usd": "$0.28"},
            {"shot": "surf", "state": "of a later version", "usd": "unknown"},
            {"shot": "gulls", "state": "running"},
            {"state": "running"},
        ],
    )
    dawn, surf = progress.shots["dawn"], progress.shots["surf"]
    assert (dawn.state, dawn.detail, dawn.job_id, dawn.usd) == ("running", "processing", "j1", Decimal("0.28"))
    assert (surf.state, surf.usd) == ("pending", None)


def test_who_joins_late_sees_how_long_each_shot_has_taken(ended: Ended) -> None:
    """A run is watched a minute after it ended: its times are those of the run, and do not grow while somebody looks."""
    now = 1000.0
    progress = ProgressTracker.of({"dawn": "m", "surf": "m"}, clock=lambda: now)
    _, manifest = ended("delivered", "waiting")
    began = manifest.started_at
    dawn = manifest.shots[0].model_copy(update={"submitted_at": began, "completed_at": began + timedelta(seconds=3)})
    surf = manifest.shots[1].model_copy(update={"doing": "running", "set_aside_usd": Decimal("0.28"), "job_id": "j2"})
    seen = manifest.model_copy(update={"shots": (dawn, surf)})
    follow_manifest(progress, seen)
    follow_rows(progress, [{"shot": "surf", "state": "running", "seconds": "12"}])
    now = 1060.0
    follow_manifest(progress, seen)
    assert progress.shots["dawn"].elapsed(now) == 3.0
    assert (progress.shots["surf"].state, progress.shots["surf"].job_id) == ("running", "j2")
    money = progress.money()
    assert (money.billed, money.set_aside) == (Decimal(0), Decimal("0.28"))


def test_the_last_picture_has_the_takes_that_are_no_shots_of_the_manifest(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, manifest = ended("delivered", "failed")
    over = manifest.model_copy(update={"finished_at": manifest.started_at})
    steps = [SimpleNamespace(key=key, request=SimpleNamespace(model="m")) for key in ("dawn", "dawn#2", "surf")]
    plan = SimpleNamespace(pipeline="teaser", run_id="r1", steps=steps, budget_usd=None)
    run = SimpleNamespace(plan=plan, destination=SimpleNamespace(simulated=True))

    async def found(*_args: object, **_options: object) -> tuple[object, object]:
        return run, over

    async def rows(*_args: object) -> list[dict[str, str]]:
        return [{"shot": "dawn#2", "state": "delivered"}, {"shot": "surf", "state": "running"}]

    monkeypatch.setattr(watch, "newest_or_named", found)
    monkeypatch.setattr(watch, "_live_rows", rows)
    asyncio.run(watch._watch(None, (), None, simulate=True))
    told = [line.split()[2:4] for line in capsys.readouterr().err.splitlines()]
    assert ["dawn#2", "delivered"] in told
    assert [state for key, state in told if key == "surf"][-1] == "failed", "what the manifest says is the last word"


def test_the_time_below_the_shots_is_that_of_the_run_and_not_of_the_looking(ended: Ended) -> None:
    _, manifest = ended("delivered", "waiting")
    began = manifest.started_at
    over = manifest.model_copy(update={"finished_at": began + timedelta(seconds=75)})
    assert seconds_gone_on(over, began + timedelta(days=1)) == 75.0
    goes_on = manifest.model_copy(update={"finished_at": None})
    assert seconds_gone_on(goes_on, began + timedelta(seconds=20)) == 20.0
    assert seconds_gone_on(goes_on, began - timedelta(seconds=5)) == 0.0, "the clock of who looks is behind that of who runs"


def test_rows_tell_how_long_a_shot_runs_already() -> None:
    progress = ProgressTracker.of({"surf": "m"}, clock=lambda: 1000.0)
    follow_rows(progress, [{"shot": "surf", "state": "running", "seconds": "12"}])
    assert progress.shots["surf"].elapsed(1000.0) == 12.0


def test_what_a_waiting_shot_does_is_read_back_as_it_was_written() -> None:
    for state in get_args(State):
        doing = doing_of(state)
        assert doing is None or STATES[doing] == state
    assert set(STATES) == set(get_args(Doing))


@pytest.mark.parametrize(("written", "usd"), [("0.28", "0.28"), ("$1,234.50", "1234.50"), ("paid before", None), ("", None), (None, None)])
def test_amounts_of_the_live_table_are_read(written: object, usd: str | None) -> None:
    assert _number(written) == (None if usd is None else Decimal(usd))


def test_every_state_has_a_look_and_a_rank() -> None:
    for state in get_args(State):
        mark, style = _look(state)
        assert mark or state in {"running", "preparing", "submitting", "fetching"}, "what goes on has a spinner"
        assert isinstance(style, str)
    shots = [ShotProgress(key=state, model="m", state=state) for state in get_args(State)]
    assert {shot.state for shot in sorted(shots, key=_urgency)[:3]} == {"failed", "in doubt", "waiting"}
