"""What people decided about the collected facts: `data/curated.json`, applied whenever a catalogue is built or refreshed.

Each decision about a field names its reason. ``add`` brings in a field that the document lacks; where the document has it, the document wins.
``patch`` changes limits of a field that is there, as long as it still has the values of ``if``; ``null`` takes a limit away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from animatic.catalog.codec import DATA, decode_field, encode_field
from animatic.catalog.model import Field, Model, PriceTable, Rule, Sunset


@cache
def curated() -> Mapping[str, Any]:
    """Return the file as it is."""
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
        notes=data["notes"].get(model.name, model.notes),
    )


def curate_price(name: str, table: PriceTable) -> PriceTable:
    """Return a collected price table with the decisions about it applied."""
    row = curated()["prices"].get(name, {})
    rows = tuple((dict(item["when"]), Decimal(item["usd"])) for item in row["rows"]) if "rows" in row else table.rows
    return replace(table, rows=rows, unless=tuple(row.get("unless", ())), note=row.get("note", table.note))


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
