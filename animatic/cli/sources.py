"""Which pipelines files a command means, read and checked."""

from __future__ import annotations

import os
from pathlib import Path

from animatic.errors import DeclarationError
from animatic.spec import Declaration, load_declaration

DEFAULT = Path("pipelines.yaml")


def declared(files: tuple[Path, ...]) -> Declaration:
    """Read the declaration of a command. Raises DeclarationError with every structural problem."""
    chosen = files or (Path(os.environ.get("ANIMATIC_FILE") or DEFAULT),)
    declaration = load_declaration(chosen)
    if any(problem.severity == "error" for problem in declaration.problems):
        raise DeclarationError(declaration.problems)
    return declaration
