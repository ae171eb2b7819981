"""Read Krea's live OpenAPI document into catalogue entries.

Reads the routes ``/generate/KIND/PROVIDER/MODEL`` with their request schema, the retired names
(``x-krea-deprecated-field-aliases``), the prices (``x-krea-pricing``) and what is marked as deprecated. A route that cannot be read is left
out and named; a document without any route that can be read is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, assert_never

from animatic.catalog.convert import ConversionError, convert_body
from animatic.catalog.model import KINDS, PRICE_UNITS, Kind, Model, PriceTable, PriceUnit
from animatic.errors import UsageError
from animatic.suggest import snake

SOURCE = "https://api.krea.ai/openapi.json"

_MAX_ROUTES = 2000
_ROUTE = re.compile(r"/generate/([a-z0-9-]+)/((?:[A-Za-z0-9][A-Za-z0-9._-]{0,79}/)+[A-Za-z0-9][A-Za-z0-9._-]{0,79})")
_DIMENSIONS = {
    "generate_audio": "audio",
    "has_audio": "audio",
    "has_video_reference": "video_reference",
    "has_character_refs": "character_reference",
    "has_lora": "lora",
    "k2_billing_tier": "tier",
    "reference_image_count": "reference_images",
}
_NUMBERS = {"duration", "billable_seconds", "reference_images"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The entries of a document by name; ``skipped`` are the routes and prices that could not be read, with the reason."""

    models: Mapping[str, Model]
    skipped: tuple[str, ...]
    unpriced: frozenset[str]
    """Names of models whose route has no price at all; a price that cannot be read is None and among ``skipped``."""


def read_document(document: Any, *, date: str) -> Reading:
    """Return the entries of a document; ``date`` (ISO) is when it was fetched. UsageError where it is no such document."""
    paths = document.get("paths") if isinstance(document, Mapping) else None
    if not isinstance(paths, Mapping) or not str(document.get("openapi", "")).startswith("3."):
        raise UsageError("this is not an OpenAPI 3 document", hint=f"Krea's own is at {SOURCE}")
    if len(paths) > _MAX_ROUTES:
        raise UsageError(f"the document has {len(paths)} paths, more than an API of Krea's can have")
    models: dict[str, Model] = {}
    skipped: list[str] = []
    unpriced: set[str] = set()
    for path, operation in _routes(paths):
        match = _ROUTE.fullmatch(path)
        kind = next((kind for kind in KINDS if match and kind == match[1]), None)
        if match is None or kind is None:
            skipped.append(f"{path}: neither {', '.join(KINDS[:-1])} nor {KINDS[-1]}")
            continue
        if match[2] in models:
            skipped.append(f"{path}: '{match[2]}' is the name of {models[match[2]].endpoint} already")
            continue
        try:
            models[match[2]] = _model(path, kind=kind, name=match[2], operation=operation, document=document, date=date)
        except ConversionError as error:
            skipped.append(f"{path}: {error}")
            continue
        pricing = operation.get("x-krea-pricing")
        if pricing is None:
            unpriced.add(match[2])
        elif models[match[2]].price is None:
            skipped.append(f"{path}: its price is written in a form that is not known")
    if not models:
        reason = f"; the first was {skipped[0]}" if skipped else ""
        raise UsageError(f"the document has no route of a model that can be read{reason}", hint=f"Krea's own is at {SOURCE}")
    return Reading(models=models, skipped=tuple(skipped), unpriced=frozenset(unpriced))


def read_price(pricing: Any, *, kind: Kind, date: str) -> PriceTable | None:
    """Return the table of ``x-krea-pricing``; None where it has another form than fixed USD prices by dimensions."""
    if not isinstance(pricing, Mapping) or pricing.get("type", "fixed") != "fixed" or pricing.get("currency", "USD") != "USD":
        return None
    unit = pricing.get("unit", "request")
    if unit != "request" and unit not in PRICE_UNITS:
        return None
    points = pricing.get("price_points")
    if not isinstance(points, list) or not points:
        return None
    rows = []
    for point in points:
        if not isinstance(point, Mapping) or not isinstance(point.get("dimensions") or {}, Mapping):
            return None
        usd = _amount(point.get("amount"))
        if usd is None:
            return None
        rows.append((_conditions(point.get("dimensions") or {}), usd))
    own: PriceUnit = "second" if unit == "second" else _result_unit(kind)
    return PriceTable(unit=own, rows=tuple(rows), complete=True, source=SOURCE, seen=date)


def _result_unit(kind: Kind) -> PriceUnit:
    """Return the unit of a price that is due once per request."""
    match kind:
        case "video" | "audio" | "3d":
            return "generation"
        case "image" | "enhance":
            return "image"
        case _:
            assert_never(kind)


def _routes(paths: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, item in paths.items():
        operation = item.get("post") if isinstance(item, Mapping) else None
        if isinstance(path, str) and path.startswith("/generate/") and isinstance(operation, Mapping):
            yield path, operation


def _model(path: str, *, kind: Kind, name: str, operation: Mapping[str, Any], document: Mapping[str, Any], date: str) -> Model:
    body = operation.get("requestBody")
    content = body.get("content") if isinstance(body, Mapping) else None
    media = content.get("application/json") if isinstance(content, Mapping) else None
    if not isinstance(media, Mapping) or "schema" not in media:
        raise ConversionError("no JSON body")
    fields = convert_body(media["schema"], document)
    if not fields:
        raise ConversionError("a body without fields")
    aliases = dict(_aliases(operation.get("x-krea-deprecated-field-aliases")))
    title = operation.get("summary")
    return Model(
        name=name,
        title=title.rstrip("* ")[:120] if isinstance(title, str) and title.strip("* ") else name,
        kind=kind,
        endpoint=path,
        fields=fields,
        aliases={old: new for old, (new, _) in aliases.items()},
        aliases_until=max((until for _, until in aliases.values()), default=""),
        price=read_price(operation.get("x-krea-pricing"), kind=kind, date=date),
        withdrawn=f"deprecated in Krea's API document of {date}" if operation.get("deprecated") is True else None,
        fields_date=date,
    )


def _aliases(rows: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and isinstance(row.get("from"), str) and isinstance(row.get("to"), str):
            until = row.get("sunset_date")
            yield row["from"], (row["to"], until if isinstance(until, str) else "")


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        return None
    return usd if usd.is_finite() and usd >= 0 else None


def _conditions(dimensions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a price point's dimensions as facts of `animatic.catalog.price`: own names, numbers and truth values as such."""
    out: dict[str, Any] = {}
    for raw, value in dimensions.items():
        name = _DIMENSIONS.get(snake(str(raw)), snake(str(raw)))
        if value is None:
            continue
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            out[name] = value.lower() == "true"
        elif isinstance(value, str) and name in _NUMBERS and re.fullmatch(r"\d+(\.\d+)?", value):
            out[name] = float(value) if "." in value else int(value)
        elif isinstance(value, str) and name == "tier":
            out[name] = re.sub(r"[_-]", " ", snake(value))
        elif isinstance(value, str | int | float):
            out[name] = value
        else:
            out[name] = str(value)
    return out
