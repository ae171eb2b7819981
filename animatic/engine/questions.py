"""What a run asks persons: the shots that wait for approval when everything else is made, with their takes and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from animatic.engine.approvals import Following, current, deadline, following_of
from animatic.engine.run import Run
from animatic.errors import ApprovalError
from animatic.ledger.approvals import Approval
from animatic.plan import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One shot that waits."""

    step: Step
    asked: Approval
    following: Following
    takes: Mapping[int, Step]
    """The steps of the takes that may be chosen, by number."""

    @property
    def says(self) -> str:
        """``still waits (until ...): approving pays $1.26 (spin)``."""
        return f"{self.step.key} waits{deadline(self.asked)}: {self.following.text}"


async def questions_of(run: Run) -> list[Question]:
    """Return what the run waits for, in the order of the storyboard; equal shots of several variants are asked about once."""
    found: dict[str, Question] = {}
    for step in run.plan.shots:
        if step.base in found or not isinstance(run.state.errors.get(step.key), ApprovalError):
            continue
        asked = await current(run.ledger, step.base)
        if asked is None or asked.kind != "asked":  # answered meanwhile
            continue
        same = (other for other in run.plan.steps if other.base == step.base and other.variant_name == step.variant_name)
        takes = {other.take: other for other in same if other.take in asked.offered and other.key in run.takes}
        following = await following_of(run.plan, step, run.ledger)
        found[step.base] = Question(step=step, asked=asked, following=following, takes=dict(sorted(takes.items())))
    return list(found.values())


async def decided_since(run: Run, since: datetime) -> bool:
    """Whether somebody has decided about a shot that the run waits for, while it made others: its plan knows nothing of that.

    ``since``: when the decisions were read that the plan knows; one from before changes nothing any more. Raises StorageError.
    """
    waiting = {step.base for step in run.plan.shots if isinstance(run.state.errors.get(step.key), ApprovalError)}
    said = [await current(run.ledger, base) for base in sorted(waiting)]
    return any(last is not None and last.kind != "asked" and last.at >= since for last in said)


def following_all(run: Run, questions: Sequence[Question]) -> Following:
    """Return what all of them together let through: what hangs on several is counted once."""
    keys = dict.fromkeys(key for question in questions for key in question.following.shots)
    due = list({run.steps[key].fingerprint: run.steps[key] for key in keys}.values())
    return Following(
        shots=tuple(step.key for step in due),
        usd=sum((step.request.price.usd or Decimal(0) for step in due), Decimal(0)),
        unpriced=sum(step.request.price.usd is None for step in due),
    )
