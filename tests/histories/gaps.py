"""What the product is known not to stand yet: faults that are left out, and rules that count as no failure. Both must become empty."""

from __future__ import annotations

KNOWN_GAPS: frozenset[str] = frozenset()
"""Faults of the model."""
KNOWN_RULES: frozenset[str] = frozenset({"swapped turned away"})
"""Rules, as `tests.histories.invariants` names them. A job that was made although its POST was turned away (429), just when the answer to
another POST was lost: on a busy account there is a 429 beside most lost answers, and each would become a question to a person."""


def failures(broken: tuple[str, ...]) -> tuple[str, ...]:
    """Return what counts as a failure."""
    return tuple(text for text in broken if text.partition(":")[0] not in KNOWN_RULES)
