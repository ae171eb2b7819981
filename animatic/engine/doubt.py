"""Finds out which job an unanswered submission of another process, or of an earlier run, became, if any. Nothing here ever submits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

from animatic.engine.evidence import LookAgain
from animatic.engine.reach import out_of_reach
from animatic.engine.run import Run
from animatic.engine.search import SLOW_GATEWAY_FACTOR, ask, begin_search, current, krea_time, look_once, look_seconds, pause, remaining
from animatic.engine.windows import CLOCK_MARGIN, SENDING_SLACK_SECONDS, latest
from animatic.errors import InDoubtError
from animatic.ledger import Intent, Submission
from animatic.ledger.owner import identity

SEND_AS_BEFORE = (
    "run again with the KREA_API_URL and KREA_API_TOKEN that it was sent with, or look there: "
    "then `animatic adopt SHOT JOB` or, if there is none, `animatic resubmit SHOT`"
)
STALE_INTENT = timedelta(seconds=20)
"""An intent this old that is not being sent (the machine slept, a disk was full) never will be."""


async def await_owner(run: Run, submission: Submission) -> bool:
    """Wait for a worker that is still sending. True: its outcome is recorded now; False: nobody is sending it any more."""
    while True:
        found = await current(run, submission)
        if found.known:
            return True
        if found.doubt is not None or _abandoned(run, submission.intent):
            return False
        await run.timing.sleep(look_seconds(run))


def _abandoned(run: Run, intent: Intent) -> bool:
    if (intent.host, intent.pid, intent.started) == identity():
        # Another run of this process, as `serve` has several: what it is sending is known here.
        return intent.token not in run.sending and run.timing.now() - intent.intended_at > STALE_INTENT
    alive = run.ledger.submissions.owner_alive(intent)
    # One that lives long past every time-out is not sending any more.
    return alive is False or krea_time(run) > intent.by_krea(intent.deadline)


async def resolve_doubt(run: Run, submission: Submission, *, on_wait: Callable[[float], object] = lambda _seconds: None) -> None:
    """Find out what became of a submission that nobody is sending any more, and record it: read the ledger afterwards.

    ``on_wait`` is told how long (seconds) this may take, where the first look does not tell. Raises InDoubtError when several jobs could
    be it.
    """
    found = await current(run, submission)
    if found.known:
        return
    if reason := out_of_reach(run.client, found.intent):
        await ask(run, found, reason, (), hint=SEND_AS_BEFORE)
        return
    search, told = begin_search(run, found, None), False
    while isinstance(await look_once(run, search), LookAgain):
        if not told:
            on_wait(remaining(run, search))
            told = True
        await pause(run, search)


async def resolve_left_behind(run: Run) -> None:
    """Before the first POST of this process: find out what became of those whose processes died a moment ago, all of them together.

    A new job of ours in their windows may make it ambiguous which of the two they became. What needs a person stays open, and so does
    what is not found in the grace, while Krea may be working on it for much longer: only its own shot stops, or waits.
    """
    now = run.timing.now()
    longest = timedelta(seconds=run.settings.patience.post + SENDING_SLACK_SECONDS)
    opened = await run.ledger.recent.open(now - longest - CLOCK_MARGIN, now)
    await asyncio.gather(*(_look_for_left_behind(run, submission) for submission in opened if _was_left_behind(run, submission)))


def _was_left_behind(run: Run, submission: Submission) -> bool:
    intent = submission.intent
    dead = run.ledger.submissions.owner_alive(intent) is False
    long_ago = latest(intent, intent.deadline) <= krea_time(run)
    return dead and submission.doubt is None and not long_ago and not out_of_reach(run.client, intent)


async def _look_for_left_behind(run: Run, submission: Submission) -> None:
    nearly = run.settings.patience.grace * SLOW_GATEWAY_FACTOR
    search = begin_search(run, submission, None)
    with contextlib.suppress(InDoubtError):
        while isinstance(await look_once(run, search), LookAgain):
            found = search.until is not None  # jobs made from now on cannot be meant
            if run.timing.monotonic() >= search.deadlines.adopted_by and (found or remaining(run, search) > nearly):
                return
            await pause(run, search)
