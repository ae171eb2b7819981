"""Conflicting records for one submission. Nothing has been sent or changed when these are raised."""

from __future__ import annotations

from animatic.errors import NeedsPersonError


class ClaimedError(NeedsPersonError):
    """The job belongs to another submission: to the one of ``fingerprint`` and ``attempt``; ``shot``: what people call its shot."""

    code = "job_claimed"

    def __init__(self, job_id: str, fingerprint: str, attempt: int, shot: str = "") -> None:
        super().__init__(
            f"job {job_id} already belongs to attempt {attempt} of {shot or f'take {fingerprint[:12]}'}",
            hint="take another of the candidates, or none: `animatic doubts` shows them",
        )
        self.job_id = job_id
        self.fingerprint = fingerprint
        self.attempt = attempt


class AlreadySubmittedError(NeedsPersonError):
    """The submission is known to have become the job ``job_id``: it cannot become another one, nor count as never arrived."""

    code = "already_submitted"

    def __init__(self, fingerprint: str, attempt: int, job_id: str) -> None:
        super().__init__(
            f"attempt {attempt} of take {fingerprint[:12]} already became job {job_id}",
            hint="`animatic resume` waits for that job; nothing was sent again",
        )
        self.fingerprint = fingerprint
        self.attempt = attempt
        self.job_id = job_id


class OpenSubmissionError(NeedsPersonError):
    """A further submission was asked for while the one before it may still be paid for."""

    code = "attempt_open"

    def __init__(self, fingerprint: str, attempt: int) -> None:
        super().__init__(
            f"attempt {attempt} of take {fingerprint[:12]} is not settled, so no further one may be sent",
            hint="`animatic resume` settles it first",
        )
        self.fingerprint = fingerprint
        self.attempt = attempt
