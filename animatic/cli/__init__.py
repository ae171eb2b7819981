"""The verbs of the ``animatic`` command."""

from __future__ import annotations

from animatic.cli.main import main

__all__ = ["main"]
