"""The records: frozen, immutable once written, and readable by hand.

Money is USD in Decimal, None where a price is not known (never 0 for unknown). Times are aware and UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, assert_never

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer

from animatic.ledger.outcomes import Outcome

How = Literal["answer", "callback", "listed", "evidence", "person"]
"""How a submission's job became known: Krea's answer, its webhook, its list of jobs (``listed`` in old records), or a person's decision."""

PRESUMED: frozenset[How] = frozenset({"evidence", "listed"})
"""Where Krea did not name the job as the submission's, nor a person: it may be another one's, and its own still to come."""

State = Literal["intended", "submitted", "settled", "in_doubt"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SentInput:
    """A media field of a request and what it took: a shot (or a frame of it), a local file, or a URL. As in the manifest."""

    field: str
    origin: Literal["shot", "file", "url"]
    shot: str | None = None
    path: str | None = None
    """As the pipelines file writes it."""
    url: str | None = None
    frame: Literal["first", "last"] | float | None = None
    sha256: str | None = None
    """Of what was sent; None for a URL, whose content nobody has read."""
    sent_as: str | None = None
    """The URL that Krea was given, without its query."""


def _input_from_json(data: Any) -> Any:
    return {("origin" if name == "from" else name): value for name, value in data.items()} if isinstance(data, Mapping) else data


def _input_to_json(sent: SentInput) -> dict[str, Any]:
    """Write one of ``shot``, ``path`` and ``url``: that of its origin."""
    own = {"shot": sent.shot, "path": sent.path, "url": sent.url}
    return {
        "field": sent.field,
        "from": sent.origin,
        **{name: value for name, value in own.items() if value is not None},
        "frame": sent.frame,
        "sha256": sent.sha256,
        "sent_as": sent.sent_as,
    }


SentInputs = tuple[Annotated[SentInput, BeforeValidator(_input_from_json), PlainSerializer(_input_to_json)], ...]
"""The inputs of a request, and how they are written and read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """A POST that may be sent from now on by the process that wrote this, and by no other."""

    fingerprint: str
    attempt: int
    token: str = field(repr=False)
    """128 random bits in hex; names the submission in its webhook's address, so it is a secret."""
    model: str
    endpoint: str
    pipeline: str
    step: str
    run_id: str
    intended_at: AwareDatetime
    deadline: AwareDatetime
    """Until then its owner may still be sending it."""
    usd: Decimal | None
    """What it is expected to cost."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """The body as it is sent, URLs without their query."""
    inputs: SentInputs = ()
    """Where its media came from."""
    host: str
    pid: int
    started: str
    """When the owner's process started, in a form that only `animatic.ledger.submissions` reads."""
    origin: str = ""
    """Scheme and host of the Krea that it is sent to; empty in records of before, and in those of simulated runs."""
    account: str = ""
    """The token that it is sent with, as a hash that is keyed with ``token``; empty where ``origin`` is."""
    clock_offset: float = 0.0
    """Seconds that Krea's clock was ahead of the owner's: another machine's clock may differ from both."""
    clock_error: float = 0.0
    """Seconds by which that may be wrong."""

    @property
    def media_fields(self) -> frozenset[str]:
        """The fields of the request that took media."""
        return frozenset(sent.field for sent in self.inputs)

    def by_krea(self, moment: datetime) -> datetime:
        """Return a time of the owner's clock (``intended_at``, ``deadline``) in Krea's."""
        return moment + timedelta(seconds=self.clock_offset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounds:
    """Why a job without an owner was taken for a submission's: of those of its window, the only one that nothing speaks against."""

    since: AwareDatetime
    """Of the window in which it could be created, by Krea's clock."""
    seen_at: AwareDatetime
    """The look that decided, by the clock of whoever looked."""
    type: str | None
    expected_types: tuple[str, ...] = ()
    """The types of jobs for such requests that the ledger knows from Krea's answers."""
    mime: str | None = None
    """Of its result, as are the facts below; None where it was not looked at."""
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    """Seconds."""
    likeness: float | None = None
    """Of its first frame to the start image that was sent: 1 for the same picture, 0 for its negative."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """Krea accepted the submission as this job."""

    job_id: str
    created_at: AwareDatetime | None
    """By Krea's clock."""
    how: How
    at: AwareDatetime
    type: str | None = None
    """Krea's type of the job."""
    evidence: Grounds | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What Krea said about a job that failed."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """The end of a submission. Never changes; where Krea says otherwise later, a second one corrects it."""

    outcome: Outcome
    usd: Decimal | None
    """What was billed: 0 where nothing was, None where it is not known."""
    job_id: str | None
    completed_at: AwareDatetime | None
    error: Failure | None
    at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """The job of this submission, which was billed or may be, is not looked at any more: the shot may be paid for again."""

    reason: str
    at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Unusable:
    """What came of this submission's job, which completed and was billed, is no file that its shot can be made of."""

    reason: str
    at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """The submission may have become any of several jobs: a person decides."""

    reason: str
    candidates: tuple[str, ...]
    at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The job belongs to this submission. Holds all of `Submitted`, so that a crash between the two can be made good."""

    job_id: str
    fingerprint: str
    attempt: int
    created_at: AwareDatetime | None
    how: How
    at: AwareDatetime
    type: str | None = None
    evidence: Grounds | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One paid POST: all that is on record about it."""

    number: int
    intent: Intent
    submitted: Submitted | None = None
    settled: Settled | None = None
    doubt: Doubt | None = None
    withdrawal: Withdrawal | None = None
    correction: Settled | None = None
    """What Krea said of its job after it had been settled, where that differs."""
    unusable: Unusable | None = None

    @property
    def ending(self) -> Settled | None:
        """How it ended, as far as is known now."""
        return self.correction or self.settled

    @property
    def state(self) -> State:
        """Where it stands; a later record outweighs an earlier one."""
        if self.settled:
            return "settled"
        if self.submitted:
            return "submitted"
        return "in_doubt" if self.doubt else "intended"

    @property
    def known(self) -> bool:
        """Whether it is on record what became of it: which job, or how it ended."""
        return self.submitted is not None or self.settled is not None

    @property
    def unclear(self) -> bool:
        """Whether its job completed and was billed, and what came of it was not understood when it was looked at last."""
        return self.ending is not None and (
            self.ending.outcome == "empty" or (self.ending.outcome == "completed" and self.unusable is not None)
        )

    @property
    def waits_for_job(self) -> bool:
        """Whether its job is to be waited for, or looked at again, before anything else is paid for its take.

        So it is until Krea has said that the job failed or was cancelled, or a person that it is not waited for any more.
        """
        if self.submitted is None or self.withdrawal is not None:
            return False
        if self.ending is None:
            return True
        match self.ending.outcome:
            case "completed" | "empty":
                return True
            case "never_arrived" | "unsent":  # counted as lost, and then its answer came after all
                return True
            case "timed_out":  # without an amount, Krea did not say that the job was cancelled
                return self.ending.usd is None
            case "withdrawn":  # two persons decided at the same moment: the one who named a job saves paying for another
                return self.submitted.how == "person"
            case "failed" | "cancelled" | "moderated":
                return False
            case _:
                assert_never(self.ending.outcome)


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """A submission in the journal: the index by day."""

    fingerprint: str
    attempt: int
    at: AwareDatetime
    usd: Decimal | None
    pipeline: str
    step: str
    model: str
    run_id: str
