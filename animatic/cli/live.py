"""Shows a run on standard error: a table of its shots on a terminal, a line per change elsewhere."""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from typing import Self, assert_never

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from animatic.engine.progress import FINAL, ProgressTracker, ShotProgress, State
from animatic.money import dollars

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAMES_PER_SECOND = 8
MAX_ROWS = 30
"""Shots of a longer storyboard are shown by urgency."""
LOGGED_STATUSES = frozenset({"waiting for Krea", "backlogged", "processing"})
"""Details of a running shot that are worth a line in a log; every status of every job would drown it."""


class LiveView:
    """Context manager: shows the progress of a run while it goes on."""

    def __init__(self, progress: ProgressTracker, title: str, *, simulated: bool) -> None:
        self._progress = progress
        self._title = title + (" · SIMULATED" if simulated else "")
        self._console = Console(stderr=True, highlight=False)
        # Before the display is made: on a terminal, Rich renders once as soon as it has the display.
        self._began = time.monotonic()
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
            self._live.stop()
        elif self._log in self._progress.listeners:
            self._progress.listeners.remove(self._log)

    def _log(self, shot: ShotProgress) -> None:
        if shot.state == "running" and shot.detail not in LOGGED_STATUSES:
            return
        parts = [f"{time.monotonic() - self._began:7.1f} s", shot.key, shot.state]
        parts += [part for part in (shot.detail, _money(shot) if shot.state in FINAL else "") if part]
        print("  ".join(parts), file=sys.stderr, flush=True)

    def _render(self) -> Group:
        now = time.monotonic()
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        shots = list(self._progress.shots.values())
        for shot in shots if len(shots) <= MAX_ROWS else sorted(shots, key=_urgency)[:MAX_ROWS]:
            elapsed = shot.elapsed(now)
            mark, style = _look(shot.state)
            table.add_row(
                Text(mark or SPINNER[int(now * FRAMES_PER_SECOND) % len(SPINNER)], style=style),
                Text(shot.key, style="bold"),
                Text(shot.state, style=style),
                Text(shot.detail, style="dim", overflow="ellipsis", no_wrap=True),
                Text("" if elapsed is None else f"{elapsed:.0f} s", style="dim"),
                Text(_money(shot), style="dim"),
            )
        done = sum(shot.state in FINAL for shot in shots)
        spent = sum((shot.usd or Decimal(0) for shot in shots if shot.state != "reused"), Decimal(0))
        totals = f"{done} of {len(shots)} shots · {dollars(spent)} · {now - self._began:.0f} s"
        return Group(Text(self._title, style="bold"), table, Text(totals, style="dim"))


def _look(state: State) -> tuple[str, str]:
    """Return the mark and the style of a state; the empty mark is a spinner."""
    match state:
        case "delivered":
            return "✓", "green"
        case "reused":
            return "=", "cyan"
        case "failed":
            return "✗", "red"
        case "in doubt":
            return "?", "yellow"
        case "skipped":
            return "-", "bright_black"
        case "pending":
            return "·", ""
        case "running":
            return "", "blue"
        case "preparing" | "submitting" | "fetching":
            return "", ""
        case _:
            assert_never(state)


def _urgency(shot: ShotProgress) -> int:
    """Return where a shot stands in a table that cannot hold all: trouble first, then what goes on."""
    match shot.state:
        case "failed" | "in doubt":
            return 0
        case "submitting" | "fetching":
            return 1
        case "running":
            return 2
        case "preparing":
            return 3
        case "pending" | "delivered" | "reused" | "skipped":
            return 4
        case _:
            assert_never(shot.state)


def _money(shot: ShotProgress) -> str:
    if shot.state == "reused":
        return "paid before"
    if shot.state in {"failed", "skipped"}:
        return ""
    return "" if shot.usd is None else dollars(shot.usd)
