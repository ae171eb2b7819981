"""What `animatic doctor` says of a Prefect server, where the server is scripted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from prefect.exceptions import ObjectNotFound

from animatic.prefect import health
from animatic.prefect.takeover import GIVEN_UP, LOST, STUCK

NOW = datetime(2027, 1, 4, 6, 30, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Server:
    def __init__(self, *, clock: timedelta = timedelta(0), automations: dict[str, bool] | None = None, pool: bool = True) -> None:
        self.date = format_datetime(NOW + clock, usegmt=True)
        self.automations = {} if automations is None else automations
        self.pool = pool

    async def hello(self) -> httpx.Response:
        return httpx.Response(200, headers={"Date": self.date} if self.date else {})

    async def read_work_pool(self, _name: str) -> None:
        if not self.pool:
            raise ObjectNotFound(http_exc=RuntimeError())

    async def read_automations_by_name(self, name: str) -> list[Any]:
        return [type("Automation", (), {"enabled": self.automations[name]})] if name in self.automations else []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("ahead", "said", "severity"),
    [
        (timedelta(seconds=4), "4 s behind the Prefect server's", "ok"),
        (timedelta(hours=1), "3600 s behind the Prefect server's: set the clock", "warning"),
        (timedelta(hours=-1), "3600 s ahead of the Prefect server's: set the clock", "warning"),
    ],
)
async def test_a_clock_that_differs_from_the_servers_is_named(ahead: timedelta, said: str, severity: str) -> None:
    client: Any = Server(clock=ahead)
    found = await health._clock(client, lambda: NOW)
    assert (found.message[: len(said)], found.severity) == (said, severity)


@pytest.mark.anyio
async def test_a_server_that_says_no_time_is_no_failure() -> None:
    server: Any = Server()
    server.date = ""
    assert (await health._clock(server, lambda: NOW)).severity == "ok"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("automations", "pool", "said", "severity"),
    [
        ({LOST: True, STUCK: True, GIVEN_UP: True}, True, "those of machines that are gone are taken up by other workers", "ok"),
        ({LOST: True}, True, "`animatic deploy` makes the automations", "warning"),
        ({LOST: False, STUCK: True, GIVEN_UP: False}, True, f"switched off in the UI: {LOST};", "warning"),
        ({}, False, "there is no work pool yet", "ok"),
    ],
)
async def test_who_takes_up_runs_of_machines_that_are_gone_is_said(
    automations: dict[str, bool], pool: bool, said: str, severity: str
) -> None:
    client: Any = Server(automations=automations, pool=pool)
    found = await health._takeover(client, "animatic")
    assert said in found.message
    assert found.severity == severity
