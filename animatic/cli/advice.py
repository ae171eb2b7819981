"""Completes the commands that messages advise, so that they work when they are pasted.

A message says `animatic resume RUN` between backticks; what this command line was given of ``--file``, ``--deliver``, ``--simulate``,
``--param``, ``--params-file`` and ``--profile`` is added where the advised verb takes it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextvars import ContextVar

import click

CARRIED = {"--file": True, "--deliver": True, "--param": True, "--params-file": True, "--profile": True, "--simulate": False}
"""Options that say what a command line is about, and whether each has a value."""
_NOT_CARRIED = {"new": {"--file"}, "doubts": {"--param"}}
"""Verbs that mean something else by an option of that name."""
_COMMAND = re.compile(r"`animatic (?P<verb>[a-z]+)(?P<rest>[^`]*)`")

Given = tuple[tuple[str, str | None], ...]
GIVEN: ContextVar[Given] = ContextVar("animatic_given", default=())
"""What this command line was given of the carried options, in its order."""


def given_on(arguments: Sequence[str]) -> Given:
    """Return the carried options of a command line, e.g. ``(("--file", "board.yaml"), ("--simulate", None))``."""
    found: list[tuple[str, str | None]] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name not in CARRIED:
            continue
        if not CARRIED[name]:
            found.append((name, None))
        elif equals:
            found.append((name, value))
        elif (following := next(words, None)) is not None:
            found.append((name, following))
    return tuple(dict.fromkeys(found))


def carry_simulate() -> None:
    """Have advice say ``--simulate`` from now on: the run that this command goes on with is a simulated one."""
    if ("--simulate", None) not in GIVEN.get():
        GIVEN.set((*GIVEN.get(), ("--simulate", None)))


def completed(text: str) -> str:
    """Return a message whose commands carry the options that this command line was given."""
    given = GIVEN.get()
    return _COMMAND.sub(lambda match: _completed(match, given), text) if given and "`animatic " in text else text


def _completed(match: re.Match[str], given: Given) -> str:
    verb, rest = match["verb"], match["rest"]
    taken = _options_of(verb)
    written = {word.partition("=")[0] for word in rest.split()}
    if rest.startswith(" --plan ") or "--help" in written:  # a saved plan holds all of it; help is the same for all
        taken = set()
    more = [word for name, value in given if name in taken - written for word in ([name] if value is None else [name, shlex.quote(value)])]
    return f"`animatic {' '.join([verb + rest, *more])}`"


def _options_of(verb: str) -> set[str]:
    """Return the carried options that a verb takes; none where there is no such verb."""
    from animatic.cli.main import VERBS, command_of

    if verb not in VERBS:
        return set()
    options = {name for option in command_of(verb).params if isinstance(option, click.Option) for name in option.opts}
    return (options & CARRIED.keys()) - _NOT_CARRIED.get(verb, set())
