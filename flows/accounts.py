"""Writes what a run will do and what came of it, as Markdown for the Prefect UI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from animatic.columns import shortened
from animatic.engine.run import Run
from animatic.flows.tables import MAX_ROWS, MAX_TITLE, Address, table_of, text_of
from animatic.manifest import Manifest, Shot
from animatic.manifest.model import ShotState
from animatic.manifest.wording import ASKED, in_doubt, run_state, set_aside, shot_state
from animatic.money import dollars
from animatic.plan import Step, counted, edge_labels, expected_minutes, to_pay
from animatic.plan.model import called_by
from animatic.plan.report import Decision
from animatic.spec.shots import numeral

Location = Callable[[str], str]
"""Returns where a file of the run is, as people open it: a path or an ``s3://`` URL."""


def plan_summary(run: Run, decisions: Mapping[str, Decision] | None) -> str:
    """Return ``profile draft: 4 shots, 4 to generate, $0.98 of a budget of $3.00, about 4 minutes``."""
    plan = run.plan
    paid, unpriced = to_pay(plan, decisions)
    made = {step.fingerprint: step for step in plan.steps if decisions is None or decisions[step.key].action == "run"}
    _, minutes = plan.critical_path(lambda step: expected_minutes(step) if step.fingerprint in made else 0.0)
    fetched = len({step.fingerprint for step in plan.steps if decisions is not None and decisions[step.key].action == "resume"})
    parts = [
        counted([step.key for step in plan.steps]),
        *([f"{len(made)} to generate"] if made else []),
        *([f"{fetched} paid for and to be fetched"] if fetched else []),
        *([] if made or fetched else ["all made before"]),
        f"{dollars(paid)}{f' and {unpriced} without a known price' if unpriced else ''}"
        + (f" of a budget of {dollars(plan.budget_usd)}" if plan.budget_usd is not None else ""),
        *([f"about {max(1, round(minutes))} min at Krea"] if made else []),
    ]
    return f"{_profile(plan.profile, end=': ')}{', '.join(parts)}"


def _profile(name: str | None, *, start: str = "", end: str = "") -> str:
    return "" if name is None else f"{start}profile {name}{end}"


def plan_markdown(run: Run, decisions: Mapping[str, Decision] | None, *, picture: str | None) -> str:
    """Return the plan: what it costs, the graph, and shot by shot what is done and why. ``decisions`` None: nobody has looked."""
    plan = run.plan
    simulated = "SIMULATED: nothing is paid. " if run.simulated else ""
    lines = [f"**{simulated}{plan_summary(run, decisions)}**", "", f"Goes to `{run.address('')}`", ""]
    if picture:
        lines += [f"![storyboard]({picture})", ""]
    head = ("#", "shot", "do", "model", "length", "price", "why", "from")
    rows = [_plan_row(run, step, decisions) for step in plan.steps[:MAX_ROWS]]
    lines.append(table_of(head, rows, right={0, 4, 5}))
    notes = [f"- {text_of(step.key)}: {text_of(note)}" for step in plan.steps for note in step.notes]
    return "\n".join([*lines, *(["", *notes[:MAX_ROWS]] if notes else []), ""])


def _plan_row(run: Run, step: Step, decisions: Mapping[str, Decision] | None) -> tuple[str, ...]:
    decision = decisions[step.key] if decisions is not None else None
    request = step.request
    paid = decision is None or decision.action == "run"
    return (
        step.numeral,
        f"**{text_of(step.key)}**" + (f" {text_of(shortened(step.title, MAX_TITLE))}" if step.title else ""),
        decision.action if decision else "run",
        text_of(request.model) + (f" (+{len(step.requests) - 1})" if step.requests[1:] else ""),
        "" if request.duration is None else f"{request.duration:g} s",
        dollars(request.price.usd) if paid else "-",
        text_of(decision.reason) if decision else "",
        text_of(", ".join(_source(run, key, label) for key, label in edge_labels(step))),
    )


def _source(run: Run, key: str, label: str) -> str:
    shot = run.steps[key].shot if key in run.steps else key
    return f"{shot} ({label})" if label else shot


def end_summary(manifest: Manifest) -> str:
    """Return ``2 of 6 shots are there (2 failed, 2 skipped); would be billed $0.20``."""
    counts = Counter(shot.state for shot in manifest.shots)
    there = counts["delivered"] + counts["reused"]
    rest = [f"{counts[state]} {shot_state(state).lower()}" for state in get_args(ShotState) if counts[state] and state not in _THERE]
    reused = f" ({counts['reused']} reused)" if counts["reused"] else ""
    shots = f"{_shots(there)} delivered{reused}" if not rest else f"{there} of {_shots(len(manifest.shots))} delivered ({', '.join(rest)})"
    cost = manifest.cost
    verb = "would be billed" if manifest.simulated else "billed"
    unknown = f" and {cost.unpriced} of unknown price" if cost.unpriced else ""
    aside = f", {dollars(usd)} set aside" if (usd := set_aside(manifest.shots)) else ""
    return f"{shots}; {verb} {dollars(cost.billed_usd)}{unknown}{aside}"


_THERE = frozenset({"delivered", "reused"})


def end_markdown(manifest: Manifest, *, address: Address, location: Location) -> str:
    """Return the account of a run that has ended: what came of it, what it cost, what failed and what to do, where the record lies."""
    what = f"{text_of(manifest.pipeline)}{_profile(manifest.profile, start=', ')}"
    lines = [
        f"# {'SIMULATED · ' if manifest.simulated else ''}{what}: {run_state(manifest).lower()}",
        "",
        f"{end_summary(manifest)[0].upper()}{end_summary(manifest)[1:]}."
        + (f" Reused clips were worth {dollars(manifest.cost.reused_usd)}." if manifest.cost.reused_usd else ""),
        "",
        *_problems(manifest, address),
        *(f"- {what}: {_place(name, address, location)}" for what, name in _files(manifest)),
        f"- run: `{manifest.run_id}`",
    ]
    return "\n".join([*lines, ""])


def _problems(manifest: Manifest, address: Address) -> Iterator[str]:
    """Yield every shot that is not there, why, and what to do."""
    left = [(number, shot) for number, shot in enumerate(manifest.storyboard, start=1) if shot.state not in _THERE]
    if not left:
        return
    page = address("index.html")
    highest = max(shot.number for shot in manifest.shots)
    rows = [(numeral(shot.number, highest), _named(shot, f"{page}#shot-{number}" if page else None), _why(shot)) for number, shot in left]
    yield table_of(("#", "shot", "why it is not there"), rows[:MAX_ROWS], right={0})
    yield ""
    yield f"Next: {_first(manifest)}`animatic resume {manifest.run_id}` goes on with what is missing; what was paid for is kept."
    yield ""


def _first(manifest: Manifest) -> str:
    """Return what a person has to decide before a run can go on; empty where nothing is asked."""
    shown = []
    if in_doubt(manifest):
        shown.append("`animatic doubts` shows what is to be decided")
    if any(shot.state == "waiting" and shot.doing == ASKED for shot in manifest.shots):
        shown.append(f"`animatic review {manifest.run_id}` shows what is to be approved")
    return f"{', '.join(shown)}; then " if shown else ""


def missing_text(run: Run) -> str:
    """Return a line for each shot that has no picture on the storyboard's sheet, and why; empty where none is missing."""
    shots = [(step, run.progress.shots[step.key]) for step in run.plan.storyboard]
    left = [(step, shot) for step, shot in shots if shot.state not in {*_THERE, "waiting"}]
    lines = [
        f"- **{step.numeral} {text_of(step.key)}**: {shot.state}" + (f": {text_of(shot.detail)}" if shot.detail else "")
        for step, shot in left[:MAX_ROWS]
    ]
    return "\n".join(["Missing:", "", *lines]) if lines else ""


def _named(shot: Shot, href: str | None) -> str:
    name = text_of(shot.key or shot.id)
    return f"[{name}]({href})" if href else f"**{name}**"


def _why(shot: Shot) -> str:
    reason = shot.error.message if shot.error else shot.doing or shot_state(shot.state).lower()
    hint = f" ({shot.note})" if shot.note and shot.error and shot.note != reason else ""
    return text_of(f"{reason}{hint}")


def _files(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield from ((f"{reel.name} {_variant(reel.variant)}".strip(), reel.file) for reel in manifest.reels if reel.file)
    yield "page", "index.html"
    yield "manifest", "manifest.json"


def _variant(values: Mapping[str, object]) -> str:
    return " ".join(str(called_by(value)) for value in values.values())


def _place(name: str, address: Address, location: Location) -> str:
    url = address(name)
    return f"`{location(name)}`" if url is None else f"[{name}]({url})"


def _shots(count: int) -> str:
    return f"{count} shot" if count == 1 else f"{count} shots"
