"""The Jinja2 of pipelines files: sandboxed, an undefined name is an error, and no template can fill the memory or take for ever.

Every operation that makes or walks values is counted while a template is rendered: passes of loops, calls, filters, joined and listed
values. The count has an end that no storyboard comes near. What could make much of little in one operation (a width of a billion, text
that replaces every letter) is refused before it is done. No clock is asked, so a template is fine on every machine, or on none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from animatic.plan.scopes import Names, TemplateError
from animatic.plan.templates import finalize

MAX_WORK = 4_000_000
"""Of one rendering: characters and items made, and ``STEP`` for each operation."""
MAX_SIZE = 1_000_000
"""Characters and items that one value may have, all that is inside it included: far above any prompt."""
MAX_ITEMS = 200_000
STEP = 20
MAX_PRODUCT = 10_000_000
"""Where one operation multiplies sizes: what may come of it."""
MAX_NUMBER_BITS = 4_096
_MULTIPLIES = frozenset(
    ("expandtabs", "format", "format_map", "indent", "join", "replace", "sum", "tojson", "translate", "urlize", "wordwrap", "xmlattr")
)
"""Filters and methods whose result may be as large as the product of what goes in."""
_SLOW = frozenset(("indent", "pprint", "striptags", "title", "tojson", "urlize", "wordwrap", "xmlattr"))
"""Filters whose time grows faster than what goes in."""
_MAX_SLOW_SIZE = 50_000
_MAX_LISTS_SIZE = 3_000
"""Of lists that are summed up: each is copied as often as there are others."""
_WIDE = re.compile(r"%[^a-zA-Z%]*?(?:\d{5,}|\*)|\{[^{}]*:[^{}]*(?:\d{5,}|\{)")
"""A width in a format that is huge, or comes from elsewhere."""
_WITHOUT = ("lipsum", "cycler", "joiner")
"""Globals of Jinja2 that have no place in a storyboard."""


class TooMuchError(Exception):
    """A template that does not come to an end within the limits."""


class _Work:
    """What a rendering has done so far; ``step`` is the price of one operation."""

    __slots__ = ("done", "step")

    def __init__(self, step: int = STEP) -> None:
        self.done = 0
        self.step = step

    def add(self, amount: int) -> None:
        self.done += amount
        if self.done > MAX_WORK:
            raise TooMuchError("it takes too many steps")


_WORK: ContextVar[_Work | None] = ContextVar("animatic_template_work", default=None)


def limited(render: Callable[[], Any], text: str) -> Any:
    """Return what the rendering of a text yields. Raises TooMuchError where it goes beyond the limits."""
    token = _WORK.set(_Work(STEP + len(text) // 4))  # every pass of a loop may print the text once more
    try:
        return plain(render())
    finally:
        _WORK.reset(token)


def plain(value: Any) -> Any:
    """Return a value with nothing of Jinja2 left in it: escaped text is text, a tuple is a list."""
    if isinstance(value, str):
        return value if type(value) is str else str.__str__(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


def size(value: Any) -> int:
    """Return how many characters and items a value has, all that is inside included. Raises TooMuchError beyond the limit."""
    total, items, waiting = 0, 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str | bytes):
            total += len(one)
        elif isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        total, items = total + 1, items + 1
        if items + len(waiting) > MAX_ITEMS:
            raise TooMuchError(f"it makes a value of more than {MAX_ITEMS:,} parts")
        if total > MAX_SIZE:
            raise TooMuchError(f"it makes a value of more than {MAX_SIZE:,} characters")
    return total


def _counted(value: Any) -> Any:
    """Count a value that an operation has made, and return it."""
    work = _WORK.get() or _Work()
    work.add(work.step + (len(value) if type(value) is str else size(value)))
    if type(value) is str and len(value) > MAX_SIZE:
        raise TooMuchError(f"it makes a text of {len(value):,} characters")
    return value


def _passes(values: Any) -> Iterator[Any]:
    """Count the passes of a loop."""
    work = _WORK.get() or _Work()
    for value in values:
        work.add(work.step)
        yield value


def _check_arguments(name: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """Refuse an operation that would make too much of little, before it is done. Returns the arguments, generators as lists."""
    if name in _SLOW and arguments and size(arguments[0]) > _MAX_SLOW_SIZE:
        raise TooMuchError(f"'{name}' is given more than {_MAX_SLOW_SIZE:,} characters")
    if name == "format" and arguments:
        _check_width(arguments[0])
    if name not in _MULTIPLIES:
        for value in (*arguments[1:], *named.values()):
            _check_number(name, value)
        return arguments
    arguments = tuple(list(_passes(value)) if isinstance(value, Iterator) else value for value in arguments)
    product = max(1, size(arguments[0]) if arguments else 1)
    for value in (*arguments[1:], *named.values()):
        _check_number(name, value)
        product *= max(1, abs(value) if isinstance(value, int) else size(value))
    lists = name == "sum" and any(isinstance(value, list | tuple | str) for value in (*arguments[1:], *named.values()))
    if product > MAX_PRODUCT or (lists and size(arguments[0]) > _MAX_LISTS_SIZE):
        raise TooMuchError(f"'{name}' may make too much of this")
    return arguments


def _check_width(text: Any) -> None:
    if isinstance(text, str) and _WIDE.search(text):
        raise TooMuchError("a width in a format has four digits at most, and stands in it")


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SIZE:
        raise TooMuchError(f"'{name}' is given the number {value}")


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that counts what it makes. Jinja2's marks on it (what it is passed first) are kept."""
    mark = getattr(function, "jinja_pass_arg", None)

    def filtered(*arguments: Any, **named: Any) -> Any:
        first, rest = (arguments[:1], arguments[1:]) if mark is not None else ((), arguments)
        return _counted(function(*first, *_check_arguments(name, rest, named), **named))

    if mark is not None:
        filtered.jinja_pass_arg = mark  # type: ignore[attr-defined]
    return filtered


class _Variables(Namespace):
    """Variables that a loop may set. What they hold is not printed with them: it would be uncounted."""

    def __repr__(self) -> str:
        return "namespace"


class _Counting(NodeTransformer):
    """Puts the counting into a parsed template: around what loops walk, and what expressions make."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named by Jinja2
        node = self.generic_visit(node)  # type: ignore[assignment]
        node.iter = _filter(node.iter, "_passes")
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - named by Jinja2
        return _filter(self.generic_visit(node), "_counted")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - named by Jinja2
        made = self.generic_visit(node)
        return _filter(made, "_counted") if node.ctx == "load" else made

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - named by Jinja2
        return _filter(self.generic_visit(node), "_counted")

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - named by Jinja2
        return _filter(self.generic_visit(node), "_counted")


def _filter(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all templates: scopes answer by item only, and every operation is counted."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def compile(self, source: Any, *arguments: Any, **named: Any) -> Any:
        """Compile a template with the counting in it."""
        tree = self.parse(source) if isinstance(source, str) else source
        return super().compile(_Counting().visit(tree), *arguments, **named)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return ``params.items`` as the param of that name, never as a method of dict."""
        if isinstance(obj, Names):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call(self, context: Any, obj: Any, *arguments: Any, **named: Any) -> Any:
        """Call a method, macro or global. Raises TooMuchError."""
        method = getattr(obj, "__wrapped__", obj)  # Jinja2 wraps `format` of text
        owner = getattr(method, "__self__", None)
        if isinstance(owner, str | int | bytes):
            _, *checked = _check_arguments(method.__name__, (owner, *arguments), named)
            arguments = tuple(checked)
        return _counted(super().call(context, obj, *arguments, **named))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Calculate. Raises TemplateError for what templates may not do, TooMuchError."""
        if operator == "**" or (operator == "*" and any(isinstance(side, str | list | tuple) for side in (left, right))):
            what = "raise to a power" if operator == "**" else "multiply text or lists"
            raise TemplateError(f"templates cannot {what}", "compute it outside of the file and pass it as a parameter")
        if operator == "%" and isinstance(left, str):
            _check_arguments("format", (left, right), {})
        numbers = isinstance(left, int) and isinstance(right, int)
        if operator == "*" and numbers and left.bit_length() + right.bit_length() > MAX_NUMBER_BITS:
            raise TooMuchError("it makes a number without end")
        return _counted(super().call_binop(context, operator, left, right))


def _printed(value: Any) -> Any:
    """Count what is printed."""
    text = finalize(value)
    if (work := _WORK.get()) is not None:
        work.add(len(str(text)))
    return text


def make_environment(undefined: type[StrictUndefined]) -> Sandbox:
    """Return the environment of all templates; ``undefined`` is what an undefined name becomes."""
    environment = Sandbox(undefined=undefined, keep_trailing_newline=True, finalize=_printed, autoescape=False)
    environment.filters.update({name: _guarded(name, function) for name, function in environment.filters.items()})
    environment.filters.update(_counted=_counted, _passes=_passes)
    environment.globals["namespace"] = _Variables
    for name in _WITHOUT:
        environment.globals.pop(name, None)
    return environment
