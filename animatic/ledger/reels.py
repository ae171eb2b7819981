"""Reels that were made, once for each fingerprint: the file lies beside its record, without the marks that each run adds to its copy."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import AwareDatetime

from animatic.ledger.records import RecordStore, reel_folder, reel_key


@dataclass(frozen=True, kw_only=True, slots=True)
class ReelRecord:
    """A reel: where its file lies, the facts of its bytes, and what was measured and noted when it was made."""

    fingerprint: str
    key: str
    sha256: str
    size: int
    mime: str
    width: int
    height: int
    fps: float | None
    duration: float | None
    frames: int | None
    copied: bool
    """Its picture was not encoded anew."""
    loudness: float | None
    true_peak: float | None
    notes: tuple[str, ...]
    with_sound: tuple[int, ...]
    """Which of its shots, by their place in it from 0, have sound of their own."""
    pipeline: str
    run_id: str
    made_at: AwareDatetime


class Reels:
    """What was put together, once for each fingerprint."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    async def get(self, fingerprint: str) -> ReelRecord | None:
        """Return the reel, None if it was not made yet, or its record is damaged: a reel can always be made again."""
        return await self._records.read_or_leave_out(reel_key(fingerprint), ReelRecord)

    def file_key(self, fingerprint: str, sha256: str) -> str:
        """Return where the file of a reel belongs: under a name of its own, so that two runs that make it at once cannot meet."""
        return f"{reel_folder(fingerprint)}{sha256[:16]}.mp4"

    async def record(self, reel: ReelRecord) -> ReelRecord:
        """Record a reel whose file is stored. The first record wins and is returned."""
        return await self._records.create_or_read(reel_key(reel.fingerprint), reel)
