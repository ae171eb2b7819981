"""How often the record of a run is written while it goes on: soon for people who watch it, and never so often that its size counts."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest

from animatic.engine import manifest_writer
from animatic.engine.manifest_writer import PAGE_SECONDS, WRITE_SECONDS, ManifestWriter
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio


async def pauses(studio: Studio, monkeypatch: pytest.MonkeyPatch, seconds: int = 90) -> dict[str, set[int]]:
    """Whole seconds between two writes of each file, of a run in which something is always going on."""
    studio.declare(CHAIN)
    await studio.render()
    times: dict[str, list[float]] = defaultdict(list)
    async with studio.open(await studio.plan()) as run:
        write = run.storage.write

        async def noted(key: str, data: bytes, **more: Any) -> None:
            times[key.rpartition("/")[2]].append(run.timing.monotonic())
            await write(key, data, **more)

        monkeypatch.setattr(run.storage, "write", noted)
        run.takes.update(studio.runs[0].takes)
        async with ManifestWriter(run):
            for number in range(4 * seconds):
                run.progress.change("dawn", "preparing", f"look {number}")
                await run.timing.sleep(0.25)
    return {name: {round(later - earlier) for earlier, later in pairwise(found)} for name, found in times.items()}


async def test_it_is_written_every_other_second_and_the_page_every_ten(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await pauses(studio, monkeypatch)
    assert found["manifest.json"] == {round(WRITE_SECONDS)}
    assert found["index.html"] <= {round(PAGE_SECONDS), round(PAGE_SECONDS + WRITE_SECONDS)}  # with the next manifest


async def test_what_is_large_is_written_more_rarely(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.declare(CHAIN)
    await studio.render()
    folder = studio.out / studio.run.prefix
    monkeypatch.setattr(manifest_writer, "BYTES_PER_SECOND", (folder / "manifest.json").stat().st_size / 20)
    monkeypatch.setattr(manifest_writer, "PAGE_BYTES_PER_SECOND", (folder / "index.html").stat().st_size / 40)
    found = await pauses(studio, monkeypatch)
    assert min(found["manifest.json"]) > 2 * WRITE_SECONDS
    assert min(found["index.html"]) > 2 * PAGE_SECONDS
