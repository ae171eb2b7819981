"""Chooses models for a request: those that take its fields and values, with what it would cost at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from animatic.catalog.browse import range_of
from animatic.catalog.model import Field, Kind, Model, media_fields
from animatic.catalog.price import price_of, span
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
    """Lengths in seconds, ``1 to 15``; empty for stills and where they are not known."""
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
    for name, value in wish.values.items():
        taken = _taken(model, name, value)
        if taken is None:
            return None
        body[name] = taken
    if wish.ratio is not None:
        found = next((name for name in RATIO_FIELDS if _taken(model, name, wish.ratio) is not None), None)
        if found is None:
            return None
        body[found] = wish.ratio
    return body


def _taken(model: Model, name: str, value: Any) -> Any:
    """Return the value as a field of the model takes it, None where it does not."""
    there = model.fields.get(name)
    if there is None:
        return None
    return next((form for form in (value, str(value)) if accepts(there, form)), None)


def row(model: Model, body: Mapping[str, Any] | None = None) -> Row:
    """Return a model's line, priced for a request body."""
    duration = model.fields.get("duration")
    return Row(
        name=model.name,
        kind=model.kind,
        title=model.title,
        usd=price_of(model, body or {}).usd,
        prices="" if model.price is None else span(model.price),
        durations=range_of(duration) if duration is not None else "",
        seconds=_seconds(duration) if duration is not None else None,
        ratios=_ratios(model),
        takes=tuple(media_fields(model)),
        withdrawn=model.withdrawn,
    )


def _seconds(duration: Field) -> dict[str, Any]:
    if duration.enum is not None:
        return {"values": list(duration.enum)}
    return {"minimum": duration.minimum, "maximum": duration.maximum}


def _ratios(model: Model) -> tuple[str, ...]:
    there = next((model.fields[name] for name in RATIO_FIELDS if name in model.fields), None)
    return tuple(str(value) for value in there.enum or ()) if there is not None else ()
