"""Renders strings that hold ``{{ ... }}``: sandboxed Jinja2 where an undefined name is an error.

A string that is exactly one ``{{ expression }}`` keeps the type of what the expression yields, so ``duration: "{{ params.seconds }}"``
stays a number; anything else is text. Jinja2 is imported with the first template that is met.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from animatic.plan.scopes import Names, Scopes, TemplateError
from animatic.spec.section import is_template
from animatic.suggest import nearest

if TYPE_CHECKING:
    from jinja2 import Environment

_EXPRESSION = re.compile(r"\s*\{\{-?(.*?)-?\}\}\s*", re.DOTALL)
_NAME = re.compile(r"\{\{\s*(params|matrix|run|shot|cast)\.([A-Za-z_]\w*)\s*\}\}")
"""What nearly all templates consist of; these are put in without compiling a template for each shot."""
_BRACES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ODD_NAME = re.compile(r"\b(cast|shots)\.(?=[\w-]*-|\d)(\w[\w-]*\w|\w)")
"""An id that is no name to Jinja2: ``shots.vo-1`` would be a subtraction."""
_SEEN = "params, matrix, cast, run.date, run.time, run.id, shot.id, shot.line and shots.ID.line"
_MAX_NAMED = 8
"""Names that a message lists."""
_LIMIT = 1_000_000
"""Characters that one template may make: far above any prompt, far below what fills the memory."""


class _UnknownNameError(TemplateError):
    """A name that is no scope."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not defined")
        self.name = name


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a text yields; ``known`` is False where that is made from a stand-in for a value that only a run has."""

    value: Any
    known: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateContext:
    """What the templates of one place see.

    The params in ``sample_params``, the axes in ``sample_axes`` and the members of the cast in ``sample_cast`` only have stand-in values,
    as have the lines of the shots in ``sample_lines``.
    """

    names: Scopes
    sample_params: frozenset[str] = frozenset()
    sample_axes: frozenset[str] = frozenset()
    sample_cast: AbstractSet[str] = frozenset()
    """Grows while members are rendered."""
    sample_lines: frozenset[str] = frozenset()
    lines: Mapping[str, str] = field(default_factory=dict)
    """What is spoken over each shot, by its id."""

    def for_shot(self, shot_id: str) -> TemplateContext:
        """Return the context for the templates of one shot, which also see ``shot.id``, and ``shot.line`` where it has one."""
        line = self.lines.get(shot_id)
        shot = {"id": shot_id} if line is None else {"id": shot_id, "line": line}
        return TemplateContext(
            names={**self.names, "shot": Names("shot", shot)},
            sample_params=self.sample_params,
            sample_axes=self.sample_axes,
            sample_cast=self.sample_cast,
            sample_lines=self.sample_lines,
            lines=self.lines,
        )

    def with_cast(self, names: Names, unknown: AbstractSet[str]) -> TemplateContext:
        """Return a context that sees a cast."""
        return replace(self, names={**self.names, "cast": names}, sample_cast=unknown)

    def render(self, text: str) -> Rendered:
        """Render a text, template or not. Raises TemplateError."""
        if not is_template(text):
            return Rendered(text, known=True)
        value = render(text, self.names)
        uncertain = (
            mentions(text, "params", self.sample_params)
            or mentions(text, "matrix", self.sample_axes)
            or (self.sample_cast and "cast" in text)
            or (self.sample_lines and self._quotes_a_sample(text))
        )
        return Rendered(value, known=not uncertain)

    def _quotes_a_sample(self, text: str) -> bool:
        own = self.names["shot"].get("id") in self.sample_lines and bool(mentions(text, "shot", frozenset({"line"})))
        return own or bool(mentions(text, "shots", self.sample_lines))


def mentions(text: str, scope: str, names: frozenset[str]) -> tuple[str, ...]:
    """Return which of ``names`` the template reads from ``scope``; may err on the side of yes."""
    if not names or scope not in text:
        return ()
    found = re.findall(rf"\b{scope}\s*(?:\.|\[\s*['\"])\s*(\w+)([\w-]*)", text)
    return tuple(name for word, rest in found for name in dict.fromkeys((word + rest, word)) if name in names)


def render(text: str, names: Scopes) -> Any:
    """Return what the template yields: text, or for a single expression its value (text, number, boolean, list, mapping, None).

    Raises TemplateError.
    """
    try:
        parts = _NAME.split(text)  # literal, scope, name, literal, scope, name, ..., literal
        value = _compiled(text)(names) if is_template("".join(parts[::3])) else _put_in(parts, names)
    except _UnknownNameError as error:
        raise _unknown(error.name, names) from None
    except TemplateError:
        raise
    except (RecursionError, MemoryError):
        raise TemplateError("the template is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - whatever an expression raises is the template's mistake
        message = f"the template cannot be rendered: {_sentence(error)}"
        hint = (
            "text and numbers are joined with ~, as in {{ params.city ~ 2 }}" if "operand" in message or "concatenate" in message else None
        )
        if "not callable" in message:
            hint = "write the name alone, without brackets behind it"
        elif isinstance(error, TypeError) and "no loader" in message:
            message, hint = (
                "templates cannot read other files",
                "write the text here; what several shots share is a param, or the prompt of the cast",
            )
        if type(error).__name__ == "TooMuchError":  # of the sandbox, which is loaded only where templates need Jinja2
            hint = "compute it outside of the file and pass it as a parameter"
        raise TemplateError(message, hint) from None
    if value is not None and not isinstance(value, str | int | float | list | dict):
        raise TemplateError(
            f"the template yields {type(value).__name__}, which is not a value", "yield text, a number, a boolean or a list"
        )
    if isinstance(value, str) and len(value) > _LIMIT:  # without a template of Jinja2: plain names
        raise TemplateError(f"the template yields {len(value):,} characters")
    return value


def _put_in(parts: Sequence[str], names: Scopes) -> Any:
    """Render a template of plain names only, as Jinja2 would."""
    literals = parts[::3]
    values = [_named(scope, name, names) for scope, name in zip(parts[1::3], parts[2::3], strict=True)]
    if len(values) == 1 and not any(literal.strip() for literal in literals):
        return values[0]
    return literals[0] + "".join(f"{finalize(value)}{literal}" for value, literal in zip(values, literals[1:], strict=True))


def _named(scope: str, name: str, names: Scopes) -> Any:
    if name not in names[scope]:
        raise _undefined(names[scope], name, None)
    return names[scope][name]


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Callable[[Scopes], Any]:
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415 - only files with templates pay for the import

    from animatic.plan.sandbox import limited  # noqa: PLC0415

    environment = _environment()
    text = _BRACES.sub(lambda braces: _ODD_NAME.sub(r"\1['\2']", braces[0]), text)
    try:
        whole = _EXPRESSION.fullmatch(text)
        if whole and "{{" not in whole[1] and "}}" not in whole[1]:
            expression = environment.compile_expression(whole[1], undefined_to_none=False)
            return lambda names: limited(lambda: _defined(expression(names)), text)
        template = environment.from_string(text)
        return lambda names: limited(lambda: template.render(names), text)
    except TemplateSyntaxError as error:
        message, _, more = str(error.message or error).partition(". ")
        raise TemplateError(f"the template does not parse: {message.rstrip('.')}", more or _advice(message)) from None


def _advice(message: str) -> str:
    named = re.search(r"(?:filter|test) named '(\w+)'", message)
    if named:
        close = nearest(named[1], _environment().filters)
        return f"did you mean {close[0]}?" if close else "Jinja2's own filters can be used: upper, lower, round, default, ..."
    return "write it as {{ params.NAME }}, both braces doubled"


def _defined(value: Any) -> Any:
    from jinja2 import Undefined  # noqa: PLC0415

    if isinstance(value, Undefined):
        str(value)  # raises, naming what is undefined
    return value


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import StrictUndefined  # noqa: PLC0415

    from animatic.plan.sandbox import make_environment  # noqa: PLC0415 - only files with templates pay for the import

    class Missing(StrictUndefined):
        """An undefined name that knows what was there instead."""

        def __init__(self, hint: str | None = None, obj: Any = None, name: str | None = None, exc: Any = None) -> None:
            del exc
            super().__init__(hint, obj, name, lambda _text: _undefined(obj, name, hint))  # type: ignore[arg-type]

    return make_environment(Missing)


def finalize(value: Any) -> Any:
    """Print booleans as YAML writes them, and nothing for None."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _undefined(obj: Any, name: str | None, hint: str | None) -> TemplateError:
    if isinstance(obj, Names):
        where = f"{obj.label}.{name}"
        if (explained := obj.missing(str(name))) is not None:
            return explained
        if name == "line" and (obj.label == "shot" or obj.label.startswith("shots.")):
            return TemplateError(f"{where} is not defined: that shot has no line", "give the shot a 'line', or take this out")
        if obj.label.startswith("shots."):
            return TemplateError(f"{where} is not defined", f"of another shot templates see {obj.label}.line alone")
        if not obj:
            empty = {
                "params": "the pipeline declares no params",
                "matrix": "the pipeline has no matrix",
                "cast": "no cast is declared",
            }
            return TemplateError(f"{where} is not defined: {empty.get(obj.label, f'{obj.label} is not known here')}")
        close = nearest(str(name), obj)
        known = ", ".join(f"{obj.label}.{key}" for key in islice(obj, _MAX_NAMED)) + (", ..." if len(obj) > _MAX_NAMED else "")
        return TemplateError(f"{where} is not defined", f"did you mean {obj.label}.{close[0]}?" if close else f"there are {known}")
    if name is not None and isinstance(obj, dict):
        close = nearest(str(name), [str(key) for key in obj])
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(str(key) for key in obj) or 'none'}"
        return TemplateError(f"{name!r} is not defined in that mapping", hint)
    if name is not None and isinstance(obj, list | str | int | float):
        return TemplateError(f"{name!r} is not defined in {obj!r}")
    return TemplateError(hint) if hint else _UnknownNameError(str(name))


def _unknown(name: str, names: Scopes) -> TemplateError:
    """Explain a name that is no scope: mostly one that lacks its scope."""
    holders = [label for label, scope in names.items() if name in scope]
    close = [f"{label}.{name}" + (".line" if label == "shots" else "") for label in holders] or list(nearest(name, names))
    hint = f"did you mean {close[0]}?" if close else f"templates see {_SEEN}: write params.NAME"
    return TemplateError(f"{name!r} is not defined", hint)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
