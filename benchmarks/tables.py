"""Prints results as tables on a terminal, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Cost

WIDTH = 160
"""Columns at least, also where nobody looks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One figure beside its limit. ``target`` is what was wished for, in words."""

    what: str
    cost: Cost
    limit: Cost | None = None
    target: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """The rows of one subject, with what their limit is."""

    title: str
    limit: str
    rows: Sequence[Row]


Cell = str | float | int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Figures of many kinds, a column each; ``note`` says what they are."""

    title: str
    note: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def show(results: Results | Grid, *, as_json: bool) -> None:
    """Print a table, or one line of JSON."""
    if as_json:
        print(json.dumps(asdict(results)), flush=True)
    elif isinstance(results, Grid):
        _print(_grid(results))
    else:
        _print(_rows(results))


def _grid(grid: Grid) -> Table:
    table = Table(title=grid.title, title_justify="left", title_style="bold", caption=grid.note, caption_justify="left")
    for place, heading in enumerate(grid.headings):
        words = any(isinstance(row[place], str) for row in grid.rows)
        table.add_column(heading, justify="left" if words else "right", no_wrap=words)
    for row in grid.rows:
        table.add_row(*(cell if isinstance(cell, str) else _figure(cell) for cell in row))
    return table


def _rows(results: Results) -> Table:
    table = Table(title=results.title, title_justify="left", title_style="bold", caption=f"limit: {results.limit}", caption_justify="left")
    for heading in ("what", "wall s", "CPU s", "limit s", "x wall", "x CPU", "target", ""):
        table.add_column(heading, justify="left" if heading in {"what", "target", ""} else "right")
    for row in results.rows:
        limit = row.limit
        table.add_row(
            row.what,
            _seconds(row.cost.wall),
            _seconds(row.cost.cpu),
            _seconds(limit.wall) if limit else "",
            _ratio(row.cost.wall, limit.wall) if limit else "",
            _ratio(row.cost.cpu, limit.cpu) if limit else "",
            row.target,
            row.note,
        )
    return table


def _print(table: Table) -> None:
    console = Console(width=max(WIDTH, Console().width))
    console.print(table)
    console.print()


def _figure(value: float | None) -> str:
    """Return a number with three digits that count, and whole ones whole; nothing for nothing."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if abs(value) < 1 else f"{value:,.{1 if abs(value) >= 10 else 2}f}"  # noqa: PLR2004


def _seconds(value: float) -> str:
    """Return seconds to read; nothing where nothing was measured (the CPU time of a part)."""
    if value == 0:
        return ""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _ratio(value: float, limit: float) -> str:
    return f"{value / limit:.2g}" if limit > 0 and value > 0 else ""
