"""Runs that wait for their schedule have names that say what they are."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun

from animatic.prefect import waiting
from animatic.prefect.waiting import keep_naming, name_waiting_runs

pytestmark = pytest.mark.anyio
TOWN = uuid.uuid4()


def run(name: str, *, auto: bool = True, **parameters: Any) -> FlowRun:
    return FlowRun(
        id=uuid.uuid4(),
        flow_id=uuid.uuid4(),
        deployment_id=TOWN,
        name=name,
        auto_scheduled=auto,
        parameters=parameters,
        expected_start_time=datetime.now(UTC),
    )


class Server:
    def __init__(self, *runs: FlowRun) -> None:
        self.runs = {item.id: item for item in runs}

    async def read_flow_runs(self, **_: object) -> list[FlowRun]:
        return list(self.runs.values())

    async def update_flow_run(self, key: uuid.UUID, *, name: str) -> None:
        self.runs[key] = self.runs[key].model_copy(update={"name": name})


async def test_only_runs_of_schedules_are_named_and_once() -> None:
    server = Server(
        run("jovial-bull", city="Porto", seconds=4, fresh=True), run("keen-owl", profile="draft"), run("my own name", auto=False)
    )
    assert await name_waiting_runs(cast("PrefectClient", server), {"town": TOWN}) == 2
    assert [item.name for item in server.runs.values()] == [
        "town · Porto · seconds 4 · fresh true · scheduled",
        "town · profile draft · scheduled",
        "my own name",
    ]
    assert await name_waiting_runs(cast("PrefectClient", server), {"town": TOWN}) == 0


async def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise ConnectionError

    monkeypatch.setattr(waiting, "get_client", refuse)
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_naming({"town": TOWN}, sleep=sleep)
    assert naps == [30.0, 30.0, 30.0]
