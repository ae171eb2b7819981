"""A run costs the same however many runs there were before it: schedules make thousands."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from animatic.engine import deliver, handover
from animatic.storage.folder import FolderStorage
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio


async def test_what_a_run_reads_does_not_grow_with_earlier_runs(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "MAX_OTHER_TAKES", 2)
    monkeypatch.setattr(deliver, "TAKES_BESIDE", 1)
    read, reads = FolderStorage.read, Counter[str]()

    async def counted(self: FolderStorage, key: str) -> bytes | None:
        reads[key.rpartition("/")[2] if key.endswith(("take.json", "settled.json", "submitted.json")) else "other"] += 1
        return await read(self, key)

    monkeypatch.setattr(FolderStorage, "read", counted)
    seen = []
    for _ in range(6):
        studio.offset += timedelta(hours=2)
        plan = await studio.plan(fresh=True)
        reads.clear()
        assert await studio.render(plan) is None
        seen.append(dict(reads))
    assert seen[-1] == seen[2], "from the third on each run has as many takes to offer"
    assert sum(seen[-1].values()) > 0
