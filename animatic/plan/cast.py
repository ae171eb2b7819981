"""The cast of one variant: the words of its members, rendered when they are first quoted, and whom each shot takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from animatic.catalog.model import Kind
from animatic.errors import KeyPath
from animatic.plan.origins import FieldOrigins
from animatic.plan.problems import ProblemCollector
from animatic.plan.scopes import Names, TemplateError, Unseen
from animatic.plan.templates import TemplateContext, finalize
from animatic.spec.model import CastList, MemberSpec, PipelineSpec, ShotSpec
from animatic.spec.section import is_template
from animatic.suggest import nearest

_MAX_LISTED = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A member as a variant has it. ``images`` are references, each with its place; ``known`` is False where a run decides on them."""

    name: str
    spec: MemberSpec
    images: tuple[tuple[Any, KeyPath], ...]
    style: str | None
    strength: Any
    known: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Casting:
    """Whom a shot takes, each with the place that names it, and the place of the whole list. ``inherited``: it is a default's."""

    members: tuple[tuple[Member, KeyPath], ...]
    path: KeyPath
    inherited: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of the list."""
        return tuple(member.name for member, _ in self.members)


class CastNames(Names):
    """What templates see as ``cast``: the prompt text of each member that has one, rendered when it is first asked for."""

    __slots__ = ("_made", "_render", "silent")

    def __init__(self, prompts: dict[str, str], silent: frozenset[str], render: Callable[[str], str]) -> None:
        super().__init__("cast", prompts)
        self._render = render
        self._made: dict[str, str] = {}
        self.silent = silent

    def __getitem__(self, name: str) -> str:
        if name not in self._made:
            self._made[name] = self._render(name)
        return self._made[name]

    def missing(self, name: str) -> TemplateError | None:
        """Explain a member without words."""
        if name not in self.silent:
            return None
        return TemplateError(f"cast.{name} is not defined: that member has no prompt", "give the member a 'prompt', or take this out")


class VariantCast:
    """The members of one variant. ``context`` is what its templates see, ``cast`` included."""

    def __init__(self, spec: PipelineSpec, context: TemplateContext, problems: ProblemCollector) -> None:
        self._spec = spec
        alone = Unseen("cast", "members do not quote each other", "write the words here, or as a param that both quote")
        self._plain = replace(context, names={**context.names, "cast": alone}) if spec.cast else context
        self._problems = problems
        self._members: dict[str, Member] = {}
        self._unknown: set[str] = set()
        self._defaults = {
            kind: (people, (*defaults.path, kind, "cast")) for defaults in spec.defaults for kind, people in defaults.cast.items()
        }
        prompts = {name: member.prompt for name, member in spec.cast.items() if member.prompt is not None}
        names = CastNames(prompts, frozenset(spec.cast) - prompts.keys(), self._words)
        self.context = context.with_cast(names, self._unknown)

    def written(self, shot: ShotSpec, kind: Kind) -> CastList:
        """Return whom a shot or the defaults of its kind name, unrendered."""
        return shot.cast if shot.cast is not None else self._defaults[kind][0] if kind in self._defaults else ()

    def casting_of(self, origins: FieldOrigins, kind: Kind, context: TemplateContext, problems: ProblemCollector) -> Casting | None:
        """Return whom a request takes: as its fallback, the profile, the shot or the defaults say. None for nobody. Reports mistakes."""
        shot, fallback, overlay = origins.shot, origins.fallback, origins.layer.overlay if origins.layer else None
        if shot.cast is None and fallback is None and overlay is None and kind not in self._defaults:
            return None  # most shots of most storyboards
        ours = problems.for_shot(shot)
        if fallback is not None and fallback.cast is not None:
            people, path, inherited = fallback.cast, (*fallback.path, "cast"), False
        elif overlay is not None and overlay.cast is not None:
            people, path, inherited = overlay.cast, (*overlay.path, "cast"), False
        elif shot.cast is not None:
            people, path, inherited = shot.cast, (*shot.path, "cast"), False
        elif kind in self._defaults:
            people, path = self._defaults[kind]
            ours, inherited = problems, True
        else:
            return None
        if not people:
            return None
        found = tuple(self._called(people, path, context, ours))
        return Casting(members=found, path=path, inherited=inherited) if found else None

    def _called(
        self, people: CastList, path: KeyPath, context: TemplateContext, problems: ProblemCollector
    ) -> Iterator[tuple[Member, KeyPath]]:
        seen: set[str] = set()
        for name, at in _names(people, path, context, problems):
            if name not in self._spec.cast:
                message, hint = self._nobody(name)
                problems.add(f"cast: {message}", at, code="cast", hint=hint)
            elif name in seen:
                problems.add(f"cast: {name!r} is named twice", at, code="cast", hint="name each member once")
            else:
                seen.add(name)
                yield self._member(name), at

    def _nobody(self, name: str) -> tuple[str, str]:
        """Return what to say of a name that is no member's."""
        if not self._spec.cast:
            return f"there is no member {name!r}: no cast is declared", f"declare it: 'cast: {{{name}: {{images: refs/{name}.png}}}}'"
        close = nearest(name, self._spec.cast)
        listed = ", ".join(list(self._spec.cast)[:_MAX_LISTED])
        return f"there is no member {name!r}", f"did you mean {' or '.join(close)}?" if close else f"the members are {listed}"

    def _member(self, name: str) -> Member:
        if name not in self._members:
            self._members[name] = self._rendered(self._spec.cast[name])
        return self._members[name]

    def _rendered(self, spec: MemberSpec) -> Member:
        images: list[tuple[Any, KeyPath]] = []
        known = True
        for written, at in spec.images:
            value, sure = self._value(spec, written, at)
            known = known and sure
            images += [(item, at) for item in (value if isinstance(value, list) else [value]) if item not in (None, "")]
        style, sure = self._value(spec, spec.style, (*spec.path, "style"))
        strength, certain = self._value(spec, spec.strength, (*spec.path, "strength"))
        return Member(
            name=spec.name,
            spec=spec,
            images=tuple(images),
            style=str(style).strip() or None if style is not None else None,
            strength=strength,
            known=known and sure and certain,
        )

    def _value(self, spec: MemberSpec, written: Any, path: KeyPath) -> tuple[Any, bool]:
        """Return a value with its templates filled in, and whether that is what a run will find."""
        if isinstance(written, dict):
            parts = {key: self._value(spec, part, (*path, key)) for key, part in written.items()}
            return {key: part for key, (part, _) in parts.items()}, all(sure for _, sure in parts.values())
        if not isinstance(written, str) or not is_template(written):
            return written, True
        try:
            rendered = self._plain.render(written)
        except TemplateError as mistake:
            name = str(next(part for part in reversed(path) if isinstance(part, str)))
            ours = self._problems.for_member(spec.name)
            ours.add(f"{name}: {mistake.message}", path, code="template", hint=mistake.hint)
            return None, False
        return rendered.value, rendered.known

    def _words(self, name: str) -> str:
        """Return the prompt of a member; what cannot be had is reported there, and stands in for what a run would find."""
        spec = self._spec.cast[name]
        value, sure = self._value(spec, spec.prompt, (*spec.path, "prompt"))
        if not sure:
            self._unknown.add(name)
        return str(finalize(value)).strip()


def _names(people: CastList, path: KeyPath, context: TemplateContext, problems: ProblemCollector) -> Iterator[tuple[str, KeyPath]]:
    """Yield the names of a list, rendered; what is not known yet, or comes out blank, is left out."""
    whole = isinstance(people, str)
    for index, written in enumerate([people] if isinstance(people, str) else people):
        at = path if whole else (*path, index)
        try:
            rendered = context.render(written)
        except TemplateError as mistake:
            problems.add(f"cast: {mistake.message}", at, code="template", hint=mistake.hint)
            continue
        if not rendered.known:
            continue
        for value in rendered.value if isinstance(rendered.value, list) else [rendered.value]:
            if value is not None and str(value).strip():
                yield str(value).strip(), at
