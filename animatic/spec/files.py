"""Which files a declaration is read from: a file stands for itself, a folder for all the YAML files in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from animatic.errors import UsageError
from animatic.source import load_all
from animatic.spec.declare import declare
from animatic.spec.model import Declaration

ENDINGS = {".yaml", ".yml"}


def load_declaration(paths: Iterable[Path]) -> Declaration:
    """Read one or several pipelines files as one declaration.

    Raises DeclarationError for files that cannot be read as data, UsageError for a folder without YAML files; every other mistake is in the
    declaration's problems.
    """
    return declare(load_all(file for path in paths for file in _files(path)))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in ENDINGS and file.is_file())
    if not found:
        raise UsageError(f"there is no pipelines file in {path}", hint="a folder stands for all the .yaml files in it")
    return found
