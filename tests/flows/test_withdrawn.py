"""A run that was cancelled while it waited for a person asks for nothing any more, wherever somebody looks next."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Completed, Paused

from animatic.flows import withdrawn
from animatic.flows.approval_texts import DECIDE
from animatic.prefect import waiting

pytestmark = pytest.mark.anyio
ASKED = f"""# SIMULATED · still waits for approval: approving pays $0.10 (spin)

## 01 still

![still, take 1](data:image/jpeg;base64,AAAA)

{DECIDE}

- `animatic approve 20261127T060000Z-000000abcdef still`
"""
SAID = "SIMULATED · still waits for approval: approving pays $0.10 (spin)"


def flow_run(state: State[Any], number: int = 0xABCDEF) -> FlowRun:
    key = uuid.UUID(int=number)
    return FlowRun(id=key, flow_id=uuid.uuid4(), name="r", state=state, expected_start_time=datetime(2026, 11, 27, 6, 0, tzinfo=UTC))


class Server:
    """The part of a Prefect server that is asked: runs by state and id, artifacts by the end of their key and run."""

    def __init__(self, *runs: FlowRun) -> None:
        self.runs = {run.id: run for run in runs}
        self.artifacts = {run.id: SimpleNamespace(id=run.id, flow_run_id=run.id, data=ASKED, description=SAID) for run in runs}
        self.asked = 0

    async def read_flow_runs(self, *, flow_run_filter: Any, **_: object) -> list[FlowRun]:
        self.asked += 1
        states, ids = flow_run_filter.state.type.any_, flow_run_filter.id
        assert flow_run_filter.tags.all_ == ["animatic"]
        found = [run for run in self.runs.values() if run.state is not None and run.state.type in states]
        return [run for run in found if ids is None or run.id in ids.any_]

    async def read_artifacts(self, *, artifact_filter: Any, flow_run_filter: Any) -> list[Any]:
        assert artifact_filter.key.like_ == "-approval"
        return [self.artifacts[key] for key in flow_run_filter.id.any_]

    async def update_artifact(self, key: uuid.UUID, update: Any) -> None:
        self.artifacts[key].data, self.artifacts[key].description = update.data, update.description

    async def read_flow_run(self, key: uuid.UUID) -> FlowRun:
        return self.runs[key]

    async def set_flow_run_state(self, key: uuid.UUID, state: State[Any], *, force: bool) -> None:
        assert force
        self.runs[key] = self.runs[key].model_copy(update={"state": state})


async def settle(server: Server, **options: Any) -> int:
    return await withdrawn.settle_withdrawn(cast("PrefectClient", server), **options)


async def test_what_a_cancelled_run_asked_is_settled_once_and_says_how_to_go_on() -> None:
    run = flow_run(Cancelled())
    server = Server(run)
    assert await settle(server) == 1
    artifact = server.artifacts[run.id]
    assert artifact.description == "SIMULATED · cancelled before a decision: still waits for approval: approving pays $0.10 (spin)"
    assert DECIDE not in artifact.data
    assert "data:image/jpeg;base64,AAAA" in artifact.data
    assert "`animatic approve 20261127T060000Z-000000abcdef still`" in artifact.data
    assert "Go on with `animatic resume 20261127T060000Z-000000abcdef`, or Retry" in artifact.data
    message = server.runs[run.id].state.message or ""  # type: ignore[union-attr]
    assert message.startswith("SIMULATED · stopped. Cancelled before a decision (still waits for approval")
    assert await settle(server) == 0


@pytest.mark.parametrize("state", [Paused(), Completed(), Cancelled(message="SIMULATED · stopped. 1 of 2 shots delivered")])
async def test_other_runs_are_left_as_they_are(state: State[Any]) -> None:
    run = flow_run(state)
    server = Server(run)
    assert await settle(server) == 0
    assert (server.artifacts[run.id].data, server.runs[run.id].state) == (ASKED, state)


async def test_a_terminal_settles_the_run_that_it_was_told_of_alone() -> None:
    one, other = flow_run(Cancelled()), flow_run(Cancelled(), 7)
    server = Server(one, other)
    assert await settle(server, only=one.id) == 1
    assert DECIDE in server.artifacts[other.id].data


async def test_whoever_serves_settles_them(monkeypatch: pytest.MonkeyPatch) -> None:
    run = flow_run(Cancelled())
    server = Server(run)

    class Connected:
        async def __aenter__(self) -> Server:
            return server

        async def __aexit__(self, *_: object) -> None:
            return None

    async def named(*_: object) -> int:
        return 0

    async def sleep(_seconds: float) -> None:
        raise InterruptedError

    monkeypatch.setattr(waiting, "get_client", Connected)
    monkeypatch.setattr(waiting, "name_waiting_runs", named)
    with pytest.raises(InterruptedError):
        await waiting.keep_naming({}, sleep=sleep)
    assert DECIDE not in server.artifacts[run.id].data


async def test_a_server_that_is_away_keeps_no_run_from_being_made() -> None:
    class Away:
        async def read_flow_runs(self, **_: object) -> list[FlowRun]:
            raise ConnectionError

    await withdrawn.settle_withdrawn_if_possible(cast("PrefectClient", Away()))
