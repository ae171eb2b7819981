"""Finds fields that are set for all shots of a kind, in defaults or a profile, and that no model of the kind has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from animatic.catalog import Catalog
from animatic.catalog.model import Kind, Model
from animatic.errors import KeyPath
from animatic.plan.problems import ProblemCollector
from animatic.suggest import nearest


class SharedFields:
    """Knows the fields of the models of a kind. ``used`` are asked first: the whole catalogue is read only where they do not know one."""

    def __init__(self, catalog: Catalog, used: Sequence[tuple[Kind, Model]]) -> None:
        self._catalog = catalog
        self._used = used

    def check(self, kind: Kind, values: Mapping[str, Any], path: KeyPath, what: str, problems: ProblemCollector) -> None:
        """Report the names that are no field of any model of the kind. ``what`` begins the message: ``default for video``."""
        for name in values:
            if name != "model" and not self._is_field(name, kind):
                close = nearest(name, self._names(kind, retired=False))
                hint = f"did you mean {close[0]!r}?" if close else "take it out"
                problems.add(f"{what}: no {kind} model has a field {name!r}", (*path, name), key=True, code="unknown-field", hint=hint)

    def _is_field(self, name: str, kind: Kind) -> bool:
        if any(name in model.fields or name in model.aliases for of, model in self._used if of == kind):
            return True
        return name in self._names(kind, retired=True)

    def _names(self, kind: Kind, *, retired: bool) -> set[str]:
        models = self._catalog.models(kind)
        return {name for model in models for name in (*model.fields, *(model.aliases if retired else ()))}
