"""How long takes are expected to last, before anything is known of this machine's own runs."""

from __future__ import annotations

from collections.abc import Callable

from animatic.catalog import Catalog
from animatic.plan.model import Step

_MINUTES = {"video": 2.0, "image": 0.5, "enhance": 0.75}
"""By kind; what Krea printed as averages in mid-2026: clips 0.5 to 2 minutes and longer for the large models, stills 5 to 70 seconds."""
_USUAL_SECONDS = 6.0


def expected_minutes(step: Step) -> float:
    """Return a first guess of the minutes that a step's job takes; longer footage takes longer in proportion."""
    minutes = _MINUTES[step.kind]
    duration = step.request.duration
    return minutes * max(1.0, duration / _USUAL_SECONDS) if step.kind == "video" and duration else minutes


def minutes_from(catalog: Catalog) -> Callable[[Step], float]:
    """Return a guess that knows what Krea prints as a model's usual time, where it prints one."""

    def minutes_of(step: Step) -> float:
        model = catalog.find(step.request.model)
        usual = model.typical_seconds if model is not None else None
        return expected_minutes(step) if usual is None else usual / 60

    return minutes_of
