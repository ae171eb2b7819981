"""Turn the rows of a shot list into shots: ids, values of the fields, comments; every mistake of the table is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from animatic.catalog import Catalog, Field, Model
from animatic.catalog.model import KINDS
from animatic.errors import Place, Problem
from animatic.shotlist.durations import MUSIC_LENGTH, listed_length
from animatic.shotlist.grid import Cell, Row
from animatic.shotlist.guarding import bare
from animatic.shotlist.header import Column, Header
from animatic.shotlist.identities import Identities
from animatic.shotlist.mentions import Folders, resolved
from animatic.shotlist.model import ListedShot, ListOptions
from animatic.shotlist.names import OURS, SCENE, SHOT_NUMBER, VARIANT, snaked
from animatic.shotlist.values import items_in, number_in, value_of
from animatic.spec.section import YES_NO

ID_AS_LISTED = "id as listed"
_TEXTS = frozenset({"title", "line"})
_FIRST = ("title", "kind", "model", "cast", "line", "takes", "prompt", "duration")
"""Keys that stand before all others of a shot."""


@dataclass(kw_only=True)
class RowReader:
    """Reads rows under a header, with the models of a catalogue."""

    header: Header
    catalog: Catalog
    options: ListOptions
    folders: Folders
    problems: list[Problem] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)
    """Header of a field that some model does not have -> that model: kept as a comment there."""

    def read(self, rows: Sequence[Row]) -> tuple[ListedShot, ...]:
        """Read all rows that are not blank. Problems go to ``problems``; a row with one is left out."""
        identities = Identities(problems=self.problems)
        found = [(row, self._identity(row, identities)) for row in rows if self._is_whole(row)]
        return tuple(self._shot(row, identity, identities) for row, identity in found if identity is not None)

    def _is_whole(self, row: Row) -> bool:
        due, there = len(self.header.row.cells), len(row.cells)
        extra = next((cell for cell in row.cells[due:] if not cell.blank), None)
        if there >= due and extra is None:
            return True
        place = extra.place if extra is not None else row.cells[-1].place
        hint = (
            "quote a text that holds the delimiter" if extra is not None else "is a cell missing, or a quote in the row above not closed?"
        )
        self.problems.append(Problem(f"this row has {there} cells, and the header has {due}", place, hint=hint, code="ragged-row"))
        return False

    def _identity(self, row: Row, identities: Identities) -> str | None:
        column = self.header.column("id")
        if column is not None:
            return identities.listed(row.cells[column.index], self._text(row, column), self._variant(row))
        if self.header.composed:
            named = {snaked(cell.text): index for index, cell in enumerate(self.header.row.cells)}
            number = row.cells[named[SHOT_NUMBER]]
            return identities.composed(bare(row.cells[named[SCENE]].text), bare(number.text), number)
        return identities.numbered(row.cells[0].place)

    def _variant(self, row: Row) -> str:
        column = self.header.column(VARIANT)
        return self._text(row, column).strip() if column is not None else ""

    def _text(self, row: Row, column: Column) -> str:
        return bare(row.cells[column.index].text)

    def _shot(self, row: Row, identity: str, identities: Identities) -> ListedShot:
        values: dict[str, Any] = {}
        cells: dict[str, Cell] = {}
        remarks: list[tuple[str, str]] = []
        foreign: list[tuple[str, str]] = []
        texts = {
            column.field: (column, self._text(row, column))
            for column in self.header.columns
            if column.field and not row.cells[column.index].blank
        }
        model, kind = self._model(texts)
        for column in self.header.columns:
            cell = row.cells[column.index]
            text = self._text(row, column)
            if column.field in {"id", VARIANT}:
                cells[column.field] = cell
            elif cell.blank:
                continue
            elif column.field is None:
                remarks.append((column.header, text))
            elif not self._has(model, column):
                foreign.append((column.header, text))
            else:
                name, value, more = self._value(column.field, text, model, cell.place)
                values[name], cells[name] = value, cell
                remarks += more
        if kind == "audio" and "line" in values and "prompt" not in values:
            values["prompt"], cells["prompt"] = values["line"], cells["line"]  # what is spoken is what is asked for
        variant = self._variant(row)
        values = {key: resolved(value, self._field(model, key), identities, self.folders, variant) for key, value in values.items()}
        listed = self._text(row, self.header.column("id") or Column(index=0, header="", field=None)).strip()
        if self.header.column("id") is not None and not variant and listed != identity:
            if "title" in values:
                remarks.append((ID_AS_LISTED, listed))
            else:
                values["title"] = listed
        ordered = {key: values[key] for key in (*_FIRST, *values) if key in values}
        return ListedShot(
            id=identity, place=row.cells[0].place, values=ordered, cells=cells, remarks=(*sorted(foreign), *remarks), kind=kind
        )

    def _model(self, texts: Mapping[str, tuple[Column, str]]) -> tuple[Model | None, str]:
        """Return the model of a row, as far as it is known, and the kind of its shot."""
        named = texts["model"][1].strip() if "model" in texts else None
        kind = texts["kind"][1].strip().lower() if "kind" in texts else None
        model = self.catalog.find(named) if named else self.catalog.find(self.options.models.get(kind or "video", ""))
        return model, kind if kind in KINDS else model.kind if model is not None else "video"

    @staticmethod
    def _field(model: Model | None, name: str) -> Field | None:
        return model.fields.get(name) if model is not None else None

    def _has(self, model: Model | None, column: Column) -> bool:
        name = column.field
        if name is None or model is None or name in OURS or name in model.fields or (name == "duration" and MUSIC_LENGTH in model.fields):
            return True
        self.strangers.setdefault(column.header, model.name)
        return False

    def _value(self, name: str, text: str, model: Model | None, place: Place) -> tuple[str, Any, list[tuple[str, str]]]:
        """Return the field that a cell goes to, what it means there, and what has to be kept of it as comments."""
        if name == "duration":
            return listed_length(text, model, self.options, place, self.problems)
        return name, self._plain_value(name, text, model), []

    def _plain_value(self, name: str, text: str, model: Model | None) -> Any:
        if name in _TEXTS:
            return text
        if name in {"kind", "model"}:
            return text.strip().lower() if name == "kind" else text.strip()
        if name == "cast":
            return items_in(text)
        if name in OURS:
            known = YES_NO.get(text.strip().lower()) if name == "approve" else None
            return known if known is not None else _loose(text)
        return value_of(self._field(model, name), text)


def _loose(text: str) -> Any:
    """Return what a cell means to a key of ours: a number, a structure in JSON, else the word."""
    number = number_in(text)
    return number if not isinstance(number, str) else value_of(None, text.strip())
