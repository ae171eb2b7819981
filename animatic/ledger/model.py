"""The records: frozen, immutable once written, and readable by hand.

Money is USD in Decimal, None where a price is not known (never 0 for unknown). Times are aware and UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import AwareDatetime

from animatic.catalog.model import Kind

How = Literal["answer", "callback", "listed", "person"]
"""How a submission's job became known: Krea's answer, its webhook, its list of jobs, or somebody's decision."""

Outcome = Literal["completed", "failed", "cancelled", "moderated", "empty", "timed_out", "unsent", "never_arrived", "withdrawn"]
"""How a submission ended. ``unsent`` and ``never_arrived``: Krea has no job for it; ``withdrawn``: a person gave it up."""

State = Literal["intended", "submitted", "settled", "in_doubt"]

NOT_ACCEPTED: frozenset[Outcome] = frozenset({"unsent", "never_arrived"})


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
    inputs: tuple[Mapping[str, Any], ...] = ()
    """Where its media came from, as in the manifest."""
    host: str
    pid: int
    started: str
    """When the owner's process started, in a form that only `animatic.ledger.submissions` reads."""
    clock_offset: float = 0.0
    """Seconds that Krea's clock was ahead of the owner's: another machine's clock may differ from both."""

    def by_krea(self, moment: datetime) -> datetime:
        """Return a time of the owner's clock (``intended_at``, ``deadline``) in Krea's."""
        return moment + timedelta(seconds=self.clock_offset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """Krea accepted the submission as this job."""

    job_id: str
    created_at: AwareDatetime | None
    """By Krea's clock."""
    how: How
    at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What Krea said about a job that failed."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """The end of a submission. Never changes."""

    outcome: Outcome
    usd: Decimal | None
    """What was billed: 0 where nothing was, None where it is not known."""
    job_id: str | None
    completed_at: AwareDatetime | None
    error: Failure | None
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One submission: all that is on record about it."""

    number: int
    intent: Intent
    submitted: Submitted | None = None
    settled: Settled | None = None
    doubt: Doubt | None = None

    @property
    def state(self) -> State:
        """Where it stands; a later record outweighs an earlier one."""
        if self.settled:
            return "settled"
        if self.submitted:
            return "submitted"
        return "in_doubt" if self.doubt else "intended"

    @property
    def maybe_billed(self) -> bool:
        """Whether money may still be due for it, or is known to be."""
        if self.settled is None:
            return True
        if self.settled.outcome in NOT_ACCEPTED:
            return self.submitted is not None  # the answer came after all
        return self.settled.usd is None or self.settled.usd > 0


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


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRecord:
    """A stored clip or still: where it lies, and the facts of its bytes. Durations in seconds, sizes in bytes and pixels."""

    key: str
    sha256: str
    size: int
    mime: str
    width: int
    height: int
    fps: float | None
    duration: float | None
    frames: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """One result for a shot: what was asked, which job made it, and what lies where."""

    fingerprint: str
    base: str
    number: int
    kind: Kind
    model: str
    request: Mapping[str, Any]
    """The body as it was sent."""
    attempt: int
    job_id: str
    submitted_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    usd: Decimal | None
    clip: ClipRecord
    thumbnail: str | None
    """Key of a JPEG."""
    result_urls: tuple[str, ...]
    """Without their query, which may be a signature."""
    inputs: tuple[Mapping[str, Any], ...]
    """As in the manifest."""
    pipeline: str
    step: str
    run_id: str
    made_at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetRecord:
    """A content that was uploaded to a Krea."""

    asset_id: str
    url: str
    mime: str
    at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The take that counts for a shot from now on."""

    take: int
    fingerprint: str
    why: str
    at: AwareDatetime
    highest: int
    """The highest take number that was ever chosen for this shot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """The plan of a run, as it was when the run started."""

    run_id: str
    plan: Mapping[str, Any]
    at: AwareDatetime
