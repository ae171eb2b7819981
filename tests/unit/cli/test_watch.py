"""``watch``: what the manifest and the live table say becomes the progress that is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest

from animatic.cli.live import _look, _urgency
from animatic.cli.watch import _progress_state, _usd, follow_rows
from animatic.engine.progress import ProgressTracker, ShotProgress, State
from animatic.manifest.model import ShotState


def test_every_state_of_a_manifest_has_a_state_of_progress() -> None:
    assert {state: _progress_state(state) for state in get_args(ShotState)} == {
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


@pytest.mark.parametrize(("written", "usd"), [("0.28", "0.28"), ("$1,234.50", "1234.50"), ("paid before", None), ("", None), (None, None)])
def test_amounts_of_the_live_table_are_read(written: object, usd: str | None) -> None:
    assert _usd(written) == (None if usd is None else Decimal(usd))


def test_every_state_has_a_look_and_a_rank() -> None:
    for state in get_args(State):
        mark, style = _look(state)
        assert mark or state in {"running", "preparing", "submitting", "fetching"}, "what goes on has a spinner"
        assert isinstance(style, str)
    shots = [ShotProgress(key=state, model="m", state=state) for state in get_args(State)]
    assert {shot.state for shot in sorted(shots, key=_urgency)[:2]} == {"failed", "in doubt"}
