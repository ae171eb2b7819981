"""Tells how a run ended: the summary for people, the facts for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from animatic.cli.advice import completed
from animatic.cli.failures import as_object, show_error
from animatic.cli.output import print_json, say, terminal_width
from animatic.columns import wrapped
from animatic.money import dollars
from animatic.plan import pipeline_text

if TYPE_CHECKING:
    from animatic.flows.run import FlowRunContext
    from animatic.manifest import Manifest
    from animatic.manifest.model import Doing, Shot

MAX_REELS_NAMED = 6
MAX_CHOICES_TOLD = 8
DOING: dict[Doing, str] = {
    "waits for approval": "made, and to be approved before what follows is paid for: `animatic review`",
    "running": "running at Krea",
    "submitted": "submitted without an answer yet",
    "fetching": "paid for and not fetched yet",
    "cancelled": "cancelled, not billed",
    "preparing": "being prepared",
    "not started": "not started",
}
"""What a shot that waits is doing, for people, in the order in which it matters."""


def report(context: FlowRunContext, *, as_json: bool, told: Mapping[str, Any]) -> None:
    """Print the result: the summary or JSON, with what else is ``told``, on standard output, what went wrong on standard error."""
    manifest = context.manifest
    if as_json:
        print_json({**facts(context, manifest), **told})
    elif manifest is not None:
        print(summary(context, manifest, width=terminal_width(sys.stdout)))
    if not context.reported:
        say("Prefect does not answer: it will show this run as running; the manifest is right")
    if context.error is not None:
        show_error(context.error)


def facts(context: FlowRunContext, manifest: Manifest | None) -> dict[str, Any]:
    """Return how a run ended, for programs. ``manifest`` is None where the run ended before it wrote one."""
    folder = _folder(context)
    return {
        "run_id": context.plan.run_id,
        "pipeline": context.plan.pipeline,
        "profile": context.plan.profile,
        "state": manifest.state if manifest else None,
        "manifest": context.manifest_location,
        "page": context.page_location,
        "reels": [f"{folder}{reel.file}" for reel in manifest.reels if reel.file] if manifest else [],
        "sheet": f"{folder}sheet.pdf" if manifest and manifest.sheet else None,
        "flow_run_url": context.flow_run_url,
        "cost": manifest.cost.model_dump(mode="json") if manifest else None,
        "shots": counts(manifest) if manifest else {},
        "waiting": waiting_facts(manifest) if manifest else {},
        "qc": {
            (shot.key or shot.id): shot.qc.model_dump(mode="json", by_alias=True) for shot in manifest.shots if shot.qc and not shot.qc.ok
        }
        if manifest
        else {},
        "choices": choice_facts(manifest) if manifest else {},
        "stray_jobs": [stray.model_dump(mode="json") for stray in manifest.stray_jobs] if manifest else [],
        "error": None if context.error is None else as_object(context.error),
    }


def waiting_facts(manifest: Manifest) -> dict[str, Any]:
    """Return the shots without a take by what they are doing: how many, and the money that is set aside for them."""
    from animatic.manifest.wording import set_aside

    found = _waiting(manifest)
    return {doing.replace(" ", "_"): {"shots": len(shots), "usd": float(set_aside(shots))} for doing, shots in found.items()}


def summary(context: FlowRunContext, manifest: Manifest, *, width: int | None = None) -> str:
    """Return how a run ended, for people: shots by state, money, and where reels, page and manifest are.

    Sentences are wrapped to ``width``; addresses are left whole.
    """
    from animatic.manifest.wording import NO_SHOTS, findings

    found = counts(manifest)
    if not manifest.shots:
        outcome = NO_SHOTS
    elif manifest.made_nothing:
        these = "the shot is unchanged and was" if len(manifest.shots) == 1 else f"all {len(manifest.shots)} shots are unchanged and were"
        outcome = f"{these} reused; nothing was submitted, nothing was paid"
    else:
        unpriced = f", {manifest.cost.unpriced} without a known price" if manifest.cost.unpriced else ""
        shots = ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in found.items())
        outcome = f"{shots}; billed {dollars(manifest.cost.billed_usd)}{unpriced}"
    what = pipeline_text(manifest.pipeline, {}, manifest.profile)
    head = f"{what} {manifest.run_id}: {outcome}{' (simulated)' if manifest.simulated else ''}"
    adopted = [shot for shot in manifest.shots if shot.state == "delivered" and shot.how == "evidence"]
    lines = wrapped(head, width, hanging="    ")
    checked = findings(manifest)
    told = [
        *waiting_lines(manifest),
        *([checked] if checked else []),
        *choice_lines(manifest),
        *(f"{shot.key or shot.id}: {shot.note}" for shot in adopted),
        *stray_lines(manifest),
    ]
    for line in told:
        lines += wrapped(completed(line), width, indent="  ", hanging="    ")
    reels = [reel.file for reel in manifest.reels if reel.file] or ([manifest.reel.file or "reel.mp4"] if manifest.reel else [])
    lines += [f"  reel      {_folder(context)}{file}" for file in reels[:MAX_REELS_NAMED]]
    if len(reels) > MAX_REELS_NAMED:
        lines.append(f"  and {len(reels) - MAX_REELS_NAMED} more reels, on the page")
    lines += [f"  sheet     {_folder(context)}sheet.pdf"] if manifest.sheet else []
    return "\n".join([*lines, f"  page      {context.page_location}", f"  manifest  {context.manifest_location}"])


def waiting_lines(manifest: Manifest) -> list[str]:
    """Return a line for each thing that shots without a take are doing, with the money that is set aside for it."""
    from animatic.manifest.wording import set_aside

    lines = []
    for doing, shots in _waiting(manifest).items():
        aside = set_aside(shots)
        money = f": {dollars(aside)} set aside, billed if {'it completes' if len(shots) == 1 else 'they complete'}" if aside else ""
        goes_on = f"; `animatic resume {manifest.run_id}` goes on" if any(shot.state == "failed" for shot in shots) else ""
        lines.append(f"{len(shots)} {DOING[doing]}{money}{goes_on}")
    return lines


def choice_facts(manifest: Manifest) -> dict[str, Any]:
    """Return by shot which take its checks led to, and why."""
    return {(shot.key or shot.id): shot.choice.model_dump(mode="json") for shot in manifest.shots if shot.choice}


def choice_lines(manifest: Manifest) -> list[str]:
    """Return why the checks of several takes led to the one that counts, for the first shots where they did."""
    chosen = [shot for shot in manifest.shots if shot.choice is not None]
    lines = [f"{shot.key or shot.id}: {shot.choice.why}" for shot in chosen[:MAX_CHOICES_TOLD] if shot.choice]
    return lines if len(chosen) <= MAX_CHOICES_TOLD else [*lines, f"and {len(chosen) - MAX_CHOICES_TOLD} more such choices, on the page"]


def stray_lines(manifest: Manifest) -> list[str]:
    """Return what to say of jobs that were paid, or may be, and are in no take."""
    return [f"stray: job {stray.job_id} ({dollars(stray.usd)}), {stray.why}" for stray in manifest.stray_jobs]


def state_word(shot: Shot) -> str:
    """Return the state of a shot for people: of one that waits, what it is doing."""
    return shot.doing if shot.state == "waiting" and shot.doing else shot.state.replace("_", " ")


def state_of_run(manifest: Manifest | None) -> str:
    """Return the state of a run for people. One without an end goes on, or its process died: only who watches it can tell."""
    if manifest is None:
        return "unknown"
    return manifest.state if manifest.finished_at is not None else "unfinished"


def counts(manifest: Manifest) -> dict[str, int]:
    """Return the number of shots by state, in the order of the storyboard."""
    return dict(Counter(shot.state for shot in manifest.shots))


def _waiting(manifest: Manifest) -> dict[Doing, list[Shot]]:
    found = {doing: [shot for shot in manifest.shots if _left_doing(shot) == doing] for doing in DOING}
    return {doing: shots for doing, shots in found.items() if shots}


def _left_doing(shot: Shot) -> Doing | None:
    """Return what a shot waits for, or what one that failed or is in doubt has left at Krea; None: nothing."""
    if shot.state == "waiting":
        return shot.doing or "not started"
    return shot.doing if shot.state in {"failed", "in_doubt"} else None


def _folder(context: FlowRunContext) -> str:
    return (context.page_location or "").removesuffix("index.html")
