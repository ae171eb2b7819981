"""The verbs about declarations, which pay nothing and never load Prefect: ``validate``, ``plan``, ``models``, ``schema``, ``fix`` and ``new``.

Each is imported when it is asked for: ``validate`` in an editor's save hook must not wait for what only ``plan`` needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

_MODULES = {
    "fix": "animatic.cli.editing",
    "models": "animatic.cli.catalogue",
    "new": "animatic.cli.editing",
    "plan": "animatic.cli.dry_run",
    "schema": "animatic.cli.catalogue",
    "validate": "animatic.cli.validating",
}


def __getattr__(name: str) -> click.Command:
    if name not in _MODULES:
        raise AttributeError(name)
    command: click.Command = getattr(importlib.import_module(_MODULES[name]), name)
    return command
