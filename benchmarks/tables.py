"""Prints results as tables on a terminal, or as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Cost

TEN = 10
LINE = 150
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
        return
    grid = results if isinstance(results, Grid) else grid_of(results)
    table = Table(title=grid.title, title_justify="left", title_style="bold", caption=grid.note, caption_justify="left")
    for place, heading in enumerate(grid.headings):
        table.add_column(heading, justify="left" if _is_text(grid, place) else "right")
    for row in grid.rows:
        table.add_row(*(_text(cell) for cell in row))
    console = Console(width=max(WIDTH, Console().width))
    console.print(table)
    console.print()


def markdown(results: Results | Grid) -> str:
    """Return the table in Markdown, its title above and its note below."""
    grid = results if isinstance(results, Grid) else grid_of(results)
    lines = [
        _line(grid.headings),
        _line("---" if _is_text(grid, place) else "--:" for place in range(len(grid.headings))),
        *(_line(_text(cell) for cell in row) for row in grid.rows),
    ]
    return "\n".join((f"**{grid.title}**", "", *lines, "", *textwrap.wrap(grid.note, LINE)))


def grid_of(results: Results) -> Grid:
    """Return figures beside their limits as a grid."""
    return Grid(
        title=results.title,
        note=f"limit: {results.limit}",
        headings=("what", "wall s", "CPU s", "limit s", "x wall", "x CPU", "target", ""),
        rows=tuple(
            (
                row.what,
                _seconds(row.cost.wall),
                _seconds(row.cost.cpu),
                _seconds(row.limit.wall) if row.limit else None,
                _ratio(row.cost.wall, row.limit.wall) if row.limit else None,
                _ratio(row.cost.cpu, row.limit.cpu) if row.limit else None,
                row.target,
                row.note,
            )
            for row in results.rows
        ),
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_text(grid: Grid, place: int) -> bool:
    return any(isinstance(row[place], str) for row in grid.rows)


def _text(cell: Cell) -> str:
    """Return a number with the digits that count, and whole ones whole; nothing for nothing."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case int():
            return f"{cell:,}"
        case float():
            return f"{cell:,.{3 if abs(cell) < 1 else 2 if abs(cell) < TEN else 1}f}"


def _seconds(value: float) -> float | None:
    """Return seconds to read; nothing where nothing was measured (the CPU time of a part)."""
    return value or None


def _ratio(value: float, limit: float) -> float | None:
    return value / limit if limit > 0 and value > 0 else None
