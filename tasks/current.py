"""The run that the tasks of this event loop work for.

Clients, ledgers and semaphores do not travel through Prefect parameters (they would be visited, hashed and shown); tasks find them here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from animatic.takes.run import Run

_RUN: ContextVar[Run] = ContextVar("animatic_run")


def current_run() -> Run:
    """Return the run of this context; LookupError outside of a flow."""
    return _RUN.get()


@contextmanager
def working_for(run: Run) -> Iterator[None]:
    """Make a run the current one of this context and of the tasks it starts."""
    token = _RUN.set(run)
    try:
        yield
    finally:
        _RUN.reset(token)
