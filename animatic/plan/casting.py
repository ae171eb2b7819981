"""Puts the cast of a shot into the body of its request: pictures and styles, after those that the shot names itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from animatic.catalog import Catalog
from animatic.catalog.model import Model
from animatic.catalog.references import (
    DEFAULT_STRENGTH,
    STYLE_FIELD,
    ReferenceField,
    models_for,
    reference_field,
    style_field,
    style_item,
)
from animatic.errors import KeyPath
from animatic.plan.body import MediaValue, RenderedBody
from animatic.plan.cast import Casting, Member
from animatic.plan.origins import FieldOrigins
from animatic.plan.problems import ProblemCollector


@dataclass(frozen=True, kw_only=True, slots=True)
class FilledCast:
    """A body with the cast in it. ``origins``: the place in the document of each item that was added, by its place in the body."""

    rendered: RenderedBody
    origins: Mapping[KeyPath, tuple[str, KeyPath]]
    """Place in the body -> member, and the place of what was written there."""
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Site:
    """Where a request without room for its cast is reported."""

    origins: FieldOrigins
    casting: Casting
    problems: ProblemCollector
    catalog: Catalog

    @property
    def model(self) -> Model:
        return self.origins.model

    def refuse(self, message: str, *, hint: str, at: KeyPath | None = None) -> None:
        where = at or self.casting.path
        related: list[tuple[KeyPath, str]] = []
        fallback, layer = self.origins.fallback, self.origins.layer
        if fallback is None and layer is not None and layer.changes_model and layer.overlay.cast is None:
            related = [(where, f"the cast of shot {self.origins.shot.id!r} is here")]
            where, message = (*layer.overlay.path, "model"), f"cast: {message}"
            hint = f"{hint}; or write 'cast: null' beside it to go on without the cast"
        elif fallback is not None and fallback.cast is None:
            where, message = (*fallback.path, "model"), f"its fallback: {message}"
            hint = f"{hint}; or write 'cast: null' on the fallback to go on without the cast"
        else:
            message = f"cast: {message}"
            if self.casting.inherited:
                hint = f"{hint}; or write 'cast: null' on the shot"
        self.problems.add(message, where, code="cast", hint=hint, related=related)

    def others(self, pictures: Mapping[str, int], styles: int, own: int = 0) -> str:
        kind = self.model.kind
        found = models_for(self.catalog, kind, pictures, styles, own=own)
        return f"models that do: {', '.join(found)}" if found else f"no {kind} model does"


class CastFiller:
    """Fills the bodies of one pipeline. Keeps which fields of each model take a cast."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._fields: dict[str, ReferenceField | None] = {}

    def fill(self, casting: Casting, rendered: RenderedBody, origins: FieldOrigins, problems: ProblemCollector) -> FilledCast:
        """Return the body with the members in it; what the model does not take is reported, and left out."""
        site = _Site(origins=origins, casting=casting, problems=problems.for_shot(origins.shot), catalog=self._catalog)
        filling = _Filling(body=dict(rendered.body), media=list(rendered.media))
        self._pictures(site, rendered, filling)
        self._styles(site, rendered, filling)
        return FilledCast(
            rendered=replace(rendered, body=filling.body, media=tuple(filling.media)),
            origins=filling.origins,
            names=casting.names,
            notes=tuple(filling.notes),
        )

    def _field(self, model: Model) -> ReferenceField | None:
        if model.name not in self._fields:
            self._fields[model.name] = reference_field(model)
        return self._fields[model.name]

    def _pictures(self, site: _Site, rendered: RenderedBody, filling: _Filling) -> None:
        shown = [(member, at) for member, at in site.casting.members if member.known and member.images]
        if not shown:
            return
        numbers = {member.name: len(member.images) for member, _ in shown}
        field, model = self._field(site.model), site.model
        if field is None:
            hint = site.others(numbers, 0)
            site.refuse(f"{model.name} takes no references, and {_listed(list(numbers), 'images')}", hint=hint, at=_first(shown))
            return
        own = rendered.body.get(field.name)
        if rendered.is_unknown((field.name,)) or (own is not None and not isinstance(own, list)):
            return
        begun = len(own or ())
        count = begun + sum(field.count(number) for number in numbers.values())
        if field.most_pictures is not None and (large := [name for name, number in numbers.items() if number > field.most_pictures]):
            message = f"{large[0]} has {numbers[large[0]]} images; {field.name} of {model.name} takes {field.most_pictures} of one member"
            site.refuse(message, hint=site.others(numbers, 0, begun), at={member.name: at for member, at in shown}[large[0]])
        elif field.most is not None and count > field.most:
            besides = f", {begun} of them its own" if begun else ""
            message = f"that makes {count} references{besides}; {field.name} of {model.name} takes {field.most}"
            site.refuse(message, hint=f"leave somebody out; {site.others(numbers, 0, begun)}")
        else:
            filling.pictures(field, [member for member, _ in shown], own or [])
            filling.notes += [
                f"strength of {member.name} left out: {field.name} of {model.name} has none"
                for member, _ in shown
                if member.strength is not None and member.style is None and field.strength is None
            ]

    def _styles(self, site: _Site, rendered: RenderedBody, filling: _Filling) -> None:
        styled = [(member, at) for member, at in site.casting.members if member.known and member.style is not None]
        if not styled:
            return
        field, model = style_field(site.model), site.model
        names = [member.name for member, _ in styled]
        numbers = {member.name: len(member.images) for member, _ in site.casting.members if member.known and member.images}
        if field is None:
            hint = site.others(numbers, len(styled))
            site.refuse(f"{model.name} takes no styles, and {_listed(names, 'a style')}", hint=hint, at=_first(styled))
            return
        own = rendered.body.get(STYLE_FIELD)
        if rendered.is_unknown((STYLE_FIELD,)) or (own is not None and not isinstance(own, list)):
            return
        count = len(own or ()) + len(styled)
        if field.max_items is not None and count > field.max_items:
            hint = f"leave one out; {site.others(numbers, count)}"
            site.refuse(f"that makes {count} styles; {model.name} takes {field.max_items}", hint=hint)
            return
        filling.styles([member for member, _ in styled], own or [])


@dataclass(kw_only=True, slots=True)
class _Filling:
    """A body on its way."""

    body: dict[str, Any]
    media: list[MediaValue]
    origins: dict[KeyPath, tuple[str, KeyPath]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def pictures(self, form: ReferenceField, members: list[Member], own: list[Any]) -> None:
        items = list(own)
        tags = {item["tag"] for item in items if isinstance(item, Mapping) and isinstance(item.get("tag"), str)}
        for member in members:
            for group in [member.images] if form.pictures is not None else [(image,) for image in member.images]:
                place: KeyPath = (form.name, len(items))
                item = self._item(form, member, group, place)
                if form.tag is not None and isinstance(item, dict):
                    item["tag"] = form.tagged(member.name, tags)
                    tags.add(item["tag"])
                    self.origins[*place, "tag"] = (member.name, member.spec.path)
                self.origins[place] = (member.name, group[0][1])
                items.append(item)
        self.body[form.name] = items

    def _item(self, form: ReferenceField, member: Member, group: tuple[tuple[Any, KeyPath], ...], place: KeyPath) -> Any:
        """Return one item of the field, with None where its references go."""
        inside: KeyPath = () if form.address is None else (form.address,)
        item: dict[str, Any] = {} if form.address is None else {form.address: None}
        if form.pictures is not None:
            item[form.pictures] = [None] * len(group)
        for number, (value, at) in enumerate(group):
            path = (*place, *(inside if form.pictures is None else (form.pictures, number)))
            self.media.append(MediaValue(path=path, media="image", value=value, max_length=form.max_length, member=member.name))
            self.origins[path] = (member.name, at)
        if form.address is None and form.pictures is None:
            return None
        if form.strength is not None and (member.strength is not None or (form.strength.required and not form.strength.has_default)):
            item["strength"] = DEFAULT_STRENGTH if member.strength is None else member.strength
            self.origins[*place, "strength"] = _strength_of(member)
        return item

    def styles(self, members: list[Member], own: list[Any]) -> None:
        items = list(own)
        for member in members:
            assert member.style is not None
            self.origins[STYLE_FIELD, len(items)] = (member.name, (*member.spec.path, "style"))
            self.origins[STYLE_FIELD, len(items), "strength"] = _strength_of(member)
            items.append(style_item(member.style, member.strength))
        self.body[STYLE_FIELD] = items


def _listed(names: Sequence[str], what: str) -> str:
    """Return ``mara has images``, ``mara and kiosk have images``."""
    *others, last = names
    return f"{', '.join(others)} and {last} have {what}" if others else f"{last} has {what}"


def _strength_of(member: Member) -> tuple[str, KeyPath]:
    return member.name, member.spec.path if member.strength is None else (*member.spec.path, "strength")


def _first(called: list[tuple[Member, KeyPath]]) -> KeyPath:
    return called[0][1]
