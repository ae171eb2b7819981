"""A review file held against its run, before anything in it counts: every shot, take, second and prompt that the run does not have."""

from __future__ import annotations

from dataclasses import dataclass, field

from animatic.catalog import Catalog
from animatic.engine.decided import prompt_changes
from animatic.engine.history import PastRun
from animatic.engine.plan_run import step_named
from animatic.engine.retaking import changed_request
from animatic.engine.review_file import FileDecision, ReviewFile
from animatic.errors import Problem, UsageError
from animatic.ledger import Ledger
from animatic.plan import Plan, Step, fingerprint_of
from animatic.suggest import did_you_mean

BEYOND_SECONDS = 0.5
"""By which a time code may lie behind the clip's end: players round."""


@dataclass(kw_only=True, slots=True)
class Review:
    """A file, its run as it would go on now, and the step of each decision."""

    file: ReviewFile
    run: PastRun
    plan: Plan
    catalog: Catalog
    person: str
    """Who applies the file."""
    steps: dict[str, Step] = field(default_factory=dict)
    """By what the file calls the shot."""

    @property
    def ledger(self) -> Ledger:
        """The ledger of the run's destination."""
        return self.run.destination.ledger

    @property
    def by(self) -> str:
        """Who has decided: as the file says, else who applies it."""
        return self.file.by or self.person


async def check_review(review: Review) -> None:
    """Raise DeclarationError with everything in the file that the run does not have."""
    problems: list[Problem] = []
    verdicts: dict[str, FileDecision] = {}
    for decision in review.file.decisions:
        try:
            step = step_named(review.plan, decision.shot)
        except UsageError as error:
            keys = dict.fromkeys([*(step.key for step in review.plan.shots), *(step.shot for step in review.plan.shots)])
            hint = did_you_mean(decision.shot, tuple(keys)) or error.hint
            problems.append(review.file.problem(error.message, (*decision.path, "shot"), hint=hint, code="shot"))
            continue
        review.steps[decision.shot] = step
        problems += await _misfits(review, decision, step)
        if decision.decision != "comment":
            problems += _conflict(review.file, verdicts.setdefault(step.base, decision), decision)
    if problems:
        raise review.file.refusal(problems)


async def _misfits(review: Review, decision: FileDecision, step: Step) -> list[Problem]:
    """Return what the shot does not have: the take, that second of it, a request that takes such a prompt."""
    file, ledger = review.file, review.ledger
    problems: list[Problem] = []
    take = await ledger.takes.get(fingerprint_of(step.base, decision.take or step.take))
    if take is None and decision.take is not None:
        numbers = [other.take for other in review.plan.steps if other.base == step.base]
        there = await ledger.takes.get_many(fingerprint_of(step.base, number) for number in numbers)
        named = ", ".join(str(number) for number in sorted(found.number for found in there.values())) or "none"
        message = f"shot {step.key!r} has no take {decision.take}"
        problems.append(file.problem(message, (*decision.path, "take"), hint=f"delivered takes: {named}", code="take"))
    seconds = take.clip.duration if take is not None else None
    if decision.at is not None and seconds is not None and decision.at > seconds + BEYOND_SECONDS:
        message = f"{decision.at:g} s is behind the end of the clip of shot {step.key!r}, which is {seconds:g} s long"
        problems.append(file.problem(message, (*decision.path, "at"), code="time-code"))
    if decision.prompt is not None:
        try:
            if changes := prompt_changes(step, decision.prompt):
                changed_request(step, review.catalog, changes)
        except UsageError as error:
            problems.append(file.problem(error.message, (*decision.path, "prompt"), hint=error.hint, code="prompt"))
    return problems


def _conflict(file: ReviewFile, first: FileDecision, other: FileDecision) -> list[Problem]:
    """Return the mistake that a shot, or one that shares its take, is decided in two ways."""
    if (first.decision, first.take, first.prompt) == (other.decision, other.take, other.prompt):
        return []
    what = f"shot {other.shot!r} is decided twice" if other.shot == first.shot else f"{other.shot!r} and {first.shot!r} share their takes"
    related = ((file.document.place(first.path), "and here otherwise"),)
    return [file.problem(f"{what}, and not in the same way", other.path, hint="leave one of them out", code="conflict", related=related)]
