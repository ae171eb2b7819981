"""What a shot says of its takes, `takes`, `pick` and `qc`, checked where it is known what they are; and said of in a plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from animatic.money import dollars
from animatic.plan.model import Request
from animatic.plan.problems import ProblemCollector
from animatic.plan.request import ShotDraft
from animatic.spec.model import PipelineSpec, Qc, ShotSpec

T = TypeVar("T")
DEFAULT_RETRIES = 2
DEFAULT_QC: Qc = "warn"
_UNCHECKED = {"image": "stills", "audio": "sounds", "3d": "meshes"}
"""What no checks are made of."""


def first_said(own: T | None, pipelines: T | None, default: T) -> T:
    """Return what a shot says, else its pipeline, else what holds for all."""
    return own if own is not None else pipelines if pipelines is not None else default


def qc_of(shot: ShotSpec, pipeline: PipelineSpec) -> Qc:
    """Return what follows from the checks of a shot's takes."""
    return first_said(shot.qc, pipeline.qc, DEFAULT_QC)


def retries_of(shot: ShotSpec, pipeline: PipelineSpec) -> int:
    """Return how many further attempts may follow a failed one."""
    return first_said(shot.retries, pipeline.retries, DEFAULT_RETRIES)


def check_pick(draft: ShotDraft, pipeline: PipelineSpec, problems: ProblemCollector) -> None:
    """Report a `pick` or `qc` that could never have an effect."""
    shot, ours = draft.spec, problems.for_shot(draft.spec)
    qc, at_pick, at_qc = qc_of(shot, pipeline), (*shot.path, "pick"), (*shot.path, "qc")
    unchecked = _UNCHECKED.get(draft.yields or "")
    if shot.pick == "best" and qc == "off":
        related = [(at_qc if shot.qc is not None else (*pipeline.path, "qc"), "they are switched off here")]
        hint = "write 'qc: warn', or let a person pick: 'pick: approve'"
        message = "'pick: best' picks by the checks of the takes, and 'qc: off' makes none"
        ours.add(message, at_pick, code="pick", hint=hint, related=related)
    elif shot.pick == "best" and unchecked:
        message, hint = f"'pick: best': {unchecked} are not checked, so that the first goes on", "let a person pick: 'pick: approve'"
        ours.add(message, at_pick, code="pick", hint=hint, severity="warning")
    elif shot.pick == "best" and shot.takes == 1 and qc != "retake":
        hint = "write 'takes: 2' or more, each of which is paid for"
        ours.add("'pick: best': the shot has one take alone", at_pick, code="pick", hint=hint, severity="warning")
    if shot.qc == "retake" and unchecked:
        ours.add(f"'qc: retake': {unchecked} are not checked", at_qc, code="qc", hint="take it out", severity="warning")
    elif shot.qc == "retake" and retries_of(shot, pipeline) == 0:
        related = [((*shot.path, "retries") if shot.retries is not None else (*pipeline.path, "retries"), "none are allowed here")]
        hint = "write 'retries: 1' or more, or 'qc: warn'"
        message = "'qc: retake' makes a further attempt, and 'retries: 0' allows none"
        ours.add(message, at_qc, code="qc", hint=hint, severity="warning", related=related)


def choice_notes(draft: ShotDraft, pipeline: PipelineSpec, request: Request) -> Iterator[str]:
    """Yield how it is decided which take of a shot goes on, where that is not the first."""
    shot, checked = draft.spec, draft.yields == "video"
    retaken = checked and shot.qc == "retake" and retries_of(shot, pipeline) > 0
    if shot.pick == "best" and checked:
        yield f"the best of its {shot.takes} takes goes on: with least to look at by the checks, then with the highest continuity"
    if retaken:
        when = "its take fails its checks" if shot.takes == 1 else f"all its {shot.takes} takes fail their checks"
        price = dollars(request.price.usd, unknown="an unknown price")
        yield f"one further take is made for {price} if {when}; the better one goes on"
