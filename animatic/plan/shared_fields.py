"""Finds fields that no model could ever take: in what many shots share, and in shots whose own model is not known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from animatic.catalog import Catalog
from animatic.catalog.model import KINDS, Kind, Model
from animatic.errors import KeyPath
from animatic.plan.origins import keys_at, own_key
from animatic.plan.problems import ProblemCollector
from animatic.spec.keys import SHARED
from animatic.spec.model import FallbackSpec, ShotSpec
from animatic.suggest import closest


class SharedFields:
    """Knows the fields of the models of a kind. ``used`` are asked first: the whole catalogue is read only where they do not know one."""

    def __init__(self, catalog: Catalog, used: Sequence[tuple[Kind, Model]]) -> None:
        self._catalog = catalog
        self._used = used
        self._known: dict[tuple[Kind, bool], frozenset[str]] = {}

    def check(
        self, kind: Kind, values: Mapping[str, Any], path: KeyPath, what: str, problems: ProblemCollector, ours: Collection[str] = SHARED
    ) -> None:
        """Report the names that are no field of any model of the kind. ``what`` begins the message: ``default for video``.

        ``ours`` are the keys of ours that may stand beside them.
        """
        for name in values:
            if name != "model" and not self._is_field(name, kind):
                hint = self._hint(name, ours, (kind,)) or "take it out"
                problems.add(f"{what}: no {kind} model has a field {name!r}", (*path, name), key=True, code="unknown-field", hint=hint)

    def check_unmade(self, part: ShotSpec | FallbackSpec, kind: Kind | None, shot: ShotSpec, problems: ProblemCollector) -> None:
        """Report what no model has of the fields of a shot, or of a fallback of it, whose model is not known.

        ``kind`` is that of the models that may be meant, None: any.
        """
        kinds = KINDS if kind is None else (kind,)
        ours = problems.for_shot(shot)
        for name, value in part.fields.items():
            where = (*part.path, name)
            empty = value is None and problems.spec.document.written(where) == ""  # which is reported as that
            if empty or any(name in self._names(of, retired=False) for of in kinds):
                continue
            new = {model.aliases[name] for of in kinds for model in self._catalog.models(of) if name in model.aliases}
            if new:
                hint = f"write {' or '.join(sorted(new))}; `animatic fix` rewrites all retired names"
                ours.add(f"{name!r} was retired by Krea", where, key=True, code="retired-name", hint=hint)
            else:
                hint = self._hint(name, keys_at(where, shot), kinds) or "take it out; to send it all the same, write it under extra_body"
                message = f"no {kind} model has a field {name!r}" if kind else f"no model has a field {name!r}"
                ours.add(message, where, key=True, code="unknown-field", hint=hint)

    def _hint(self, name: str, ours: Collection[str], kinds: Sequence[Kind]) -> str | None:
        names = sorted(frozenset[str]().union(*(self._names(kind, retired=False) for kind in kinds)))
        meant = own_key(name, ours, names) or closest(name, names)
        return f"did you mean {meant!r}?" if meant else None

    def _is_field(self, name: str, kind: Kind) -> bool:
        if any(name in model.fields or name in model.aliases for of, model in self._used if of == kind):
            return True
        return name in self._names(kind, retired=True)

    def _names(self, kind: Kind, *, retired: bool) -> frozenset[str]:
        if (kind, retired) not in self._known:
            models = self._catalog.models(kind)
            self._known[kind, retired] = frozenset(
                name for model in models for name in (*model.fields, *(model.aliases if retired else ()))
            )
        return self._known[kind, retired]
