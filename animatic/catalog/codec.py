"""Read and write a catalogue entry as JSON: one object per model, as it lies in ``data/`` and in the refreshed catalogue.

Keys are the attribute names of `animatic.catalog.model`; what has its default value is left out, so that a file holds facts only. Prices
are text, never floats. `decode_model(encode_model(model)) == model` for every model; descriptions come from one table by field name and are
written out only where they differ from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, cast

from animatic.catalog.model import FIELD_TYPES, KINDS, MEDIA, PRICE_UNITS, Field, Model, PriceTable, Rule

DATA = Path(__file__).with_name("data")
_PLAIN = (
    "minimum",
    "maximum",
    "exclusive_minimum",
    "exclusive_maximum",
    "multiple_of",
    "min_length",
    "max_length",
    "min_items",
    "max_items",
    "pattern",
    "format",
    "media",
)
_FLAGS = ("required", "nullable", "deprecated", "closed")


class DamagedError(ValueError):
    """Stored catalogue data that do not have the form of this module."""


@cache
def descriptions() -> Mapping[str, str]:
    """Return what is known about fields by their bare name, e.g. ``start_image``."""
    table: dict[str, str] = json.loads((DATA / "descriptions.json").read_text("utf-8"))
    return table


def encode_field(item: Field, name: str = "") -> dict[str, Any]:
    """Return the JSON form of a field; ``name`` decides whether its description needs to be written out."""
    out: dict[str, Any] = {"type": item.type}
    if item.description and item.description != descriptions().get(name):
        out["description"] = item.description
    out |= {flag: True for flag in _FLAGS if getattr(item, flag)}
    if item.has_default:
        out["default"] = item.default
    if item.enum is not None:
        out["enum"] = list(item.enum)
    out |= {key: value for key in _PLAIN if (value := getattr(item, key)) is not None}
    if item.caution:
        out["caution"] = item.caution
    if item.items is not None:
        out["items"] = encode_field(item.items)
    if item.properties is not None:
        out["properties"] = {key: encode_field(value, key) for key, value in item.properties.items()}
    if item.one_of:
        out["one_of"] = [encode_field(branch) for branch in item.one_of]
    return out


def decode_field(data: Mapping[str, Any], name: str = "") -> Field:
    """Return the field of a JSON form. DamagedError where the form is wrong."""
    kind, media = data.get("type"), data.get("media")
    if kind not in FIELD_TYPES or (media is not None and media not in MEDIA):
        raise DamagedError(f"field {name!r} has type {kind!r} and media {media!r}")
    items, properties = data.get("items"), data.get("properties")
    return Field(
        type=kind,
        description=data.get("description") or descriptions().get(name, ""),
        default=data.get("default"),
        has_default="default" in data,
        enum=_tuple(data.get("enum")),
        caution=data.get("caution", ""),
        items=None if items is None else decode_field(items),
        properties=None if properties is None else {key: decode_field(value, key) for key, value in properties.items()},
        one_of=tuple(decode_field(branch) for branch in data.get("one_of", ())),
        **_same(data),
    )


def encode_model(model: Model) -> dict[str, Any]:
    """Return the JSON form of a model."""
    out: dict[str, Any] = {"name": model.name, "title": model.title, "kind": model.kind, "endpoint": model.endpoint}
    if model.withdrawn:
        out["withdrawn"] = model.withdrawn
    out["fields_date"] = model.fields_date
    out["fields"] = {key: encode_field(value, key) for key, value in model.fields.items()}
    if model.aliases:
        out["aliases"] = dict(model.aliases)
        out["aliases_until"] = model.aliases_until
    if model.removed:
        out["removed"] = dict(model.removed)
    if model.rules:
        out["rules"] = [{"fields": list(rule.fields), "message": rule.message, "hint": rule.hint} for rule in model.rules]
    if model.price is not None:
        out["price"] = _encode_price(model.price)
    if model.typical_seconds is not None:
        out["typical_seconds"] = model.typical_seconds
    if model.hosted_only:
        out["hosted_only"] = True
    if model.notes:
        out["notes"] = model.notes
    return out


def decode_model(data: Mapping[str, Any]) -> Model:
    """Return the model of a JSON form. DamagedError where the form is wrong."""
    try:
        if data["kind"] not in KINDS:
            raise DamagedError(f"kind {data['kind']!r}")
        price = data.get("price")
        return Model(
            name=str(data["name"]),
            title=str(data["title"]),
            kind=data["kind"],
            endpoint=str(data["endpoint"]),
            fields={key: decode_field(value, key) for key, value in data["fields"].items()},
            aliases=dict(data.get("aliases", {})),
            aliases_until=data.get("aliases_until", ""),
            removed=dict(data.get("removed", {})),
            rules=tuple(
                Rule(fields=tuple(rule["fields"]), message=rule["message"], hint=rule.get("hint", "")) for rule in data.get("rules", ())
            ),
            price=None if price is None else _decode_price(price),
            withdrawn=data.get("withdrawn"),
            fields_date=data.get("fields_date", ""),
            typical_seconds=data.get("typical_seconds"),
            hosted_only=bool(data.get("hosted_only", False)),
            notes=data.get("notes", ""),
        )
    except (KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise DamagedError(f"not a model: {error!r}") from error


def _encode_price(table: PriceTable) -> dict[str, Any]:
    out: dict[str, Any] = {
        "unit": table.unit,
        "rows": [{"when": dict(when), "usd": str(usd)} for when, usd in table.rows],
        "complete": table.complete,
        "source": table.source,
        "seen": table.seen,
    }
    if table.unless:
        out["unless"] = list(table.unless)
    if table.note:
        out["note"] = table.note
    return out


def _decode_price(data: Mapping[str, Any]) -> PriceTable:
    if data["unit"] not in PRICE_UNITS:
        raise DamagedError(f"price unit {data['unit']!r}")
    rows = tuple((dict(row["when"]), Decimal(row["usd"])) for row in data["rows"])
    if not all(usd.is_finite() and usd >= 0 for _, usd in rows):
        raise DamagedError("a price is not a number of dollars")
    return PriceTable(
        unit=data["unit"],
        rows=rows,
        complete=bool(data["complete"]),
        source=data.get("source", ""),
        seen=data.get("seen", ""),
        note=data.get("note", ""),
        unless=tuple(data.get("unless", ())),
    )


def _same(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that look the same in both forms."""
    return {flag: data.get(flag, False) for flag in _FLAGS} | {key: data.get(key) for key in _PLAIN}


def _tuple(values: Any) -> tuple[Any, ...] | None:
    return None if values is None else tuple(cast("list[Any]", values))
