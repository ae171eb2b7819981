"""Takes: what was made, once for each fingerprint."""

from __future__ import annotations

from collections.abc import Iterable

from animatic.ledger.layout import take_key
from animatic.ledger.model import Take
from animatic.ledger.parallel import each
from animatic.ledger.shelf import Shelf


class Takes(Shelf):
    """The part of the ledger that knows what was made."""

    async def take(self, fingerprint: str) -> Take | None:
        """Return the take, None if it was not made yet."""
        return await self._read(take_key(fingerprint), Take)

    async def takes(self, fingerprints: Iterable[str]) -> dict[str, Take]:
        """Return those of the takes that were made, by fingerprint."""
        found = await each(self.take, dict.fromkeys(fingerprints))
        return {take.fingerprint: take for take in found if take}

    async def record_take(self, take: Take) -> Take:
        """Record a take whose clip is stored. The first one stands; it is returned."""
        return await self._first(take_key(take.fingerprint), take)
