"""Says what looking at a take found, as the manifest has it."""

from __future__ import annotations

from animatic.ledger import Take
from animatic.manifest import Finding, Quality

DAMAGE = "damage"
"""Check: frames that do not decode."""


def quality_of(take: Take) -> Quality | None:
    """Return what is wrong with a take's clip; None of stills, and where nobody looked when the take was recorded."""
    if take.damage is None:
        return None
    findings = tuple(
        Finding(check=DAMAGE, at=gap.at, seconds=gap.seconds, detail=f"frames do not decode from {gap.at:g} s on, for {gap.seconds:g} s")
        for gap in take.damage
    )
    return Quality(ok=not findings, findings=findings)
