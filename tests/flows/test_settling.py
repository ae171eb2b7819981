"""What is settled for a run that cannot do so itself: its artifacts, and the message that says how to go on."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Cancelling, Crashed, Running

from animatic.flows import settling
from animatic.flows.last_word import have_the_last_word

pytestmark = pytest.mark.anyio
TABLE = """**1 of 2 shots: 1 delivered, 1 running; would be billed $0.28, $0.30 set aside**

| # | shot | state | bill |
| --: | --- | --- | --: |
| 01 | **calm** | ✓\u00a0delivered | $0.28 |
| 02 | **storm** | …\u00a0running | ($0.30) |

[animatic]: data:W3sic2hvdCI6ImNhbG0iLCJzdGF0ZSI6ImRlbGl2ZXJlZCJ9LHsic2hvdCI6InN0b3JtIiwic3RhdGUiOiJydW5uaW5nIn1d
"""
SETTLED = "SIMULATED · 1 of 2 shots are there: 1 delivered, 1 interrupted; would be billed $0.28, $0.30 set aside"


@dataclass
class Server:
    """The part of a Prefect server that the hooks ask."""

    state: State[Any]
    artifacts: dict[str, Any] = field(default_factory=dict)
    updates: dict[str, Any] = field(default_factory=dict)

    async def read_artifacts(self, *, artifact_filter: Any, **_: object) -> list[Any]:
        return [self.artifacts[key] for key in self.artifacts if key.endswith(artifact_filter.key.like_)]

    async def update_artifact(self, key: str, update: Any) -> None:
        self.updates[key] = update

    async def read_flow_run(self, _id: uuid.UUID) -> Any:
        return SimpleNamespace(state=self.state)

    async def set_flow_run_state(self, _id: uuid.UUID, state: State[Any], *, force: bool) -> None:
        assert force
        self.state = state


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server(Running())
    for name, data in (("storm-shots", TABLE), ("storm-progress", 50.0)):
        made.artifacts[name] = SimpleNamespace(id=name, data=data, description="SIMULATED · whatever")

    @contextlib.asynccontextmanager
    async def connected() -> AsyncIterator[Server]:
        yield made

    monkeypatch.setattr(settling, "get_client", connected)
    return made


@pytest.fixture
def last_words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(settling, "_leave_the_last_word", lambda _run, message: said.append(message))
    return said


RUN = FlowRun(id=uuid.UUID(int=0xABCDEF), flow_id=uuid.uuid4(), name="r", expected_start_time=datetime(2026, 11, 27, 6, 0, tzinfo=UTC))
FLOW: Any = None


async def test_a_crashed_run_is_settled_and_says_how_to_go_on_before_what_prefect_says(server: Server) -> None:
    await settling.settle_crashed(FLOW, RUN, Crashed(message="Process exited with status code: -9."))
    assert server.updates["storm-shots"].description == server.updates["storm-progress"].description == SETTLED
    assert "✗\u00a0interrupted" in server.updates["storm-shots"].data
    assert server.updates["storm-progress"].data == 50.0
    message = server.state.message or ""
    assert server.state.is_crashed()
    assert message.startswith("SIMULATED · Crashed. 1 of 2 shots are there")
    assert "`animatic resume 20261127T060000Z-000000abcdef`, or Retry" in message
    assert message.endswith("Process exited with status code: -9.")


async def test_a_run_that_crashed_before_it_published_anything_still_says_how_to_go_on(server: Server) -> None:
    server.artifacts.clear()
    await settling.settle_crashed(FLOW, RUN, Crashed(message="x"))
    assert not server.updates
    assert (server.state.message or "").startswith("Crashed. Go on with `animatic resume")


async def test_a_cancelled_run_keeps_what_it_said_itself(server: Server, last_words: list[str]) -> None:
    server.state = Cancelled(message="SIMULATED · stopped. 1 of 2 shots delivered (1 waiting); would be billed $0.28.")
    await settling.settle_cancelled(FLOW, RUN, Cancelling())
    assert last_words == [server.state.message]
    assert server.updates["storm-shots"].description == SETTLED


async def test_a_cancelled_run_that_was_killed_is_told_from_its_table(server: Server, last_words: list[str]) -> None:
    await settling.settle_cancelled(FLOW, RUN, Cancelling())
    (said,) = last_words
    assert said.startswith("SIMULATED · stopped. 1 of 2 shots are there: 1 delivered, 1 interrupted")
    assert "animatic resume" in said


async def test_the_last_word_waits_until_prefect_has_had_its_own(server: Server) -> None:
    message = "stopped. 1 of 2 shots delivered"
    server.state = Cancelling()
    naps = 0

    async def sleep(_seconds: float) -> None:
        nonlocal naps
        naps += 1
        if naps == 2:
            server.state = Cancelled(message=message)
        if naps == 5:
            server.state = Cancelled(message="Flow run was cancelled successfully.")

    assert await have_the_last_word(cast("PrefectClient", server), RUN.id, message, sleep=sleep)
    assert (naps, server.state.message) == (5, message)


async def test_a_run_that_was_retried_meanwhile_is_left_alone(server: Server) -> None:
    naps = 0

    async def sleep(_seconds: float) -> None:
        nonlocal naps
        naps += 1
        server.state = Running()

    server.state = Cancelled(message="stopped.")
    assert not await have_the_last_word(cast("PrefectClient", server), RUN.id, "stopped.", sleep=sleep)
    assert (naps, server.state.is_running()) == (1, True)
