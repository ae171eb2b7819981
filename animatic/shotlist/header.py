"""Read the header of a shot list: which column is which field, which are kept as comments, and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from animatic.errors import Problem
from animatic.shotlist.grid import Cell, Row
from animatic.shotlist.guarding import bare
from animatic.shotlist.names import LISTED, OURS, RUN_COLUMNS, SCENE, SHOT_NUMBER, VARIANT, guessed, snaked, sureness
from animatic.suggest import did_you_mean, nearest

_LOOKED_AT = 10
"""Rows at the top of a list among which its header may stand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column: its header as written, and the field that it is; None: it is kept as a comment by ``header``."""

    index: int
    header: str
    field: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The columns of a list and how they were understood."""

    row: Row
    columns: tuple[Column, ...]
    guesses: Mapping[str, str]
    """Header -> field, where the two are spelled differently."""
    ignored: tuple[str, ...]
    """Headers of columns that say how a run came out."""
    composed: bool
    """Ids are made of a scene's and a shot's number."""

    def column(self, field: str) -> Column | None:
        """Return the column of a field."""
        return next((column for column in self.columns if column.field == field), None)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Headers of the columns that are kept as comments."""
        return tuple(column.header for column in self.columns if column.field is None)


def score(row: Row, fields: Collection[str]) -> int:
    """Return how much a row looks like a header: the columns that are understood."""
    names = [bare(cell.text) for cell in row.cells]
    return sum(_exact(name, fields) is not None or guessed(name) is not None for name in names)


def find(rows: Sequence[Row], fields: Collection[str], mapped: Collection[str]) -> int:
    """Return the index of the header: the first row that names the prompt or a mapped column, else the first that is not blank."""
    top = [(index, row) for index, row in enumerate(rows) if not row.blank][:_LOOKED_AT]
    for index, row in top:
        names = [bare(cell.text) for cell in row.cells]
        if any(name in mapped or "prompt" in (_exact(name, fields), guessed(name)) for name in names):
            return index
    return top[0][0]


def understand(
    row: Row, fields: Collection[str], mapping: Mapping[str, str], *, used: Collection[int], number: bool = False
) -> tuple[Header, tuple[Problem, ...]]:
    """Understand a header. ``fields`` are all fields of models; ``mapping`` says what columns mean, by header.

    ``used``: indexes of the columns in which something stands; without a name they go by their number. ``number``: shots are numbered, and
    need no column for it.
    """
    problems: list[Problem] = []
    names = [bare(cell.text).strip() or (f"column {index + 1}" if index in used else "") for index, cell in enumerate(row.cells)]
    _check_names(row, names, problems)
    of_run = set(RUN_COLUMNS) <= set(names) and "id" in names
    chosen = _chosen(names, fields, mapping, row, problems)
    composed = "id" not in chosen.values() and _composes(names)
    columns: list[Column] = []
    ignored: list[str] = []
    for index, name in enumerate(names):
        if of_run and name in RUN_COLUMNS:
            ignored.append(name)
        elif name and not (of_run and name == VARIANT):
            columns.append(Column(index=index, header=name.removesuffix(LISTED), field=chosen.get(index)))
        elif name:
            columns.append(Column(index=index, header=name, field=VARIANT))
    header = Header(
        row=row,
        columns=tuple(columns),
        guesses={
            column.header: column.field
            for column in columns
            if column.field and column.field not in {column.header.strip().lower(), VARIANT}
        },
        ignored=tuple(ignored),
        composed=composed,
    )
    if not problems:
        _check_complete(header, problems, number=number)
    return header, tuple(problems)


def _exact(name: str, fields: Collection[str]) -> str | None:
    """Return the field that a header names as we spell it."""
    return name if name in OURS or name in fields else None


def _chosen(names: Sequence[str], fields: Collection[str], mapping: Mapping[str, str], row: Row, problems: list[Problem]) -> dict[int, str]:
    """Return the field of each column that is one. Of several that may be meant, the surest is; the others stay comments."""
    chosen: dict[int, str] = {}
    for name, field in mapping.items():
        found = [index for index, header in enumerate(names) if header == name] or [
            index for index, header in enumerate(names) if snaked(header) == snaked(name)
        ]
        if not found:
            problems.append(_no_column(name, names, row))
        elif field not in OURS and field not in fields:
            close = nearest(field, sorted({*OURS, *fields}))
            hint = f"did you mean {' or '.join(close)}?" if close else "such as id, prompt, title, duration, or any field of a model"
            problems.append(Problem(f"--map {name}={field}: there is no field '{field}'", row.cells[found[0]].place, hint=hint, code="map"))
        else:
            chosen[found[0]] = field
    free = [index for index in range(len(names)) if index not in chosen]
    for index in free:
        exact = _exact(names[index], fields)
        if exact is not None and exact not in chosen.values():
            chosen[index] = exact
    known = OURS.union(fields)
    wishes = {index: field for index in free if index not in chosen and (field := _guess(names, index)) in known}
    for index, field in sorted(wishes.items(), key=lambda wish: sureness(names[wish[0]], wish[1])):
        if field not in chosen.values():
            chosen[index] = field
    return chosen


def _guess(names: Sequence[str], index: int) -> str:
    """Return the field that a header means in the company of the others; empty for none."""
    name = names[index]
    if name.endswith(LISTED) or (snaked(name) == SHOT_NUMBER and _composes(names)):
        return ""
    return guessed(name) or ""


def _composes(names: Sequence[str]) -> bool:
    """Tell whether shots are numbered within scenes."""
    plain = {snaked(name) for name in names}
    return SCENE in plain and SHOT_NUMBER in plain


def _check_names(row: Row, names: Sequence[str], problems: list[Problem]) -> None:
    first: dict[str, Cell] = {}
    for name, cell in zip(names, row.cells, strict=True):
        if not name:
            continue
        earlier = first.setdefault(name, cell)
        if earlier is not cell:
            problems.append(
                Problem(
                    f"there are two columns '{name}'",
                    cell.place,
                    hint="rename or remove one of them",
                    code="duplicate-column",
                    related=((earlier.place, "the first one is here"),),
                )
            )


def _check_complete(header: Header, problems: list[Problem], *, number: bool) -> None:
    there = ", ".join(column.header for column in header.columns) or "none"
    missing = [field for field in ("id", "prompt") if header.column(field) is None]
    if number or header.composed:
        missing = [field for field in missing if field != "id"]
    for field in missing:
        more = ", or number the shots with --number" if field == "id" else ""
        problems.append(
            Problem(
                f"no column is the {field} of the shots; the columns are {there}",
                header.row.cells[0].place,
                hint=f"say which one it is: --map 'COLUMN={field}'{more}",
                code="missing-column",
            )
        )


def _no_column(name: str, names: Sequence[str], row: Row) -> Problem:
    there = [header for header in names if header]
    return Problem(f"--map: there is no column '{name}'", row.cells[0].place, hint=did_you_mean(name, there), code="map")
