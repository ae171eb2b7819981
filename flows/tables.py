"""Writes the table of shots that the Prefect UI shows: Markdown, because its tables of data show no links and no pictures.

What `animatic watch` reads back travels in the same text, as a link definition, which Markdown never shows.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, assert_never, get_args

from animatic.columns import shortened
from animatic.engine.progress import FINAL, ProgressTracker, ShotProgress, State
from animatic.engine.run import Run
from animatic.money import dollars
from animatic.plan import Step, counted

MAX_TITLE = 32
"""Columns of a title: what is longer pushes state and bill out of sight."""
MAX_ROWS = 1000
"""Beyond that a table would take the browser seconds; what needs attention is shown first then."""
Address = Callable[[str], str | None]
"""Returns where a browser finds a file of the run; None where none can reach it."""
_DATA = re.compile(r"^\[animatic\]: data:([A-Za-z0-9+/=]+)$", re.MULTILINE)
_HEADLINE = re.compile(r"^\*\*.*\*\*$", re.MULTILINE)
_SPENT = re.compile(r"^\*\*[^;\n]*(; .*)\*\*$", re.MULTILINE)
_NOT_STARTED, _INTERRUPTED = "-\u00a0not started", "**✗\u00a0interrupted**"
_LIVE_CELLS: Mapping[str, str] = {
    "pending": _NOT_STARTED,
    "preparing": _NOT_STARTED,
    "…\u00a0submitting": _INTERRUPTED,
    "…\u00a0running": _INTERRUPTED,
    "…\u00a0fetching": _INTERRUPTED,
}
"""What stands in the state's cell of a shot that has not ended, and what stands there once the run has."""
MAX_REMARK = 60
"""Columns of a remark: a longer one takes the room of the pictures. All of it stands in the account of the run."""
_LONG_WORD = re.compile(r"\S{20}(?=\S)")
_PICTURE = "\u200b" + "\u00a0" * 24 + "\u200b"
"""Title of the pictures' column, whose width is theirs: the V2 UI lets pictures shrink to nothing beside text. V1 trims spaces at ends."""
_HEAD = ("#", _PICTURE, "shot", "state", "clip", "bill", "took", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotView:
    """What is known of a shot beside its progress: the file and its picture (a URL of any kind), the length of the clip in seconds."""

    file: str | None = None
    picture: str | None = None
    seconds: float | None = None


def shots_markdown(run: Run, views: Mapping[str, ShotView], address: Address, *, settled: bool) -> str:
    """Return the table of a run's shots, failed ones first, with what was billed as its sum.

    ``settled``: the run has ended, and what goes on is said to have been interrupted.
    """
    progress = run.progress
    shots = sorted((progress.shots[step.key] for step in run.plan.storyboard), key=lambda shot: _is_trouble(shot.state))
    if len(shots) > MAX_ROWS:
        shots = sorted(shots, key=lambda shot: _place_in_table(shot.state))[:MAX_ROWS]
    left_out = len(run.plan.steps) - len(shots)
    now = progress.clock()
    rows = [_cells(run.steps[shot.key], shot, views, address, now, settled=settled) for shot in shots]
    bill = f"**{dollars(progress.money().billed)}**" + (f" + {unknown} unknown" if (unknown := _unknown(progress)) else "")
    total = ("", "", counted(progress.shots), "", _clip_length(run, views), bill, "", "")
    lines = [f"**{headline(progress, settled=settled, simulated=run.simulated)}**", "", table_of(_HEAD, [*rows, total], right={0, 4, 5, 6})]
    if left_out:
        lines += ["", f"{left_out} more shots are not shown."]
    return "\n".join([*lines, "", f"[animatic]: data:{_hidden(shots, now)}", ""])


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledTable:
    """A live table after the end of a run that could not settle it itself."""

    text: str
    headline: str
    percent: float


def settled_text(markdown: str) -> SettledTable:
    """Return a live table as settled: what went on was interrupted, what had not begun was not started."""
    rows = rows_in(markdown)
    shots = {str(row.get("shot")): state for row in rows for state in get_args(State) if state == row.get("state")}
    there = sum(state in {"delivered", "reused"} for state in shots.values())
    spent = _SPENT.search(markdown)
    headline = f"{_counted(shots, settled=True)}{spent[1] if spent else ''}"
    text = _HEADLINE.sub(lambda _: f"**{headline}**", markdown, count=1)
    for state, word in _LIVE_CELLS.items():
        text = text.replace(f" | {state} | ", f" | {word} | ")
    return SettledTable(text=text, headline=headline, percent=100.0 * there / max(1, len(shots)))


def rows_in(markdown: str) -> list[dict[str, Any]]:
    """Return the rows that a table's text carries for programs; empty where it carries none."""
    found = _DATA.search(markdown)
    try:
        rows = json.loads(base64.b64decode(found[1])) if found else []
    except (ValueError, binascii.Error):
        return []
    return [row for row in rows if isinstance(row, dict)]


def _hidden(shots: Iterable[ShotProgress], now: float) -> str:
    rows = []
    for shot in shots:
        elapsed = shot.elapsed(now)
        rows.append(
            {
                "shot": shot.key,
                "state": shot.state,
                "usd": "" if shot.usd is None else f"{shot.usd.normalize():f}",
                "seconds": "" if elapsed is None else f"{elapsed:.0f}",
                "detail": shot.detail,
                "job": shot.job_id or "",
            }
        )
    return base64.b64encode(json.dumps(rows).encode()).decode()


def _cells(
    step: Step, shot: ShotProgress, views: Mapping[str, ShotView], address: Address, now: float, *, settled: bool
) -> tuple[str, ...]:
    view = views.get(step.key, ShotView())
    elapsed = shot.elapsed(now)
    name = f"{step.variant_name}/{step.shot}" if step.variant_name else step.shot
    url = address(view.file) if view.file else None
    named = (
        f"[{text_of(name)}]({url})" if url else f"**{text_of(name)}**",
        f"take {step.take}" if step.takes > 1 else "",
        text_of(shortened(step.title or "", MAX_TITLE)),
    )
    return (
        step.numeral,
        f"![{name}]({view.picture})" if view.picture else "",  # without a link: the V1 UI shows linked pictures as text
        " ".join(filter(None, named)),
        _state(shot, settled=settled),
        "" if view.seconds is None else f"{view.seconds:g} s",
        _money(shot),
        "" if elapsed is None or shot.state in {"reused", "skipped", "pending"} else f"{elapsed:.0f} s",
        _breakable(text_of(shortened(_remark(shot, settled=settled), MAX_REMARK))),
    )


def _breakable(text: str) -> str:
    """Return text in which a browser may break long words, as ids and addresses are: they would push the table out of its place."""
    return _LONG_WORD.sub("\\g<0>\u200b", text)


def _state(shot: ShotProgress, *, settled: bool) -> str:
    match shot.state:
        case "delivered":
            return "✓\u00a0delivered"
        case "reused":
            return "↺\u00a0reused"
        case "waiting":
            return "**!\u00a0waiting**"
        case "failed":
            return "**✗\u00a0failed**"
        case "in doubt":
            return "**?\u00a0in doubt**"
        case "skipped":
            return "-\u00a0skipped"
        case "pending" | "preparing":
            return _LIVE_CELLS[shot.state] if settled else shot.state
        case "submitting" | "running" | "fetching":
            live = f"…\u00a0{shot.state}"
            return _LIVE_CELLS[live] if settled else live
        case _:
            assert_never(shot.state)


def _remark(shot: ShotProgress, *, settled: bool) -> str:
    if shot.state in FINAL or not settled:
        return shot.detail
    return f"job {shot.job_id} is in the ledger" if shot.job_id and shot.state in {"running", "fetching"} else ""


def _money(shot: ShotProgress) -> str:
    """Return what the run was billed for a shot; in brackets what is set aside for it."""
    money = shot.money()
    if money.set_aside:
        return f"{dollars(money.billed)} ({dollars(money.set_aside)})" if money.billed else f"({dollars(money.set_aside)})"
    if _is_unknown(shot):
        return "unknown"
    if shot.state in {"delivered", "waiting", "fetching", "failed", "in doubt"}:
        return dollars(money.billed)
    return dollars(money.billed) if money.billed else ""


def _is_unknown(shot: ShotProgress) -> bool:
    return shot.state in {"delivered", "waiting", "fetching"} and shot.usd is None and shot.billed is None


def _unknown(progress: ProgressTracker) -> int:
    """Return how many shots were made at a price that nobody knows."""
    return sum(_is_unknown(shot) for shot in progress.shots.values())


def _clip_length(run: Run, views: Mapping[str, ShotView]) -> str:
    seconds = sum(views[step.key].seconds or 0 for step in run.plan.steps if step.key in views)
    return f"{seconds:g} s" if seconds else ""


def _is_trouble(state: State) -> bool:
    """Return False (which sorts first) for what needs attention."""
    return state not in {"failed", "in doubt", "waiting"}


def _place_in_table(state: State) -> int:
    """Return where a shot stands in a table that is too long: the lower, the more it needs attention."""
    match state:
        case "failed" | "in doubt" | "waiting":
            return 0
        case "submitting" | "fetching":
            return 1
        case "running" | "preparing":
            return 2
        case "skipped":
            return 3
        case "delivered" | "reused":
            return 4
        case "pending":
            return 5
        case _:
            assert_never(state)


def percent_ended(progress: ProgressTracker) -> float:
    """Return percent of shots that have ended."""
    shots = progress.shots.values()
    return 100.0 * sum(shot.state in FINAL for shot in shots) / max(1, len(shots))


def headline(progress: ProgressTracker, *, settled: bool = False, simulated: bool = False) -> str:
    """Return ``3 of 6 shots: 2 running, 1 failed; billed $0.66, $0.28 set aside``; of a run that has ended, how many are there."""
    money = progress.money()
    unknown = f" and {_unknown(progress)} of unknown price" if _unknown(progress) else ""
    spent = f"{'would be billed' if simulated else 'billed'} {dollars(money.billed)}{unknown}" + (
        f", {dollars(money.set_aside)} set aside" if money.set_aside else ""
    )
    return f"{_counted({key: shot.state for key, shot in progress.shots.items()}, settled=settled)}; {spent}"


def _counted(shots: Mapping[str, State], *, settled: bool) -> str:
    states = list(shots.values())
    words = [_word(state, settled=settled) for state in states]
    counts = {word: words.count(word) for word in dict.fromkeys(words)}
    there = sum(state in {"delivered", "reused"} for state in states)
    done = there if settled else sum(state in FINAL for state in states)
    said = ", ".join(f"{number} {word}" for word, number in counts.items())
    return f"{done} of {counted(shots)}{_is_there(len(states)) if settled and done < len(states) else ''}: {said}"


def _is_there(count: int) -> str:
    return " is there" if count == 1 else " are there"


def _word(state: State, *, settled: bool) -> str:
    if not settled or state in FINAL:
        return state
    return "not started" if state in {"pending", "preparing"} else "interrupted"


def table_of(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: AbstractSet[int] = frozenset()) -> str:
    """Return a table in GitHub's Markdown. Columns that are empty throughout are left out; ``right`` are those of figures."""
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    lines = [[head[column] for column in kept], ["--:" if column in right else "---" for column in kept]]
    lines += [[row[column] for column in kept] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text_of(text: str) -> str:
    """Return text in one line that neither Markdown nor a table takes for something else."""
    return "".join(_escaped(" ".join(text.split())))


def _escaped(text: str) -> Iterator[str]:
    for character in text:
        yield f"\\{character}" if character in "\\`*_[]<>|#~!&" else character
