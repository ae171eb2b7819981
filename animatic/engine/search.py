"""The looking for the job of one submission whose answer is missing: how long, what is concluded, and its record. Never submits.

`animatic.engine.evidence` reads and concludes. "It never arrived" is said only when Krea has had its time: as long as a POST may take, from
the loss of its answer on (or from the intent, where its sender died), and the grace in which a job is listed.
"""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from animatic.engine.crashpoints import crashpoint
from animatic.engine.evidence import Adopt, AskPerson, Conclusion, Deadlines, LookAgain, NeverArrived, judge, look
from animatic.engine.run import Run
from animatic.engine.windows import OWNER_ENDED, OWNER_ENDED_MESSAGE, SENDING_SLACK_SECONDS, Window, latest, window_of
from animatic.errors import InDoubtError
from animatic.krea import Job, LostAnswerError
from animatic.ledger import AlreadySubmittedError, ClaimedError, Failure, Intent, Submission
from animatic.ledger.model import Grounds
from animatic.ledger.owner import identity

SLOW_GATEWAY_FACTOR = 4.0
"""Times the grace: after a gateway's time-out the origin may still be at work, and the job may appear later than after a plain error."""
COMPARED_FACTOR = 12.0
"""Times the grace: so long the results of candidates are waited for, before a person is asked or the only one is taken unseen."""
LONGER_LOOK_FACTOR = 2.0
"""Times the grace for each answer to the same request that was lost before: Krea is in trouble, and each further POST may be billed."""
MAX_LOOK_SECONDS = 1.0
"""Between two looks at Krea's list, while the end of the search is near."""
MAX_DISTANT_LOOK_SECONDS = 5.0
"""The same while it is far."""
LOOKS_AHEAD = 15
"""Into so many parts the rest of a search is divided, within those two limits."""
STALE_LOOK_SECONDS = 30.0
"""A look that took longer, because the machine slept or Krea was slow, says too little of what is there now."""
MAX_STALE_LOOKS = 3
DECIDE = "see them with `animatic doubts`, then `animatic adopt SHOT JOB` or, if none is it, `animatic resubmit SHOT`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A submission of this process whose answer was lost a moment ago."""

    intent: Intent
    error: LostAnswerError
    at: float
    """Monotonic seconds."""


@dataclass(kw_only=True, slots=True)
class Search:
    """The looking for the job of one submission."""

    submission: Submission
    lost: Lost | None
    """None where another process sent it."""
    callbacks: bool
    """Whether this process would be called back for it."""
    window: Window
    deadlines: Deadlines
    late: bool = False
    """Whether the submission was given up, and this is a further look."""
    stale_looks: int = 0
    until: datetime | None = None
    """Once there are candidates after the grace: when the newest was created. Of what comes later, jobs that another submission which is
    on its way may have made do not count: while other shots go on, there would always be one."""


def begin_search(run: Run, submission: Submission, lost: Lost | None) -> Search:
    """Begin to look for a submission's job."""
    intent, grace, now = submission.intent, run.settings.patience.grace, run.timing.monotonic()
    if lost is None:
        window = window_of(intent)
        # Its POST may have been on its way until its time-out, and Krea at work on it. One of long ago has had its time: one look.
        ended = latest(intent, intent.deadline) - timedelta(seconds=SENDING_SLACK_SECONDS)
        seconds = max(0.0, (ended + timedelta(seconds=grace) - krea_time(run)).total_seconds())
        listed_by = now + seconds
        adopted_by = min(listed_by, now + grace)
    else:
        # What was given up before it may appear now as well: any of these jobs would make the take.
        before = run.state.lost_answers.get(intent.fingerprint)
        earlier = before.intents if before else ()
        window = replace(window_of(earlier[0] if earlier else intent), last=None)
        adopted_by = now + grace * (SLOW_GATEWAY_FACTOR if lost.error.late else 1.0) * LONGER_LOOK_FACTOR ** len(earlier)
        # That an answer was lost does not say that Krea has stopped: it may work on for as long as a POST may take.
        listed_by = max(adopted_by, now + run.settings.patience.post + grace)
    deadlines = Deadlines(
        adopted_by=adopted_by,
        listed_by=listed_by,
        claimed_by=adopted_by + grace * COMPARED_FACTOR + look_seconds(run),
        compared_by=adopted_by + grace * COMPARED_FACTOR,
    )
    return Search(submission=submission, lost=lost, callbacks=lost is not None, window=window, deadlines=deadlines)


def remaining(run: Run, search: Search) -> float:
    """Return the seconds until a job that is not listed does not exist."""
    return max(0.0, search.deadlines.listed_by - run.timing.monotonic())


async def pause(run: Run, search: Search) -> None:
    """Wait until the next look: longer while the end of the search is far."""
    left = remaining(run, search) if search.until is None else search.deadlines.compared_by - run.timing.monotonic()
    await run.timing.sleep(max(look_seconds(run), min(MAX_DISTANT_LOOK_SECONDS, left / LOOKS_AHEAD)))


async def conclude(run: Run, search: Search) -> Conclusion:
    """Look once, and say what follows from it; nothing is recorded."""
    intent = search.submission.intent
    began = run.timing.monotonic()
    closely = began >= search.deadlines.adopted_by
    seen_before = search.submission.doubt.candidates if search.submission.doubt else ()
    evidence = await look(
        run,
        intent,
        search.window,
        callbacks=search.callbacks,
        closely=closely,
        until=search.until,
        seen_before=seen_before,
        late=search.late,
    )
    if _is_stale(run, began, search.stale_looks):
        search.stale_looks += 1
        return LookAgain()
    if closely and search.until and not evidence.candidates:
        search.until = None  # they were others'; what came since counts again
        return LookAgain()
    if closely and evidence.candidates and search.until is None:
        search.until = max(job.created_at for job in evidence.candidates)
    return judge(evidence, began, search.deadlines)  # what came while all this was read was not seen


async def conclude_now(run: Run, intent: Intent, window: Window) -> Conclusion:
    """Look once at what may be a submission's job although nobody waits for it any more, and say what follows: nothing is put off."""
    for stale_looks in itertools.count():
        began = run.timing.monotonic()
        evidence = await look(run, intent, window, callbacks=True, closely=True, late=True)
        if not _is_stale(run, began, stale_looks):
            break
    return judge(evidence, began, Deadlines(adopted_by=began, listed_by=began, claimed_by=began, compared_by=began))


def _is_stale(run: Run, began: float, stale_looks: int) -> bool:
    """Whether a look that began then does not count. After so many that were stale, whatever is seen has to do."""
    return stale_looks < MAX_STALE_LOOKS and run.timing.monotonic() - began > STALE_LOOK_SECONDS


async def look_once(run: Run, search: Search) -> Job | LookAgain | None:
    """Look, and record the conclusion. Returns the job that was adopted, None where the ledger knows what became of it."""
    submission, intent = search.submission, search.submission.intent
    conclusion = await conclude(run, search)
    match conclusion:
        case Adopt() as found:
            if await adopt(run, intent, found, search.window):
                return found.job
            # Another submission has claimed it since, or another worker has found the job of this one.
        case AskPerson(candidates=candidates):
            jobs = "1 job" if len(candidates) == 1 else f"{len(candidates)} jobs"
            reason = f"{jobs} at Krea could be this submission, or another that was cut off at the same time"
            if not (await current(run, submission)).known:
                await ask(run, submission, reason, candidates)
        case LookAgain() | NeverArrived():
            pass
        case _:
            assert_never(conclusion)
    # Asking who claimed what may have completed what a dead worker had begun to write: perhaps the job was known all along.
    if (await current(run, submission)).known:
        return None
    if isinstance(conclusion, NeverArrived):
        await _never_arrived(run, submission, search.lost)
        return None
    return LookAgain()


async def adopt(run: Run, intent: Intent, found: Adopt, window: Window) -> bool:
    """Record that the job is the submission's; False where it belongs to another one, or the submission has one already."""
    job, grounds = found.job, None
    if found.how == "evidence":
        grounds = Grounds(
            since=window.first,
            seen_at=run.timing.now(),
            type=job.type,
            expected_types=found.expected_types,
            mime=found.result.mime if found.result else None,
            width=found.result.width if found.result else None,
            height=found.result.height if found.result else None,
            duration=found.result.duration if found.result else None,
            likeness=found.likeness,
        )
    crashpoint("before-adopted")
    try:
        await run.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how=found.how, type=job.type, evidence=grounds)
    except (ClaimedError, AlreadySubmittedError):
        return False
    crashpoint("after-adopted")
    if grounds is not None:
        run.state.by_evidence.append(intent)
    return True


async def _never_arrived(run: Run, submission: Submission, lost: Lost | None) -> None:
    intent = submission.intent
    failure = Failure(code="never_arrived", message=lost.error.message) if lost else Failure(code=OWNER_ENDED, message=OWNER_ENDED_MESSAGE)
    with contextlib.suppress(AlreadySubmittedError):
        await run.ledger.submissions.settle(intent.fingerprint, submission.number, "never_arrived", usd=Decimal(0), error=failure)
    ours = (intent.host, intent.pid, intent.started) == identity()  # lost by this process: Krea may have accepted it all the same
    if lost is None and not ours and intent.run_id == run.plan.run_id:
        run.budget.release(intent.fingerprint, submission.number)


async def ask(run: Run, submission: Submission, reason: str, candidates: tuple[Job, ...], *, hint: str = DECIDE) -> None:
    """Leave the submission to a person: record the doubt, and raise InDoubtError, unless another worker has found its job meanwhile."""
    ids = tuple(job.id for job in candidates)
    await run.ledger.submissions.doubt(submission.intent.fingerprint, submission.number, reason, ids)
    if not (await current(run, submission)).known:
        raise InDoubtError(reason, hint=hint, candidates=ids)


async def current(run: Run, submission: Submission) -> Submission:
    """Return the submission as the ledger knows it now."""
    return await run.ledger.submissions.get(submission.intent.fingerprint, submission.number) or submission


def krea_time(run: Run) -> datetime:
    """Return the time by Krea's clock."""
    return run.timing.now() + run.client.clock_offset


def look_seconds(run: Run) -> float:
    """Return the seconds between two looks."""
    return min(MAX_LOOK_SECONDS, max(0.05, run.settings.patience.grace / 4))
