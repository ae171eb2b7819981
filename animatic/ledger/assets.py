"""Assets: which contents were uploaded to which Krea, so that each is uploaded once."""

from __future__ import annotations

from animatic.ledger.layout import asset_folder
from animatic.ledger.model import AssetRecord
from animatic.ledger.series import Series


class Assets(Series):
    """The part of the ledger that knows what Krea holds. ``host`` is that of Krea's base URL, port included."""

    async def asset(self, host: str, sha256: str) -> AssetRecord | None:
        """Return the last upload of that content, None if there was none. Krea may have deleted it meanwhile."""
        return (await self._last(asset_folder(host, sha256), AssetRecord))[1]

    async def record_asset(self, host: str, sha256: str, *, asset_id: str, url: str, mime: str) -> AssetRecord:
        """Record an upload; it counts from now on."""
        record = AssetRecord(asset_id=asset_id, url=url, mime=mime, at=self._clock())
        return await self._append(asset_folder(host, sha256), AssetRecord, lambda _: record)
