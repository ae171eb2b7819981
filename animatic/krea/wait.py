"""Waits for jobs: one loop for all of a process, so that a thousand waits cost about as many requests as one.

A look is one page of the job list, which shows every waiting job at once. A job is read by itself only where few are waiting, where it
ended (list items may lack the reason), where a webhook called, or where the list does not show it: no thread and no request per job.
One that cannot be read keeps no other waiting, and where Krea answers for others, its wait alone is given up.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Self

from animatic.backoff import Backoff
from animatic.errors import AnimaticError, InterruptedRunError, JobTimeoutError, KreaUnreachableError, ServiceError
from animatic.krea.client import MAX_PAGE_SIZE, KreaClient
from animatic.krea.pace import Durations, Watched, interval, set_within
from animatic.krea.wire import Job

log = logging.getLogger(__name__)

LISTING_THRESHOLD = 2
"""Up to so many waiting jobs are read one by one: that is exact, and cheaper than a list."""
SMALL_PAGE_SIZE = 100
MAX_LISTED_JOBS = 10_000
"""A look goes no further down the list than this."""
MAX_SINGLE_READS = 16
"""Jobs that the list does not show and that one look reads one by one."""
CLOCK_MARGIN = timedelta(minutes=1)
"""The list is read this much further back: a creation time may come from our own clock."""
VANISHED_SECONDS = 60.0
"""A job that Krea has shown and now answers 404 for is given up after this long."""
NEVER_SEEN_SECONDS = 180.0


class Watcher:
    """Waits for Krea's jobs. An async context manager; one per process is enough.

    ``poll`` is the seconds between two looks; ``sleep``, ``clock`` (monotonic seconds) and ``randomness`` are for tests. An outage of Krea
    shorter than the client's patience is not felt; a longer one fails every wait with KreaUnreachableError.
    """

    def __init__(
        self,
        client: KreaClient,
        *,
        poll: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        randomness: random.Random | None = None,
    ) -> None:
        self._client = client
        self._poll = poll
        self._sleep = sleep
        self._clock = clock
        self._randomness = randomness or random.Random()  # noqa: S311 - spreads reads, guards nothing
        self._durations = Durations()
        self._watched: dict[str, Watched] = {}
        self._listed_at = float("-inf")
        self._heard_at = float("-inf")
        self._planned = float("inf")
        self._closed = False
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        # A plain task: a task group would take part in how the body is cancelled, and hide its error behind a cancellation of its own.
        self._loop = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._closed = True
        self._fail_all(InterruptedRunError("the run ended while a job was waited for", hint="`animatic resume` takes it up"))
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    async def wait(
        self,
        job_id: str,
        *,
        deadline: float,
        created_at: datetime | None = None,
        on_status: Callable[[Job], None] | None = None,
        model: str | None = None,
    ) -> Job:
        """Return the job once it is completed, failed or cancelled.

        ``deadline`` is seconds from now; ``created_at`` Krea's time of the job, which bounds the list; ``on_status`` is called at every
        change of status; ``model`` lets the watcher learn how long its jobs take. Raises JobTimeoutError after a last look, JobFailedError
        (code ``job_lost``) where Krea no longer knows the job, or (``job_unreadable``) gives nothing that can be read for it alone,
        KreaUnreachableError after an outage, InterruptedRunError where the watcher is closed.
        """
        if self._closed:
            raise InterruptedRunError("the watcher is closed", hint="`animatic resume` takes the job up")
        watched = self._join(job_id, created_at, model)
        if on_status:
            watched.listeners.append(on_status)
        try:
            if not await set_within(watched.ended, deadline):
                await self._look_once_more(watched)
        finally:
            self._leave(watched, on_status)
        if watched.error:
            raise copy.copy(watched.error)  # of its own for every waiting task: a raised exception collects tracebacks
        if watched.job is None or not watched.job.terminal:
            raise JobTimeoutError(
                f"job {job_id} has not finished within {deadline:.0f} s; its last status was {watched.status or 'not seen'}",
                hint="it may still finish, and is billed if it does; give the shot a longer `timeout`",
            )
        return watched.job

    def nudge(self, job_id: str) -> None:
        """Look at this job now: its webhook has called. Nothing happens if nobody waits for it."""
        if (watched := self._watched.get(job_id)) and not watched.ended.is_set():
            watched.nudged = True
            self._wake.set()

    def _join(self, job_id: str, created_at: datetime | None, model: str | None) -> Watched:
        watched = self._watched.get(job_id)
        if watched is None or watched.ended.is_set():
            now = self._clock()
            watched = Watched(
                id=job_id,
                created_at=created_at,
                model=model,
                began=now,
                next_look=now + interval(0, None, self._poll),
                backoff=Backoff(randomness=self._randomness),
            )
            self._watched[job_id] = watched
            if watched.next_look < self._planned:
                self._wake.set()
        watched.waiting += 1
        return watched

    def _leave(self, watched: Watched, listener: Callable[[Job], None] | None) -> None:
        watched.waiting -= 1
        if listener:
            watched.listeners.remove(listener)
        if not watched.waiting and self._watched.get(watched.id) is watched:
            del self._watched[watched.id]
            if watched.reading is not None:
                watched.reading.cancel()

    def _active(self) -> list[Watched]:
        return [watched for watched in self._watched.values() if not watched.ended.is_set()]

    async def _run(self) -> None:
        while True:
            await self._pause()
            try:
                await self._look()
            except AnimaticError as error:
                self._fail_all(error)
            except Exception as error:
                log.exception("the watcher failed")
                self._fail_all(_our_fault(error))

    async def _pause(self) -> None:
        """Sleep until a look is due or a webhook calls; what comes to be waited for in the meantime may bring that forward."""
        while True:
            active = self._active()
            if any(watched.nudged for watched in active):
                return
            self._wake = asyncio.Event()
            self._planned = min((watched.next_look for watched in active), default=float("inf"))
            if not active:
                await self._wake.wait()
                continue
            if len(active) > LISTING_THRESHOLD:
                self._planned = max(self._planned, self._listed_at + self._poll / 2)
            seconds = self._planned - self._clock()
            if seconds <= 0:
                return
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._wake_after(seconds))
                await self._wake.wait()
                timer.cancel()

    async def _wake_after(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._wake.set()

    async def _look(self) -> None:
        """Look at what is due: one by one what a webhook called for, what has no known age, and what is few; the rest in the list."""
        active = self._active()
        soon = self._clock() + self._poll / 4
        due = [watched for watched in active if watched.nudged or watched.next_look <= soon]
        single = [watched for watched in due if watched.nudged or watched.created_at is None or len(active) <= LISTING_THRESHOLD]
        await self._read_each(single)
        if len(single) < len(due):
            await self._read_list([watched for watched in self._active() if watched.created_at is not None])
        if any(watched.ended.is_set() for watched in active):
            self._look_sooner()

    def _look_sooner(self) -> None:
        """Bring looks forward: what has just ended has told how long the others of its model take."""
        now = self._clock()
        for watched in self._active():
            watched.next_look = min(watched.next_look, self._next_look(watched, now))

    async def _read_list(self, waiting: list[Watched]) -> None:
        """Read the job list down to the oldest waiting job; then, one by one, those that ended and some of those it did not show."""
        if not waiting:
            return
        missing = {watched.id: watched for watched in waiting}
        ended: list[Watched] = []
        since = min(watched.created_at for watched in waiting if watched.created_at) - CLOCK_MARGIN
        listed = 0
        page_size = SMALL_PAGE_SIZE if len(waiting) <= SMALL_PAGE_SIZE // 2 else MAX_PAGE_SIZE
        async with aclosing(self._client.jobs(since=since, limit=page_size)) as jobs:
            async for job in jobs:
                listed += 1
                if watched := missing.pop(job.id, None):
                    if job.terminal:
                        ended.append(watched)
                    else:
                        self._saw(watched, job)
                if not missing or listed >= MAX_LISTED_JOBS:
                    break
        self._listed_at = self._heard_at = now = self._clock()
        for watched in missing.values():
            watched.next_look = self._next_look(watched, now)
        unseen = [watched for watched in missing.values() if watched.next_single <= now]
        await self._read_each([*ended, *unseen[:MAX_SINGLE_READS]])

    async def _read_each(self, waiting: Iterable[Watched]) -> None:
        """Read jobs one by one. A read that takes longer than the time between two looks goes on by itself; nobody reads its job again."""
        for watched in waiting:
            watched.nudged = False
            watched.next_look = self._clock() + self._poll  # until it was read
            if watched.reading is None:
                watched.reading = asyncio.create_task(self._read(watched))
        if reads := [watched.reading for watched in self._watched.values() if watched.reading is not None]:
            await asyncio.wait(reads, timeout=self._poll)

    async def _read(self, watched: Watched) -> None:
        began = self._clock()
        try:
            job = await self._client.job(watched.id)
        except AnimaticError as error:
            if self._heard_at > began and isinstance(error, KreaUnreachableError):
                watched.unreadable(error)
            else:
                self._fail_all(error)
        except Exception as error:
            log.exception("a job could not be read")
            self._fail_all(_our_fault(error))
        else:
            self._heard_at = self._clock()
            self._saw(watched, job)
        finally:
            watched.reading = None

    async def _look_once_more(self, watched: Watched) -> None:
        """Read the job after its deadline: one that finished since the last look was paid for, and is not thrown away."""
        try:
            async with asyncio.timeout(self._client.patience.get):
                job = await self._client.job(watched.id)
        except (ServiceError, TimeoutError):
            return
        if job and job.terminal:
            self._saw(watched, job)

    def _saw(self, watched: Watched, job: Job | None) -> None:
        """Note what Krea says of a job; None is its 404."""
        now = self._clock()
        watched.next_look = self._next_look(watched, now)
        if job is None:
            watched.missed(now, patience=VANISHED_SECONDS if watched.status else NEVER_SEEN_SECONDS)
            return
        watched.saw(job, now)
        if job.terminal:
            if job.ending == "completed" and watched.model:
                known = job.completed_at and (job.completed_at - job.created_at).total_seconds()
                self._durations.record(watched.model, known or now - watched.began)
            watched.end(job=job)

    def _next_look(self, watched: Watched, now: float) -> float:
        return now + interval(now - watched.began, self._durations.expected(watched.model), self._poll)

    def _fail_all(self, error: AnimaticError) -> None:
        for watched in list(self._watched.values()):
            if not watched.ended.is_set():
                watched.end(error=error)


def _our_fault(error: Exception) -> AnimaticError:
    """Return the error for what should not have happened: nobody may be left waiting."""
    return AnimaticError(f"waiting for jobs failed: {type(error).__name__}", hint="the log has the details")
