"""The verbs about declarations, which pay nothing and never load Prefect: ``validate``, ``plan``, ``models``, ``schema``, ``fix`` and ``new``."""

from __future__ import annotations

from animatic.cli.catalogue import models, schema
from animatic.cli.dry_run import plan
from animatic.cli.editing import fix, new
from animatic.cli.validating import validate

__all__ = ["fix", "models", "new", "plan", "schema", "validate"]
