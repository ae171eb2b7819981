"""Chooses models for a request: those that take its fields and values, with what it would cost at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from animatic.catalog.browse import range_of
from animatic.catalog.model import Field, Kind, Model, media_fields
from animatic.catalog.price import LENGTH_FIELDS, length_field, price_of, span
from animatic.catalog.store import Catalog
from animatic.catalog.types import accepts

RATIO_FIELDS = ("aspect_ratio", "ratio")
"""Fields by which models take the shape of the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a request should be able to hold. ``values`` by field name; ``takes`` are fields that are set to a medium."""

    kinds: tuple[Kind, ...] = ()
    """Any of these; empty: of every kind."""
    takes: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    ratio: str | None = None
    max_price: Decimal | None = None
    name: str = ""
    """Part of the model's name."""

    @property
    def plain(self) -> bool:
        """Whether nothing but a name is wished."""
        return not (self.kinds or self.takes or self.values or self.ratio or self.max_price is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of a list of models. ``usd`` is the request that was wished for, else one with defaults; None where that is not known."""

    name: str
    kind: Kind
    title: str
    usd: Decimal | None
    prices: str
    """The price list in short: ``$0.05 to $0.07 per second``; empty where there is none."""
    durations: str
    """Lengths in seconds, ``1 to 15``; empty for stills and meshes, and where they are not known."""
    seconds: Mapping[str, Any] | None
    """The same for programs: ``{"values": [5, 10]}`` or ``{"minimum": 1, "maximum": 15}``."""
    ratios: tuple[str, ...]
    """Shapes of the picture that it takes; empty where it does not say."""
    takes: tuple[str, ...]
    """Its media fields, lists with ``[]``."""
    withdrawn: str | None


def select(catalog: Catalog, wish: Wish | None = None, *, sort: Literal["name", "price"] = "name") -> tuple[Row, ...]:
    """Return the models that a wish fits, by name or by what the request would cost; unknown prices come last.

    With a maximum price, models of unknown price are left out.
    """
    wish = wish or Wish()
    named = (model for model in catalog.models() if wish.name in model.name and (not wish.kinds or model.kind in wish.kinds))
    rows = [row(model, body) for model in named if (body := _request(model, wish)) is not None]
    kept = [item for item in rows if wish.max_price is None or (item.usd is not None and item.usd <= wish.max_price)]
    if sort == "price":
        kept.sort(key=lambda item: (item.usd is None, item.usd or Decimal(0), item.name))
    return tuple(kept)


def _request(model: Model, wish: Wish) -> dict[str, Any] | None:
    """Return the body that the wish means for a model; None where the model cannot take it."""
    body: dict[str, Any] = {}
    for name in wish.takes:
        if name not in model.fields:
            return None
        body[name] = [None] if model.fields[name].items is not None else None
    for wished, value in wish.values.items():
        name, own = _in_its_unit(model, wished, value)
        taken = _taken(model, name, own)
        if taken is None:
            return None
        body[name] = taken
    if wish.ratio is not None:
        found = next((name for name in RATIO_FIELDS if _taken(model, name, wish.ratio) is not None), None)
        if found is None:
            return None
        body[found] = wish.ratio
    return body


def _in_its_unit(model: Model, name: str, value: Any) -> tuple[str, Any]:
    """Return the field by which the model takes a length, and the length in its unit; anything else as it is."""
    own = length_field(model)
    if name != "duration" or own in {None, name} or not isinstance(value, int | float):
        return name, value
    assert own is not None
    units = Decimal(str(value)) / LENGTH_FIELDS[own]
    return own, int(units) if units == units.to_integral_value() else float(units)


def _taken(model: Model, name: str, value: Any) -> Any:
    """Return the value as a field of the model takes it, None where it does not."""
    there = model.fields.get(name)
    if there is None:
        return None
    return next((form for form in (value, str(value)) if accepts(there, form)), None)


def row(model: Model, body: Mapping[str, Any] | None = None) -> Row:
    """Return a model's line, priced for a request body."""
    name = length_field(model)
    return Row(
        name=model.name,
        kind=model.kind,
        title=model.title,
        usd=price_of(model, body or {}).usd,
        prices="" if model.price is None else span(model.price),
        durations="" if name is None else range_of(_by_seconds(model, name)),
        seconds=None if name is None else _seconds(_by_seconds(model, name)),
        ratios=_ratios(model),
        takes=tuple(media_fields(model)),
        withdrawn=model.withdrawn,
    )


def _by_seconds(model: Model, name: str) -> Field:
    """Return a length's field as if it were in seconds."""
    field, unit = model.fields[name], float(LENGTH_FIELDS[name])
    if unit == 1:
        return field
    return replace(field, minimum=_times(field.minimum, unit), maximum=_times(field.maximum, unit))


def _times(limit: float | None, unit: float) -> float | None:
    return None if limit is None else round(limit * unit, 3)


def _seconds(duration: Field) -> dict[str, Any]:
    if duration.enum is not None:
        return {"values": list(duration.enum)}
    return {"minimum": duration.minimum, "maximum": duration.maximum}


def _ratios(model: Model) -> tuple[str, ...]:
    there = next((model.fields[name] for name in RATIO_FIELDS if name in model.fields), None)
    return tuple(str(value) for value in there.enum or ()) if there is not None else ()
