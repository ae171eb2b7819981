"""Says of each cut of a plan which shots it joins, and what becomes of its reels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from animatic.plan.model import Plan

_MAX_CHAIN = 8


def reel_texts(plan: Plan, reels: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each cut; ``reels`` is what becomes of each reel, by its file without ending."""
    shots = {step.key: step.shot for step in plan.steps}
    names = list(dict.fromkeys(cut.name for cut in plan.cuts))
    for name in names:
        cuts = [cut for cut in plan.cuts if cut.name == name]
        reasons = list(dict.fromkeys(reels[cut.file("")] for cut in cuts if cut.file("") in reels))
        text = f"{name}: " if names[1:] else ""
        text += chain_of([shots[key] for key in cuts[0].steps])
        text += f" (one for each of {len(cuts)} variants)" if cuts[1:] else ""
        yield text + (f"; {reasons[0]}" if len(reasons) == 1 else "")


def chain_of(keys: Sequence[str]) -> str:
    """Return names in a row; of many the first and the last."""
    if len(keys) <= _MAX_CHAIN:
        return " → ".join(keys)
    return f"{' → '.join(keys[:3])} → … {len(keys) - 6} more … → {' → '.join(keys[-3:])}"
