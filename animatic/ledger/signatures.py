"""Signed copies of takes, each as its difference from the marked copy: a signature cannot be made twice, and so is kept with its take."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import AwareDatetime

from animatic.ledger.records import RecordStore, each, take_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureRecord:
    """A signed copy of a take, with hash and size of its bytes. ``recipe``: hash of all that it was made of, the certificate included."""

    fingerprint: str
    recipe: str
    sha256: str
    size: int
    stamped: bool | None
    """Whether it has the time stamp that was asked for; None where none was."""
    pieces: tuple[str | tuple[int, int], ...]
    """Its bytes in order: spans of the marked copy (beginning and end), and what is not there (base64)."""
    made_at: AwareDatetime


class Signatures:
    """Signed copies, by the fingerprint of their take."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    async def of(self, fingerprint: str, recipe: str = "") -> tuple[SignatureRecord, ...]:
        """Return the signed copies of a take, or those of one recipe; without what is damaged: a file can be signed again."""
        entries = await self._records.storage.list(f"{take_folder(fingerprint)}signed-{recipe}")
        found = await each(lambda entry: self._records.read_or_leave_out(entry.key, SignatureRecord), entries)
        return tuple(record for record in found if record is not None)

    async def record(self, signature: SignatureRecord) -> None:
        """Keep a signed copy, under a name of its own: two runs that sign at once cannot meet."""
        key = f"{take_folder(signature.fingerprint)}signed-{signature.recipe[:32]}-{signature.sha256[:32]}.json"
        await self._records.create(key, signature)
