"""Fix mistakes that have one obvious cure in the text itself: everything outside the edits stays as it is, byte for byte.

Retired and camelCase names are renamed, unquoted templates (and other values that only lack quotes) are quoted, tabs in the indentation
become spaces. The edits are made at known positions rather than by a round trip through a YAML writer, which would lay the file out anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from animatic.catalog.model import KINDS
from animatic.errors import DeclarationError, KeyPath, Place, Problem
from animatic.source import Document, load_text
from animatic.source.build import quoted
from animatic.source.document import Positions
from animatic.spec.keys import BUDGET, CUT, FILE, PARAM, PIPELINE, SCHEDULE, SHOT, Level
from animatic.suggest import snake

Aliases = Mapping[str, Mapping[str, str]]
"""Model -> retired field name -> the name of today."""
_MAX_PASSES = 50
"""Every pass cures what one look at the file shows; a file shows its first twenty faults."""
_TAB_WIDTHS = (2, 4, 8, 1)
_TABS = re.compile(r"^[ ]*\t[ \t]*", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One edit: where it was made in the text as it stood then, and why."""

    place: Place
    before: str
    after: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FixResult:
    """The cured text, and what was done to it. Without changes ``new_text`` is the text as given."""

    new_text: str
    changes: tuple[Change, ...]


def fix_text(text: str, aliases: Aliases, *, name: str = "pipelines.yaml") -> FixResult:
    """Cure a text (line ends and byte order mark as in the file). It need not be valid YAML; what has no cure here is left alone."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text[len(mark) :]
    changes: list[Change] = []
    for _ in range(_MAX_PASSES):
        document, problems = _look(text, name)
        edits = _quotes(text, problems, name)
        if not edits and any(problem.code == "tab" for problem in problems):
            edits = _tabs(text, name)
        if not edits and document is not None:
            edits = list(dict.fromkeys(_names(document, aliases)))
        if not edits:
            break
        text = _apply(text, edits)
        changes += edits
    return FixResult(new_text=mark + text, changes=tuple(changes))


def _look(text: str, name: str) -> tuple[Document | None, tuple[Problem, ...]]:
    try:
        document = load_text(text, name=name)
    except DeclarationError as error:
        return None, error.problems
    return document, document.problems


def _quotes(text: str, problems: tuple[Problem, ...], name: str) -> list[Change]:
    positions = Positions(text, name)
    edits: list[Change] = []
    for problem in problems:
        place = problem.place
        if problem.code not in {"quotes", "unquoted-template"} or place is None or place.file != name:
            continue
        value = positions.at(place)
        template = value.startswith(("{{", "{%", "{#"))
        if value[:1] in {'"', "'"} or len(value) <= 2 or (template and value.count("{{") != value.count("}}")):  # noqa: PLR2004
            continue
        reason = "a template at the start of a value needs quotes" if template else "this text needs quotes"
        edits.append(Change(place=place, before=value, after=quoted(value), reason=reason))
    return edits


def _tabs(text: str, name: str) -> list[Change]:
    """Return edits for all tabs in indentation, with the first width at which the file parses; none if there is no such width."""
    positions = Positions(text, name)
    for width in _TAB_WIDTHS:
        edits = [
            Change(
                place=positions.place(match.start(), len(match[0])),
                before=match[0],
                after=match[0].replace("\t", " " * width),
                reason="YAML takes no tabs for indentation",
            )
            for match in _TABS.finditer(text)
        ]
        document, problems = _look(_apply(text, edits), name)
        if document is not None and not any(problem.code in {"indentation", "missing-colon"} for problem in problems):
            return edits
    return []


def _names(document: Document, aliases: Aliases) -> Iterator[Change]:
    """Yield a renaming for every name that is retired, or is one of ours in camelCase."""
    data = document.data
    yield from _ours(document, (), FILE)
    yield from _ours(document, ("budget",), BUDGET)
    anywhere = _common(aliases)
    shared = _of(data.get("defaults"))
    yield from _defaults(document, ("defaults",), aliases, anywhere)
    for name, profile in _of(data.get("profiles")).items():
        yield from _defaults(document, ("profiles", name), aliases, anywhere)
        for kind, fields in _of(profile).items():
            for number, fallback in _items(_of(fields).get("fallback")):
                at_fallback: KeyPath = ("profiles", name, kind, "fallback", number)
                yield from _retired(document, at_fallback, aliases.get(str(_of(fallback).get("model")), anywhere))
    for name, pipeline in _of(data.get("pipelines")).items():
        path: KeyPath = ("pipelines", name)
        own = _of(pipeline)
        yield from _ours(document, path, PIPELINE)
        yield from _ours(document, (*path, "schedule"), SCHEDULE)
        yield from _ours(document, (*path, "cut"), CUT)
        for param in _of(own.get("params")):
            yield from _ours(document, (*path, "params", param), PARAM)
        for index, _ in _items(own.get("schedules")):
            yield from _ours(document, (*path, "schedules", index), SCHEDULE)
        yield from _defaults(document, (*path, "defaults"), aliases, anywhere)
        for index, shot in _items(own.get("shots")):
            at: KeyPath = (*path, "shots", index)
            yield from _ours(document, at, SHOT)
            yield from _retired(document, at, aliases.get(_model(shot, shared, _of(own.get("defaults"))), anywhere))
            for number, fallback in _items(_of(shot).get("fallback")):
                yield from _retired(document, (*at, "fallback", number), aliases.get(str(_of(fallback).get("model")), anywhere))


def _defaults(document: Document, path: KeyPath, aliases: Aliases, anywhere: Mapping[str, str]) -> Iterator[Change]:
    for kind, fields in _of(_value(document, path)).items():
        yield from _retired(document, (*path, kind), aliases.get(str(_of(fields).get("model")), anywhere))


def _ours(document: Document, path: KeyPath, level: Level) -> Iterator[Change]:
    known = {key: snake(key) for key in _of(_value(document, path)) if key not in level.known and snake(key) in level.known}
    yield from _renamed(document, path, known, "this key is spelled with '_'")


def _retired(document: Document, path: KeyPath, names: Mapping[str, str]) -> Iterator[Change]:
    yield from _renamed(document, path, names, "Krea retired this name")


def _renamed(document: Document, path: KeyPath, names: Mapping[str, str], reason: str) -> Iterator[Change]:
    mapping = _of(_value(document, path))
    for old in mapping:
        new = names.get(old)
        if new is None or new in mapping:
            continue
        place = document.place((*path, old), key=True)
        before = document.positions.at(place)
        if before.strip("\"'") == old:
            yield Change(place=place, before=before, after=before.replace(old, new), reason=reason)


def _model(shot: Any, shared: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """Return the model that a shot names or takes from the defaults of its kind."""
    shot = _of(shot)
    if "model" in shot:
        return str(shot["model"])
    kind = str(shot.get("kind", KINDS[0]))
    return str(_of(own.get(kind)).get("model", _of(shared.get(kind)).get("model")))


def _common(aliases: Aliases) -> Mapping[str, str]:
    """Return the renamings that hold for every model, for shots whose model is not known here."""
    found: dict[str, set[str]] = {}
    for names in aliases.values():
        for old, new in names.items():
            found.setdefault(old, set()).add(new)
    return {old: news.pop() for old, news in found.items() if len(news) == 1}


def _apply(text: str, edits: list[Change]) -> str:
    positions = Positions(text, "")
    for edit in sorted(edits, key=lambda edit: (edit.place.line, edit.place.column), reverse=True):
        start = positions.index(edit.place)
        text = text[:start] + edit.after + text[start + len(edit.before) :]
    return text


def _value(document: Document, path: KeyPath) -> Any:
    value = document.data
    for part in path:
        value = value[part] if isinstance(part, int) else _of(value).get(part)
    return value


def _of(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[tuple[int, Any]]:
    return list(enumerate(value)) if isinstance(value, list) else []
