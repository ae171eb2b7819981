"""What changes while a run goes on: the gates that limit what happens at once, and what has become of the run so far."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from animatic.engine.expectation import Learned, Result
from animatic.engine.post_gate import PostGate
from animatic.engine.slots import Rank, SlotGate
from animatic.errors import AnimaticError
from animatic.krea import Job
from animatic.ledger import Intent, SentInput, Take
from animatic.redact import bare_url

if TYPE_CHECKING:
    from animatic.engine.deliver import Delivered
    from animatic.engine.search import Search
    from animatic.engine.strays import Stray
    from animatic.plan import Step

MEDIA_AT_ONCE = 2
TRANSFERS_AT_ONCE = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmittedJob:
    """A job that was paid for and that somebody has to wait for."""

    fingerprint: str
    attempt: int
    job_id: str
    model: str
    submitted_at: datetime
    usd: Decimal | None
    request: Mapping[str, Any]
    """Body as sent, URLs without query."""
    inputs: tuple[SentInput, ...]
    adopted: bool
    """Resumed from the ledger: this process did not send it."""

    def result_of(self, job: Job) -> Job:
        """Return the job with the addresses of its result alone: what was sent and is repeated in an answer is none."""
        sent = {given.sent_as for given in self.inputs}
        return replace(job, urls=tuple(url for url in job.urls if bare_url(url) not in sent))


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What limits how much happens at once."""

    slots: SlotGate
    """Krea jobs at once: those of this run, where the pipeline says so, and those of all runs."""
    ranks: dict[str, Rank]
    """Which steps get a slot first, by key."""
    post: PostGate
    """Submissions on their way to Krea at once; what a crash leaves of them is told apart by evidence."""
    left_behind: asyncio.Lock = field(default_factory=asyncio.Lock)
    reserve: asyncio.Lock = field(default_factory=asyncio.Lock)
    """From the look at what was spent at a destination to the intent that counts as spent: one at a time, or two would both be too many."""
    compare: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Results of jobs of unknown origin that are looked at, one at a time."""
    learn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """What Krea's answers to a model are like is read once for all who search at the same time."""
    prepare: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSFERS_AT_ONCE))
    transfer: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSFERS_AT_ONCE))
    media: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MEDIA_AT_ONCE))
    fingerprints: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """Equal shots of one run share a take: the first makes it, the others find it."""
    assets: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """The same of what is uploaded, by content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The take of a shot that counts because the checks of several were compared: its number, those of all, and why, in words."""

    take: int
    among: tuple[int, ...]
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LostAnswers:
    """Submissions of one take by this run that count as never arrived, although nobody saw Krea refuse them."""

    intents: tuple[Intent, ...]
    """The first one first."""
    since: float
    """Monotonic time of the first loss."""
    message: str
    """How the last answer was lost."""


@dataclass(kw_only=True)
class RunState:
    """What changes while a run goes on. Progress, manifest and budget keep their own."""

    takes: dict[str, Take] = field(default_factory=dict)
    """Takes that this run has, by step key."""
    delivered: dict[str, Delivered] = field(default_factory=dict)
    """What lies in the run's folder of them, by step key."""
    errors: dict[str, AnimaticError] = field(default_factory=dict)
    """How shots failed, by step key."""
    choices: dict[str, Choice] = field(default_factory=dict)
    """Takes that count because their checks were compared, by the key of their shot."""
    undecided: dict[str, str] = field(default_factory=dict)
    """Why it is not known yet which take of a shot counts, by its key."""
    running: dict[str, SubmittedJob] = field(default_factory=dict)
    """Jobs that are waited for, by step key."""
    made_nothing: set[str] = field(default_factory=set)
    """Fingerprints of takes of which a job failed or was cancelled in this run, as Krea said."""
    unrecorded: dict[str, str] = field(default_factory=dict)
    """Jobs whose record could not be written, by step key: nobody else knows them."""
    stopped: AnimaticError | None = None
    """Why nothing new starts any more."""
    left_behind_resolved: bool = False
    """Whether submissions that died with another process a moment ago were looked into: due before our first POST."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failed jobs of the request that is being made, by fingerprint."""
    tried: dict[str, tuple[Step, AnimaticError]] = field(default_factory=dict)
    """Steps that used up their attempts, and why, by fingerprint: equal ones of other variants are not tried again."""
    lost_answers: dict[str, LostAnswers] = field(default_factory=dict)
    """Submissions whose answers were lost and that Krea does not list, by fingerprint."""
    unheard: dict[str, Search] = field(default_factory=dict)
    """Submissions of this run whose lost answers are just being looked for, by token."""
    learned: dict[str, tuple[Learned, float]] = field(default_factory=dict)
    """What answered submissions of a model show, and since when (monotonic) that is known, by model."""
    learned_from: dict[str, Take] = field(default_factory=dict)
    """Takes of answered submissions, by fingerprint: a take that is recorded never changes."""
    results: dict[str, tuple[Result | None, ...]] = field(default_factory=dict)
    """What lies at the addresses of jobs of unknown origin, by job id; None where it could not be had."""
    by_evidence: list[Intent] = field(default_factory=list)
    """Submissions for which a job was taken because of evidence."""
    strays: dict[str, Stray] = field(default_factory=dict)
    """Jobs that were paid and make no take, as far as this run has come upon them, by id."""
    posts_held_until: float = 0.0
    """Monotonic time before which nothing is submitted: Krea asked for a pause."""
