"""Finds files of a project that a worker's Python would take for its own modules: it looks in the project's folder first."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from pathlib import Path


def shadowing(folder: Path) -> list[str]:
    """Return the modules and packages in ``folder`` that stand before one that a run imports, e.g. ``["logging.py"]``, sorted.

    A folder without ``__init__.py`` stands before nothing, and neither does a module of which a run knows none: `tasks.py` is harmless.
    """
    packages = {path.parent.name: path.parent.name for path in folder.glob("*/__init__.py")}
    own = packages | {path.stem: path.name for path in folder.glob("*.py")}
    if not own:
        return []
    needed = sys.stdlib_module_names | packages_distributions().keys() | {"animatic"}  # which may be installed without a copy
    return sorted(name for module, name in own.items() if module in needed)
