"""Says what looking at a take found, as the manifest has it."""

from __future__ import annotations

from animatic.ledger import Take
from animatic.manifest import Finding, Quality

DAMAGE = "damage"
"""Check: frames that do not decode."""


def quality_of(take: Take) -> Quality | None:
    """Return what the checks of a take's clip found, in order of time; None of stills, and where nobody looked when it was fetched."""
    if take.damage is None and take.findings is None:
        return None
    found = [
        Finding(check=DAMAGE, at=gap.at, seconds=gap.seconds, detail=f"frames do not decode from {gap.at:g} s on, for {gap.seconds:g} s")
        for gap in take.damage or ()
    ]
    found += [Finding(check=seen.check, at=seen.at, seconds=seen.lasts, detail=seen.detail) for seen in take.findings or ()]
    return Quality(ok=not found, findings=tuple(sorted(found, key=lambda finding: (finding.at is not None, finding.at or 0.0))))
