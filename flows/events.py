"""Emits Prefect events for automations and the event feed: what happened to which shot, as it happens.

``animatic.shot.submitted``, ``.delivered`` (reused ones too: see ``state`` in the payload), ``.failed``, ``.in-doubt``, ``.picked`` (the
checks of its takes led to one of them: see ``choice``), ``animatic.run.over-budget``, and ``animatic.run.waiting``, once for each question
that a run asks persons. Money is in USD, None where a price is not known. Prefect adds run, flow, deployment and tags to each.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, assert_never

from prefect.events import emit_event

from animatic.engine.progress import ShotProgress, State
from animatic.engine.questions import following_all
from animatic.engine.run import Run
from animatic.errors import AnimaticError, OverBudgetError
from animatic.flows.approval_texts import Request

ShotEvent = Literal["submitted", "delivered", "failed", "in-doubt", "picked"]
log = logging.getLogger(__name__)


@contextmanager
def announcing(run: Run) -> Iterator[None]:
    """Emit events for the shots of a run as their progress changes."""
    submitting: set[str] = set()
    emitted: dict[str, ShotEvent] = {}
    picked: set[str] = set()

    def listen(shot: ShotProgress) -> None:
        if shot.key in run.state.choices and shot.key not in picked:
            picked.add(shot.key)
            _emit_shot(run, shot, "picked")
        elif shot.state == "submitting":
            submitting.add(shot.key)
        elif shot.state == "running" and shot.key in submitting:
            submitting.discard(shot.key)
            emitted.pop(shot.key, None)
            _emit_shot(run, shot, "submitted")
        elif (end := _end_event(shot.state)) is not None and emitted.get(shot.key) != end:
            emitted[shot.key] = end
            _emit_shot(run, shot, end)

    run.progress.listeners.append(listen)
    try:
        yield
    finally:
        run.progress.listeners.remove(listen)


def announce_over_budget(pipeline: str, run_id: str | None, error: AnimaticError | None) -> None:
    """Emit ``animatic.run.over-budget`` if that is how a run ended or why it did not begin."""
    if isinstance(error, OverBudgetError):
        _emit(
            "animatic.run.over-budget",
            {"prefect.resource.id": f"animatic.pipeline.{pipeline}", "prefect.resource.name": pipeline},
            {"run_id": run_id, "message": error.message},
        )


def announce_waiting(run: Run, asks: Request) -> None:
    """Emit ``animatic.run.waiting`` where a run asks what it had not asked before: `animatic deploy --notify` tells people."""
    new = [question for question in asks.questions if question.asked.at >= run.started_at]
    if not new:
        return
    following = following_all(run, new)
    pipeline = run.plan.pipeline
    _emit(
        "animatic.run.waiting",
        {"prefect.resource.id": f"animatic.pipeline.{pipeline}", "prefect.resource.name": pipeline},
        {
            "run_id": run.plan.run_id,
            "shots": [question.step.key for question in new],
            "to_pay_usd": float(following.usd),
            "unpriced": following.unpriced,
            "simulated": run.simulated,
            "message": asks.headline,
            "page": asks.page,
            "picture": asks.picture,
        },
    )


def _end_event(state: State) -> ShotEvent | None:
    """Return the event for a shot that has ended like this; None for one that goes on."""
    match state:
        case "delivered" | "reused":
            return "delivered"
        case "failed" | "skipped":
            return "failed"
        case "in doubt":
            return "in-doubt"
        case "pending" | "waiting" | "preparing" | "submitting" | "running" | "fetching":
            return None
        case _:
            assert_never(state)


def _emit_shot(run: Run, shot: ShotProgress, what: ShotEvent) -> None:
    pipeline = run.plan.pipeline
    usd = shot.billed if shot.state == "failed" else shot.usd  # a job that failed has a price, and is not billed
    _emit(
        f"animatic.shot.{what}",
        {"prefect.resource.id": f"animatic.shot.{pipeline}.{shot.key}", "prefect.resource.name": f"{pipeline} · {shot.key}"},
        {
            "run_id": run.plan.run_id,
            "shot": shot.key,
            "state": shot.state,
            "model": shot.model,
            "job_id": shot.job_id,
            "attempt": shot.attempt,
            "usd": None if usd is None else float(usd),
            "simulated": run.simulated,
            "message": shot.detail,
            **_checks(run, shot.key),
        },
    )


def _checks(run: Run, key: str) -> dict[str, object]:
    """Return what the checks of a shot's take found, as the manifest spells it; both None where nobody looked, or has not yet."""
    record = run.manifest.shot(key).record
    return {
        "qc": None if record.qc is None else record.qc.model_dump(mode="json", by_alias=True),
        "continuity": record.continuity,
        "choice": None if record.choice is None else record.choice.model_dump(mode="json"),
    }


def _emit(event: str, resource: dict[str, str], payload: dict[str, object]) -> None:
    try:
        emit_event(event=event, resource=resource, payload=payload)
    except Exception as error:  # noqa: BLE001 (nobody hearing of a shot must not fail it)
        log.debug("an event was not sent: %s", type(error).__name__)
