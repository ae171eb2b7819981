"""Submissions: intended before a POST, submitted after its answer, settled at the end. The heart of never paying twice.

Whoever creates ``intended`` may send that POST, nobody else. Whoever learns the job claims it, so that it counts for one submission
only. All of it is decided by creating objects that must be absent, so any number of workers on any number of machines agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from animatic.ledger.errors import AlreadySubmittedError, ClaimedError, OpenSubmissionError
from animatic.ledger.model import (
    Claim,
    Doubt,
    Failure,
    Grounds,
    How,
    Intent,
    SentInput,
    Settled,
    Submission,
    Submitted,
    Unusable,
    Withdrawal,
)
from animatic.ledger.outcomes import Outcome, corrects, was_accepted
from animatic.ledger.owner import identity
from animatic.ledger.records import SUBMISSIONS, RecordStore, attempt_folder, claim_key, each, evidence_folder
from animatic.ledger.spending import Journal
from animatic.storage import DamagedRecordError

OwnerAlive = Callable[[Intent], bool | None]


class Submissions:
    """What was sent for each take, and what became of it."""

    def __init__(self, records: RecordStore, journal: Journal, owner_alive: OwnerAlive) -> None:
        self._records = records
        self._journal = journal
        self.owner_alive = owner_alive
        """Tells whether the process that may send a submission's POST is still running; None where that cannot be known from here."""

    async def of(self, fingerprint: str) -> tuple[Submission, ...]:
        """Return all submissions for a take, the first one first."""
        found: list[Submission] = []
        while submission := await self.get(fingerprint, len(found) + 1):
            found.append(submission)
        return tuple(found)

    async def get(self, fingerprint: str, number: int) -> Submission | None:
        """Return one submission, None if it was never intended."""
        folder = attempt_folder(fingerprint, number)
        intent = await self._records.read(f"{folder}intended.json", Intent)
        if intent is None:
            return None
        submitted, settled = await asyncio.gather(
            self._records.read(f"{folder}submitted.json", Submitted), self._records.read(f"{folder}settled.json", Settled)
        )
        asked = not submitted and (settled is None or settled.outcome == "withdrawn")
        doubt = await self._records.read(f"{folder}doubt.json", Doubt) if asked else None
        found = Submission(number=number, intent=intent, submitted=submitted, settled=settled, doubt=doubt)
        if not found.known:
            return found
        correction = withdrawal = unusable = None
        if settled is None or settled.outcome != "completed":
            correction, withdrawal = await asyncio.gather(
                self._records.read(f"{folder}corrected.json", Settled), self._records.read(f"{folder}withdrawn.json", Withdrawal)
            )
        ending = correction or settled
        if ending is not None and ending.outcome == "completed":
            # Only then has a person been asked about it, and may have given it up.
            unusable = await self._records.read(f"{folder}unusable.json", Unusable)
            withdrawal = await self._records.read(f"{folder}withdrawn.json", Withdrawal) if unusable else withdrawal
        return replace(found, correction=correction, unusable=unusable, withdrawal=withdrawal)

    async def fingerprints(self) -> frozenset[str]:
        """Return every fingerprint for which anything was ever intended. Lists the whole ledger, in parts: for planning many shots."""
        parts = await each(self._records.storage.list, [f"{SUBMISSIONS}{number:02x}/" for number in range(256)])
        keys = [entry.key for entries in parts for entry in entries]
        return frozenset(key.removeprefix(SUBMISSIONS).split("/")[1] for key in keys if key.endswith("/intended.json"))

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
        inputs: tuple[SentInput, ...] = (),
        clock_offset: Callable[[], timedelta] = timedelta,
        clock_error: timedelta = timedelta(0),
        origin: str = "",
        account: Callable[[str], str] = lambda _token: "",
    ) -> Intent | None:
        """Win the right to send one POST within ``deadline_seconds``; None: somebody else has it.

        ``clock_offset``: Krea's clock minus ours, asked for in the moment in which ours is read, ``clock_error``: by how much that may be
        wrong. ``origin``: where it is sent; ``account`` returns the hash of Krea's token, keyed with the token of the submission.

        Raises OpenSubmissionError while the attempt before it is not settled: both might be billed.
        """
        if attempt > 1 and not await self._records.read(f"{attempt_folder(fingerprint, attempt - 1)}settled.json", Settled):
            raise OpenSubmissionError(fingerprint, attempt - 1)
        now = self._records.now().astimezone(UTC)
        host, pid, started = identity()
        token = self._records.new_id()
        intent = Intent(
            fingerprint=fingerprint,
            attempt=attempt,
            token=token,
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
            origin=origin,
            account=account(token),
            clock_offset=clock_offset().total_seconds(),
            clock_error=clock_error.total_seconds(),
        )
        if not await self._records.create(f"{attempt_folder(fingerprint, attempt)}intended.json", intent):
            return None
        await self._journal.enter(intent)
        return intent

    async def submitted(
        self,
        intent: Intent | tuple[str, int],
        job_id: str,
        *,
        created_at: datetime | None,
        how: How,
        type: str | None = None,  # noqa: A002 - Krea's word
        evidence: Grounds | None = None,
    ) -> None:
        """Record which job a submission (its intent, or fingerprint and attempt) became. Doing so again changes nothing.

        ``created_at`` is by Krea's clock. Raises ClaimedError if the job belongs to another submission, AlreadySubmittedError if the
        submission has another job.
        """
        fingerprint, attempt = (intent.fingerprint, intent.attempt) if isinstance(intent, Intent) else intent
        if how != "answer":
            # Found out later, perhaps for a process that died before it wrote all: nothing may be claimed for a submission that has
            # its job, and what it costs must be in the journal.
            known = await self._records.read(_submitted_key(fingerprint, attempt), Submitted)
            if known and known.job_id != job_id:
                raise AlreadySubmittedError(fingerprint, attempt, known.job_id)
            if written := await self._records.read(f"{attempt_folder(fingerprint, attempt)}intended.json", Intent):
                await self._journal.enter(written)
        claim = Claim(
            job_id=job_id,
            fingerprint=fingerprint,
            attempt=attempt,
            created_at=created_at,
            how=how,
            at=self._records.now(),
            type=type,
            evidence=evidence,
        )
        if evidence is not None and isinstance(intent, Intent):
            # So that it is found again, because another job may turn up; before all else, as this process may end after any record.
            day = evidence_folder(intent.intended_at.astimezone(UTC).date())
            await self._records.create(f"{day}{fingerprint}-{attempt:03}.json", claim)
        standing = await self._records.create_or_read(claim_key(job_id), claim)
        if (standing.fingerprint, standing.attempt) != (fingerprint, attempt):
            raise ClaimedError(job_id, standing.fingerprint, standing.attempt)
        known = await self._records.create_or_read(_submitted_key(fingerprint, attempt), _submitted_by(standing))
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
        """Record the end of a submission, and what was billed for it. The first settlement wins and is returned.

        One that was not final (it counted as never arrived, or nobody knew) is corrected by what Krea says of its job later, and one whose
        job was not billed by its completion; the first correction stands. Raises AlreadySubmittedError where it should count as unsent or
        never arrived, but its job is known.
        """
        folder = attempt_folder(fingerprint, attempt)
        if not was_accepted(outcome) and (known := await self._records.read(_submitted_key(fingerprint, attempt), Submitted)):
            raise AlreadySubmittedError(fingerprint, attempt, known.job_id)
        settled = Settled(outcome=outcome, usd=usd, job_id=job_id, completed_at=completed_at, error=error, at=self._records.now())
        standing = await self._records.create_or_read(f"{folder}settled.json", settled)
        says_otherwise = (standing.outcome, standing.usd) != (outcome, usd)
        if job_id is None or not corrects(outcome, standing.outcome) or not says_otherwise:
            return standing
        return await self._records.create_or_read(f"{folder}corrected.json", settled)

    async def doubt(self, fingerprint: str, attempt: int, reason: str, candidates: Iterable[str]) -> Doubt:
        """Leave the submission to a person. The first doubt wins and is returned."""
        doubt = Doubt(reason=reason, candidates=tuple(candidates), at=self._records.now())
        return await self._records.create_or_read(f"{attempt_folder(fingerprint, attempt)}doubt.json", doubt)

    async def unusable(self, fingerprint: str, attempt: int, reason: str) -> Unusable:
        """Record that what came of a completed job is no file for its shot: a person decides. The first reason wins and is returned."""
        unusable = Unusable(reason=reason, at=self._records.now())
        return await self._records.create_or_read(f"{attempt_folder(fingerprint, attempt)}unusable.json", unusable)

    async def withdraw(self, fingerprint: str, reason: str, *, only_unclear: bool = False) -> tuple[Submission, ...]:
        """Let jobs not be looked at any more: those of a take that are waited for, or only unclear ones. Returns their submissions.

        What they cost stays on record; the first withdrawal of each wins. A job whose file is still to be fetched stays the shot's.
        """
        found = []
        for one in await self.of(fingerprint):
            completed = one.ending is not None and one.ending.outcome == "completed"
            if one.waits_for_job and (one.unclear or not (only_unclear or completed)):
                key = f"{attempt_folder(fingerprint, one.number)}withdrawn.json"
                withdrawal = await self._records.create_or_read(key, Withdrawal(reason=reason, at=self._records.now()))
                found.append(replace(one, withdrawal=withdrawal))
        return tuple(found)

    async def claimed(self, job_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the jobs that belong to a submission.

        A claim whose submission does not show it (its worker died in between) is completed here. So read the submission again before it
        counts as never arrived: one of these jobs may be its own.
        """
        claims = [claim for claim in await each(lambda job_id: self._records.read(claim_key(job_id), Claim), job_ids) if claim]
        await each(self._complete, claims)
        return frozenset(claim.job_id for claim in claims)

    async def get_or_leave_out(self, fingerprint: str, number: int) -> Submission | None:
        """Return one of many submissions, None where a record of it is damaged: that is an error for its own shot alone."""
        try:
            return await self.get(fingerprint, number)
        except DamagedRecordError as error:
            self._records.leave_out(attempt_folder(fingerprint, number), error)
            return None

    async def _complete(self, claim: Claim) -> None:
        """Write what follows from a claim, if it is not there."""
        key = _submitted_key(claim.fingerprint, claim.attempt)
        if await self._records.read(key, Submitted) is None:
            await self._records.create(key, _submitted_by(claim))


def _submitted_key(fingerprint: str, attempt: int) -> str:
    return f"{attempt_folder(fingerprint, attempt)}submitted.json"


def _submitted_by(claim: Claim) -> Submitted:
    return Submitted(job_id=claim.job_id, created_at=claim.created_at, how=claim.how, at=claim.at, type=claim.type, evidence=claim.evidence)
