"""Price a request: facts of its body (the model's defaults filled in) are looked up in the model's price rows. Decimal throughout.

A price that no row tells is unknown (``usd`` None) with the reason, never a guess: an incomplete table, a field that no row accounts for, a
length that is not known.

What the rows' conditions mean is a reading of Krea's names: ``audio`` is generate_audio; ``video_reference`` a filled video_reference or
reference_videos; ``lora`` filled styles; ``character_reference`` filled character_reference_images; ``reference_images`` how many pictures
style_images, image_urls and reference_images hold together; ``tier`` moodboards before image_style_references before plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from animatic.catalog.model import Model, Price, PriceTable
from animatic.money import dollars

STALE_AFTER = timedelta(days=90)
"""Beyond this age a price row is worth a warning."""

LENGTH_FIELDS: Mapping[str, Decimal] = {"duration": Decimal(1), "music_length_ms": Decimal("0.001")}
"""Fields that say how long a result is, and how many seconds one of their units is."""
_SOURCE_CLIPS = ("edit_video", "start_video", "init_video")


def price_of(model: Model, body: Mapping[str, Any]) -> Price:
    """Return the price of one request in USD.

    ``body`` is the resolved request body. Inputs may be None: a key that is there counts as set, so a list of three Nones is three
    references.
    """
    table = model.price
    if table is None:
        return Price(usd=None, note=f"no price of {model.name} is known")
    blind = next((name for name in table.unless if _is_set(body, name)), None)
    if blind is not None:
        return _unknown(table, f"the price of {model.name} with {blind} is not known")
    row = next((usd for when, usd in table.rows if all(_holds(model, body, fact, value) for fact, value in when.items())), None)
    if row is None:
        return _unknown(table, f"no row of the price list of {model.name} fits {_facts(model, body, table)}")
    if table.unit != "second":
        return Price(usd=row, note=table.note, source=table.source, seen=table.seen)
    seconds = duration_of(model, body)
    if seconds is None:
        return _unknown(table, f"{model.name} is billed by the second and the length of the clip is not known")
    note = table.note
    clip = next((name for name in _SOURCE_CLIPS if _is_set(body, name)), None)
    if clip is not None and "duration" not in body:
        note = f"estimated for {seconds} s; with {clip} Krea may bill the length of that clip"
    return Price(usd=row * seconds, note=note, source=table.source, seen=table.seen)


def duration_of(model: Model, body: Mapping[str, Any]) -> Decimal | None:
    """Return the seconds of footage or sound that a request asks for, else the model's default; None where neither is a length."""
    for name, unit in LENGTH_FIELDS.items():
        value = _value(model, body, name)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            continue
        seconds = Decimal(str(value)) * unit
        if seconds.is_finite() and seconds > 0:
            return seconds
    return None


def length_field(model: Model) -> str | None:
    """Return the field that says how long a model's result is; None where it has none."""
    return next((name for name in LENGTH_FIELDS if name in model.fields), None)


def span(table: PriceTable) -> str:
    """Return the cheapest and the dearest row of a price list: ``$0.05 to $0.07 per second``."""
    low, high = min(usd for _, usd in table.rows), max(usd for _, usd in table.rows)
    return f"{dollars(low)} per {table.unit}" if low == high else f"{dollars(low)} to {dollars(high)} per {table.unit}"


def is_stale(price: Price, today: date) -> bool:
    """Tell whether a known price was last seen longer ago than `STALE_AFTER`, or at a date that is not known."""
    if price.usd is None:
        return False
    try:
        return today - date.fromisoformat(price.seen) > STALE_AFTER
    except ValueError:
        return True


def _unknown(table: PriceTable, reason: str) -> Price:
    return Price(usd=None, note=f"{reason} ({table.note})" if table.note else reason, source=table.source, seen=table.seen)


def _holds(model: Model, body: Mapping[str, Any], fact: str, wanted: Any) -> bool:
    actual = _fact(model, body, fact)
    if isinstance(wanted, bool) or isinstance(actual, bool):
        return actual is wanted
    if isinstance(wanted, int | float) and isinstance(actual, int | float | Decimal):
        return Decimal(str(wanted)) == Decimal(str(actual))
    return actual is not None and str(actual) == str(wanted)


def _fact(model: Model, body: Mapping[str, Any], fact: str) -> Any:
    derive = _DERIVED.get(fact)
    return _value(model, body, fact) if derive is None else derive(model, body)


def _facts(model: Model, body: Mapping[str, Any], table: PriceTable) -> str:
    """Return the facts that the rows ask for, as the request has them: ``resolution 1080p, 3 reference images``."""
    names = dict.fromkeys(name for when, _ in table.rows for name in when)
    words = []
    for name in names:
        value = _fact(model, body, name)
        shown = "yes" if value is True else "no" if value is False else "unset" if value is None else value
        words.append(f"{name.replace('_', ' ')}: {shown}")
    return ", ".join(words) or "this request"


def _value(model: Model, body: Mapping[str, Any], name: str) -> Any:
    if body.get(name) is not None:
        return body[name]
    field = model.fields.get(name)
    return field.default if field is not None and field.has_default else None


def _is_set(body: Mapping[str, Any], *names: str) -> bool:
    return any(name in body and body[name] not in ([], {}, (), False, "") for name in names)


def _pictures(_model: Model, body: Mapping[str, Any]) -> int:
    lists = (body.get(name) for name in ("style_images", "image_urls", "reference_images"))
    return sum(len(items) for items in lists if isinstance(items, list | tuple))


def _tier(_model: Model, body: Mapping[str, Any]) -> str:
    if _is_set(body, "moodboards"):
        return "moodboards"
    return "style references" if _is_set(body, "image_style_references") else "text to image"


def _audio(model: Model, body: Mapping[str, Any]) -> bool:
    return _value(model, body, "generate_audio") is True


def _billable_seconds(model: Model, body: Mapping[str, Any]) -> Decimal | None:
    """Return the seconds that count; None with reference videos, which may count as well, by how much is not known."""
    return None if _is_set(body, "reference_videos") else duration_of(model, body)


_DERIVED: Mapping[str, Callable[[Model, Mapping[str, Any]], Any]] = {
    "audio": _audio,
    "billable_seconds": _billable_seconds,
    "character_reference": lambda _, body: _is_set(body, "character_reference_images"),
    "duration": duration_of,
    "lora": lambda _, body: _is_set(body, "styles"),
    "reference_images": _pictures,
    "tier": _tier,
    "video_reference": lambda _, body: _is_set(body, "video_reference", "reference_videos"),
}
