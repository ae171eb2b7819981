"""Says what looking at a take found, as the manifest has it, and which of several takes is the best by it."""

from __future__ import annotations

from collections.abc import Iterable

from animatic.ledger import Take
from animatic.manifest import Finding, Quality

DAMAGE = "damage"
"""Check: frames that do not decode."""
_UNKNOWN_CONTINUITY = -1.0
"""Below all that are known."""


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


def fails(take: Take) -> bool:
    """Whether the checks of a take found something. What nobody looked at does not fail."""
    quality = quality_of(take)
    return quality is not None and not quality.ok


def best_of(takes: Iterable[Take]) -> Take:
    """Return the best of some takes of a shot, the same whatever their order; ValueError where there are none.

    It is the one of which the least is spoilt (black, frozen, flashing, damaged or clipped, by share of its length), then that with the
    fewest findings, then that which continues best what it starts from, then the first.
    """
    return min(takes, key=_rank)


def _rank(take: Take) -> tuple[float, int, float, int]:
    quality = quality_of(take)
    findings = quality.findings if quality is not None else ()
    continuity = _UNKNOWN_CONTINUITY if take.continuity is None else take.continuity
    spoilt = _seconds(findings) / take.clip.duration if take.clip.duration else 0.0
    return round(spoilt, 3), len(findings), -continuity, take.number


def _seconds(findings: Iterable[Finding]) -> float:
    """Return how long findings last that have a place: where several see the same stretch, it counts once."""
    total = until = 0.0
    stretches = ((finding.at, finding.at + finding.seconds) for finding in findings if finding.at is not None and finding.seconds)
    for begin, end in sorted(stretches):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def described(take: Take) -> str:
    """Return ``nothing found, continuity 0.98`` or ``2 findings (black, cut)``; ``not checked`` where nobody looked."""
    quality = quality_of(take)
    if quality is None:
        return "not checked"
    names = ", ".join(dict.fromkeys(finding.check for finding in quality.findings))
    number = len(quality.findings)
    said = f"{number} {'finding' if number == 1 else 'findings'} ({names})" if number else "nothing found"
    return said if take.continuity is None else f"{said}, continuity {take.continuity:.2f}"


def why_chosen(chosen: Take, takes: Iterable[Take], *, spare: int | None = None, aside: str = "") -> str:
    """Return why a take goes on, in words.

    ``spare``: the number of a take that was to be made because the checks of the others found something; ``aside``: why it is not there.
    """
    others = {take.number: take for take in takes if take.number != chosen.number}
    said = described(chosen)
    if aside:
        return f"take {chosen.number} goes on with {said}; {aside}"
    if spare is not None and chosen.number == spare:
        failed = "; ".join(f"take {number}: {described(take)}" for number, take in sorted(others.items()))
        return f"take {spare} goes on, which was made because checks failed ({failed}): {said}"
    if spare is not None:
        other = described(others[spare])
        return f"take {chosen.number} goes on with {said}: take {spare}, which was made because of that, is no better ({other})"
    if not others:
        return f"take {chosen.number} goes on, the only one: {said}"
    numbers = ", ".join(str(number) for number in sorted((chosen.number, *others)))
    return f"take {chosen.number} goes on, the best of takes {numbers}: {said}"
