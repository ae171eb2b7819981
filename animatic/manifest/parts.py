"""Parts of the manifest that several of its records share: attempts and their failures, and what looking at a take found."""

from __future__ import annotations

from pydantic import Field

from animatic.manifest.values import Moment, Record, Text, Usd


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
