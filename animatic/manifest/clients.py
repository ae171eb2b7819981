"""Takes out of a run's record what clients are not to see: prices, models, paths, jobs, addresses, and what a failure says of them.

A page, a sheet and an index entry that are made from such a record cannot tell them: they are not there. The manifest itself stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from animatic.manifest.model import Cost, Input, Manifest, PageRules, PrefectRun, Shot, Source, TakeEntry
from animatic.manifest.parts import Failure
from animatic.plan.model import called_by

NOT_MADE = "This shot is not there yet."
A_FILE, A_REFERENCE = "a file", "a reference"
_TEXTS = ("prompt", "text", "duration")
"""Fields of a request that are the storyboard's own: what is to be seen or heard, and how long."""
_PATH_OR_PRICE = re.compile(r"://|\\|[\w.~-]*[A-Za-z_.~][\w.~-]*/|/\S*[A-Za-z_]|\.[A-Za-z][A-Za-z0-9]{1,4}$|[$€£]\s*\d|\d\s*(?:USD|EUR)\b")


class Discretion:
    """Tells texts that a client may read from those that name a model, a path, a job or a price of this run."""

    def __init__(self, run: Manifest) -> None:
        self._names = {name.casefold() for name in _names(run) if len(name) > 1}

    def hides(self, value: Any) -> bool:
        """Whether a value of a parameter or of the matrix is not for clients."""
        if isinstance(value, Mapping):
            return any(self.hides(item) for item in value.values())
        if isinstance(value, list | tuple):
            return any(self.hides(item) for item in value)
        text = str(value).strip()
        return bool(_PATH_OR_PRICE.search(text)) or any(name in text.casefold() for name in self._names)


def for_clients(run: Manifest) -> Manifest:
    """Return the record without what clients are not to see."""
    discretion = Discretion(run)
    variants = _variants(run, discretion)
    return run.model_copy(
        update={
            "params": {name: value for name, value in run.params.items() if not discretion.hides(value)},
            "profile": None,
            "prefect": PrefectRun(),
            "source": Source(file="", sha256=""),
            "cost": Cost(estimated_usd=None, billed_usd=None, reused_usd=None, unpriced=0),
            "shots": tuple(_shot(shot, variants) for shot in run.shots),
            "reels": tuple(reel.model_copy(update={"variant": variants[repr(dict(reel.variant))], "notes": ()}) for reel in run.reels),
            "stray_jobs": (),
            "page": PageRules(money=False),
        }
    )


def shown(run: Manifest) -> Manifest:
    """Return the record as its page may show it: whole, or for clients where the pipeline says so."""
    return run if run.page.money else for_clients(run)


def _shot(shot: Shot, variants: Mapping[str, Mapping[str, Any]]) -> Shot:
    return shot.model_copy(
        update={
            "variant": variants[repr(dict(shot.variant))],
            "model": "",
            "request": {name: shot.request[name] for name in _TEXTS if name in shot.request},
            "inputs": tuple(_input(item) for item in shot.inputs),
            "fingerprint": "",
            "attempts": (),
            "job_id": None,
            "usd": None,
            "set_aside_usd": None,
            "evidence": None,
            "note": None,
            "qc": None,
            "takes": tuple(_take(take) for take in shot.takes),
            "decision": None,
            "log": (),
            "choice": None,
            "continuity": None,
            "error": None if shot.error is None else Failure(code=shot.error.code, message=NOT_MADE),
        }
    )


def _take(take: TakeEntry) -> TakeEntry:
    hidden: dict[str, Any] = {"fingerprint": "", "job_id": None, "usd": None, "note": None, "qc": None, "continuity": None, "attempts": ()}
    return take.model_copy(update=hidden)


def _input(item: Input) -> Input:
    return item.model_copy(update={"path": A_FILE if item.origin == "file" else None, "url": None, "sent_as": None})


def _variants(run: Manifest, discretion: Discretion) -> dict[str, Mapping[str, Any]]:
    """Return each variant as clients may read it, by the text of the whole one: a value that is not for them becomes ``option 2``."""
    found = [*(shot.variant for shot in run.shots), *(reel.variant for reel in run.reels)]
    axes: dict[str, list[Any]] = {}
    for variant in found:
        for axis, value in variant.items():
            if value not in axes.setdefault(axis, []):
                axes[axis].append(value)
    return {repr(dict(variant)): {axis: _value(value, axes[axis], discretion) for axis, value in variant.items()} for variant in found}


def _value(value: Any, all_of_axis: Sequence[Any], discretion: Discretion) -> Any:
    return f"option {all_of_axis.index(value) + 1}" if discretion.hides(value) else called_by(value)


def _names(run: Manifest) -> Iterator[str]:
    """Yield the names that give away what the run was made with and from."""
    for model in _models(run.shots):
        yield model
        yield model.rpartition("/")[2]
    for shot in run.shots:
        yield from filter(None, (shot.job_id, *(attempt.job_id for attempt in shot.attempts)))
        yield from filter(None, (item.path for item in shot.inputs))
    yield from filter(None, (run.source.file, run.prefect.flow_run_id))


def _models(shots: Iterable[Shot]) -> set[str]:
    return {shot.model for shot in shots}
