"""Failures that only those who speak to Krea tell apart: was the request heard, and is the URL still good.

::

    KreaUnreachableError      6  (animatic.errors)
    ├── NotSentError             provably not accepted: send it again as it is
    └── LostAnswerError          may have been accepted and billed: resolve by reading, never by sending again
    ShotError                 4  (animatic.errors)
    └── ExpiredUrlError          the file's URL is no longer good: read the job again for a fresh one
"""

from __future__ import annotations

from animatic.errors import KreaUnreachableError, ShotError


class NotSentError(KreaUnreachableError):
    """A submission that Krea did not accept: it never left, or was turned away for now.

    ``retry_after`` is Krea's wish in seconds, None if it gave none. ``busy`` is true where Krea answered (429, 425) and false where
    nobody did.
    """

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None, busy: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.busy = busy


class LostAnswerError(KreaUnreachableError):
    """A submission whose answer was lost, unreadable, or an error of Krea's own: a job may exist and may be billed.

    ``late``: a time-out, ours or a gateway's, cut the waiting short. Krea may still be at work on it, so its job may appear later than after a
    plain error.
    """

    retryable = False

    def __init__(self, message: str, *, hint: str | None = None, late: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.late = late


class ExpiredUrlError(ShotError):
    """The URL of a finished file answers 403, 404 or 410."""

    retryable = True

    def __init__(self, message: str, *, hint: str | None = None, code: str = "url_expired") -> None:
        super().__init__(message, hint=hint, code=code)
