"""One tree of errors; each knows its exit code, whether trying again can help, and what to do next.

::

    AnimaticError                 1  an error of ours
    ├── DeclarationError          2  the pipelines file is wrong: every problem with its place
    ├── UsageError                2  the command line, a parameter or a setting is wrong
    ├── MoneyError                3  refused for money
    │   ├── OverBudgetError
    │   ├── UnknownPriceError
    │   └── OutOfCreditsError        Krea answered 402
    ├── ShotError                 4  one shot cannot be made; the others go on
    │   ├── RequestRefusedError      Krea answered 400/403/404/422 to the request
    │   ├── ModelGoneError           410: the model was withdrawn
    │   ├── PlanRequiredError        402 that asks for a higher plan of this model
    │   ├── JobFailedError           failed, cancelled or moderated
    │   ├── JobTimeoutError          outlived its deadline, and was cancelled
    │   ├── JobOpenError             nobody knows yet how the job ends: it is waited for again
    │   ├── BadClipError             the file is cut, of the wrong length, or does not decode
    │   └── BadMediaError            a reference cannot be read
    ├── NeedsPersonError          5  waits for a person
    │   ├── ApprovalError            a shot that a person has to look at before what follows is paid for
    │   └── InDoubtError             a submission that may or may not have been accepted
    │       └── UnclearResultError   a job that completed, and whose result is not understood
    ├── ServiceError              6  a service is unreachable or refuses the credentials
    │   ├── KreaUnreachableError
    │   ├── KreaRefusedError         401/403 on the token
    │   ├── StorageError
    │   └── PrefectError
    └── InterruptedRunError     130

Errors that cross processes pickle: everything that an error carries is in ``args`` or ``__dict__``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Severity = Literal["error", "warning"]
KeyPath = tuple[str | int, ...]
"""Where a value stands in a document: the keys and list positions that lead to it from the top."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file: 1-based line and column, and how many characters of that line it covers. Line 0: the file as a whole."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        """``file:line:column``, as editors and terminals link it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake (or warning) in a declaration.

    ``message`` says what is wrong and what was expected, ``hint`` what to do; ``related`` are further places that take
    part (the other duplicate, the other end of a cycle) with a note each. ``code`` is a stable slug for tools.
    """

    message: str
    place: Place | None = None
    hint: str | None = None
    severity: Severity = "error"
    code: str = "invalid"
    related: tuple[tuple[Place, str], ...] = field(default=())


class AnimaticError(Exception):
    """Base of all errors that a user may meet. ``message`` is one sentence; ``hint`` says what to do next."""

    exit_code: ClassVar[int] = 1
    code: str = "internal"
    """Stable slug for programs: in the manifest, the ledger and JSON. An error may be more exact than its class (Krea's code)."""
    retryable: bool = False

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[object, tuple[type[AnimaticError], str, dict[str, object]]]:
        """Keyword-only state survives pickling."""
        return _rebuild, (type(self), self.message, self.__dict__)

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


def _rebuild(cls: type[AnimaticError], message: str, state: dict[str, object]) -> AnimaticError:
    error = cls.__new__(cls, message)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class DeclarationError(AnimaticError):
    """The declaration is wrong. Carries every problem that was found, warnings included.

    ``texts`` holds the text of files by name where it is not to be had from a loaded document, so that lines can be shown.
    """

    code = "declaration"
    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...], *, texts: Mapping[str, str] | None = None) -> None:
        errors = sum(problem.severity == "error" for problem in problems)
        super().__init__(f"{errors} {'error' if errors == 1 else 'errors'} in the declaration")
        self.problems = problems
        self.texts = dict(texts or {})


class UsageError(AnimaticError):
    """The command line, a parameter or a setting is wrong."""

    code = "usage"
    exit_code = 2


class MoneyError(AnimaticError):
    """Refused for money."""

    code = "money"
    exit_code = 3


class OverBudgetError(MoneyError):
    """Going on would exceed a budget."""

    code = "over_budget"


class UnknownPriceError(MoneyError):
    """A price is unknown and the pipeline does not allow that."""

    code = "unknown_price"


class OutOfCreditsError(MoneyError):
    """Krea answered 402: the balance is used up."""

    code = "out_of_credits"


UPSTREAM = "upstream"
"""Code of a shot that was not made because one that it starts from is missing."""


class ShotError(AnimaticError):
    """One shot cannot be made; the others go on."""

    code = "failed"
    exit_code = 4


class RequestRefusedError(ShotError):
    """Krea refused the request body; nothing was made and nothing is billed."""

    code = "request_refused"


class ModelGoneError(ShotError):
    """The model was withdrawn (410). ``replacement`` is Krea's word for what to use instead, if it gave one."""

    code = "model_unavailable"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None, replacement: str | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.replacement = replacement


class PlanRequiredError(ShotError):
    """The model needs a higher Krea plan (a 402 that is not about the balance)."""

    code = "plan_required"


class JobFailedError(ShotError):
    """A job ended failed, cancelled or moderated.

    ``repeatable``: the same request may succeed next time. ``output_refused``: moderation refused what came out.
    """

    code = "job_failed"

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, repeatable: bool = True, output_refused: bool = False
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.repeatable = repeatable
        self.output_refused = output_refused


class JobTimeoutError(ShotError):
    """A job outlived its deadline."""

    code = "timeout"


class JobOpenError(ShotError):
    """A job that Krea has not said to have ended is no longer waited for by this run. Nothing else is paid for its shot meanwhile."""

    code = "job_open"


class BadClipError(ShotError):
    """What was downloaded is cut, of the wrong length, or does not decode: fetching it again helps only where it was cut on its way."""

    code = "bad_clip"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retryable = self.code in {"bad_clip", "cut"}


class BadMediaError(ShotError):
    """A reference file or an upstream clip cannot be read as the media that is due."""

    code = "bad_media"


class NeedsPersonError(AnimaticError):
    """Goes on only after a person has decided."""

    code = "needs_person"
    exit_code = 5


class ApprovalError(NeedsPersonError):
    """A shot is made, and a person has to approve it before what hangs on it is paid for."""

    code = "waits_for_approval"


class InDoubtError(NeedsPersonError):
    """A submission may have been accepted. ``candidates`` are the job ids that it may have become."""

    code = "in_doubt"

    def __init__(self, message: str, *, hint: str | None = None, candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.candidates = candidates


class UnclearResultError(InDoubtError):
    """A job completed and was billed, but no file is found in its result; ``unusable``: one is found, and none for the shot."""

    code = "unclear_result"
    unusable = False


class ServiceError(AnimaticError):
    """A service is unreachable or refuses the credentials, after all retries."""

    code = "service"
    exit_code = 6
    retryable = True


class KreaUnreachableError(ServiceError):
    """Krea does not answer, or answers only with errors of its own."""

    code = "krea_unreachable"


class KreaRefusedError(ServiceError):
    """Krea refuses the token (401)."""

    code = "krea_refused"
    retryable = False


class StorageError(ServiceError):
    """The folder or bucket cannot be read or written."""

    code = "storage"


class PrefectError(ServiceError):
    """The Prefect API is unreachable or cannot be started."""

    code = "prefect"


class InterruptedRunError(AnimaticError):
    """The run was interrupted; what was submitted is in the ledger."""

    code = "interrupted"
    exit_code = 130
