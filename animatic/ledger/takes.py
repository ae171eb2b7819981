"""What was made and chosen: takes, uploaded assets, selected takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime

from animatic.catalog.model import Kind
from animatic.ledger.model import SentInputs
from animatic.ledger.records import (
    SELECTIONS,
    TAKES,
    RecordLog,
    RecordStore,
    asset_folder,
    each,
    number_of,
    numbered,
    retake_key,
    selection_folder,
    take_key,
)

FIRST_TAKE = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRecord:
    """A stored clip, still, sound or mesh: where it lies, and the facts of its bytes. Durations in seconds, sizes in bytes and pixels.

    What a file of its kind does not have is None.
    """

    key: str
    sha256: str
    size: int
    mime: str
    width: int | None
    height: int | None
    fps: float | None
    duration: float | None
    frames: int | None
    channels: int | None = None
    """Of sound, as are the three below."""
    sample_rate: int | None = None
    codec: str | None = None
    loudness: float | None = None
    """LUFS by EBU R 128 over the whole; None for silence."""
    triangles: int | None = None
    """Of a mesh."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A stretch of a clip whose frames do not decode. Seconds."""

    at: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeFinding:
    """What a check of a take saw: when it begins in the clip and how long it lasts, in seconds (None: the whole clip), and in words."""

    check: str
    at: float | None
    lasts: float | None
    detail: str


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
    """Addresses of its result, the one that the clip came from first; without their query, which may be a signature."""
    inputs: SentInputs
    pipeline: str
    step: str
    run_id: str
    made_at: AwareDatetime
    damage: tuple[Damage, ...] | None = None
    """Where its clip does not decode; None of stills, and where nobody looked."""
    findings: tuple[TakeFinding, ...] | None = None
    """What the checks of its clip saw when it was fetched; None where none were made."""
    continuity: float | None = None
    """How alike its first frame is to the picture of another shot that it was to start from, from 0 to 1; None where that is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetakeRecord:
    """A take number of a shot that is kept for one retake, so that another one at the same time gets a number of its own."""

    base: str
    number: int
    changes: Mapping[str, Any]
    """What the retake changes in the request, URLs without their query."""
    at: AwareDatetime


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
    by: str | None = None
    """The person who chose it; None where a run did, or an approval."""
    note: str | None = None
    among: tuple[int, ...] = ()
    """The takes whose checks were compared, where those chose it; empty where a person did, or it is the newest."""


class Takes:
    """What was made, once for each fingerprint."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    async def get(self, fingerprint: str) -> Take | None:
        """Return the take, None if it was not made yet."""
        return await self._records.read(take_key(fingerprint), Take)

    async def get_many(self, fingerprints: Iterable[str]) -> dict[str, Take]:
        """Return those of the takes that were made, by fingerprint."""
        found = await each(lambda fingerprint: self._records.read_or_leave_out(take_key(fingerprint), Take), dict.fromkeys(fingerprints))
        return {take.fingerprint: take for take in found if take}

    async def fingerprints(self) -> frozenset[str]:
        """Return the fingerprint of every take that is recorded. One listing of all takes."""
        entries = await self._records.storage.list(TAKES)
        return frozenset(entry.key.removeprefix(TAKES).split("/")[1] for entry in entries if entry.key.endswith("/take.json"))

    async def record(self, take: Take) -> Take:
        """Record a take whose clip is stored. The first record wins and is returned."""
        return await self._records.create_or_read(take_key(take.fingerprint), take)

    async def why_lost(self, take: Take) -> str | None:
        """Return why the file of a take cannot be had, ``its file ... is not there``; None where it lies there in its size."""
        storage, clip = self._records.storage, take.clip
        there = await storage.head(clip.key)
        if there is None:
            return f"its file {storage.location(clip.key)} is not there"
        cut = f"its file {storage.location(clip.key)} has {there.size} bytes instead of {clip.size}"
        return None if there.size == clip.size else cut

    async def keep_number(self, base: str, number: int, changes: Mapping[str, Any]) -> bool:
        """Keep a take number of a shot for a retake with these changes; False: it is kept for other ones.

        Retakes with equal changes share a number, as runs of equal shots share a take. ``changes`` holds plain JSON values.
        """
        record = RetakeRecord(base=base, number=number, changes=changes, at=self._records.now())
        standing = await self._records.create_or_read(retake_key(base, number), record)
        return dict(standing.changes) == dict(changes)

    async def kept_for(self, base: str, number: int) -> Mapping[str, Any] | None:
        """Return the changes that a take number of a shot is kept for; None where it is kept for none."""
        record = await self._records.read(retake_key(base, number), RetakeRecord)
        return None if record is None else record.changes


class Assets:
    """What Krea holds. ``host`` is that of Krea's base URL, port included."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._log = RecordLog(records)

    async def latest(self, host: str, sha256: str) -> AssetRecord | None:
        """Return the last upload of that content, None if there was none. Krea may have deleted it meanwhile."""
        return (await self._log.last(asset_folder(host, sha256), AssetRecord))[1]

    async def record(self, host: str, sha256: str, *, asset_id: str, url: str, mime: str) -> AssetRecord:
        """Record an upload; it counts from now on."""
        asset = AssetRecord(asset_id=asset_id, url=url, mime=mime, at=self._records.now())
        return await self._log.append(asset_folder(host, sha256), AssetRecord, lambda _: asset)


class Selections:
    """Which take of a shot counts; ``base`` is what all takes of the shot have in common."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._log = RecordLog(records)

    async def current(self, base: str) -> Selection | None:
        """Return the last choice, None if there was none: take 1 counts then."""
        return (await self._log.last(selection_folder(base), Selection))[1]

    async def select(
        self,
        base: str,
        take: int,
        fingerprint: str,
        why: str,
        *,
        by: str | None = None,
        note: str | None = None,
        among: tuple[int, ...] = (),
    ) -> Selection:
        """Make a take count from now on. ``by``: the person who chose it for itself; ``among``: the takes whose checks were compared."""

        def choose(last: Selection | None) -> Selection:
            return Selection(
                take=take,
                fingerprint=fingerprint,
                why=why,
                at=self._records.now(),
                highest=max(take, last.highest if last else FIRST_TAKE),
                by=by,
                note=note,
                among=among,
            )

        return await self._log.append(selection_folder(base), Selection, choose)

    async def all(self) -> dict[str, int]:
        """Return the number of the selected take of every shot that has a selection, by base. One listing, and one read for each."""
        last: dict[str, int] = {}
        for entry in await self._records.storage.list(SELECTIONS):
            base = entry.key.removeprefix(SELECTIONS).partition("/")[0]
            if number := number_of(entry.key):
                last[base] = max(number, last.get(base, 0))
        selected = await each(lambda item: self._records.read(numbered(selection_folder(item[0]), item[1]), Selection), last.items())
        return {base: selection.take for base, selection in zip(last, selected, strict=True) if selection}

    async def highest_take(self, base: str) -> int:
        """Return the highest take number that was ever selected for the shot, at least 1: the next new take is one more."""
        selection = await self.current(base)
        return selection.highest if selection else FIRST_TAKE
