"""Measures what a ledger of a hundred thousand takes costs whoever asks it: CPU, and the requests that S3 would be sent.

The takes lie a thousand a day, a hundred days back. They are copies of one submission that the ledger itself has written.
"""

from __future__ import annotations

import asyncio
import bisect
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

from animatic.engine.windows import LATE_JOBS_SINCE
from animatic.ledger import Ledger
from animatic.ledger.days import days_of
from animatic.storage import Entry, Storage, open_storage
from benchmarks.measure import Cost, call
from benchmarks.tables import Results, Row

DAYS = 100
A_DAY = 1_000
IN_FOLDER = 100
"""A day, in the folder: half a million files would say no more."""
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MODEL = "xai/grok-video"
PAGE = 1_000
"""Keys that one request to S3 lists."""
Question = Callable[[Ledger], Awaitable[object]]


class _Counted:
    """What the ledger needs of a storage, in memory; counts the requests that S3 would be sent."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self._sorted: list[str] = []

    def location(self, key: str) -> str:
        return f"memory:{key}"

    async def create(self, key: str, data: bytes) -> bool:
        self.requests["PUT"] += 1
        if key in self.objects:
            return False
        self.objects[key] = data
        return True

    async def read(self, key: str) -> bytes | None:
        self.requests["GET"] += 1
        return self.objects.get(key)

    async def list(self, prefix: str) -> list[Entry]:
        if len(self._sorted) != len(self.objects):
            self._sorted = sorted(self.objects)
        first = bisect.bisect_left(self._sorted, prefix)
        last = bisect.bisect_left(self._sorted, f"{prefix}\U0010ffff")
        self.requests["LIST"] += max(1, -(-(last - first) // PAGE))
        return [Entry(key, len(self.objects[key]), NOW) for key in self._sorted[first:last]]


def questions(folder: Path, rounds: int) -> Results:
    """Ask a large ledger what every run asks of it: in memory with all takes, and in a folder with a tenth of them."""
    memory = _Counted()
    for key, data in _records(A_DAY):
        memory.objects[key] = data
    sample = [data for key, data in memory.objects.items() if "/journal/" in key][: DAYS * A_DAY]
    limit = call(lambda: [json.loads(data) for data in sample])()
    rows = [_asked(name, question, memory, limit) for name, question in QUESTIONS.items()]
    for key, data in _records(IN_FOLDER):
        path = folder / "out" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    storage = open_storage(str(folder / "out"))
    for name, question in QUESTIONS.items():
        cost = call(lambda question=question: asyncio.run(_ask(question, storage)))()  # type: ignore[misc]
        rows.append(Row(what=f"folder of {DAYS * IN_FOLDER:,}: {name}", cost=cost))
    return Results(
        title=f"Ledger: {DAYS * A_DAY:,} takes over {DAYS} days ({rounds} rounds are one: a day is summed up once)",
        limit=f"json.loads of {len(sample):,} lines of the journal; the last column counts requests to S3",
        rows=rows,
    )


async def _spent(ledger: Ledger, days: int) -> object:
    return await ledger.spending.on(days_of(NOW.date() - timedelta(days=days - 1), NOW.date()))


QUESTIONS: dict[str, Question] = {
    "budget of the day": lambda ledger: _spent(ledger, 1),
    "budget of the month, asked first": lambda ledger: _spent(ledger, NOW.day),
    "budget of the month, asked again": lambda ledger: _spent(ledger, NOW.day),
    "spend of all days, asked first": lambda ledger: _spent(ledger, DAYS),
    "spend of all days, asked again": lambda ledger: _spent(ledger, DAYS),
    "doubts: what is open": lambda ledger: ledger.recent.open(NOW - LATE_JOBS_SINCE, NOW),
    "a plan of 500 shots or more": lambda ledger: ledger.submissions.fingerprints(),
    "what a model's jobs are like": lambda ledger: ledger.recent.answered(MODEL),
}


def _asked(name: str, question: Question, memory: _Counted, limit: Cost) -> Row:
    memory.requests.clear()
    cost = call(lambda: asyncio.run(_ask(question, cast("Storage", memory))))()
    requests = ", ".join(f"{count:,} {kind}" for kind, count in sorted(memory.requests.items()))
    return Row(what=name, cost=cost, limit=limit, note=requests)


async def _ask(question: Question, storage: Storage) -> object:
    return await question(Ledger(storage, clock=lambda: NOW + timedelta(minutes=5)))


async def _written() -> tuple[dict[str, bytes], datetime]:
    """Return the records of one submission from its intent to its end, and when it was intended."""
    memory, fingerprint, price = _Counted(), "f" * 64, Decimal("0.28")
    submissions = Ledger(cast("Storage", memory), clock=lambda: NOW).submissions
    intent = await submissions.intend(
        fingerprint=fingerprint,
        attempt=1,
        model=MODEL,
        endpoint=f"/generate/video/{MODEL}",
        pipeline="coast",
        step="dawn",
        run_id="20261127T120000Z-aaaaaa",
        usd=price,
        deadline_seconds=180,
        request={"prompt": "Aerial of the harbour at dawn, slow push over the rooftops", "duration": 4},
    )
    assert intent is not None
    await submissions.submitted(intent, "JOB", created_at=NOW, how="answer", type="video")
    await submissions.settle(fingerprint, 1, "completed", usd=price)
    return memory.objects, intent.intended_at


def _records(a_day: int) -> Iterator[tuple[str, bytes]]:
    """Return all records of a ledger with so many takes a day."""
    written, _ = asyncio.run(_written())
    for number in range(DAYS * a_day):
        at = NOW - timedelta(days=number // a_day, seconds=number % a_day)
        fingerprint = hashlib.sha256(str(number).encode()).hexdigest()
        for key, data in written.items():
            text = data.decode().replace("f" * 64, fingerprint).replace('"JOB"', f'"job-{number}"')
            text = text.replace(f"{NOW:%Y-%m-%dT%H:%M:%S}", f"{at:%Y-%m-%dT%H:%M:%S}")
            if "/journal/" in key:
                placed = f".animatic/journal/{at.date()}/{at:%H%M%S%f}-{fingerprint[:16]}-001.json"
            else:
                placed = key.replace("f" * 64, fingerprint).replace("/ff/", f"/{fingerprint[:2]}/").replace("JOB", f"job-{number}")
            yield placed, text.encode()
