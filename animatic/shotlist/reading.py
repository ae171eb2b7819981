"""Turn the rows of a shot list into shots: ids, values of the fields, comments; every mistake of the table is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from animatic.catalog import Catalog, Field, Model
from animatic.catalog.model import KINDS
from animatic.errors import Place, Problem
from animatic.shotlist.casting import People
from animatic.shotlist.durations import MUSIC_LENGTH, listed_length
from animatic.shotlist.grid import Cell, Row
from animatic.shotlist.guarding import bare
from animatic.shotlist.header import Column, Header
from animatic.shotlist.identities import Identities
from animatic.shotlist.mentions import Folders, resolved
from animatic.shotlist.model import ListedShot, ListOptions
from animatic.shotlist.names import OURS, SCENE, SHOT_NUMBER, VARIANT, snaked
from animatic.shotlist.values import number_in, value_of
from animatic.spec.section import YES_NO

ID_AS_LISTED = "id as listed"
_TEXTS = frozenset({"scene", "title", "line"})
_FIRST = ("scene", "title", "kind", "model", "cast", "line", "takes", "prompt", "duration")
"""Keys that stand before all others of a shot."""


@dataclass(kw_only=True)
class _Draft:
    """A shot while the cells of its row are taken up; ``foreign`` are those of fields that its model does not have."""

    id: str
    values: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    foreign: list[tuple[str, str]] = field(default_factory=list)

    def set(self, name: str, value: Any, cell: Cell) -> None:
        """Take a value, and where it comes from."""
        self.values[name], self.cells[name] = value, cell

    def shot(self, place: Place, kind: str) -> ListedShot:
        """Return the shot, its keys in the order in which they are written."""
        values = {key: self.values[key] for key in (*_FIRST, *self.values) if key in self.values}
        remarks = (*sorted(self.foreign), *self.remarks)
        return ListedShot(id=self.id, place=place, values=values, cells=self.cells, remarks=remarks, kind=kind)


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
    people: People = field(init=False)
    """Whom the shots take; there once they are read."""
    _scene: str = ""
    """That of the row above, where shots are numbered within scenes."""

    def read(self, rows: Sequence[Row]) -> tuple[ListedShot, ...]:
        """Read all rows that are not blank. Problems go to ``problems``; a row with one is left out."""
        identities = Identities(problems=self.problems)
        self.people = People(told=self.options.cast, identities=identities, folders=self.folders, problems=self.problems)
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
        if self.options.number:
            return identities.numbered(self._text(row, column) if column is not None else "", self._variant(row))
        if column is not None:
            return identities.listed(row.cells[column.index], self._text(row, column), self._variant(row))
        named = {snaked(cell.text): index for index, cell in enumerate(self.header.row.cells)}
        number = row.cells[named[SHOT_NUMBER]]
        return identities.composed(bare(row.cells[named[SCENE]].text), bare(number.text), number)

    def _variant(self, row: Row) -> str:
        column = self.header.column(VARIANT)
        return self._text(row, column).strip() if column is not None else ""

    def _text(self, row: Row, column: Column) -> str:
        return bare(row.cells[column.index].text)

    def _shot(self, row: Row, identity: str, identities: Identities) -> ListedShot:
        draft = _Draft(id=identity)
        texts = {
            column.field: self._text(row, column)
            for column in self.header.columns
            if column.field is not None and not row.cells[column.index].blank
        }
        model, kind = self._model(texts)
        for column in self.header.columns:
            cell = row.cells[column.index]
            if column.field in {"id", VARIANT}:
                draft.cells[column.field] = cell
            elif not cell.blank:
                self._take(draft, column, self._text(row, column), cell, model, kind)
            elif column.field == "scene" and self._scene:
                draft.set("scene", self._scene, cell)
        if self.header.composed:
            self._scene = draft.values.get("scene", "")
        if kind == "audio" and "line" in draft.values and "prompt" not in draft.values:
            draft.set("prompt", draft.values["line"], draft.cells["line"])  # what is spoken is what is asked for
        variant = texts.get(VARIANT, "").strip()
        for name, value in draft.values.items():
            draft.values[name] = resolved(value, _field(model, name), identities, self.folders, variant)
        listed = texts.get("id", "").strip()
        if listed and not variant and listed != identity:
            if "title" in draft.values:
                draft.remarks.append((ID_AS_LISTED, listed))
            else:
                draft.values["title"] = listed
        return draft.shot(row.cells[0].place, kind)

    def _take(self, draft: _Draft, column: Column, text: str, cell: Cell, model: Model | None, kind: str) -> None:
        """Take up a cell: as the value of a field, or as a comment where it is none or the model does not have it."""
        name = column.field
        if name is None:
            draft.remarks.append((column.header, text))
        elif not self._has(model, column) or (name == "cast" and (kind == "audio" or self.people.shows(draft.id, text))):
            draft.foreign.append((column.header, text))
        elif name == "duration":
            name, value, remarks = listed_length(text, model, self.options, cell.place, self.problems)
            draft.set(name, value, cell)
            draft.remarks += remarks
        elif name == "cast":
            draft.set(name, self.people.taken(text, cell), cell)
        else:
            draft.set(name, _plain_value(name, text, _field(model, name)), cell)

    def _model(self, texts: Mapping[str, str]) -> tuple[Model | None, str]:
        """Return the model of a row, as far as it is known, and the kind of its shot."""
        named = texts["model"].strip() if "model" in texts else None
        kind = texts["kind"].strip().lower() if "kind" in texts else None
        model = self.catalog.find(named) if named else self.catalog.find(self.options.models.get(kind or "video", ""))
        return model, kind if kind in KINDS else model.kind if model is not None else "video"

    def _has(self, model: Model | None, column: Column) -> bool:
        name = column.field
        if name is None or model is None or name in OURS or name in model.fields or (name == "duration" and MUSIC_LENGTH in model.fields):
            return True
        self.strangers.setdefault(column.header, model.name)
        return False


def _field(model: Model | None, name: str) -> Field | None:
    return model.fields.get(name) if model is not None else None


def _plain_value(name: str, text: str, declared: Field | None) -> Any:
    """Return what a cell means to a key of ours, or to a field as the model declares it."""
    if name in _TEXTS:
        return text
    if name in {"kind", "model"}:
        return text.strip().lower() if name == "kind" else text.strip()
    if name in OURS:
        known = YES_NO.get(text.strip().lower()) if name == "approve" else None
        return known if known is not None else _loose(text)
    return value_of(declared, text)


def _loose(text: str) -> Any:
    """Return what a cell means to a key of ours: a number, a structure in JSON, else the word."""
    number = number_in(text)
    return number if not isinstance(number, str) else value_of(None, text.strip())
