"""Refresh the catalogue from a live OpenAPI document: merge it with what is known, tell what changed, keep it in the state folder.

The refreshed catalogue is one file, written whole or not at all. What the document does not say (prices of some models, retired names,
routes that are gone) stays as it was, with its own date. The caller fetches the document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from animatic.catalog.codec import encode_model
from animatic.catalog.finding import show
from animatic.catalog.model import KINDS, Field, Model, PriceTable
from animatic.catalog.openapi import read_document
from animatic.catalog.price import span
from animatic.catalog.store import REFRESHED, VERSION, Catalog, curate
from animatic.files import write_whole
from animatic.home import part_of

_DRAWN_FROM = 100_000
"""From which on the default of a seed that was never seen before is taken for a drawn one."""
_OF_SEEDS = frozenset({"default", "has_default"})
"""What of a seed says nothing about its model."""
_NOT_COMPARED = {"description", "items", "properties", "one_of", "has_default", "caution"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """The changes that a refresh made, by model name; ``skipped`` are routes and prices that could not be read, with the reason."""

    date: str
    added: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]]
    skipped: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.withdrawn or self.changed)

    def __str__(self) -> str:
        lines = [f"+ {name}" for name in self.added] + [f"- {name} (withdrawn)" for name in self.withdrawn]
        for name, details in self.changed.items():
            lines += [f"~ {name}", *(f"    {detail}" for detail in details)]
        lines += [f"? {reason}" for reason in self.skipped]
        return "\n".join(lines) or "no changes"


def refresh(document: Any, state: Path, *, today: date) -> Changes:
    """Read a live document, keep it as the catalogue of the state folder and return what changed against the one before.

    Raises UsageError where it is not a document of Krea's API, and OSError where the folder cannot be written; nothing has changed then.
    """
    before = {model.name: model for model in Catalog.load(state).models()}
    after, skipped = merge(document, before, today=today)
    changes = replace(diff(before, after, date=today.isoformat()), skipped=skipped)
    save(after, state, date=today.isoformat())
    return changes


def merge(document: Any, before: Mapping[str, Model], *, today: date) -> tuple[dict[str, Model], tuple[str, ...]]:
    """Return the entries of a document completed by what was known before, and what of the document could not be read."""
    day = today.isoformat()
    reading = read_document(document, date=day)
    after = {}
    for name, model in reading.models.items():
        known = before.get(name)
        merged = replace(model, fields=_steady(model.fields, {}))
        if known is not None:
            merged = replace(
                model,
                fields=_steady(model.fields, known.fields),
                aliases={**known.aliases, **model.aliases},
                aliases_until=max(known.aliases_until, model.aliases_until),
                removed={field: None for field in (*known.removed, *known.fields) if field not in model.fields},
                price=known.price if name in reading.unpriced else model.price,
                typical_seconds=known.typical_seconds,
                notes=known.notes,
            )
        after[name] = curate(merged)
    unread = {reason.partition(":")[0] for reason in reading.skipped}
    for name, model in before.items():
        if name not in after:
            gone = None if model.endpoint in unread else f"absent from Krea's API document of {day}"
            after[name] = replace(model, withdrawn=model.withdrawn or gone)
    order = {kind: number for number, kind in enumerate(KINDS)}
    return dict(sorted(after.items(), key=lambda item: (order[item[1].kind], item[0]))), reading.skipped


def _steady(fields: Mapping[str, Field], known: Mapping[str, Field]) -> dict[str, Field]:
    """Return the fields without the defaults of seeds that are new at every fetch: a number is drawn, and says nothing of the model.

    A seed keeps a default that stood there before. Of a field that is new, one that nobody would write by hand counts as drawn.
    """
    return {name: _undrawn(field, known.get(name)) if _is_seed(name) and field.has_default else field for name, field in fields.items()}


def _undrawn(field: Field, known: Field | None) -> Field:
    drawn = field.default != known.default if known is not None else isinstance(field.default, int | float) and field.default >= _DRAWN_FROM
    return replace(field, default=None, has_default=False) if drawn else field


def _is_seed(name: str) -> bool:
    return "seed" in name.split("_")


def diff(before: Mapping[str, Model], after: Mapping[str, Model], *, date: str) -> Changes:
    """Return what differs between two catalogues: routes, fields and their limits, prices. Descriptions do not count."""
    changed = {}
    withdrawn = []
    for name, new in after.items():
        old = before.get(name)
        if old is None:
            continue
        if new.withdrawn and not old.withdrawn:
            withdrawn.append(name)
        details = [*_field_changes(old.fields, new.fields, ""), *_price_changes(old.price, new.price)]
        if old.withdrawn and not new.withdrawn:
            details.insert(0, "is back")
        if details:
            changed[name] = tuple(details)
    gone = (name for name in before if name not in after)
    return Changes(date=date, added=tuple(name for name in after if name not in before), withdrawn=(*withdrawn, *gone), changed=changed)


def save(models: Mapping[str, Model], state: Path, *, date: str) -> Path:
    """Write a catalogue into the state folder, whole or not at all, and return the file: a header line and a line with the entries."""
    target = state / REFRESHED
    body = json.dumps([encode_model(model) for model in models.values()], ensure_ascii=False)
    digest = hashlib.sha256(body.encode()).hexdigest()
    header = json.dumps({"version": VERSION, "date": date, "sha256": digest})
    part_of(state, target.parent.name)
    write_whole(target, f"{header}\n{body}\n")
    return target


def _field_changes(old: Mapping[str, Field], new: Mapping[str, Field], prefix: str) -> list[str]:
    out = [f"{prefix}{name}: gone" for name in old if name not in new]
    out += [f"{prefix}{name}: new" for name in new if name not in old]
    for name, field in new.items():
        if name in old:
            out += _changes(old[name], field, f"{prefix}{name}")
    return out


def _changes(old: Field, new: Field, name: str) -> list[str]:
    out = []
    for attribute in fields(Field):
        key = attribute.name
        if key in _NOT_COMPARED or (key in _OF_SEEDS and _is_seed(name)):
            continue
        left, right = getattr(old, key), getattr(new, key)
        if left != right:
            out.append(f"{name}: {key} {_shown(left)} -> {_shown(right)}")
    if old.items is not None and new.items is not None:
        out += _changes(old.items, new.items, f"{name}[]")
    out += _field_changes(old.properties or {}, new.properties or {}, f"{name}.")
    if len(old.one_of) != len(new.one_of):
        out.append(f"{name}: {len(old.one_of)} -> {len(new.one_of)} forms")
    for number, (left, right) in enumerate(zip(old.one_of, new.one_of, strict=False), start=1):
        out += _changes(left, right, f"{name} (form {number})")
    return out


def _price_changes(old: PriceTable | None, new: PriceTable | None) -> list[str]:
    if (None if old is None else (old.unit, old.rows)) == (None if new is None else (new.unit, new.rows)):
        return []
    words = ["unknown" if table is None else span(table) for table in (old, new)]
    return [f"price: {words[0]} -> {words[1]}" if words[0] != words[1] else f"price: other rows, {words[0]}"]


def _shown(value: Any) -> str:
    return "none" if value is None else ", ".join(map(show, value)) if isinstance(value, tuple) else show(value)
