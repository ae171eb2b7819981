"""The run on the terminal: a line per shot with state, elapsed time and money on a terminal; a line per change elsewhere. Standard error only."""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from animatic.engine.progress import FINAL, PerState, ProgressTracker, ShotProgress

COLORS = PerState(
    pending="",
    preparing="",
    submitting="",
    in_doubt="yellow",
    running="blue",
    fetching="",
    delivered="green",
    reused="cyan",
    failed="red",
    skipped="bright_black",
)
MARKS = PerState(
    pending="·",
    preparing="",
    submitting="",
    in_doubt="?",
    running="",
    fetching="",
    delivered="✓",
    reused="=",
    failed="✗",
    skipped="-",
)
"""Empty: a spinner, as something is going on."""
ROW_ORDER = PerState(
    pending=4,
    preparing=3,
    submitting=1,
    in_doubt=0,
    running=2,
    fetching=1,
    delivered=4,
    reused=4,
    failed=0,
    skipped=4,
)
"""Which shots are shown first where there are too many for the screen."""
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ROWS = 30


class LiveView:
    """Context manager: shows a board while its run goes on."""

    def __init__(self, board: ProgressTracker, title: str, *, simulated: bool) -> None:
        self._board = board
        self._title = title + (" · SIMULATED" if simulated else "")
        self._console = Console(stderr=True, highlight=False)
        # Before the display is made: on a terminal, Rich renders once as soon as it has the display.
        self._began = time.monotonic()
        self._live = (
            Live(get_renderable=self._render, console=self._console, refresh_per_second=8, transient=False)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        else:
            self._board.listeners.append(self._line)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._line in self._board.listeners:
            self._board.listeners.remove(self._line)

    def _line(self, shot: ShotProgress) -> None:
        if shot.state == "running" and shot.detail not in {"waiting for Krea", "backlogged", "processing"}:
            return  # every status of every job would drown the log
        parts = [f"{time.monotonic() - self._began:7.1f} s", shot.key, shot.state]
        parts += [part for part in (shot.detail, _money(shot) if shot.state in FINAL else "") if part]
        print("  ".join(parts), file=sys.stderr, flush=True)

    def _render(self) -> Group:
        now = time.monotonic()
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        shots = list(self._board.shots.values())
        shown = shots if len(shots) <= ROWS else self._most_telling(shots)
        for shot in shown:
            elapsed = shot.elapsed(now)
            mark = MARKS[shot.state] or SPINNER[int(now * 8) % len(SPINNER)]
            style = COLORS[shot.state]
            table.add_row(
                Text(mark, style=style),
                Text(shot.key, style="bold"),
                Text(shot.state, style=style),
                Text(shot.detail, style="dim", overflow="ellipsis", no_wrap=True),
                Text("" if elapsed is None else f"{elapsed:.0f} s", style="dim"),
                Text(_money(shot), style="dim"),
            )
        done = sum(shot.state in FINAL for shot in shots)
        spent = sum((shot.usd or Decimal(0) for shot in shots if shot.state != "reused"), Decimal(0))
        summary = f"{done} of {len(shots)} shots · {spent:.2f} USD · {now - self._began:.0f} s"
        return Group(Text(self._title, style="bold"), table, Text(summary, style="dim"))

    @staticmethod
    def _most_telling(shots: list[ShotProgress]) -> list[ShotProgress]:
        return sorted(shots, key=lambda shot: ROW_ORDER[shot.state])[:ROWS]


def _money(shot: ShotProgress) -> str:
    if shot.state == "reused":
        return "paid before"
    if shot.state in {"failed", "skipped"}:
        return ""
    return "" if shot.usd is None else f"{shot.usd.normalize():f} USD"
