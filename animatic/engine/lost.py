"""Submissions of this run whose answers were lost: looked for, kept from being confused with later ones, and bounded in number."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from animatic.engine.compare import learned_of
from animatic.engine.evidence import (
    Adopt,
    AskPerson,
    Deadlines,
    LookAgain,
    NeverArrived,
    window_of,
)
from animatic.engine.expectation import Expectation, expected_of
from animatic.engine.run import Run
from animatic.engine.search import COMPARED_FACTOR, Lost, Search, adopt, begin_search, conclude, look_once, pause
from animatic.engine.state import Unheard
from animatic.errors import InDoubtError, KreaUnreachableError
from animatic.krea import Job, LostAnswerError
from animatic.ledger import Submission
from animatic.money import dollars
from animatic.plan import Step

LOOK_SECONDS = 0.25
"""Between two looks whether another submission has found its job."""


async def resolve_lost(run: Run, lost: Lost) -> Job | None:
    """Find out the same for a submission of this process. Returns its job, None if it never arrived or another worker has found it."""
    search = begin_search(run, Submission(number=lost.intent.attempt, intent=lost.intent), lost)
    run.state.unheard[lost.intent.token] = Unheard(intent=lost.intent, until=search.deadlines.adopted_by)
    try:
        while isinstance(found := await look_once(run, search), LookAgain):
            await pause(run, search)
        return found
    finally:
        del run.state.unheard[lost.intent.token]


async def check_lost_answers(run: Run, step: Step) -> bool:
    """Before a further POST for a step whose answers were lost in this run: look once more. True: a job was found and adopted.

    Raises KreaUnreachableError once the step's retries or its time-out are used up, InDoubtError where several jobs could be it.
    """
    before = run.state.lost_answers.get(step.fingerprint)
    if before is None:
        return False
    last = before.intents[-1]
    window = replace(window_of(before.intents[0]), last=None)
    now, grace = run.timing.monotonic(), run.settings.patience.grace
    deadlines = Deadlines(adopted_by=now, listed_by=now, claimed_by=now + 2 * grace, compared_by=now + COMPARED_FACTOR * grace)
    submission = Submission(number=last.attempt, intent=last)
    search = Search(submission=submission, lost=None, callbacks=True, window=window, deadlines=deadlines)
    while isinstance(conclusion := await conclude(run, search), LookAgain):
        await pause(run, search)
    match conclusion:
        case Adopt() as found:
            return await adopt(run, last, found, window)
        case AskPerson(candidates=candidates):
            raise InDoubtError(
                f"shot {step.key!r}: {len(candidates)} jobs at Krea could be its submissions, whose answers were lost",
                hint=f"look at them at krea.ai; `animatic resume {run.plan.run_id}` pays for a new one",
                candidates=tuple(job.id for job in candidates),
            )
        case NeverArrived():
            pass
    if len(before.intents) + run.state.failures[step.fingerprint] <= step.retries and now - before.since < step.timeout:
        return False
    count = len(before.intents)
    answers, jobs = ("its answer", "no job for it") if count == 1 else (f"the answers to {count} submissions", "no job for them")
    usd = sum((intent.usd for intent in before.intents if intent.usd is not None), Decimal(0))
    raise KreaUnreachableError(
        f"shot {step.key!r}: Krea lost {answers} and lists {jobs} ({before.message}); up to {dollars(usd)} may be billed all the same",
        hint=f"look at krea.ai whether Krea has made it; `animatic resume {run.plan.run_id}` sends it again",
        code=LostAnswerError.code,
    )


async def confusable(run: Run, model: str, media_fields: frozenset[str], expected: Expectation) -> Unheard | None:
    """Return a submission whose answer is just being looked for and that could not be told apart from this request, if there is one.

    Not for long: a job of that submission is listed within the grace, and then its time tells it from those that are made later.
    """
    unheard = [one for one in run.state.unheard.values() if run.timing.monotonic() < one.until]
    alike = [one for one in unheard if not expected.differs(expected_of(one.intent))]
    if not alike:
        return None
    types = (await learned_of(run, model)).types.get(media_fields, frozenset())
    for one in alike:
        theirs = (await learned_of(run, one.intent.model)).types.get(one.intent.media_fields, frozenset())
        if not types or not theirs or types & theirs:
            return one
    return None


async def wait_for_answer(run: Run, unheard: Unheard) -> None:
    """Wait until the job of a lost answer was found, or would be listed if there were one."""
    while unheard.intent.token in run.state.unheard and (left := unheard.until - run.timing.monotonic()) > 0:
        await run.timing.sleep(min(left, LOOK_SECONDS))
