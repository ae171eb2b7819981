"""Make a pipelines file of a shot list: read it, understand its header, read its shots, write them, and check what was written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from animatic.catalog import Catalog
from animatic.errors import DeclarationError, Place, Problem
from animatic.plan.check import examine
from animatic.shotlist import header as headers
from animatic.shotlist.decoding import Decoded, refusal
from animatic.shotlist.durations import LENGTH_AS_LISTED
from animatic.shotlist.grid import Grid, parse
from animatic.shotlist.lengths import counts_frames
from animatic.shotlist.mentions import Folders
from animatic.shotlist.model import DEFAULT_FPS, ListedShot, ListOptions, ShotList
from animatic.shotlist.reading import RowReader
from animatic.shotlist.writing import Written, write
from animatic.source import load_text
from animatic.spec import declare

DELIMITERS = (",", ";", "\t", "|")
_NOTHING = "".join(DELIMITERS) + "\r\n \"'"
"""Characters of a list in which nothing stands."""
_SEPARATOR_LINE = "sep="
"""How Excel is told the delimiter, on a first line of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """A pipelines file that validates, and the list that it was made of."""

    text: str
    pipeline: str
    shots: ShotList
    warnings: tuple[Problem, ...]
    """Of the pipelines file, at their places in the list."""


def import_list(source: Decoded, pipeline: str, options: ListOptions, catalog: Catalog, *, target: Path, schema: bool = False) -> Imported:
    """Make a pipelines file of the text of a list. ``target`` is where it is going to be: files are named relative to its folder.

    Raises DeclarationError with every mistake, each at its place in the list.
    """
    fields = frozenset(name for model in catalog.models() for name in model.fields)
    folders = Folders(source=Path(source.name).parent, target=target.parent)
    shots = read_list(source, options, catalog, fields, folders)
    written = write(shots.shots, pipeline, options, cast=shots.cast, source=Path(source.name).name, schema=schema)
    found = _examined(written, target, catalog, source.name) if shots.shots else ()
    problems = (*shots.problems, *found)
    if any(problem.severity == "error" for problem in problems):
        raise DeclarationError(problems, texts={source.name: source.text})
    return Imported(text=written.text, pipeline=pipeline, shots=shots, warnings=found)


def read_list(source: Decoded, options: ListOptions, catalog: Catalog, fields: Collection[str], folders: Folders) -> ShotList:
    """Read the shots of a list; what is wrong with it is in ``problems``. Raises DeclarationError where it has no header or no row."""
    if not source.text.strip(_NOTHING):
        raise _empty(source.name)
    grid, delimiter = _grid(source, fields)
    told = bool(grid.rows) and grid.rows[0].cells[0].text.startswith(_SEPARATOR_LINE)
    rows = grid.rows[1:] if told else grid.rows
    if all(row.blank for row in rows):
        raise _empty(source.name)
    start = headers.find(rows, fields, options.mapping)
    body = rows[start + 1 :]
    used = {index for row in body for index, cell in enumerate(row.cells) if not cell.blank}
    header, problems = headers.understand(rows[start], fields, options.mapping, used=used, number=options.number)
    reader = RowReader(header=header, catalog=catalog, options=options, folders=folders)
    filled = [row for row in body if not row.blank]
    if not filled:
        place = header.row.cells[0].place
        reader.problems.append(Problem("there is no shot below this header", place, hint="a shot is a row", code="empty"))
    complete = not any(problem.code in {"missing-column", "map"} for problem in problems)
    shots = reader.read(filled) if complete else ()
    cast = reader.people.members(header.row.cells[0]) if complete else ()
    return ShotList(
        shots=shots,
        cast=cast,
        problems=(*grid.problems, *problems, *reader.problems),
        guesses=header.guesses,
        remarks=header.remarks,
        ignored=header.ignored,
        skipped=tuple(row.line for row in body if row.blank),
        notes=tuple(_notes(source, delimiter, rows[:start], reader, shots, options)),
    )


def _empty(name: str) -> DeclarationError:
    return refusal(name, "this file is empty", hint="export the shot list from the spreadsheet as CSV", code="empty-file")


def _grid(source: Decoded, fields: Collection[str]) -> tuple[Grid, str]:
    """Take the text apart at the delimiter by which most columns are understood."""
    first, _, _ = source.text.partition("\n")
    told = first.strip().removeprefix(_SEPARATOR_LINE) if first.startswith(_SEPARATOR_LINE) else ""
    if len(told) == 1:
        return parse(source.text, told, source.name), told

    def merit(delimiter: str) -> tuple[int, int]:
        rows = parse(source.text, delimiter, source.name, most=10).rows
        return max(((headers.score(row, fields), len(row.cells)) for row in rows if not row.blank), default=(0, 0))

    best = max(DELIMITERS, key=merit)
    return parse(source.text, best, source.name), best


def _notes(
    source: Decoded, delimiter: str, above: Collection[object], reader: RowReader, shots: tuple[ListedShot, ...], options: ListOptions
) -> list[str]:
    """Return what a person should know of how a list was read."""
    notes = [f"{source.name} {source.note}"] if source.note else []
    if delimiter == "|":
        notes.append("the columns are divided by '|'")
    if above:
        notes.append(f"the header is on line {reader.header.row.line}; what stands above it was left out")
    lengths = [shot.cells["duration"].text for shot in shots if "duration" in shot.cells]
    if options.fps is None and any(counts_frames(text) for text in lengths):
        notes.append(f"frames were counted at {float(DEFAULT_FPS):g} per second; --fps 25 counts otherwise")
    longer = [shot.id for shot in shots if any(name == LENGTH_AS_LISTED for name, _ in shot.remarks) and "duration" in shot.cells]
    if longer:
        notes.append(f"the next longer length that the model makes, for {', '.join(longer)}: the listed one is a comment")
    notes += [f"column {name}: {model} has no such field, it is kept as a comment there" for name, model in reader.strangers.items()]
    return notes


def _examined(written: Written, target: Path, catalog: Catalog, name: str) -> tuple[Problem, ...]:
    """Check a written file as `validate` does, and return its problems at their places in the list."""
    document = replace(load_text(written.text, name=str(target)), path=target)
    found = examine(declare((document,)), catalog).problems

    def listed(place: Place | None) -> Place:
        origin = written.origins.get(place.line) if place is not None else None
        return origin or Place(name, 0, 0)

    return tuple(
        replace(problem, place=listed(problem.place), related=tuple((listed(place), note) for place, note in problem.related))
        for problem in found
    )
