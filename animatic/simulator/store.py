"""Stores jobs and assets in SQLite, their files beside it. Several simulators may share one folder, and all of it outlives a restart."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from animatic.files import TEMPORARY
from animatic.simulator.jobs import Job, Suffix

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, route TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, request_hash TEXT NOT NULL,
    render_key TEXT NOT NULL, suffix TEXT NOT NULL, created_at REAL NOT NULL UNIQUE, start_at REAL NOT NULL, seconds REAL NOT NULL,
    visible_at REAL NOT NULL, outcome TEXT NOT NULL, usd REAL, webhook TEXT, cancelled_at REAL, slate TEXT,
    called INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_request ON jobs (request_hash);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (start_at + seconds);
CREATE INDEX IF NOT EXISTS jobs_to_call ON jobs (created_at) WHERE webhook IS NOT NULL AND called = 0;
CREATE TABLE IF NOT EXISTS assets (
    id TEXT PRIMARY KEY, file TEXT NOT NULL, mime TEXT NOT NULL, width INTEGER, height INTEGER, size INTEGER NOT NULL,
    sha256 TEXT NOT NULL, description TEXT, uploaded_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS spent (options TEXT PRIMARY KEY);
"""
_BUSY_SECONDS = 10
_RESULT_SUFFIXES = frozenset(f".{suffix}" for suffix in get_args(Suffix))
_FIELDS = tuple(Job.__dataclass_fields__)
_MILLISECOND = 0.001


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """An uploaded file: ``file`` is its name in the folder of assets."""

    id: str
    file: str
    mime: str
    width: int | None
    height: int | None
    size: int
    sha256: str
    description: str | None
    uploaded_at: float


class Store:
    """The simulator's database and its folders of files. Used from one thread."""

    def __init__(self, folder: Path) -> None:
        self.assets_folder = folder / "assets"
        self.results_folder = folder / "results"
        for path in (self.assets_folder, self.results_folder):
            path.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "simulator.sqlite", timeout=_BUSY_SECONDS, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._add_slate_column()

    def _add_slate_column(self) -> None:
        """Bring a folder of version 0.1, whose jobs had no slate, up to date."""
        if "slate" not in {row["name"] for row in self._connection.execute("PRAGMA table_info(jobs)")}:
            with suppress(sqlite3.OperationalError):  # another simulator on the same folder was first
                self._connection.execute("ALTER TABLE jobs ADD COLUMN slate TEXT")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def prune(self, max_bytes: int) -> None:
        """Remove the oldest results beyond that many bytes: they are rendered again when somebody asks for them."""
        results = [path for path in self.results_folder.iterdir() if path.suffix in _RESULT_SUFFIXES]
        results = [path for path in results if not path.name.startswith(TEMPORARY)]  # another simulator may be writing these
        kept = 0
        for path in sorted(results, key=lambda path: path.stat().st_mtime, reverse=True):
            kept += path.stat().st_size
            if kept > max_bytes:
                path.unlink(missing_ok=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everybody else from writing meanwhile, other processes included."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def add(self, job: Job) -> None:
        """Insert a new job."""
        values = {**{name: getattr(job, name) for name in _FIELDS}, "body": json.dumps(job.body)}
        marks = ", ".join(f":{name}" for name in _FIELDS)
        self._connection.execute(f"INSERT INTO jobs ({', '.join(_FIELDS)}) VALUES ({marks})", values)  # noqa: S608 - names of our own fields

    def free_time(self, now: float) -> float:
        """Return the earliest time from now on that no job was created at: listings page by time, to the millisecond."""
        (latest,) = self._connection.execute("SELECT max(created_at) FROM jobs").fetchone()
        return round(now if latest is None else max(now, latest + _MILLISECOND), 3)

    def running_until(self, now: float) -> list[float]:
        """Return when the jobs that have not ended by now will end, earliest first."""
        query = "SELECT start_at + seconds FROM jobs WHERE start_at + seconds > ? AND cancelled_at IS NULL ORDER BY start_at + seconds"
        return [row[0] for row in self._connection.execute(query, (now,))]

    def times_asked(self, request_hash: str) -> int:
        """Return how many jobs were accepted for the same request."""
        (count,) = self._connection.execute("SELECT count(*) FROM jobs WHERE request_hash = ?", (request_hash,)).fetchone()
        return int(count)

    def job(self, job_id: str) -> Job | None:
        """Return the job, None if there is none or it was deleted."""
        row = self._connection.execute("SELECT * FROM jobs WHERE id = ? AND deleted = 0", (job_id,)).fetchone()
        return _job(row) if row else None

    def jobs_before(self, cursor: float | None, now: float) -> Iterator[Job]:
        """Yield the visible jobs that were created before the cursor, newest first."""
        query = "SELECT * FROM jobs WHERE deleted = 0 AND visible_at <= ? AND created_at < ? ORDER BY created_at DESC"
        return map(_job, self._connection.execute(query, (now, float("inf") if cursor is None else cursor)))

    def all_jobs(self) -> list[Job]:
        """Return every job ever accepted, oldest first, deleted ones included: they were billed."""
        return [_job(row) for row in self._connection.execute("SELECT * FROM jobs ORDER BY created_at")]

    def cancel(self, job_id: str, now: float) -> None:
        """Mark a running job as cancelled."""
        self._connection.execute("UPDATE jobs SET cancelled_at = ? WHERE id = ?", (now, job_id))

    def delete(self, job_id: str) -> None:
        """Hide a finished job."""
        self._connection.execute("UPDATE jobs SET deleted = 1 WHERE id = ?", (job_id,))

    def fail(self, render_key: str) -> None:
        """Mark the jobs as failed that wait for a render that cannot be made."""
        self._connection.execute("UPDATE jobs SET outcome = 'failed' WHERE render_key = ? AND outcome = 'completed'", (render_key,))

    def jobs_to_call(self) -> list[Job]:
        """Return the jobs whose webhook was not called yet."""
        return [
            _job(row) for row in self._connection.execute("SELECT * FROM jobs WHERE webhook IS NOT NULL AND called = 0 ORDER BY created_at")
        ]

    def claim_call(self, job_id: str) -> bool:
        """Claim the call of a job's webhook; False if another process has."""
        return self._connection.execute("UPDATE jobs SET called = 1 WHERE id = ? AND called = 0", (job_id,)).rowcount == 1

    def spend(self, what: str) -> bool:
        """Use up something that holds once; False if it is used up."""
        return self._connection.execute("INSERT OR IGNORE INTO spent VALUES (?)", (what,)).rowcount == 1

    def add_asset(self, asset: Asset) -> None:
        """Insert a new asset."""
        values: dict[str, Any] = asdict(asset)
        names = ", ".join(values)
        self._connection.execute(f"INSERT INTO assets ({names}) VALUES ({', '.join(f':{name}' for name in values)})", values)  # noqa: S608

    def asset(self, asset_id: str) -> Asset | None:
        """Return the asset, None if there is none."""
        row = self._connection.execute("SELECT * FROM assets WHERE id = ?", (asset_id,)).fetchone()
        return Asset(**dict(row)) if row else None

    def assets_before(self, cursor: float | None, limit: int) -> list[Asset]:
        """Return up to that many assets uploaded before the cursor, newest first."""
        query = "SELECT * FROM assets WHERE uploaded_at < ? ORDER BY uploaded_at DESC LIMIT ?"
        return [Asset(**dict(row)) for row in self._connection.execute(query, (float("inf") if cursor is None else cursor, limit))]

    def delete_asset(self, asset: Asset) -> None:
        """Remove an asset and its file."""
        self._connection.execute("DELETE FROM assets WHERE id = ?", (asset.id,))
        (self.assets_folder / asset.file).unlink(missing_ok=True)


def _job(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in _FIELDS}
    return Job(**{**values, "body": json.loads(row["body"])})
