"""Deterministic histories: the engine's own code in simulated processes on one virtual clock, against a model of Krea and its account.

A seed gives the whole history (`scenario`); `play` plays it; `invariants` says which rules it broke. ``python -m tests.histories SEED``
shows it again.
"""

from __future__ import annotations

import gc
import hashlib
from dataclasses import dataclass

from tests.histories import patches, plans
from tests.histories.history import History
from tests.histories.invariants import violations
from tests.histories.play import play
from tests.histories.scenario import FAULTS, PERSON, draw

ALONE = frozenset(FAULTS)
"""All that may happen where nobody answers what is asked."""
ALL = ALONE | {PERSON}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one history."""

    seed: int
    broken: tuple[str, ...]
    faults: frozenset[str]
    trace: str


def check(seed: int, allowed: frozenset[str] = ALL) -> Verdict:
    """Play the history of a seed."""
    plans.prepare()
    with patches.in_place():
        return _check(seed, allowed)


def check_range(seeds: tuple[int, int], allowed: frozenset[str] = ALL) -> list[Verdict]:
    """Play the histories of the seeds from the first up to, and without, the last; return those that broke a rule."""
    plans.prepare()
    with patches.in_place():
        gc.freeze()
        return [verdict for seed in range(*seeds) if (verdict := _check(seed, allowed)).broken]


def fingerprint_of_range(seeds: tuple[int, int]) -> str:
    """Return a hash of all that happens in the histories of the seeds: the same in every process."""
    digest = hashlib.sha256()
    plans.prepare()
    with patches.in_place():
        for seed in range(*seeds):
            digest.update(_check(seed, ALL).trace.encode())
    return digest.hexdigest()


def first_broken(rules: frozenset[str], forced: frozenset[str], limit: int) -> Verdict | None:
    """Play histories with these faults, at most so many, until one of the rules is broken; return what became of that one."""
    plans.prepare()
    with patches.in_place():
        for seed in range(1, limit + 1):
            verdict = _check(seed, ALL, forced)
            if any(text.partition(":")[0] in rules for text in verdict.broken):
                return verdict
    return None


def _check(seed: int, allowed: frozenset[str], forced: frozenset[str] = frozenset()) -> Verdict:
    history = play(draw(seed, allowed, forced))
    broken = tuple(violations(history))
    return Verdict(seed=seed, broken=broken, faults=history.scenario.faults, trace=trace_of(history))


def chunks(first: int, count: int, size: int) -> list[tuple[int, int]]:
    """Return ranges of seeds, so many each at most."""
    return [(start, min(start + size, first + count)) for start in range(first, first + count, size)]


def trace_of(history: History) -> str:
    """Return a history for people, line by line."""
    scenario = history.scenario
    head = (
        f"plan {scenario.plan!r}, retries {scenario.retries}, timeout {scenario.timeout:g} s, budget {scenario.budget}, "
        f"per day {scenario.per_day}, concurrency {scenario.concurrency}\n"
        f"{scenario.patience}, intensity {scenario.intensity}, Krea's clock {scenario.skew:+g} s\n"
        f"faults: {', '.join(sorted(scenario.faults)) or 'none'}\n"
    )
    return head + "\n".join(f"{at:10.3f}  {who:12} {text}" for at, who, text in history.trace)


def render(verdict: Verdict) -> str:
    """Return what a failed test shows."""
    broken = "\n".join(f"  BROKEN {text}" for text in verdict.broken) or "  no rule was broken"
    return f"history {verdict.seed}\n{verdict.trace}\n{broken}\nagain: python -m tests.histories {verdict.seed}"
