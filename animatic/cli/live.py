"""Shows a run on standard error: a table of its shots that fits the terminal, or a line per change where there is none."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Self, assert_never

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from animatic.cli.output import say_line
from animatic.columns import Cell, Column, Style, shortened, size, table
from animatic.engine.progress import FINAL, ProgressTracker, ShotProgress, State
from animatic.money import dollars
from animatic.plan import counted

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAMES_PER_SECOND = 8
LINES_AROUND = 5
"""Of the terminal beside the rows: title, titles of the columns, what is left out, the sum, and one for the cursor."""
LOGGED_STATUSES = frozenset({"waiting for Krea", "backlogged", "processing"})
"""Details of a running shot that are worth a line in a log; every status of every job would drown it."""
COLUMNS = (
    Column(title=""),
    Column(title="shot", least=10, keep_end=True),
    Column(title="state"),
    Column(title="detail", least=12, drop=1),
    Column(title="time", right=True, drop=2),
    Column(title="usd", right=True),
)


class LiveView:
    """Context manager: shows the progress of a run while it goes on. ``budget``: what the run may cost, where that is limited.

    ``already``: how many seconds the run has gone on when the view begins.
    """

    def __init__(
        self, progress: ProgressTracker, title: str, *, simulated: bool, budget: Decimal | None = None, already: float = 0.0
    ) -> None:
        self._progress = progress
        self._title = ("SIMULATED · " if simulated else "") + title  # first: the end is cut where the terminal is narrow
        self._budget = budget
        self._console = Console(stderr=True, highlight=False)
        # Before the display is made: on a terminal, Rich renders once as soon as it has the display.
        self._began = time.monotonic() - already
        self._live = (
            Live(get_renderable=self._render, console=self._console, refresh_per_second=FRAMES_PER_SECOND, transient=False)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        else:
            self._progress.listeners.append(self._log)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._live is not None:
            with contextlib.suppress(OSError):  # the terminal was closed: how the run ended is written all the same
                self._live.stop()
        elif self._log in self._progress.listeners:
            self._progress.listeners.remove(self._log)

    def _log(self, shot: ShotProgress) -> None:
        if shot.state == "running" and shot.detail not in LOGGED_STATUSES:
            return
        parts = [f"{time.monotonic() - self._began:7.1f} s", shot.key, shot.state]
        parts += [part for part in (shot.detail, _money(shot) if shot.state in FINAL else "") if part]
        say_line("  ".join(parts))

    def _render(self) -> Group:
        width, height = self._console.size
        now = time.monotonic()
        lines = frame(self._progress, self._title, width=width, height=height, now=now, seconds=now - self._began, budget=self._budget)
        return Group(*(Text.from_ansi(line, no_wrap=True, overflow="crop") for line in lines))


def frame(
    progress: ProgressTracker, title: str, *, width: int, height: int, now: float, seconds: float, budget: Decimal | None = None
) -> list[str]:
    """Return one picture of a run, at most ``height`` lines of ``width`` columns: its title, shots by urgency, what is left out, the sum.

    ``now`` is the moment on the progress' clock, ``seconds`` how long the run goes on.
    """
    shots = list(progress.shots.values())
    room = max(1, height - LINES_AROUND)
    shown = shots if len(shots) <= room else sorted(shots, key=_urgency)[:room]
    rows = [_row(shot, now) for shot in shown]
    lines = [f"\x1b[1m{shortened(title, width - 1)}\x1b[0m", *table(COLUMNS, rows, width=width - 1, indent=0, color=True)]
    if len(shown) < len(shots):
        left_out = Counter(shot.state for shot in shots) - Counter(shot.state for shot in shown)
        told = ", ".join(f"{number} {state}" for state, number in left_out.items())
        lines.append(shortened(f"+{len(shots) - len(shown)} more: {told}", width - 1))
    return [*lines, f"\x1b[2m{_sum(progress, seconds, budget, width - 1)}\x1b[0m"]


def _row(shot: ShotProgress, now: float) -> tuple[Cell, ...]:
    elapsed = shot.elapsed(now)
    mark, style = _look(shot.state)
    return (
        (mark or SPINNER[int(now * FRAMES_PER_SECOND) % len(SPINNER)], style),
        (shot.key, "bold"),
        (shot.state, style),
        (shot.detail, "dim"),
        ("" if elapsed is None else _time(elapsed), "dim"),
        (_money(shot), "dim"),
    )


def _sum(progress: ProgressTracker, seconds: float, budget: Decimal | None, width: int) -> str:
    """Return the line below the shots; where it is too long, what matters least is left out."""
    money = progress.money()
    done = sum(shot.state in FINAL for shot in progress.shots.values())
    reels = [f"{name} {fraction:.0%}" for name, fraction in list(progress.reels.items())[:1]]
    parts = [f"{done} of {counted(progress.shots)}", *reels, f"billed {dollars(money.billed)}"]
    parts += [f"{dollars(money.set_aside)} set aside"] if money.set_aside else []
    parts += [f"budget {dollars(budget)}"] if budget is not None else []
    parts.append(_time(seconds))
    return shortened(_joined(parts, width), width)


def _joined(parts: Sequence[str], width: int) -> str:
    kept = list(parts)
    while size(" · ".join(kept)) > width and len(kept) > 1:
        del kept[-1]
    return " · ".join(kept)


def _time(seconds: float) -> str:
    """Return ``45 s`` or ``3:05``."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds) // 60}:{int(seconds) % 60:02}"  # noqa: PLR2004 (two digits)


def _look(state: State) -> tuple[str, Style]:
    """Return the mark and the style of a state; the empty mark is a spinner."""
    match state:
        case "delivered":
            return "✓", "green"
        case "waiting":
            return "!", "yellow"
        case "reused":
            return "=", "cyan"
        case "failed":
            return "✗", "red"
        case "in doubt":
            return "?", "yellow"
        case "skipped":
            return "-", "dim"
        case "pending":
            return "·", ""
        case "running" | "preparing" | "submitting" | "fetching":
            return "", ""
        case _:
            assert_never(state)


def _urgency(shot: ShotProgress) -> int:
    """Return where a shot stands in a table that cannot hold all: trouble first, then what goes on, then what was made."""
    match shot.state:
        case "failed" | "in doubt" | "waiting":
            return 0
        case "submitting" | "fetching":
            return 1
        case "running":
            return 2
        case "preparing":
            return 3
        case "delivered":
            return 4
        case "pending":
            return 5
        case "reused" | "skipped":
            return 6
        case _:
            assert_never(shot.state)


def _money(shot: ShotProgress) -> str:
    if shot.state == "reused":
        return "paid before"
    if shot.aside is not None:
        return f"({dollars(shot.aside)})"
    if shot.state in {"failed", "skipped"}:
        return ""
    return "" if shot.usd is None else dollars(shot.usd)
