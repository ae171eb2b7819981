"""Build the committed catalogue from a survey of Krea's API: ``python tools/build_catalog.py SURVEY.json [ROUTES.json]``.

A survey is a JSON list, one object per route:

- ``endpoint``, ``kind``, ``provider``, ``model``, ``title``
- ``fields``, and ``fields_2026_10``, which wins where it is there; limits are written in snake_case (``max_length``)
- ``deprecated_aliases``: old name -> ``{new, sunset}``
- ``usd``: ``unit``, ``rows`` of ``{when, price}``, ``complete``, ``source_url``, ``source_kind``, ``seen``
- ``compute_units``: rows that may have ``avg_seconds``
- ``in_openapi_2026_10_03``

A list of routes is a newer reading of the API, one object per route: ``endpoint``, ``kind``, ``provider``, ``model``, ``title``, ``fields``
and ``usd``. Its fields and prices win; what the survey alone knows (retired names, removed fields, usual times) stays, and a route that it
lacks is withdrawn.

The data folder is written anew, apart from the curated files; the output depends on the survey alone. `animatic.catalog.refresh` takes up
a live OpenAPI document instead.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from animatic.catalog.codec import DATA, encode_model
from animatic.catalog.convert import convert
from animatic.catalog.model import KINDS, Field, Model, PriceTable
from animatic.catalog.store import curate, curated

COLLECTED = "2026-11-25"
SURVEYED = "2026-10-03"
"""Date of the document that the survey was compared with."""
DOCUMENT = "2026-10-09"
"""Date of the document that a list of routes was read from."""
ABSENT = "absent from Krea's API document of {}"

_MAX_LINE = 140
_SCHEMA_KEYS = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "exclusive_minimum": "exclusiveMinimum",
    "one_of": "oneOf",
    "any_of": "anyOf",
}


def to_schema(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return a surveyed field as JSON Schema, so that surveys and live documents are read by the same code."""
    out = {_SCHEMA_KEYS.get(key, key): value for key, value in field.items() if key not in {"required", "nullable"}}
    if out.get("type", ...) is None:
        del out["type"]
    if field.get("nullable") and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    if "items" in field:
        out["items"] = to_schema(field["items"])
    if "properties" in field:
        out["properties"] = {name: to_schema(value) for name, value in field["properties"].items()}
    if isinstance(field.get("required"), list):
        out["required"] = field["required"]
    if "object_required" in out:  # an object's own required keys, where ``required`` says that the field is
        out["required"] = out.pop("object_required")
    for key, word in (("one_of", "oneOf"), ("any_of", "anyOf")):
        if key in field:
            out[word] = [to_schema(branch) for branch in field[key]]
    return out


def build_model(row: Mapping[str, Any], newer: Mapping[str, Any] | None = None) -> Model:
    """Return the catalogue entry of one surveyed route; ``newer`` is the same route in a list of routes."""
    name = f"{row['provider']}/{row['model']}"
    surveyed = row.get("fields_2026_10") or row["fields"]
    newest = surveyed if newer is None else newer["fields"]
    fields: dict[str, Field] = {
        key: convert(to_schema(value), key, required=value.get("required") is True) for key, value in newest.items()
    }
    title = ((newer or {}).get("title") or row.get("title_2026_10") or row["title"] or row["model"]).rstrip("* ")
    aliases = row["deprecated_aliases"]
    price = (newer or {}).get("usd") or row.get("usd")
    times = [entry["avg_seconds"] for entry in row["compute_units"] if "avg_seconds" in entry]
    return curate(
        Model(
            name=name,
            title=title,
            kind=row["kind"],
            endpoint=row["endpoint"],
            fields=fields,
            aliases={old: entry["new"] for old, entry in aliases.items()},
            aliases_until=max((entry["sunset"] for entry in aliases.values()), default=""),
            removed={key: None for key in (*row["fields"], *surveyed) if key not in newest},
            price=None if price is None else _decided_price(name, _price(price)),
            withdrawn=ABSENT.format(SURVEYED) if row["in_openapi_2026_10_03"] is False else None,
            fields_date=_date(row) if newer is None else DOCUMENT,
            typical_seconds=median(times) if times else None,
        )
    )


def build_models(survey: Sequence[Mapping[str, Any]], routes: Sequence[Mapping[str, Any]] = ()) -> list[Model]:
    """Return all entries, by kind and name. Routes that only the list has are new; those that it lacks are withdrawn."""
    newest = {route["endpoint"]: route for route in routes}
    known = {row["endpoint"] for row in survey}
    models = [build_model(row, newest.get(row["endpoint"])) for row in survey]
    if routes:
        models = [_missed(model) if model.endpoint not in newest else model for model in models]
        models += [build_model({**_NEW, **route}, route) for route in routes if route["endpoint"] not in known]
    order = {kind: number for number, kind in enumerate(KINDS)}
    return sorted(models, key=lambda model: (order[model.kind], model.name))


def index_row(model: Model) -> dict[str, Any]:
    """Return what the index says about a model: enough to list and find it without reading its file."""
    row: dict[str, Any] = {"name": model.name, "kind": model.kind, "endpoint": model.endpoint, "title": model.title}
    if model.withdrawn:
        row["withdrawn"] = True
    return row


def write(models: list[Model], folder: Path) -> None:
    """Write one file per model and the index; files of models that are gone disappear."""
    for kind in KINDS:
        shutil.rmtree(folder / kind, ignore_errors=True)
    for model in models:
        target = folder / model.kind / f"{model.name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dumps(encode_model(model)), "utf-8")
    index = {"version": 1, "date": COLLECTED, "document": DOCUMENT, "models": [index_row(model) for model in models]}
    (folder / "index.json").write_text(dumps(index), "utf-8")


def dumps(data: Any) -> str:
    """Return JSON for people: two spaces, but whatever fits stands on one line."""
    return _dump(data, 0) + "\n"


def _dump(data: Any, depth: int) -> str:
    flat = json.dumps(data, ensure_ascii=False)
    if (len(flat) + depth <= _MAX_LINE and depth > 0) or not data or not isinstance(data, dict | list):
        return flat
    pad, end = "\n" + " " * (depth + 2), "\n" + " " * depth
    if isinstance(data, list):
        return "[" + ",".join(pad + _dump(item, depth + 2) for item in data) + end + "]"
    return (
        "{" + ",".join(f"{pad}{json.dumps(key, ensure_ascii=False)}: {_dump(value, depth + 2)}" for key, value in data.items()) + end + "}"
    )


def main(arguments: list[str]) -> int:
    """Build the data folder from the survey that the command line names."""
    if len(arguments) not in {1, 2}:
        sys.stderr.write("usage: python tools/build_catalog.py SURVEY.json [ROUTES.json]\n")
        return 2
    survey, *newer = [_read(path) for path in arguments]
    models = build_models(survey, *newer)
    write(models, DATA)
    sys.stdout.write(f"{len(models)} models in {DATA}\n")
    return 0


def _read(path: str) -> list[dict[str, Any]]:
    return [plain(row) for row in json.loads(Path(path).read_text("utf-8"), parse_float=Decimal)]


def plain(value: Any, key: str = "") -> Any:
    """Return JSON data with numbers as JSON has them, prices alone kept exact."""
    if isinstance(value, dict):
        return {name: plain(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item, key) for item in value]
    return float(value) if isinstance(value, Decimal) and key != "price" else value


_NEW: Mapping[str, Any] = {"deprecated_aliases": {}, "compute_units": [], "usd": None, "in_openapi_2026_10_03": None}
"""What the survey would say of a route that it does not have."""
_THIRD_PARTY = "third-party reading of Krea's price list"
_COPIED = "third-party copy of x-krea-pricing in https://api.krea.ai/openapi.json"


def _missed(model: Model) -> Model:
    return replace(model, withdrawn=model.withdrawn or ABSENT.format(DOCUMENT))


def _price(row: Mapping[str, Any]) -> PriceTable:
    official = row["source_kind"] == "krea-docs"
    return PriceTable(
        unit=row["unit"],
        rows=tuple((dict(item["when"]), Decimal(str(item["price"]))) for item in row["rows"]),
        complete=row["complete"],
        source=row["source_url"] if official else _THIRD_PARTY if "date" not in row else _COPIED,
        seen=row.get("seen") or row.get("date") or curated()["price_dates"][row["source_kind"]],
    )


def _date(row: Mapping[str, Any]) -> str:
    """Return when the fields were last read, as exactly as is known."""
    if "fields_2026_10" in row or row["in_openapi_2026_10_03"]:
        return SURVEYED
    return {"openapi-2026": "2026-06", "docs-page": "2026-08"}.get(row["first_seen"], "2026-09-20")


def _decided_price(name: str, table: PriceTable) -> PriceTable:
    """Return a collected price table with the decisions about it applied."""
    row = curated()["prices"].get(name, {})
    rows = tuple((dict(item["when"]), Decimal(item["usd"])) for item in row["rows"]) if "rows" in row else table.rows
    return replace(table, rows=rows, unless=tuple(row.get("unless", ())), note=row.get("note", table.note))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
