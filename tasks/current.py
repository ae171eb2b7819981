"""The desk that the tasks of this event loop work at: the run, and what one stage of a shot hands to the next.

None of it travels as task parameters or as data of states: Prefect visits those for anything that it has seen as a result before (strings
included) and draws an edge for each, so that every shot would seem to hang on every other. Edges come from ``wait_for`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from animatic.krea import Job
from animatic.ledger import Take
from animatic.plan import Request
from animatic.takes.report import Reporter
from animatic.takes.run import Run
from animatic.takes.submitted import Submission


@dataclass(kw_only=True)
class Desk:
    """What the tasks of one run share; by step key."""

    run: Run
    reporter: Reporter
    requests: dict[str, Request] = field(default_factory=dict)
    submissions: dict[str, Submission] = field(default_factory=dict)
    sources: dict[str, Take | tuple[Submission, Job]] = field(default_factory=dict)
    outcomes: dict[str, Any] = field(default_factory=dict)
    """What the last task of a step (or of a reel, or the record) gave: its result, or the AnimaticError that ended it."""


_DESK: ContextVar[Desk] = ContextVar("animatic_desk")


def current_desk() -> Desk:
    """Return the desk of this context; LookupError outside of a flow."""
    return _DESK.get()


@contextmanager
def working_at(desk: Desk) -> Iterator[Desk]:
    """Make a desk the current one of this context and of the tasks it starts."""
    token = _DESK.set(desk)
    try:
        yield desk
    finally:
        _DESK.reset(token)
