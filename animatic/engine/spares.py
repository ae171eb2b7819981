"""Plans the one further take that follows where the checks of a shot's take found something (`qc: retake`).

It is made within `retries`, and within the budgets beside what the rest of the run needs. Its number is kept in the ledger before anything
is sent, so that a process that goes on where another one died finds it and never pays for a second one.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import count

from animatic.engine.run import Run
from animatic.errors import OverBudgetError
from animatic.ledger import Ledger
from animatic.plan import Step, dependents, fingerprint_of, reachable
from animatic.plan.several import spare_take

AFTER = "made_after_the_checks_of_take"
"""In the record that keeps a take's number: the take whose checks asked for it."""


async def plan_spare(run: Run, main: Step) -> tuple[int | None, str]:
    """Return the number of the further take that follows the takes of a shot, kept for it; else why none may be made. StorageError."""
    if run.stopped is not None:
        return None, f"no further take was made: {run.stopped.message}"
    lost = run.state.lost_answers.get(main.fingerprint)
    if run.state.failures[main.fingerprint] + (len(lost.intents) if lost else 0) >= main.retries:
        return None, f"no further take was made: `retries` allows {main.retries}, which are used up" if main.retries else _NO_RETRIES
    top = _highest(run, main)
    while True:
        number, kept = await _number(run.ledger, main.base, top)
        spare = spare_take(main, number)
        if not kept or not await _is_begun(run.ledger, spare.fingerprint):
            try:
                await _grant(run, spare)
            except OverBudgetError as error:
                return None, f"no further take was made: {error.message}"
        if kept or await run.ledger.takes.keep_number(main.base, number, {AFTER: top}):
            return number, ""
        run.budget.granted.pop(spare.fingerprint, None)


_NO_RETRIES = "no further take was made: `retries` is 0"


async def known_beside(run: Run, main: Step) -> int | None:
    """Return the number of the take that lies beside the one that counts because checks asked for either; None if there is none."""
    ledger, base = run.ledger, main.base
    after = (await ledger.takes.kept_for(base, main.take) or {}).get(AFTER)
    if isinstance(after, int):
        return after if await ledger.takes.get(fingerprint_of(base, after)) is not None else None
    number, kept = await _number(ledger, base, _highest(run, main))
    if not kept:
        return None
    fingerprint = fingerprint_of(base, number)
    if await ledger.takes.get(fingerprint) is not None:
        return number
    # One that was given up, or never sent, is not begun again: it was decided without it.
    submissions = await ledger.submissions.of(fingerprint)
    return number if any(not submission.known or submission.waits_for_job for submission in submissions) else None


def why_missing(run: Run, base: str, number: int) -> str:
    """Return why a further take is not there after it was to be made."""
    step = next(step for key in run.equals[base] for step in run.takes_of[key] if step.take == number)
    error = run.manifest.shot(step.key).record.error
    return f"its further take {number} is not there" + (f": {error.message}" if error is not None else "")


def _highest(run: Run, main: Step) -> int:
    return max(step.take for step in run.takes_of[main.key] if not step.spare)


async def _number(ledger: Ledger, base: str, top: int) -> tuple[int, bool]:
    """Return the number that is kept for the further take after take ``top``; else the first that nobody has, and that it is not kept."""
    for number in count(top + 1):
        changes = await ledger.takes.kept_for(base, number)
        if changes is not None and changes.get(AFTER) == top:
            return number, True
        if changes is None and not await _is_begun(ledger, fingerprint_of(base, number)):
            return number, False
    raise AssertionError


async def _is_begun(ledger: Ledger, fingerprint: str) -> bool:
    return await ledger.takes.get(fingerprint) is not None or bool(await ledger.submissions.of(fingerprint))


async def _grant(run: Run, spare: Step) -> None:
    """Set money aside for a take beyond what was planned. Raises OverBudgetError where the rest of the run needs it."""
    if run.plan.budget_usd is not None or run.budget.is_shared:
        await run.budget.grant(spare, await _due(run, spare.base))


async def _due(run: Run, base: str) -> dict[str, Decimal]:
    """Return the prices of what the run has yet to make, by fingerprint, as if what hangs on the shot had to be made anew."""
    steps = [step for step in run.plan.steps if not step.spare and step.key not in run.takes and step.key not in run.state.errors]
    below = reachable(run.equals[base], dependents({step.key: step.depends_on for step in run.plan.steps}))
    made = await run.ledger.takes.get_many({step.fingerprint for step in steps if step.key not in below})
    return {step.fingerprint: step.request.price.usd or Decimal(0) for step in steps if step.fingerprint not in made}
