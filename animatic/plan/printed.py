"""Prints a plan: the shots that would be made and why, what is shared or reused in one line, what changed, money and time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from animatic.catalog.model import field_name
from animatic.columns import Cell, Column, Style, few, paint, table, wrapped
from animatic.money import dollars
from animatic.plan.cast_report import cast_lines
from animatic.plan.draw import edge_labels
from animatic.plan.labels import pipeline_text
from animatic.plan.model import FileInput, Plan, ShotInput, Step, UrlInput, shot_of
from animatic.plan.printed_reels import chain_of, reel_texts
from animatic.plan.report import NOTHING_FURTHER, Decision, Further, Limit, Price, expected_minutes, price_of_run
from animatic.redact import bare_url

_MAX_NOTES = 40
_MAX_NAMED = 6
"""Shots that a line of collapsed ones names."""
_LABELS = {"run": "budget", "day": "today", "month": "month"}
_LABEL = 9
_AS_WRITTEN = "as written"
_COLUMNS = (
    Column(title="#", right=True),
    Column(title="shot", least=12, keep_end=True),
    Column(title="title", least=10, drop=3),
    Column(title="do"),
    Column(title="model", least=16, drop=2),
    Column(title="length", right=True, drop=4),
    Column(title="price", right=True),
    Column(title="why", least=18),
    Column(title="from", least=20, drop=1),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Report:
    """What is printed, and for whom."""

    plan: Plan
    decisions: Mapping[str, Decision] | None
    minutes_of: Callable[[Step], float]
    limits: Sequence[Limit]
    since: str
    reels: Mapping[str, str]
    written: Price | None
    further: Further
    everything: bool
    width: int | None
    color: bool
    simulated: bool

    def action(self, step: Step) -> str:
        """Return what would be done: run, reuse, resume; ``shared`` where an equal shot of this plan is made or had."""
        if self.decisions is None:
            return "run"
        return self.decisions[step.key].action


def render_plan(
    plan: Plan,
    decisions: Mapping[str, Decision] | None = None,
    *,
    minutes_of: Callable[[Step], float] = expected_minutes,
    limits: Sequence[Limit] | None = None,
    since: str = "",
    reels: Mapping[str, str] | None = None,
    written: Price | None = None,
    further: Further = NOTHING_FURTHER,
    everything: bool = True,
    width: int | None = None,
    color: bool = False,
    simulated: bool = False,
) -> str:
    """Return the dry-run report. Without ``decisions`` (the destination was not looked at) every shot counts as to be made.

    ``limits`` are the budgets (None: that of the run alone), ``since`` the run with which the shots' changes were compared, ``written``
    what it would cost without the profile, ``further`` what checks may add to that. Without ``everything``, shots that cost nothing are
    told in one line. ``width`` is the terminal's, None where lines may be as long as they like.
    """
    run_alone = [] if plan.budget_usd is None else [Limit(period="run", usd=plan.budget_usd)]
    report = _Report(
        plan=plan,
        decisions=decisions,
        minutes_of=minutes_of,
        limits=run_alone if limits is None else limits,
        since=since,
        reels=reels or {},
        written=written,
        further=further,
        everything=everything,
        width=width,
        color=color,
        simulated=simulated,
    )
    return "\n".join(_lines(report))


def _lines(report: _Report) -> Iterator[str]:
    plan, width = report.plan, report.width
    yield from wrapped(pipeline_text(plan.pipeline, plan.params, plan.profile), width, hanging="  ")
    if plan.title:
        yield from wrapped(plan.title, width, indent="  ")
    if plan.description:
        yield from wrapped(" ".join(plan.description.split()), width, indent="  ")
    if shots := list(_shots(report)):
        yield ""
        yield from shots
    if report.decisions is not None and (changes := list(_changes(plan, report.decisions))):
        yield ""
        yield f"changed{f' since run {report.since}' if report.since else ''}"
        for change in changes:
            yield from wrapped(change, width, indent="  ", hanging="      ")
    yield ""
    room = _LABEL if report.written is None else len(_AS_WRITTEN)
    for label, text, style in _totals(report):
        first, *others = wrapped(text, None if width is None else width, indent=" " * (room + 1))
        yield f"{label:<{room}} {paint(first.lstrip(), style, color=report.color)}"
        yield from others
    notes = list(_notes(plan))
    if notes:
        yield ""
        yield "notes"
        for note in notes[:_MAX_NOTES]:
            yield from wrapped(note, width, indent="  ", hanging="      ")
        if len(notes) > _MAX_NOTES:
            yield f"  and {len(notes) - _MAX_NOTES} more (all of them with --json)"
    yield ""
    yield from (paint(line, "bold", color=report.color) for line in wrapped(_end(report), width, hanging="  "))


def _notes(plan: Plan) -> Iterator[str]:
    """Yield each note of a shot once, with the number of variants that share it."""
    said = [(step.shot, note) for step in plan.steps for note in step.notes]
    said += [(shot_of(key), "left out by its `when`") for key in plan.left_out]
    for (shot, note), count in Counter(said).items():
        yield f"{shot}: {note}" + (f" ({count} variants)" if count > 1 else "")


def _shots(report: _Report) -> Iterator[str]:
    """Yield the table of shots, and a line for those that are left out of it because they cost nothing."""
    first = _first_of_each(report.plan)
    shots = {step.key: step.shot for step in report.plan.steps}
    shared = [step for step in report.plan.steps if first[step.fingerprint] != step.key]
    had = [step for step in report.plan.steps if first[step.fingerprint] == step.key and report.action(step) == "reuse"]
    had = [step for step in had if step.locked is None or step.further]  # that a shot is locked, people are to see
    collapsed = set() if report.everything else {step.key for step in (*shared, *had)}
    rows = [_row(report, step, first, shots) for step in report.plan.steps if step.key not in collapsed]
    if rows:
        yield from table(_COLUMNS, rows, width=report.width, color=report.color)
    if collapsed and had:
        yield from _collapsed(report, had, "reused, as an earlier run made them")
    if collapsed and shared:
        yield from _collapsed(report, shared, "shared: the same request as another variant's or shot's")


def _collapsed(report: _Report, steps: Sequence[Step], why: str) -> Iterator[str]:
    text = f"{len(steps)} {why}: {few([step.key for step in steps], _MAX_NAMED)}"
    yield from (paint(line, "dim", color=report.color) for line in wrapped(text, report.width, indent="  ", hanging="      "))


def _first_of_each(plan: Plan) -> dict[str, str]:
    """Return the first step of each fingerprint: the others share its take."""
    found: dict[str, str] = {}
    for step in plan.steps:
        found.setdefault(step.fingerprint, step.key)
    return found


def _row(report: _Report, step: Step, first: Mapping[str, str], shots: Mapping[str, str]) -> tuple[Cell, ...]:
    twin = first[step.fingerprint]
    decision = report.decisions[step.key] if report.decisions is not None else None
    action = decision.action if decision else "run" if twin == step.key else "reuse"
    shown = "locked" if step.locked is not None and action == "reuse" else action
    reason = decision.reason if decision else "" if twin == step.key else f"the same request as {twin}"
    length = step.request.duration
    return (
        str(step.number),
        step.key,
        step.title or "",
        (shown, _style(action)),
        step.request.model + (f" (+{len(step.requests) - 1} fallback)" if step.requests[1:] else ""),
        "" if length is None else f"{length:g} s",
        dollars(step.request.price.usd) if action == "run" else "-",
        reason + (f" (take {step.take})" if step.take > 1 and step.locked is None else ""),
        ", ".join(_sources(step, shots)),
    )


def _style(action: str) -> Style:
    return "green" if action == "run" else "yellow" if action == "resume" else "dim"


def _sources(step: Step, shots: Mapping[str, str]) -> Iterator[str]:
    """Yield what a step is made from; ``shots`` maps step keys to shot ids."""
    for source, label in edge_labels(step):
        yield f"{shots[source]} ({label})" if label else shots[source]
    for given in step.request.inputs:
        match given:
            case FileInput():
                yield f"{given.written} ({given.member or field_name(given.path)})"
            case UrlInput():
                yield f"{bare_url(given.url)} ({given.member or field_name(given.path)})"
            case ShotInput():
                pass
            case _:
                assert_never(given)


def _changes(plan: Plan, decisions: Mapping[str, Decision]) -> Iterator[str]:
    """Yield what changed in each shot, old -> new, once for all variants that changed alike."""
    alike: dict[tuple[str, tuple[str, ...], bool], list[str]] = defaultdict(list)
    for step in plan.steps:
        if decisions[step.key].changes:
            alike[step.shot, decisions[step.key].changes, step.locked is not None].append(step.key)
    for (shot, changes, locked), keys in alike.items():
        name = keys[0] if len(keys) == 1 else f"{shot} ({len(keys)} variants)"
        yield f"{name}: {'; '.join(changes)}{' (locked: its take stays)' if locked else ''}"


def _totals(report: _Report) -> Iterator[tuple[str, str, Style]]:
    plan, decisions = report.plan, report.decisions
    price = price_of_run(plan, decisions)
    yield "to pay", _price(price), ""
    if report.written is not None:
        yield _AS_WRITTEN, _price(report.written), ""
    if report.further.takes or report.further.anew:
        yield "at most", report.further.text(price), ""
    for limit in report.limits:
        rest = limit.usd - limit.spent - price.to_pay
        spent = f"{dollars(limit.spent)} spent, " if limit.spent else ""
        left = f"{dollars(rest)} left{' after this' if price.to_pay else ''}" if rest >= 0 else f"exceeded by {dollars(-rest)}"
        yield _LABELS[limit.period], f"{dollars(limit.usd)}: {spent}{left}", "" if rest >= 0 else "red"
    yield from _time(report)
    pending = _to_be_made(report)
    at_once = f", {plan.concurrency} at once" if plan.concurrency else ""
    yield "jobs", f"{len(pending)} for {_plural(len(plan.shots), 'shot')}{at_once}", ""
    if people := list(cast_lines(plan)):
        yield "cast", few(people, _MAX_NAMED), ""
    yield from (("reel", text, "") for text in reel_texts(plan, report.reels))
    yield "deliver", f"{plan.deliver}/simulated" if report.simulated else plan.deliver, ""


def _price(price: Price) -> str:
    """Return ``$0.28 of $0.98 in all, and 1 without a known price``."""
    unknown = f", and {price.unpriced} without a known price" if price.unpriced else ""
    whole = f" of {dollars(price.whole)} in all" if price.to_pay != price.whole else ""
    return f"{dollars(price.to_pay)}{whole}{unknown}"


def _time(report: _Report) -> Iterator[tuple[str, str, Style]]:
    plan, minutes_of = report.plan, report.minutes_of
    chain, _ = plan.critical_path(minutes_of)
    pending = _to_be_made(report)
    late = [step for step in plan.steps if step.key in set(chain) and step.fingerprint in pending]
    if not late:
        return
    minutes = sum(minutes_of(step) for step in late)
    queued = sum(minutes_of(step) for step in pending.values()) / plan.concurrency if plan.concurrency else 0.0
    along = f" along {chain_of([step.key for step in late])}" if late[1:] and minutes >= queued else ""
    yield "time", f"about {_minutes(max(minutes, queued))}{along}", ""


def _to_be_made(report: _Report) -> dict[str, Step]:
    """Return the steps that would be paid for, by fingerprint."""
    return {step.fingerprint: step for step in report.plan.steps if report.action(step) == "run"}


def _end(report: _Report) -> str:
    """Return the one line that says all: ``Plan: 9 to make, 7 reused, $0.84``."""
    first = _first_of_each(report.plan)
    made = len(_to_be_made(report))
    fetched = sum(report.action(step) == "resume" for step in report.plan.steps if first[step.fingerprint] == step.key)
    price = price_of_run(report.plan, report.decisions)
    parts = [f"{made} to make"]
    parts += [f"{fetched} paid for and to be fetched"] if fetched else []
    parts += [f"{len(report.plan.steps) - made - fetched} reused", dollars(price.to_pay)]
    parts += [f"{price.unpriced} without a known price"] if price.unpriced else []
    return f"Plan: {', '.join(parts)}"


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.0f} seconds"
    return f"{minutes:.0f} minutes" if minutes >= 1.5 else "a minute"  # noqa: PLR2004 (below it, "a minute")


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
