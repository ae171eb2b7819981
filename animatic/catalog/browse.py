"""Describe a model as data or plain text, and find others that have a field or take a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from animatic.catalog.codec import encode_model
from animatic.catalog.finding import limits, listed, number, show
from animatic.catalog.model import Field, Model, yields
from animatic.catalog.references import reference_field, style_field
from animatic.catalog.store import Catalog
from animatic.catalog.types import accepts, rules_of
from animatic.money import dollars

_MAX_NAMED = 3
"""Models that a hint names."""


def as_dict(model: Model) -> dict[str, Any]:
    """Return a model as JSON data: the stored form, with every field's description written out."""
    data = encode_model(model)
    for name, field in model.fields.items():
        if field.description:
            data["fields"][name] = {"description": field.description, **data["fields"][name]}
    return data


def describe(model: Model) -> str:
    """Return a model as a page of plain text: fields with limits, prices, retired names, notes."""
    return "\n".join(_page(model))


def elsewhere(catalog: Catalog | None, model: Model, name: str) -> str | None:
    """Return which other models of the kind have the field, None where none has."""
    if catalog is None:
        return None
    owners = [other.name for other in _alternatives(catalog, model) if name in other.fields]
    if not owners:
        return None
    rest = len(owners) - _MAX_NAMED
    return f"'{name}' is a field of {', '.join(owners[:_MAX_NAMED])}" + (f" and {rest} more" if rest > 0 else "")


def taker(catalog: Catalog | None, model: Model, name: str, value: Any, body: Mapping[str, Any]) -> str | None:
    """Return a model of the same kind that takes the value, with its limit: ``lightricks/ltx-video-2.3-22b (20)``.

    The one whose limit is nearest to the value comes first, then one with a known price, then one that has more of the body's other fields.
    """
    if catalog is None:
        return None
    best: tuple[tuple[float, ...], str] | None = None
    for other in _alternatives(catalog, model):
        field = other.fields.get(name)
        if field is None or not accepts(field, value):
            continue
        bound = _bound(field, model.fields[name], value)
        if bound is None and not isinstance(value, str):
            continue
        missing = sum(key not in other.fields for key in body)
        rank = (0.0 if bound is None else abs(bound - value), other.price is None, missing)
        text = other.name if bound is None else f"{other.name} ({number(bound)})"
        if best is None or rank < best[0]:
            best = (rank, text)
    return best[1] if best else None


def _alternatives(catalog: Catalog, model: Model) -> Iterator[Model]:
    """Yield the other models of the kind that make the same: an enhancer of clips is none for stills."""
    made = yields(model)
    return (other for other in catalog.models(model.kind) if other.name != model.name and not other.withdrawn and yields(other) == made)


def _cast(model: Model) -> str:
    """Say where the pictures of a cast go."""
    field, styles = reference_field(model), style_field(model)
    if field is None and styles is None:
        return "A shot's cast: none, it takes no references."
    limit = f" (at most {field.most})" if field is not None and field.most is not None else ""
    parts = ([f"pictures in {field.name}{limit}"] if field is not None else []) + (["styles in styles"] if styles is not None else [])
    return f"A shot's cast: {', '.join(parts)}."


def _page(model: Model) -> Iterator[str]:
    yield f"{model.name}  {model.title} ({model.kind})"
    yield f"POST {model.endpoint}"
    if model.withdrawn:
        yield f"Withdrawn: {model.withdrawn}."
    if model.kind == "enhance":
        yield f"Takes {_made(model)} and gives one back."
    if model.kind in {"video", "image"}:
        yield _cast(model)
    if model.notes:
        yield model.notes
    yield ""
    yield f"Fields (as of {model.fields_date}; * required)"
    lines = [line for name, field in model.fields.items() for line in _lines(name, field, 0)]
    width = max(len(name) for name, _, _ in lines)
    kinds = max(len(kind) for _, kind, _ in lines)
    for name, kind, text in lines:
        yield f"  {name:<{width}}  {kind:<{kinds}}  {text}".rstrip()
    yield ""
    yield from _prices(model)
    if model.aliases or model.removed:
        yield ""
    if model.aliases:
        yield f"Retired names: {', '.join(f'{old} (now {new})' for old, new in model.aliases.items())}"
    if model.removed:
        yield f"No longer taken: {', '.join(model.removed)}"


def _made(model: Model) -> str:
    match yields(model):
        case "video":
            return "a clip"
        case "image":
            return "a picture"
        case "audio" | "3d" as other:
            return other
        case unknown:
            assert_never(unknown)


def _lines(name: str, field: Field, depth: int) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and text of a field and of what is inside it."""
    mark = "*" if field.required else ""
    parts = [range_of(field)]
    if field.has_default and field.default is not None:
        parts.append(f"default {listed([field.default])}")
    if field.deprecated:
        parts.append("deprecated")
    if field.caution:
        parts.append("not certain")
    facts = "; ".join(part for part in parts if part)
    text = " ".join(part for part in (field.description, f"[{facts}]" if facts else "") if part)
    yield "  " * depth + name + mark, _type(field), text
    inner = field.items if field.items is not None else field
    for key, child in (inner.properties or {}).items():
        yield from _lines(key, child, depth + 1)
    for position, branch in enumerate(field.one_of, start=1):
        yield "  " * (depth + 1) + f"form {position}", "", ""
        for key, child in (branch.properties or {}).items():
            if child.enum != (None,):  # a key that may only be null says nothing
                yield from _lines(key, child, depth + 2)


def _type(field: Field) -> str:
    if field.media is not None:
        return field.media if field.media != "any" else "media"
    if field.items is not None:
        return f"list of {_type(field.items)}"
    return rules_of(field.type).name


def range_of(field: Field) -> str:
    """Return what a field takes, in words: its values, its range, its length."""
    if field.enum is not None:
        return listed(field.enum, most=30)
    parts = [limits(field)]
    if field.media is None:
        parts.append(_count(field.min_length, field.max_length, "character"))
    parts.append(_count(field.min_items, field.max_items, "item"))
    return ", ".join(part for part in parts if part)


def _count(low: int | None, high: int | None, unit: str) -> str:
    many = unit if (low if high is None else high) == 1 else f"{unit}s"
    if low and high is not None:
        return f"{low} to {high} {many}" if low != high else f"{low} {many}"
    return f"at most {high} {many}" if high is not None else f"at least {low} {many}" if low else ""


def _prices(model: Model) -> Iterator[str]:
    table = model.price
    if table is None:
        yield "Price: not known"
        return
    yield f"Price per {table.unit} (seen {table.seen or 'at an unknown date'}; {table.source})" + (
        "" if table.complete else "; not all rows are known"
    )
    for when, usd in table.rows:
        yield f"  {dollars(usd)}  {_when(when)}".rstrip()
    if table.note:
        yield f"  {table.note}"


def _when(when: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {show(value) if not isinstance(value, str) else value}" for name, value in when.items())


def _bound(field: Field, refused: Field, value: Any) -> float | None:
    """Return the other model's limit on the side where the value was refused."""
    if isinstance(value, str):
        return None
    high = max(refused.enum) if refused.enum else refused.maximum
    if high is not None and value > high:
        return max(field.enum) if field.enum else field.maximum
    if field.enum:
        return float(value)
    return field.minimum if refused.minimum is not None and value < refused.minimum else float(value)
