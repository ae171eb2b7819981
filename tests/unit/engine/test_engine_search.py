"""What is concluded of a look at Krea's list: nothing of one that took so long that the list was another one meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from animatic.engine.evidence import AskPerson, Evidence
from animatic.engine.search import MAX_STALE_LOOKS, STALE_LOOK_SECONDS, conclude_now
from animatic.engine.windows import Window
from animatic.krea import Job
from animatic.ledger import Intent

pytestmark = pytest.mark.anyio
WINDOW = Window(first=datetime(2026, 11, 27, tzinfo=UTC), last=None)


def job(name: str) -> Job:
    return cast("Job", SimpleNamespace(id=name, terminal=True))


@pytest.mark.parametrize("stale", [1, MAX_STALE_LOOKS])
async def test_a_list_that_was_read_before_the_process_stood_still_is_read_anew(stale: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    looks: list[float] = []

    async def look(*_: Any, **__: Any) -> Evidence:
        nonlocal clock
        looks.append(clock)
        clock += STALE_LOOK_SECONDS + 1 if len(looks) <= stale else 0.1
        seen = (job("stranger"),) if len(looks) <= stale else (job("stranger"), job("ours"))
        return Evidence(candidates=seen, rivals=0, rivals_running=False, expected_types=(), called=None)

    monkeypatch.setattr("animatic.engine.search.look", look)
    run: Any = SimpleNamespace(timing=SimpleNamespace(monotonic=lambda: clock))
    conclusion = await conclude_now(run, cast("Intent", None), WINDOW)
    assert isinstance(conclusion, AskPerson)
    assert [candidate.id for candidate in conclusion.candidates] == ["stranger", "ours"]
    assert len(looks) == stale + 1
