"""What people decided about the collected facts: `data/curated.json`, applied whenever a catalogue is built or refreshed.

Each patch of a field names its reason. A patch of a field that the newest document describes itself changes only what the patch names; a patch
of a field that it lacks adds the field. ``null`` takes a limit away.
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
            fields[row["field"]] = _patched(fields.get(row["field"]), row["field"], row["patch"])
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


def _patched(field: Field | None, name: str, patch: Mapping[str, Any]) -> Field:
    form = {} if field is None else encode_field(field, name)
    for key, value in patch.items():
        if value is None:
            form.pop(key, None)
        else:
            form[key] = value
    return decode_field(form, name)
