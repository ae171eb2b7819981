"""Find models: the index of all of them, their entries read when asked for, refreshed data before committed ones.

Committed data are one file per model under ``data/`` and an index, so that a start costs the index alone. Refreshed data (see
`animatic.catalog.refresh`) are one file in the state folder, ``catalog/catalog.jsonl``; where it is damaged, or older than the committed
data, the committed data are used and `Catalog.warning` says so. ``data/curated.json`` holds what people decided about single models (names,
fields, prices, rules); `curate` applies it to whatever is taken up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from animatic.catalog.codec import DATA, DamagedError, decode_field, decode_model, encode_field
from animatic.catalog.model import KINDS, Field, Kind, Model, Rule, Sunset
from animatic.suggest import nearest

VERSION = 1
"""Of the refreshed file's form; another one is read as damaged."""
REFRESHED = Path("catalog") / "catalog.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The entry of a model in the index."""

    name: str
    kind: Kind
    endpoint: str
    title: str
    withdrawn: bool


class Catalog:
    """All models by name (``provider/model``), in the order of the index: by kind, each by name.

    ``date`` is when the facts were collected (ISO); ``origin``, whether they came with the package or from a refresh; ``warning``, why
    refreshed data were left alone.
    """

    def __init__(
        self,
        index: Mapping[str, Listing],
        read: Callable[[Listing], Model],
        *,
        date: str,
        origin: Literal["built in", "refreshed"],
        warning: str | None = None,
    ) -> None:
        self.date = date
        self.origin = origin
        self.warning = warning
        self._index = dict(index)
        self._read = read
        self._models: dict[str, Model] = {}

    @classmethod
    def load(cls, state: Path | None = None) -> Catalog:
        """Return the refreshed catalogue of a state folder, or the committed one where there is none (or a damaged one)."""
        data = json.loads((DATA / "index.json").read_text("utf-8"))
        warning = None
        if state is not None and (path := state / REFRESHED).exists():
            try:
                catalog = _refreshed(path)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                warning = (
                    f"the refreshed catalogue {path} is damaged ({type(error).__name__}) and was ignored; refresh it again or delete it"
                )
            else:
                if catalog.date >= data["date"]:
                    return catalog
                warning = f"the refreshed catalogue {path} is older than the built-in one of {data['date']} and was ignored"
        return cls(_listings(data["models"]), _read_committed, date=data["date"], origin="built in", warning=warning)

    @classmethod
    def of(cls, models: Mapping[str, Model], *, date: str, origin: Literal["built in", "refreshed"] = "built in") -> Catalog:
        """Return a catalogue of models at hand."""
        index = {
            name: Listing(name=name, kind=model.kind, endpoint=model.endpoint, title=model.title, withdrawn=model.withdrawn is not None)
            for name, model in models.items()
        }
        return cls(index, lambda listing: models[listing.name], date=date, origin=origin)

    def names(self, kind: Kind | None = None) -> tuple[str, ...]:
        """Return the names of all models, or of those of a kind."""
        return tuple(name for name, listing in self._index.items() if kind is None or listing.kind == kind)

    def listing(self, name: str) -> Listing | None:
        """Return what the index knows of a model, without reading its entry."""
        return self._index.get(name)

    def find(self, name: str) -> Model | None:
        """Return a model's entry, None where the catalogue has no model of that name."""
        model = self._models.get(name)
        if model is None and (listing := self._index.get(name)) is not None:
            model = self._models[name] = self._read(listing)
        return model

    def models(self, kind: Kind | None = None) -> Iterator[Model]:
        """Yield all entries, or those of a kind, in the order of the index."""
        for name in self.names(kind):
            model = self.find(name)
            assert model is not None
            yield model

    def nearest(self, name: str) -> tuple[str, ...]:
        """Return up to three names that somebody who wrote ``name`` may have meant, best first."""
        wanted = name.strip().lower().removeprefix("/").removeprefix("generate/")
        for kind in KINDS:
            wanted = wanted.removeprefix(f"{kind}/")
        if wanted in self._index:
            return (wanted,)
        tail = wanted.rpartition("/")[2].replace("_", "-").replace(" ", "-")
        same = [known for known in self._index if known.rpartition("/")[2] == tail]
        if same:
            return tuple(same[:3])
        by_tail = {known.partition("/")[2]: known for known in reversed(self._index)}
        found = [*nearest(wanted, self._index), *(by_tail[match] for match in nearest(tail, by_tail))]
        found += [known for known in self._index if tail and tail in known]
        return tuple(dict.fromkeys(found))[:3]

    def sunset(self, name: str) -> Sunset | None:
        """Return what is known of a model that Krea switched off before this catalogue began."""
        tail = name.rpartition("/")[2].lower()
        return next((sunset for sunset in sunsets() if sunset.name == tail), None)


def _listings(rows: list[Mapping[str, Any]]) -> dict[str, Listing]:
    return {
        row["name"]: Listing(
            name=row["name"], kind=row["kind"], endpoint=row["endpoint"], title=row["title"], withdrawn=bool(row.get("withdrawn"))
        )
        for row in rows
    }


def _read_committed(listing: Listing) -> Model:
    return decode_model(json.loads((DATA / listing.kind / f"{listing.name}.json").read_text("utf-8")))


def _refreshed(path: Path) -> Catalog:
    """Read a refreshed catalogue. The checksum vouches for every entry, so that entries need not be decoded to trust them."""
    header, body = path.read_text("utf-8").splitlines()
    data = json.loads(header)
    if data["version"] != VERSION or hashlib.sha256(body.encode()).hexdigest() != data["sha256"]:
        raise DamagedError("another version, or not the bytes that were written")
    entries = {row["name"]: row for row in json.loads(body)}
    return Catalog(
        _listings(list(entries.values())), lambda listing: decode_model(entries[listing.name]), date=str(data["date"]), origin="refreshed"
    )


@cache
def curated() -> Mapping[str, Any]:
    """Return the decisions as they lie in ``data/curated.json``."""
    data: Mapping[str, Any] = json.loads((DATA / "curated.json").read_text("utf-8"))
    return data


def sunsets() -> tuple[Sunset, ...]:
    """Return the models that were switched off before this catalogue began, by the last part of their name."""
    return tuple(Sunset(**row) for row in curated()["sunset"])


def curate(model: Model) -> Model:
    """Return the model with every decision about it applied."""
    data = curated()
    fields = dict(model.fields)
    for row in data["fields"]:
        if row["model"] == model.name:
            _decide(fields, row)
    rules = tuple(
        Rule(fields=tuple(row["fields"]), message=row["message"], hint=row["hint"]) for row in data["rules"] if model.name in row["models"]
    )
    return replace(
        model,
        title=data["titles"].get(model.name, model.title),
        fields=fields,
        removed={name: data["renamed_fields"].get(name) for name in model.removed if name not in fields},
        rules=rules,
        hosted_only=model.name in data["hosted_only"]["models"],
        notes=data["notes"].get(model.name, model.notes),
    )


def _decide(fields: dict[str, Field], row: Mapping[str, Any]) -> None:
    name = row["field"]
    if "add" in row:
        fields.setdefault(name, decode_field(row["add"], name))
        return
    form = {} if name not in fields else encode_field(fields[name], name)
    if not form or any(form.get(key) != value for key, value in row.get("if", {}).items()):
        return
    merged = {**form, **row["patch"]}
    fields[name] = decode_field({key: value for key, value in merged.items() if value is not None}, name)
