"""When a run was due, and whether it is too late to make it: with a stand-in for the Prefect API and no clock."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from animatic.flows import punctual
from animatic.flows.punctual import Due, MissedRunError, due_of
from animatic.source import load_text
from animatic.spec import PipelineSpec, declare

pytestmark = pytest.mark.anyio
AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "following", "minutes", "made"),
    [
        ("skip", 24 * 60, 59, True),
        ("skip", 24 * 60, 60, False),
        ("skip", 10, 9, True),
        ("skip", 10, 10, False),
        ("skip", None, 59, True),
        ("skip", None, 61, False),
        ("run", 10, 10_000, True),
        (None, None, 10_000, True),
    ],
)
def test_a_run_is_missed_once_the_next_is_due_or_an_hour_has_passed(late: Any, following: int | None, minutes: int, *, made: bool) -> None:
    due = Due(at=AT, late=late, following=None if following is None else AT + timedelta(minutes=following))
    with (
        contextlib.nullcontext()
        if made
        else pytest.raises(MissedRunError, match=f"due at 2026-11-21 06:00 and started {minutes} minutes later")
    ):
        due.check(AT + timedelta(minutes=minutes))


@dataclass
class Maker:
    """Who made a flow run, as the API tells it."""

    type: str = "SCHEDULE"
    display_value: str | None = "schedule-1"


@dataclass
class Api:
    """A flow run, and the client that is asked for it."""

    created_by: Maker | None
    auto_scheduled: bool = True

    async def read_flow_run(self, _id: UUID) -> Api:
        return self


def spec() -> PipelineSpec:
    text = """
version: 1
timezone: Asia/Tokyo
pipelines:
  p:
    schedules:
      - {interval: 30m, timezone: America/Los_Angeles}
      - {cron: "20 * * * *", late: run}
      - {cron: "0 6 * * *"}
    shots: [{id: a}]
"""
    return declare([load_text(text)]).pipelines["p"]


async def due(monkeypatch: pytest.MonkeyPatch, api: Api) -> Due:
    @contextlib.asynccontextmanager
    async def client() -> AsyncIterator[Api]:
        yield api

    monkeypatch.setattr(punctual, "get_client", client)
    return await due_of(spec(), str(uuid4()), AT)


@pytest.mark.parametrize(
    ("slug", "late", "minutes", "at"),
    [
        ("schedule-1", "skip", 30, "2026-11-20T22:00:00-08:00"),
        ("schedule-2", "run", 20, "2026-11-21T15:00:00+09:00"),
        ("schedule-3", "skip", None, "2026-11-21T15:00:00+09:00"),
        ("former", "skip", None, "2026-11-21T15:00:00+09:00"),
        (None, "skip", None, "2026-11-21T15:00:00+09:00"),
    ],
)
async def test_the_schedule_of_a_run_says_what_it_means_to_be_late(
    monkeypatch: pytest.MonkeyPatch, slug: str | None, late: str, minutes: int | None, at: str
) -> None:
    found = await due(monkeypatch, Api(Maker(display_value=slug)))
    assert (found.late, found.at.isoformat()) == (late, at)
    assert found.following == (None if minutes is None else AT + timedelta(minutes=minutes))


@pytest.mark.parametrize("api", [Api(None), Api(Maker(type="USER")), Api(Maker(), auto_scheduled=False)])
async def test_runs_that_people_start_are_never_skipped(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    found = await due(monkeypatch, api)
    assert found.late is None
    assert found.at.isoformat() == "2026-11-21T15:00:00+09:00"


async def test_a_moment_of_prefects_own_class_is_reckoned_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arithmetic loses the time zone, and nothing could be compared with what came of it."""
    from prefect.types import DateTime

    monkeypatch.setattr(punctual, "get_client", lambda: pytest.fail("without a flow run nobody is asked"))
    found = await due_of(spec(), None, DateTime.fromisoformat(AT.isoformat()))
    found.check(AT + timedelta(days=1))
    assert type(found.at) is datetime
