"""Parts of the manifest that several of its records share: attempts, what looking at a take found, and which take counts and why."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from animatic.manifest.values import Json, Moment, Record, Text, Usd


class Failure(Record):
    """Why something did not work: a stable slug and a sentence."""

    code: str
    message: Text


class Attempt(Record):
    """One submission of a shot. ``usd`` is what it was billed: 0 where it failed, None where that is unknown or not settled."""

    attempt: int
    job_id: str | None = None
    status: str
    submitted_at: Moment | None = None
    completed_at: Moment | None = None
    error: Failure | None = None
    usd: Usd | None = None
    elsewhere: bool = Field(default=False, exclude=True)
    """Whether another run bought it, which names it among what it was billed."""


class Finding(Record):
    """Something to look at in a take: which check saw it (``damage``: frames that do not decode), and where, in seconds of the clip.

    The others are ``black``, ``frozen``, ``flashing``, ``cut``, ``silence``, ``clipping``, ``size``, ``length`` and ``rate``.
    """

    check: str
    at: float | None = None
    seconds: float | None = Field(default=None, alias="for")
    detail: str = ""


class Quality(Record):
    """What looking at a take found."""

    ok: bool
    findings: tuple[Finding, ...] = ()


class LogEntry(Record):
    """What was said or done about a shot: when, by whom, what and why."""

    at: Moment
    by: Text | None = None
    """None where a run asks."""
    what: Literal["asked", "approved", "rejected", "lapsed", "used", "locked", "unlocked", "retake", "comment"]
    take: int | None = None
    note: Text | None = None
    issue: Text | None = None
    """What is wrong, or the name of a ticket that says so."""
    priority: Literal["low", "normal", "high"] | None = None
    time_code: float | None = None
    """Seconds in the shot's clip."""
    run_id: str | None = None
    entered_by: Text | None = None
    """Who put it into the ledger, where that is somebody else."""
    changes: Json = Field(default_factory=dict)
    """Of a retake or a rejection: the fields of the request that the next take changes."""


class Decision(Record):
    """What a person said about a shot's takes."""

    by: Text | None
    at: Moment
    take: int
    note: Text | None = None


class Choice(Record):
    """Which take of a shot counts because the checks of several were compared, and why."""

    take: int
    among: tuple[int, ...]
    """Those that were compared."""
    why: Text
