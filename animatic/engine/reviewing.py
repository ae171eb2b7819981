"""Applies a review file to the run that it is about: all of it is checked first, then each decision counts as if it were said now.

A decision that comes too late, because somebody else has decided meanwhile, is answered and not applied; its words are kept in the log. One
that was applied from the same file before stands, so that a file may be applied twice. Nothing is submitted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from animatic.catalog import Catalog
from animatic.engine import approvals
from animatic.engine.decided import as_it_goes_on, prompt_changes, reject_and_go_on
from animatic.engine.estimate import estimate
from animatic.engine.history import OpenDestination, PastRun, find_run
from animatic.engine.review_checks import Review, check_review
from animatic.engine.review_file import FileDecision, ReviewFile
from animatic.errors import AnimaticError, MoneyError, UsageError
from animatic.ledger import Ledger
from animatic.ledger.approvals import Approval, Entered
from animatic.ledger.shot_log import Remark
from animatic.plan import Plan, Step, dependents, reachable
from animatic.storage.rehearsal import rehearsal

Result = Literal["applied", "already", "refused"]
_PAST = {"approve": "approved", "reject": "rejected", "comment": "commented"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one decision, in a word and in words."""

    decision: FileDecision
    step: str
    """Key of the shot's step."""
    result: Result
    says: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What became of a file, and what the run pays when it goes on."""

    run: PastRun
    outcomes: tuple[Outcome, ...]
    to_pay: tuple[Step, ...]
    waiting: tuple[str, ...]
    """Shots that wait for a person still."""
    decided: frozenset[str]
    """Bases of the shots that were decided by this file, and now."""

    @property
    def usd(self) -> Decimal:
        """What is known of the price of going on."""
        return sum((step.request.price.usd or Decimal(0) for step in self.to_pay), Decimal(0))

    @property
    def unpriced(self) -> int:
        """How many of the takes to be paid have no known price."""
        return sum(step.request.price.usd is None for step in self.to_pay)

    @property
    def goes_on(self) -> bool:
        """Whether the run has something to go on with: decisions that count."""
        return any(found.result != "refused" and found.decision.decision != "comment" for found in self.outcomes)


async def apply_review(
    file: ReviewFile,
    destinations: Iterable[OpenDestination],
    catalog: Catalog,
    *,
    person: str,
    run_id: str | None = None,
    dry: bool = False,
) -> Applied:
    """Check a file against its run, and apply its decisions; ``dry``: only say what would become of them.

    ``person`` applies the file, and decides where it names nobody. Raises DeclarationError, and applies nothing, where anything in it
    cannot be: another run, a shot or take that is not there; StorageError, after which applying it again does the rest.
    """
    run = await _run_of(file, destinations, run_id)
    if dry:
        storage = rehearsal(run.destination.storage)
        there = run.destination
        run = replace(run, destination=replace(there, storage=storage, ledger=Ledger(storage, clock=there.ledger.now)))
    plan = await as_it_goes_on(run.plan, run.destination.ledger, catalog)
    review = Review(file=file, run=run, plan=plan, catalog=catalog, person=person)
    await check_review(review)
    outcomes = await _apply(review)
    return await _applied(review, outcomes)


async def _run_of(file: ReviewFile, destinations: Iterable[OpenDestination], run_id: str | None) -> PastRun:
    """Return the run that a file is about. Raises DeclarationError where it is not here, or not that which was named."""
    there = [found for found in destinations if file.run_id in await found.ledger.runs.ids()]
    if len(there) != 1:
        hint = "it is one of another destination (name that with --deliver, or its pipelines file with --file), or the file was changed"
        raise file.refusal([file.problem(f"there is no run {file.run_id!r} at this destination", ("run_id",), hint=hint)])
    run = await find_run(file.run_id, there)
    if run_id is not None and not file.run_id.startswith(run_id):
        raise file.refusal([file.problem(f"this is a review of run {file.run_id}, and {run_id} was named", ("run_id",))])
    if run.plan.pipeline != file.pipeline:
        hint = "the file was changed by hand: " + f"write {run.plan.pipeline!r}, or export it again from the page of the run"
        message = f"run {file.run_id} is one of pipeline {run.plan.pipeline!r}, not of {file.pipeline!r}"
        raise file.refusal([file.problem(message, ("pipeline",), hint=hint)])
    return run


async def _apply(review: Review) -> list[Outcome]:
    known = {remark.source for remarks in (await review.ledger.shot_log.of(review.plan.pipeline)).values() for remark in remarks}
    done: dict[str, Outcome] = {}
    outcomes: list[Outcome] = []
    for decision in review.file.decisions:
        step = review.steps[decision.shot]
        if decision.source in known:
            outcome = _outcome(decision, step, "already", f"{_PAST[decision.decision]} before, from this file")
            done |= {} if decision.decision == "comment" else {step.base: outcome}
        elif decision.decision == "comment":
            outcome = await _comment(review, decision, step)
        elif step.base in done:  # of a shot that shares the take: one decision is for all of them
            outcome = replace(done[step.base], decision=decision, step=step.key)
        else:
            outcome = done[step.base] = await _decide(review, decision, step)
        outcomes.append(outcome)
    return outcomes


async def _comment(review: Review, decision: FileDecision, step: Step) -> Outcome:
    await _remark(review, decision, step, note=decision.note, source=decision.source)
    return _outcome(decision, step, "applied", "the comment is in the log")


async def _decide(review: Review, decision: FileDecision, step: Step) -> Outcome:
    """Apply an approval or a rejection, or say why not."""
    entered = Entered(time_code=decision.at, entered_by=review.person if review.by != review.person else None, source=decision.source)
    try:
        asked = await approvals.check_open(review.plan, review.ledger, step)
        await _require_open(review, step, asked, decision)
        if decision.decision == "approve":
            said = await approvals.approve(
                review.plan,
                review.ledger,
                step.key,
                take=decision.take,
                by=review.by,
                note=decision.note,
                question=asked.at,
                entered=entered,
            )
            return _outcome(decision, step, "applied", f"take {said.take} is approved")
        said, made = await reject_and_go_on(
            review.plan,
            review.ledger,
            step,
            review.catalog,
            changes=prompt_changes(step, decision.prompt),
            by=review.by,
            note=decision.note,
            question=asked.at,
            entered=entered,
        )
        return _outcome(decision, step, "applied", f"{said.subject('is', 'are')} rejected, and take {made.take} is made instead")
    except (UsageError, MoneyError) as error:
        await _keep(review, decision, step)
        return _refused(decision, step, error)


async def _require_open(review: Review, step: Step, asked: Approval, decision: FileDecision) -> None:
    """Raise UsageError where the question is about other takes than the decision, or a person has rejected that take meanwhile."""
    if decision.take is None:
        return
    if decision.take not in asked.offered:
        raise UsageError(f"shot {step.key!r} waits with other takes now: {', '.join(map(str, asked.offered))}")
    for said in await review.ledger.approvals.all(step.base):
        if said.kind == "rejected" and decision.take in said.offered:
            raise UsageError(
                f"take {decision.take} of shot {step.key!r} was rejected by {said.by} at {approvals.moment(said.at)}; "
                f"it waits with take {asked.take} now",
                hint=f"approve it all the same with `animatic approve {review.plan.run_id} {step.key} --take {decision.take}`",
            )


async def _keep(review: Review, decision: FileDecision, step: Step) -> None:
    """Keep the words of a decision that is not applied: nothing that was written is lost."""
    words = "; ".join(filter(None, [decision.note, decision.prompt and f"new prompt: {decision.prompt}"]))
    if words:
        await _remark(review, decision, step, note=f"{decision.decision}, not applied: {words}", source=f"{decision.source}/kept")


async def _remark(review: Review, decision: FileDecision, step: Step, *, note: str | None, source: str) -> None:
    remark = Remark(
        what="comment",
        pipeline=review.plan.pipeline,
        step=step.key,
        at=review.ledger.now(),
        by=review.by,
        entered_by=review.person if review.by != review.person else None,
        take=decision.take,
        note=note,
        time_code=decision.at,
        run_id=review.plan.run_id,
        profile=review.plan.profile,
        source=source,
    )
    await review.ledger.shot_log.add(remark)


def _outcome(decision: FileDecision, step: Step, result: Result, says: str) -> Outcome:
    return Outcome(decision=decision, step=step.key, result=result, says=says)


def _refused(decision: FileDecision, step: Step, error: AnimaticError) -> Outcome:
    return Outcome(decision=decision, step=step.key, result="refused", says=error.message, hint=error.hint)


async def _applied(review: Review, outcomes: Sequence[Outcome]) -> Applied:
    """Work out what the run pays when it goes on: what does not hang on a shot that waits still."""
    plan = await as_it_goes_on(review.run.plan, review.ledger, review.catalog)
    found = await estimate(plan, review.ledger, resumed=True)
    waiting = [step.key for step in plan.shots if step.approve and not await _is_approved(step, review.ledger)]
    below = reachable(waiting, dependents(_edges(plan))) - set(waiting)
    return Applied(
        run=review.run,
        outcomes=tuple(outcomes),
        to_pay=tuple(step for step in found.to_pay if step.key not in below),
        waiting=tuple(key for key in waiting if key not in below),
        decided=frozenset(
            review.steps[found.decision.shot].base
            for found in outcomes
            if found.result == "applied" and found.decision.decision != "comment"
        ),
    )


async def _is_approved(step: Step, ledger: Ledger) -> bool:
    said = await approvals.current(ledger, step.base)
    return said is not None and said.kind == "approved" and said.take == step.take


def _edges(plan: Plan) -> Mapping[str, Sequence[str]]:
    return {step.key: step.depends_on for step in plan.steps}
