"""Records in a storage: the key of each, how it is written and read, and logs of numbered records.

Keys lie below the destination and are the same in a folder and in a bucket; they and the JSON of the records are part of the contract.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import anyio
from pydantic import TypeAdapter, ValidationError

from animatic.storage import DamagedRecordError, Storage, StorageRefusedError

log = logging.getLogger(__name__)

ROOT = ".animatic/"
SUBMISSIONS = f"{ROOT}submissions/"
TAKES = f"{ROOT}takes/"
SELECTIONS = f"{ROOT}selections/"
RETAKES = f"{ROOT}retakes/"
RUNS = f"{ROOT}runs/"
JOURNAL_KEY = re.compile(r"/(\d{4}-\d\d-\d\d)/(\d{12})-(?P<fingerprint>[0-9a-f]{1,16})-(?P<attempt>\d{3,})\.json$")
NUMBERED_KEY = re.compile(r"/(\d{6,})\.json$")


def attempt_folder(fingerprint: str, attempt: int) -> str:
    """Return the folder of one submission, ending in ``/``; it holds intended, submitted, settled, doubt and withdrawn."""
    return f"{SUBMISSIONS}{fingerprint[:2]}/{fingerprint}/{attempt:03}/"


def claim_key(job_id: str) -> str:
    """Return the key of the claim on a job."""
    return f"{ROOT}claims/{quote(job_id, safe='')}.json"


def take_folder(fingerprint: str) -> str:
    """Return the folder of a take, ending in ``/``: take.json, and its clip and thumbnail beside it."""
    return f"{TAKES}{fingerprint[:2]}/{fingerprint}/"


def take_key(fingerprint: str) -> str:
    """Return the key of the record of a take."""
    return f"{take_folder(fingerprint)}take.json"


def reel_folder(fingerprint: str) -> str:
    """Return the folder of a reel, ending in ``/``: reel.json, and its file beside it."""
    return f"{ROOT}reels/{fingerprint[:2]}/{fingerprint}/"


def reel_key(fingerprint: str) -> str:
    """Return the key of the record of a reel."""
    return f"{reel_folder(fingerprint)}reel.json"


def journal_folder(day: date) -> str:
    """Return the folder of all submissions intended on that day (UTC), ending in ``/``."""
    return f"{ROOT}journal/{day.isoformat()}/"


def journal_key(intended_at: datetime, fingerprint: str, attempt: int) -> str:
    """Return the key of a submission's line in the journal. It follows from the intent, so that anyone can complete it."""
    return f"{journal_folder(intended_at.date())}{intended_at:%H%M%S%f}-{fingerprint[:16]}-{attempt:03}.json"


def journal_time(key: str) -> datetime | None:
    """Return when (UTC) the submission of that journal key was intended; None for a file that is not one of ours (``.DS_Store``)."""
    match = JOURNAL_KEY.search(key)
    return datetime.strptime(f"{match[1]} {match[2]} +0000", "%Y-%m-%d %H%M%S%f %z") if match else None


def evidence_folder(day: date) -> str:
    """Return the folder of all submissions intended on that day (UTC) whose jobs were taken because of evidence, ending in ``/``."""
    return f"{ROOT}evidence/{day.isoformat()}/"


def late_job_folder(day: date) -> str:
    """Return the folder of the jobs that may be of given up submissions intended on that day (UTC), ending in ``/``."""
    return f"{ROOT}late/{day.isoformat()}/"


def late_job_key(day: date, fingerprint: str, attempt: int, job_id: str) -> str:
    """Return the key of the record that a job may be of a submission."""
    return f"{late_job_folder(day)}{fingerprint[:16]}-{attempt:03}-{quote(job_id, safe='')}.json"


def asset_folder(host: str, sha256: str) -> str:
    """Return the folder of what is known of one content uploaded to one Krea, ending in ``/``; ``host`` may carry a port."""
    return f"{ROOT}assets/{quote(host, safe='')}/{sha256}/"


def selection_folder(base: str) -> str:
    """Return the folder of the takes chosen for one shot, ending in ``/``."""
    return f"{SELECTIONS}{base}/"


def approval_folder(base: str) -> str:
    """Return the folder of what was asked and said about the takes of one shot, ending in ``/``."""
    return f"{ROOT}approvals/{base}/"


def shots_folder(pipeline: str) -> str:
    """Return the folder of what persons said about the shots of a pipeline, ending in ``/``."""
    return f"{ROOT}shots/{quote(pipeline, safe='')}/"


def shot_folder(pipeline: str, step: str) -> str:
    """Return the folder of one shot below it; a hash, as names of variants may be longer than a file's may be."""
    return f"{shots_folder(pipeline)}{hashlib.sha256(step.encode()).hexdigest()[:32]}/"


def retake_key(base: str, number: int) -> str:
    """Return the key of the record that says for which changes a take number of a shot is kept."""
    return numbered(f"{RETAKES}{base}/", number)


def run_key(run_id: str) -> str:
    """Return the key of a run's plan."""
    return f"{RUNS}{run_id}.json"


def numbered(folder: str, number: int) -> str:
    """Return the key of the n-th record of a log."""
    return f"{folder}{number:06}.json"


def number_of(key: str) -> int | None:
    """Return which record of its log the key names; None for a file that is not one of ours."""
    match = NUMBERED_KEY.search(key)
    return int(match[1]) if match else None


def spending_key(day: date) -> str:
    """Return the key of the sums of a past day."""
    return f"{ROOT}spending/{day.isoformat()}.json"


VERSION = 1

T = TypeVar("T")

_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def random_id() -> str:
    """Return 128 random bits in hex."""
    return secrets.token_hex(16)


class RecordStore:
    """Reads and creates records; all parts of a ledger share one.

    ``clock`` returns aware times in UTC, ``new_id`` 128 unguessable bits in hex.
    """

    def __init__(self, storage: Storage, *, clock: Callable[[], datetime], new_id: Callable[[], str] = random_id) -> None:
        self.storage = storage
        self.now = clock
        self.new_id = new_id
        self.left_out: dict[str, DamagedRecordError] = {}
        """Records that are damaged and were left out of sums and searches, by key."""

    async def create(self, key: str, record: object) -> bool:
        """Write the record if the key is free. A random ``write_id`` tells our own record from an equal one of somebody else."""
        return await self.storage.create(key, _encode(record, self.new_id()))

    async def read(self, key: str, kind: type[T]) -> T | None:
        """Return the record, None if there is none. StorageError if it is damaged or of a later version."""
        data = await self.storage.read(key)
        return None if data is None else self._decode(key, data, kind)

    async def read_or_leave_out(self, key: str, kind: type[T]) -> T | None:
        """Do the same, and None for a record that is damaged, which is kept in ``left_out``: one of many must not stop the others.

        A storage that refuses to be read is no damage: nobody knows then what was paid for, and StorageError is raised.
        """
        try:
            return await self.read(key, kind)
        except DamagedRecordError as error:
            self.leave_out(key, error)
            return None

    def leave_out(self, key: str, error: DamagedRecordError) -> None:
        """Keep in mind that a record was left out."""
        if key not in self.left_out:
            log.warning("left out: %s", error)
        self.left_out[key] = error

    async def create_or_read(self, key: str, record: T) -> T:
        """Write the record if the key is free; return the record that is there now, which is the one that was first."""
        if await self.create(key, record):
            return record
        existing = await self.read(key, type(record))
        if existing is None:
            raise StorageRefusedError(f"{self.storage.location(key)} was there and is gone", hint="records must not be removed: restore it")
        return existing

    def _decode(self, key: str, data: bytes, kind: type[T]) -> T:
        where = self.storage.location(key)
        try:
            fields = json.loads(data)
            version = fields["version"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _damaged(where, "it is no JSON record with a version") from error
        if version != VERSION:
            raise DamagedRecordError(f"{where} has version {version!r}; this animatic reads version {VERSION}", hint="upgrade animatic")
        try:
            return _adapter(kind).validate_python(fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise _damaged(where, f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from error


def _encode(record: object, write_id: str) -> bytes:
    fields = _adapter(type(record)).dump_python(record, mode="json")
    return json.dumps({"version": VERSION, "write_id": write_id, **fields}, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _damaged(where: str, reason: str) -> DamagedRecordError:
    return DamagedRecordError(
        f"{where} is damaged: {reason}", hint="restore it from a backup; without it nobody knows whether that submission was paid for"
    )


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    """Return the reader and writer of a kind of record; making one takes milliseconds."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


class RecordLog:
    """A folder of numbered records, of which the last one counts."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    async def last(self, folder: str, kind: type[T]) -> tuple[int, T | None]:
        """Return the number of the last record and the record; 0 and None if there is none."""
        number = max((number_of(entry.key) or 0 for entry in await self._records.storage.list(folder)), default=0)
        return number, await self._records.read(numbered(folder, number), kind) if number else None

    async def all(self, folder: str, kind: type[T]) -> list[T]:
        """Return every record, the first one first."""
        numbers = sorted(number_of(entry.key) or 0 for entry in await self._records.storage.list(folder))
        found = await each(lambda number: self._records.read(numbered(folder, number), kind), filter(None, numbers))
        return [record for record in found if record is not None]

    async def append(self, folder: str, kind: type[T], make: Callable[[T | None], T]) -> T:
        """Add the record that ``make`` derives from the last one; made again when somebody else was quicker."""
        number, last = await self.last(folder, kind)
        while not await self._records.create(numbered(folder, number + 1), record := make(last)):
            number, last = number + 1, await self._records.read(numbered(folder, number + 1), kind)
        return record


REQUESTS_AT_ONCE = 32
"""Requests to the storage that one `each` has on their way together."""

A = TypeVar("A")
B = TypeVar("B")


async def each(function: Callable[[A], Awaitable[B]], items: Iterable[A]) -> list[B]:
    """Return what the function returns for each item, in order. The first failure ends the others and is raised as it is."""
    due = list(items)
    if len(due) == 1:  # as most calls have it; a group of tasks costs more than the work
        return [await function(due[0])]
    remaining = iter(enumerate(due))
    results: dict[int, B] = {}
    failures: list[Exception] = []

    async def work(scope: anyio.CancelScope) -> None:
        for index, item in remaining:
            try:
                results[index] = await function(item)
            except Exception as error:  # noqa: BLE001 - raised below, without the group that a task group would wrap it in
                failures.append(error)
                scope.cancel()
                return

    async with anyio.create_task_group() as group:
        for _ in range(min(REQUESTS_AT_ONCE, len(due))):
            group.start_soon(work, group.cancel_scope)
    if failures:
        raise failures[0]
    return [results[index] for index in sorted(results)]
