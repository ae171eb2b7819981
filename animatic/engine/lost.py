"""Submissions of this run whose answers were lost: looked for, kept from being confused with later ones, and bounded in number."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from animatic.engine.compare import learned_of
from animatic.engine.evidence import Adopt, AskPerson, Deadlines, LookAgain, NeverArrived
from animatic.engine.expectation import Expectation, expected_of
from animatic.engine.reach import out_of_reach
from animatic.engine.run import Run
from animatic.engine.search import COMPARED_FACTOR, Lost, Search, adopt, begin_search, conclude, conclude_now, current, look_once, pause
from animatic.engine.state import LostAnswers
from animatic.engine.windows import LATE_JOBS_SINCE, late_window, window_of
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
    run.state.unheard[lost.intent.token] = search
    try:
        while isinstance(found := await look_once(run, search), LookAgain):
            await pause(run, search)
    finally:
        del run.state.unheard[lost.intent.token]
    if found is None and not (await current(run, search.submission)).submitted:
        _note(run, lost)
    return found


def _note(run: Run, lost: Lost) -> None:
    """Keep in mind that a submission of this run was given up. It stays reserved in the budget: Krea may have accepted it all the same."""
    before = run.state.lost_answers.get(lost.intent.fingerprint)
    run.state.lost_answers[lost.intent.fingerprint] = LostAnswers(
        intents=(*(before.intents if before else ()), lost.intent),
        since=before.since if before else lost.at,
        message=lost.error.message,
    )


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
    search = Search(submission=submission, lost=None, callbacks=True, window=window, deadlines=deadlines, late=True)
    while isinstance(conclusion := await conclude(run, search), LookAgain):
        await pause(run, search)
    match conclusion:
        case Adopt() as found:
            return await adopt(run, last, found, window)
        case AskPerson(candidates=candidates):
            raise InDoubtError(
                f"{len(candidates)} jobs at Krea could be its submissions, whose answers were lost",
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


async def check_given_up(run: Run, submissions: tuple[Submission, ...]) -> bool:
    """Before a further POST for a take of which earlier runs have given a submission up: look for its job once more. True: adopted.

    Several that could be it are no reason to wait: they are named as what they may be, strays.
    """
    given_up = [one for one in submissions if one.settled and one.settled.outcome == "never_arrived" and one.submitted is None]
    if not given_up or given_up[-1].intent.fingerprint in run.state.lost_answers:  # those of this run are looked for already
        return False
    last = given_up[-1]
    assert last.settled is not None
    if run.timing.now() - last.settled.at > LATE_JOBS_SINCE or out_of_reach(run.client, last.intent):
        return False
    window = replace(late_window(last.intent, last.settled.at), first=window_of(given_up[0].intent).first)
    conclusion = await conclude_now(run, last.intent, window)
    return isinstance(conclusion, Adopt) and await adopt(run, last.intent, conclusion, window)


async def confusable(run: Run, model: str, media_fields: frozenset[str], expected: Expectation) -> Search | None:
    """Return the search for a lost answer whose job could not be told apart from that of this request, if there is one.

    Once it has candidates, their time tells them from jobs that are made later.
    """
    searches = [search for search in run.state.unheard.values() if search.until is None]
    alike = [search for search in searches if not expected.differs(expected_of(search.submission.intent))]
    if not alike:
        return None
    types = (await learned_of(run, model)).types.get(media_fields, frozenset())
    for search in alike:
        intent = search.submission.intent
        theirs = (await learned_of(run, intent.model)).types.get(intent.media_fields, frozenset())
        if not types or not theirs or types & theirs:
            return search
    return None


async def wait_for_answer(run: Run, search: Search) -> None:
    """Wait until the job of a lost answer was found, or cannot be confused with a later one any more."""
    while search.until is None and search.submission.intent.token in run.state.unheard:
        await run.timing.sleep(LOOK_SECONDS)
