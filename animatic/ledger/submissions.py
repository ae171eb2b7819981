"""Submissions: intended before a POST, submitted after its answer, settled at the end. The heart of never paying twice.

Whoever creates ``intended`` may send that POST, nobody else. Whoever learns the job claims it, so that it counts for one submission only. All
of it is decided by creating objects that must be absent, so any number of workers on any number of machines agree.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from animatic.ledger.errors import AlreadySubmittedError, ClaimedError, OpenAttemptError
from animatic.ledger.model import NOT_ACCEPTED, Attempt, Claim, Doubt, Failure, How, Intent, JournalEntry, Outcome, Settled, Submitted
from animatic.ledger.records import SUBMISSIONS, attempt_folder, claim_key, each, journal_key, journal_time
from animatic.ledger.spending import Journal


class Submissions(Journal):
    """The part of the ledger that knows what was sent."""

    async def attempts(self, fingerprint: str) -> tuple[Attempt, ...]:
        """Return all submissions for a take, the first one first."""
        found = []
        for number in count(1):
            attempt = await self.attempt(fingerprint, number)
            if attempt is None:
                break
            found.append(attempt)
        return tuple(found)

    async def attempt(self, fingerprint: str, number: int) -> Attempt | None:
        """Return one submission, None if it was never intended."""
        folder = attempt_folder(fingerprint, number)
        intent = await self._read(f"{folder}intended.json", Intent)
        if intent is None:
            return None
        submitted, settled = await asyncio.gather(
            self._read(f"{folder}submitted.json", Submitted), self._read(f"{folder}settled.json", Settled)
        )
        doubt = None if submitted or settled else await self._read(f"{folder}doubt.json", Doubt)
        return Attempt(number=number, intent=intent, submitted=submitted, settled=settled, doubt=doubt)

    async def known_fingerprints(self) -> frozenset[str]:
        """Return every fingerprint for which anything was ever intended. One listing of the whole ledger: for planning fresh takes."""
        entries = await self._storage.list(SUBMISSIONS)
        return frozenset(entry.key.removeprefix(SUBMISSIONS).split("/")[1] for entry in entries if entry.key.endswith("/intended.json"))

    async def intend(
        self,
        *,
        fingerprint: str,
        attempt: int,
        model: str,
        endpoint: str,
        pipeline: str,
        step: str,
        run_id: str,
        usd: Decimal | None,
        deadline_seconds: float,
        request: Mapping[str, Any] | None = None,
        inputs: tuple[Mapping[str, Any], ...] = (),
        clock_offset: timedelta = timedelta(0),
    ) -> Intent | None:
        """Win the right to send one POST within ``deadline_seconds``; None: somebody else has it. ``clock_offset``: Krea's clock minus ours.

        Raises OpenAttemptError while the attempt before it is not settled: both might be billed.
        """
        if attempt > 1 and not await self._read(f"{attempt_folder(fingerprint, attempt - 1)}settled.json", Settled):
            raise OpenAttemptError(fingerprint, attempt - 1)
        now = self._clock().astimezone(UTC)
        host, pid, started = identity()
        intent = Intent(
            fingerprint=fingerprint,
            attempt=attempt,
            token=self._new_id(),
            model=model,
            endpoint=endpoint,
            pipeline=pipeline,
            step=step,
            run_id=run_id,
            intended_at=now,
            deadline=now + timedelta(seconds=deadline_seconds),
            usd=usd,
            request=request or {},
            inputs=inputs,
            host=host,
            pid=pid,
            started=started,
            clock_offset=clock_offset.total_seconds(),
        )
        if not await self._create(f"{attempt_folder(fingerprint, attempt)}intended.json", intent):
            return None
        await self._enter(intent)
        return intent

    async def submitted(self, submission: Intent | tuple[str, int], job_id: str, *, created_at: datetime | None, how: How) -> None:
        """Record which job the submission (an intent, or fingerprint and attempt) became. Doing so again changes nothing.

        ``created_at`` is by Krea's clock. Raises ClaimedError if the job belongs to another submission, AlreadySubmittedError if the submission
        has another job.
        """
        fingerprint, attempt = (submission.fingerprint, submission.attempt) if isinstance(submission, Intent) else submission
        if how != "answer":
            # Found out later, perhaps for a process that died before it wrote all: nothing may be claimed for a submission that has its job,
            # and what it costs must be in the journal.
            known = await self._read(_submitted_key(fingerprint, attempt), Submitted)
            if known and known.job_id != job_id:
                raise AlreadySubmittedError(fingerprint, attempt, known.job_id)
            if intent := await self._read(f"{attempt_folder(fingerprint, attempt)}intended.json", Intent):
                await self._enter(intent)
        claim = Claim(job_id=job_id, fingerprint=fingerprint, attempt=attempt, created_at=created_at, how=how, at=self._clock())
        standing = await self._first(claim_key(job_id), claim)
        if (standing.fingerprint, standing.attempt) != (fingerprint, attempt):
            raise ClaimedError(job_id, standing.fingerprint, standing.attempt)
        known = await self._first(_submitted_key(fingerprint, attempt), _submitted_by(standing))
        if known.job_id != job_id:
            raise AlreadySubmittedError(fingerprint, attempt, known.job_id)

    async def settle(
        self,
        fingerprint: str,
        attempt: int,
        outcome: Outcome,
        *,
        usd: Decimal | None,
        job_id: str | None = None,
        completed_at: datetime | None = None,
        error: Failure | None = None,
    ) -> Settled:
        """Record the end of a submission, and what was billed for it. The first end stands; it is returned.

        Raises AlreadySubmittedError where it should count as unsent or never arrived, but its job is known.
        """
        folder = attempt_folder(fingerprint, attempt)
        if outcome in NOT_ACCEPTED and (known := await self._read(_submitted_key(fingerprint, attempt), Submitted)):
            raise AlreadySubmittedError(fingerprint, attempt, known.job_id)
        settled = Settled(outcome=outcome, usd=usd, job_id=job_id, completed_at=completed_at, error=error, at=self._clock())
        return await self._first(f"{folder}settled.json", settled)

    async def doubt(self, fingerprint: str, attempt: int, reason: str, candidates: Iterable[str]) -> Doubt:
        """Leave the submission to a person. The first doubt stands; it is returned."""
        doubt = Doubt(reason=reason, candidates=tuple(candidates), at=self._clock())
        return await self._first(f"{attempt_folder(fingerprint, attempt)}doubt.json", doubt)

    async def claimed(self, job_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the jobs that belong to a submission.

        A claim whose submission does not show it (its worker died in between) is completed here. So look at `attempts` again before a submission
        counts as never arrived: one of these jobs may be its own.
        """
        claims = [claim for claim in await each(self._claim, job_ids) if claim]
        await each(self._complete, claims)
        return frozenset(claim.job_id for claim in claims)

    async def open_intents(self, since: datetime, until: datetime) -> tuple[Attempt, ...]:
        """Return the submissions intended between the two times whose job is not known and that are not settled, by time."""
        first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        keys = [key for day in await each(self._not_final, days) for key in day]
        lines = await each(
            lambda key: self._read(key, JournalEntry), [key for key in keys if since <= (journal_time(key) or since) <= until]
        )
        attempts = await each(lambda line: self.attempt(line.fingerprint, line.attempt), [line for line in lines if line])
        return tuple(attempt for attempt in attempts if attempt and not attempt.submitted and not attempt.settled)

    async def rivals(self, intent: Intent) -> tuple[Attempt, ...]:
        """Return the other open submissions that may have been sent while this one may have been: a job found then may be theirs."""
        window = intent.deadline - intent.intended_at
        around = await self.open_intents(intent.intended_at - 2 * window, intent.deadline)
        return tuple(
            other
            for other in around
            if other.intent.deadline >= intent.intended_at
            and (other.intent.fingerprint, other.number) != (intent.fingerprint, intent.attempt)
        )

    def owner_alive(self, intent: Intent) -> bool | None:
        """Tell whether the process that may send the POST is still running; None where that cannot be known from here."""
        return is_alive(intent.host, intent.pid, intent.started)

    async def _enter(self, intent: Intent) -> None:
        """Write the submission's line in the journal, if it is not there."""
        line = JournalEntry(
            fingerprint=intent.fingerprint,
            attempt=intent.attempt,
            at=intent.intended_at,
            usd=intent.usd,
            pipeline=intent.pipeline,
            step=intent.step,
            model=intent.model,
            run_id=intent.run_id,
        )
        await self._create(journal_key(intent.intended_at, intent.fingerprint, intent.attempt), line)

    async def _claim(self, job_id: str) -> Claim | None:
        return await self._read(claim_key(job_id), Claim)

    async def _complete(self, claim: Claim) -> None:
        """Write what follows from a claim, if it is not there."""
        key = _submitted_key(claim.fingerprint, claim.attempt)
        if await self._read(key, Submitted) is None:
            await self._create(key, _submitted_by(claim))


def _submitted_key(fingerprint: str, attempt: int) -> str:
    return f"{attempt_folder(fingerprint, attempt)}submitted.json"


def _submitted_by(claim: Claim) -> Submitted:
    return Submitted(job_id=claim.job_id, created_at=claim.created_at, how=claim.how, at=claim.at)


PROC = Path("/proc")
STATE, START = 0, 19
"""Places in /proc/PID/stat behind the command's name."""


def identity() -> tuple[str, int, str]:
    """Return host, process id and start of this process."""
    pid = os.getpid()
    return socket.gethostname(), pid, f"{_world()} {_start(pid) or ''}".strip()


def is_alive(host: str, pid: int, started: str) -> bool | None:
    """Tell whether that process is running; None where that cannot be known: another machine or container, or Windows.

    A process id that was given to another process since is told apart by when it started (on Linux).
    """
    if host != socket.gethostname() or sys.platform == "win32":
        return None
    world, _, start = started.rpartition(" ")
    if world != _world():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and somebody else's
    return _start(pid) in {start, None}


def _world() -> str:
    """Return what must be equal for two process ids to mean the same: the boot and the process namespace."""
    try:
        return f"{(PROC / 'sys/kernel/random/boot_id').read_text().strip()} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """Return the start of the process in clock ticks since the boot; empty for one that has ended but was not collected yet."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return "" if fields[STATE] in {"Z", "X"} else fields[START]
