"""Parses Krea's answers: jobs, lists of jobs and assets, from every shape that has been seen of them.

Krea's documents disagree with each other, so reading is lenient: extra keys are ignored, unknown statuses are pending, and the addresses of
a result are looked for everywhere in it, as a completed job was billed. Only an answer without a job id is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from animatic.krea.addresses import addresses, whole
from animatic.krea.callbacks import is_job_id
from animatic.krea.reasons import JobError, explain
from animatic.redact import redact

Ending = Literal["completed", "failed", "cancelled"]

STATUSES: Mapping[str, Ending | None] = {
    "backlogged": None,
    "queued": None,
    "scheduled": None,
    "processing": None,
    "sampling": None,
    "intermediate-complete": None,
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""How a job with this status has ended; None: it goes on."""
_OTHER_SPELLINGS = {"canceled": "cancelled", "intermediate_complete": "intermediate-complete"}
_TO_THE_MINUTE = re.compile(r"[T ]\d\d:?\d\d(Z|[+-][\d:]+)?$", re.IGNORECASE)
MINUTE = timedelta(minutes=1)
"""How coarse Krea's times may be."""
_MILLISECONDS_FROM = 1e11
"""As seconds, that is the year 5138."""
_FIRST_YEAR = 2000
_DAY_LENGTH = len("2026-11-27")
_FACT_KEYS = ("width", "height", "fps", "duration", "thumbnail_url", "style_id")


class WireError(ValueError):
    """An answer that cannot be what it should be; the text says what is missing, without quoting the answer."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Krea's object, as last seen. Times are in UTC, by the clock of Krea's answers."""

    id: str
    status: str
    """One of ``STATUSES``, or Krea's own word where that is none of them."""
    created_at: datetime
    dated: bool = True
    """Whether Krea has said when; if not, ``created_at`` is when the job was seen."""
    imprecision: timedelta = timedelta(0)
    """By how much later it may have been made: Krea has said no more than the minute, or its clocks differ."""
    stated_at: datetime | None = None
    """When it was made as Krea has said it, where it dates jobs by another clock than its answers (`animatic.krea.job_clock`)."""
    type: str | None = None
    """Krea's internal name for what makes it; not documented, and the only thing in a list of jobs that depends on the request."""
    completed_at: datetime | None = None
    urls: tuple[str, ...] = ()
    """Addresses in the result, signed as Krea gave them, the likeliest first; empty for a completed job: its result is not understood."""
    error: JobError | None = None
    moderated: bool = False
    """The job failed, or came back empty, for its content."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else the result tells: width, height, fps, duration, thumbnail_url, style_id."""
    deprecation: str | None = None
    """Krea's warning that the route is about to go, from the headers of a submission's answer."""

    @property
    def created_by(self) -> datetime:
        """The latest time at which it may have been made."""
        return self.created_at + self.imprecision

    @property
    def latest(self) -> datetime:
        """The same, if Krea's own word is to be believed as well."""
        return max(self.created_by, self.stated_at or self.created_by)

    @property
    def known(self) -> bool:
        """Whether the status is one that Krea documents."""
        return self.status in STATUSES

    @property
    def ending(self) -> Ending | None:
        """How the job has ended; None while it goes on, as it does with every unknown status."""
        return STATUSES.get(self.status)

    @property
    def terminal(self) -> bool:
        """Whether the job has ended."""
        return self.ending is not None


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file uploaded to Krea."""

    id: str
    url: str
    """Krea calls it ``image_url`` for every media type."""
    mime: str | None = None
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the job list. ``cursor`` None: the last one."""

    jobs: tuple[Job, ...]
    cursor: str | None
    unread: tuple[datetime | None, ...] = ()
    """When the entries without a job id were created, None where that cannot be read either."""


def parse_job(data: Any, *, seen: datetime, base: str = "", deprecation: str | None = None) -> Job:
    """Return the job that the object describes; ``seen`` stands in for a missing creation time. Raises WireError without a job id.

    ``base`` is the URL of the API, for addresses without a host.
    """
    data = _unwrapped(data, "job")
    identity = data.get("job_id") or data.get("id")
    if not isinstance(identity, str) or not is_job_id(identity.strip()):
        raise WireError("no job_id")
    status = _status(data.get("status"))
    result = data.get("result")
    created = _time(data.get("created_at"))
    urls = tuple(addresses(result, base))
    completed_at = _time(data.get("completed_at"))
    if status not in STATUSES and completed_at is not None and urls:  # a word that is not known, for what has ended with a result
        status = "completed"
    error = _error(data, result, status)
    return Job(
        id=identity.strip(),
        status=status,
        created_at=created or seen,
        dated=created is not None,
        imprecision=MINUTE if isinstance(at := data.get("created_at"), str) and _TO_THE_MINUTE.search(at.strip()) else timedelta(0),
        type=redact(said) if isinstance(said := data.get("type"), str) and said else None,
        completed_at=completed_at,
        urls=urls,
        error=error,
        moderated=bool(error and error.moderated and (status == "failed" or not urls)),
        facts={key: result[key] for key in _FACT_KEYS if result.get(key) is not None} if isinstance(result, Mapping) else {},
        deprecation=deprecation,
    )


def parse_page(data: Any, *, seen: datetime, base: str = "") -> Page:
    """Return a page of the job list. Raises WireError if it is no list at all, or where it does not say whether it is the last one."""
    items = data.get("items") if isinstance(data, Mapping) else data
    if not isinstance(items, list):
        raise WireError("no items")
    jobs: list[Job] = []
    unread: list[datetime | None] = []
    for item in items:
        try:
            jobs.append(parse_job(item, seen=seen, base=base))
        except WireError:  # no job id: nothing to be done with it, but it may be one that is looked for
            unread.append(_time(item.get("created_at")) if isinstance(item, Mapping) else None)
    return Page(jobs=tuple(jobs), cursor=_cursor(data), unread=tuple(unread))


def parse_asset(data: Any, *, base: str = "") -> Asset:
    """Return the asset that the object describes; ``base`` as for `parse_job`. Raises WireError without an id and a URL."""
    data = _unwrapped(data, "asset")
    identity, address = data.get("id"), data.get("image_url") or data.get("url")
    url = whole(address, base) if isinstance(address, str) else None
    if not isinstance(identity, str) or not identity or url is None or not url.startswith(("https://", "http://")):
        raise WireError("no id or no image_url")
    mime, size = data.get("mime_type"), data.get("size_bytes")
    return Asset(
        id=identity, url=url, mime=mime if isinstance(mime, str) else None, size=int(size) if isinstance(size, int | float) else None
    )


def _unwrapped(data: Any, name: str) -> Mapping[str, Any]:
    """Return an object that may stand in an envelope (``{"job": {...}}``), or alone in a list. Raises WireError where there is none."""
    if isinstance(data, list) and len(data) == 1:
        (data,) = data
    if isinstance(data, Mapping) and not data.get("id") and not data.get("job_id"):
        data = next((inner for key in (name, "data") if isinstance(inner := data.get(key), Mapping)), data)
    if not isinstance(data, Mapping):
        raise WireError("not an object")
    return data


def _cursor(data: Any) -> str | None:
    cursor = (data.get("next_cursor") or data.get("nextCursor")) if isinstance(data, Mapping) else None
    if isinstance(cursor, str | int | float) and not isinstance(cursor, bool):
        return str(cursor) or None
    if cursor:
        raise WireError("a next_cursor that is none")
    return None


def _status(value: Any) -> str:
    status = redact(str(value or "")).strip().lower()
    return _OTHER_SPELLINGS.get(status, status) or "unknown"


def _error(data: Mapping[str, Any], result: Any, status: str) -> JobError | None:
    """Return the reason that is given for a failure; the whole object is searched only where the job has failed."""
    inner = result.get("error") if isinstance(result, Mapping) else None
    stated = explain(data["error"]) if data.get("error") else explain(inner) if inner else None
    if stated or status != "failed":
        return stated
    rest = {key: value for key, value in data.items() if key not in {"type", "name", "title", "description"}}
    return explain(rest) or (explain({"message": result.get("message") or result.get("detail")}) if isinstance(result, Mapping) else None)


def _time(value: Any) -> datetime | None:
    """Read a time: ISO 8601, or seconds or milliseconds since 1970. A day alone is none, nor is one of before 2000: a zero for nothing."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS_FROM else value, UTC)
        elif isinstance(value, str) and len(value) > _DAY_LENGTH:
            moment = datetime.fromisoformat(value)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year >= _FIRST_YEAR else None
