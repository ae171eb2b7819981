"""Which pipelines files a command means, read and checked."""

from __future__ import annotations

from pathlib import Path

from animatic.errors import DeclarationError
from animatic.settings import default_home, pipelines_file
from animatic.spec import Declaration, load_declaration

DEFAULT = Path("pipelines.yaml")


def declared(files: tuple[Path, ...]) -> Declaration:
    """Read the declaration of a command. Where it is wrong, raises DeclarationError with every problem of it: all that `validate` reports."""
    chosen = files or (pipelines_file(),)
    declaration = load_declaration(chosen)
    if any(problem.severity == "error" for problem in declaration.problems):
        from animatic.catalog import Catalog
        from animatic.plan.check import examine

        found = examine(declaration, Catalog.load(default_home()))
        raise DeclarationError(found.problems, texts={document.name: document.text for document in declaration.documents})
    return declaration
