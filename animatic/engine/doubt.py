"""Finds out which job an unanswered submission became, if any, by reading. Nothing here ever submits.

`animatic.engine.evidence` reads and concludes; this acts on it until the submission's fate is on record. "It never arrived" is said only
when Krea has had its time: the grace after a lost answer, and where the sender died, the time that its POST might have taken besides.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NoReturn, assert_never

from animatic.engine.crashpoints import crashpoint
from animatic.engine.evidence import (
    CLOCK_MARGIN,
    SENDING_SLACK_SECONDS,
    Adopt,
    AskPerson,
    Deadlines,
    LookAgain,
    NeverArrived,
    Window,
    judge,
    look,
    out_of_reach,
    window_of,
)
from animatic.engine.run import LostAnswers, Run
from animatic.errors import InDoubtError, KreaUnreachableError
from animatic.krea import Job, LostAnswerError
from animatic.ledger import AlreadySubmittedError, ClaimedError, Failure, Intent, Submission
from animatic.ledger.model import Grounds
from animatic.ledger.owner import identity
from animatic.money import dollars
from animatic.plan import Step

SLOW_GATEWAY_FACTOR = 4.0
"""Times the grace: after a gateway's time-out the origin may still be at work, and the job may appear later than after a plain error."""
LONGER_LOOK_FACTOR = 2.0
"""Times the grace for each answer to the same request that was lost before: Krea is in trouble, and each further POST may be billed."""
MAX_LOOK_SECONDS = 1.0
"""Between two looks at Krea's list, while the end of the search is near."""
MAX_DISTANT_LOOK_SECONDS = 5.0
"""The same while it is far."""
LOOKS_AHEAD = 15
"""Into so many parts the rest of a search is divided, within those two limits."""
DECIDE = "see them with `animatic doubts`, then `animatic adopt SHOT JOB` or, if none is it, `animatic resubmit SHOT`"
SEND_AS_BEFORE = (
    "run again with the KREA_API_URL and KREA_API_TOKEN that it was sent with, or look there: "
    "then `animatic adopt SHOT JOB` or, if there is none, `animatic resubmit SHOT`"
)
STALE_INTENT = timedelta(seconds=20)
"""An intent this old that is not being sent (the machine slept, a disk was full) never will be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A submission of this process whose answer was lost a moment ago."""

    intent: Intent
    error: LostAnswerError
    at: float
    """Monotonic seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Search:
    """The looking for the job of one submission."""

    submission: Submission
    lost: Lost | None
    """None where another process sent it."""
    window: Window
    deadlines: Deadlines


async def await_owner(run: Run, submission: Submission) -> bool:
    """Wait for a worker that is still sending. True: its outcome is recorded now; False: nobody is sending it any more."""
    while True:
        current = await _current(run, submission)
        if current.known:
            return True
        if current.doubt is not None or _abandoned(run, submission.intent):
            return False
        await run.timing.sleep(_look_seconds(run))


def _abandoned(run: Run, intent: Intent) -> bool:
    if (intent.host, intent.pid, intent.started) == identity():
        # Another run of this process, as `serve` has several: what it is sending is known here.
        return intent.token not in run.sending and run.timing.now() - intent.intended_at > STALE_INTENT
    alive = run.ledger.submissions.owner_alive(intent)
    # One that lives long past every time-out is not sending any more.
    return alive is False or _krea_time(run) > intent.by_krea(intent.deadline)


async def resolve_doubt(run: Run, submission: Submission, *, on_wait: Callable[[float], object] = lambda _seconds: None) -> None:
    """Find out what became of a submission that nobody is sending any more, and record it: read the ledger afterwards.

    Each look takes the gate of POSTs, so that no submission of ours is on its way meanwhile; between two looks other shots go on.
    ``on_wait`` is told how long (seconds) this may take, where the first look does not tell. Raises InDoubtError when several jobs could
    be it.
    """
    search: _Search | None = None
    while True:
        async with run.gates.post:
            current = await _current(run, submission)
            if current.known:
                return
            if reason := out_of_reach(run, current.intent):
                await _ask(run, current, reason, (), hint=SEND_AS_BEFORE)
            told = search is not None
            search = search or _search(run, current, None)
            if not isinstance(await _look_once(run, search), LookAgain):
                return
        if not told:
            on_wait(_remaining(run, search))
        await _pause(run, search)


async def resolve_lost(run: Run, lost: Lost) -> Job | None:
    """Find out the same for a submission of this process, which holds the gate. Returns its job, None if it never arrived."""
    search = _search(run, Submission(number=lost.intent.attempt, intent=lost.intent), lost)
    while True:
        found = await _look_once(run, search)
        if not isinstance(found, LookAgain):
            return found
        await _pause(run, search)


async def check_lost_answers(run: Run, step: Step) -> bool:
    """Before a further POST for a step whose answers were lost in this run: look once more. True: a job was found and adopted.

    Called by whoever holds the gate. Raises KreaUnreachableError once the step's retries or its time-out are used up, InDoubtError where
    several jobs could be it.
    """
    before = run.state.lost_answers.get(step.fingerprint)
    if before is None:
        return False
    last = before.intents[-1]
    window = replace(window_of(before.intents[0]), last=None)
    evidence = await look(run, last, window, callbacks=True)
    now = run.timing.monotonic()
    match judge(evidence, now, Deadlines(adopted_by=now, listed_by=now, claimed_by=now)):
        case Adopt() as found:
            return await _adopt(run, last, found, window)
        case AskPerson(candidates=candidates):
            raise InDoubtError(
                f"shot {step.key!r}: {len(candidates)} jobs at Krea could be its submissions, whose answers were lost",
                hint=f"look at them at krea.ai; `animatic resume {run.plan.run_id}` pays for a new one",
                candidates=tuple(job.id for job in candidates),
            )
        case LookAgain() | NeverArrived():
            pass
    if len(before.intents) <= step.retries and now - before.since < step.timeout:
        return False
    count = len(before.intents)
    answers, jobs = ("its answer", "no job for it") if count == 1 else (f"the answers to {count} submissions", "no job for them")
    usd = sum((intent.usd for intent in before.intents if intent.usd is not None), Decimal(0))
    raise KreaUnreachableError(
        f"shot {step.key!r}: Krea lost {answers} and lists {jobs} ({before.message}); up to {dollars(usd)} may be billed all the same",
        hint=f"look at krea.ai whether Krea has made it; `animatic resume {run.plan.run_id}` sends it again",
        code=LostAnswerError.code,
    )


async def resolve_left_behind(run: Run) -> None:
    """Before the first POST of this process: find out what became of those whose processes died a moment ago.

    A new job of ours in their window may make it ambiguous which of the two they became. Called by whoever holds the gate. What needs
    a person stays open, and so does what has no job after the grace, while Krea may be working on it for much longer: only its own shot
    stops, or waits.
    """
    now, nearly = run.timing.now(), run.settings.patience.grace * SLOW_GATEWAY_FACTOR
    longest = timedelta(seconds=run.settings.patience.post + SENDING_SLACK_SECONDS)
    for submission in await run.ledger.submissions.open(now - longest - CLOCK_MARGIN, now):
        intent = submission.intent
        dead = run.ledger.submissions.owner_alive(intent) is False
        long_ago = intent.by_krea(intent.deadline) + CLOCK_MARGIN <= _krea_time(run)
        if submission.doubt is not None or not dead or long_ago or out_of_reach(run, intent):
            continue
        search = _search(run, submission, None)
        with contextlib.suppress(InDoubtError):
            while isinstance(await _look_once(run, search), LookAgain):
                if run.timing.monotonic() >= search.deadlines.adopted_by and _remaining(run, search) > nearly:
                    break
                await _pause(run, search)


def _search(run: Run, submission: Submission, lost: Lost | None) -> _Search:
    """Begin to look for a submission's job."""
    intent, grace = submission.intent, run.settings.patience.grace
    if lost is None:
        window = window_of(intent)
        # Its POST may have been on its way until its time-out, and Krea at work on it. One of long ago has had its time: one look.
        ended = intent.by_krea(intent.deadline) - timedelta(seconds=SENDING_SLACK_SECONDS)
        seconds = max(0.0, (ended + timedelta(seconds=grace) - _krea_time(run)).total_seconds())
    else:
        # What was given up before it may appear now as well: any of these jobs would make the take.
        before = run.state.lost_answers.get(intent.fingerprint)
        earlier = before.intents if before else ()
        window = replace(window_of(earlier[0] if earlier else intent), last=None)
        seconds = grace * (SLOW_GATEWAY_FACTOR if lost.error.late else 1.0) * LONGER_LOOK_FACTOR ** len(earlier)
    now = run.timing.monotonic()
    deadlines = Deadlines(
        adopted_by=now + (seconds if lost else min(seconds, grace)),
        listed_by=now + seconds,
        claimed_by=now + max(seconds, 2 * grace) + _look_seconds(run),
    )
    return _Search(submission=submission, lost=lost, window=window, deadlines=deadlines)


def _remaining(run: Run, search: _Search) -> float:
    return max(0.0, search.deadlines.listed_by - run.timing.monotonic())


async def _pause(run: Run, search: _Search) -> None:
    """Wait until the next look: longer while the end of the search is far."""
    await run.timing.sleep(max(_look_seconds(run), min(MAX_DISTANT_LOOK_SECONDS, _remaining(run, search) / LOOKS_AHEAD)))


async def _look_once(run: Run, search: _Search) -> Job | LookAgain | None:
    """Look, and record the conclusion. Returns the job that was adopted, None where the ledger knows what became of it."""
    submission, intent = search.submission, search.submission.intent
    evidence = await look(run, intent, search.window, callbacks=search.lost is not None)
    conclusion = judge(evidence, run.timing.monotonic(), search.deadlines)
    match conclusion:
        case Adopt() as found:
            # False: another submission has claimed it since.
            return found.job if await _adopt(run, intent, found, search.window) else LookAgain()
        case AskPerson(candidates=candidates):
            jobs = "1 job" if len(candidates) == 1 else f"{len(candidates)} jobs"
            reason = f"{jobs} at Krea could be this submission, or another that was cut off at the same time"
            await _ask(run, submission, reason, candidates)
        case LookAgain() | NeverArrived():
            pass
        case _:
            assert_never(conclusion)
    # Asking who claimed what may have completed what a dead worker had begun to write: perhaps the job was known all along.
    if (await _current(run, submission)).known:
        return None
    if isinstance(conclusion, NeverArrived):
        await _never_arrived(run, submission, search.lost)
        return None
    return LookAgain()


async def _adopt(run: Run, intent: Intent, found: Adopt, window: Window) -> bool:
    """Record that the job is the submission's; False where it belongs to another one."""
    job, grounds = found.job, None
    if found.how == "evidence":
        grounds = Grounds(since=window.first, seen_at=run.timing.now(), type=job.type, expected_types=found.expected_types)
    crashpoint("before-adopted")
    try:
        await run.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how=found.how, type=job.type, evidence=grounds)
    except ClaimedError:
        return False
    crashpoint("after-adopted")
    return True


async def _never_arrived(run: Run, submission: Submission, lost: Lost | None) -> None:
    intent = submission.intent
    failure = Failure(code="never_arrived", message=lost.error.message if lost else "the process ended before an answer came")
    with contextlib.suppress(AlreadySubmittedError):
        await run.ledger.submissions.settle(intent.fingerprint, submission.number, "never_arrived", usd=Decimal(0), error=failure)
    if lost is not None:  # stays reserved in the run's budget: Krea may have accepted it all the same
        before = run.state.lost_answers.get(intent.fingerprint)
        run.state.lost_answers[intent.fingerprint] = LostAnswers(
            intents=(*(before.intents if before else ()), intent),
            since=before.since if before else lost.at,
            message=lost.error.message,
        )
    elif intent.run_id == run.plan.run_id:
        run.budget.release(intent.fingerprint, submission.number)


async def _ask(run: Run, submission: Submission, reason: str, candidates: tuple[Job, ...], *, hint: str = DECIDE) -> NoReturn:
    ids = tuple(job.id for job in candidates)
    await run.ledger.submissions.doubt(submission.intent.fingerprint, submission.number, reason, ids)
    raise InDoubtError(f"shot {submission.intent.step!r}: {reason}", hint=hint, candidates=ids)


async def _current(run: Run, submission: Submission) -> Submission:
    return await run.ledger.submissions.get(submission.intent.fingerprint, submission.number) or submission


def _krea_time(run: Run) -> datetime:
    return run.timing.now() + run.client.clock_offset


def _look_seconds(run: Run) -> float:
    return min(MAX_LOOK_SECONDS, max(0.05, run.settings.patience.grace / 4))
