"""Signs of life of deployed runs, and who goes on with a run that the server believed dead."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.schemas.automations import EventTrigger

from animatic.flows import alive, worker
from animatic.flows.alive import ALIVE, ALIVE_SECONDS, LEFT, LOST_NAME, fate_of, giving_signs
from animatic.flows.run import FlowRunContext
from animatic.prefect.takeover import CRASHES, ENDED, GIVEN_UP, GIVEN_UP_MESSAGE, LOST, SILENCE, START, STUCK, takeover_automations
from tests.flows.deploying import ANIMATIC, PREFECT, TOKEN, Api, pipelines, process

pytest_plugins = ["tests.flows.deploying"]
REPOSITORY = Path(__file__).resolve().parents[2]
RUN_ID = uuid.UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def flow_run(kind: StateType | None, count: int = 1) -> FlowRun:
    state: State[Any] | None = None if kind is None else State(type=kind)
    return FlowRun(id=RUN_ID, flow_id=RUN_ID, run_count=count, state=state)


@pytest.mark.parametrize(
    ("kind", "count", "fate"),
    [
        (StateType.RUNNING, 1, "goes on"),
        (None, 1, "goes on"),
        (StateType.SCHEDULED, 1, "was believed dead"),
        (StateType.PENDING, 1, "is another's"),
        (StateType.RUNNING, 2, "is another's"),
        (StateType.COMPLETED, 2, "is another's"),
        (StateType.CANCELLING, 1, "stops"),
        (StateType.CANCELLED, 1, "stops"),
        (StateType.CRASHED, 1, "stops"),
        (StateType.PAUSED, 1, "stops"),
    ],
)
def test_what_the_server_says_of_a_run_decides_who_goes_on_with_it(kind: StateType | None, count: int, fate: str) -> None:
    assert fate_of(flow_run(kind, count), 1) == fate


@pytest.mark.anyio
async def test_signs_of_life_are_given_until_a_last_one_and_it_is_no_matter_if_none_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    pauses: list[float] = []

    def emit(**event: Any) -> None:
        given.append(event)
        raise RuntimeError

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(3600 if len(pauses) == 3 else 0)

    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", str(RUN_ID))
    monkeypatch.setattr(alive, "emit_event", emit)
    with contextlib.suppress(ZeroDivisionError):  # however it ends
        async with giving_signs(sleep=sleep):
            await asyncio.sleep(0.05)
            raise ZeroDivisionError
    await asyncio.sleep(0)
    assert [event["event"] for event in given] == [ALIVE] * 3 + [LEFT]
    assert {event["resource"]["prefect.resource.id"] for event in given} == {f"prefect.flow-run.{RUN_ID}"}
    assert set(pauses) == {ALIVE_SECONDS}
    assert SILENCE.total_seconds() >= 5 * ALIVE_SECONDS  # several may be lost


def test_every_name_of_a_state_in_which_a_run_is_left_is_no_silence() -> None:
    """The names that our own code gives to final states are found in its text."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "flows").glob("*.py"))]
    names = {name for text in texts for name in re.findall(r"(?:Completed|Failed|Cancelled|Crashed)\(name=\"([^\"]+)\"", text)}
    assert {"Reused", "Skipped", "In doubt", "Waits for approval"} <= names <= ENDED
    lost, stuck, given_up = (automation.trigger for automation in takeover_automations())
    for trigger in (lost, stuck):
        assert isinstance(trigger, EventTrigger)
        assert {f"prefect.flow-run.{name}" for name in names} <= trigger.expect
    assert isinstance(lost, EventTrigger)
    assert isinstance(stuck, EventTrigger)
    assert isinstance(given_up, EventTrigger)
    crashed = "prefect.flow-run.Crashed"
    assert crashed in lost.expect, "a run that had begun is not made again by itself: it may do the same once more"
    assert crashed not in stuck.expect, "one that had not begun has submitted nothing"
    assert given_up.expect == {crashed}
    assert given_up.threshold * START <= given_up.within, "crashes of a run that never begins are counted together"
    for trigger in (lost, stuck):
        assert not any("*" in event or "heartbeat" in event for event in trigger.expect)


class _Server:
    """Answers what a test has scripted, the last again and again. A run that is put to Running is counted up, as by Prefect."""

    def __init__(self, *seen: FlowRun, taken: bool = False) -> None:
        self.seen = list(seen)
        self.written: list[State[Any]] = []
        self.taken = taken
        """Whether another process begins the run in the moment at which it is put to Running."""

    async def read_flow_run(self, _id: uuid.UUID) -> FlowRun:
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    async def set_flow_run_state(self, _id: uuid.UUID, state: State[Any], *, force: bool) -> Any:
        assert force
        self.written.append(state)
        count = self.seen[0].run_count + 1
        run = flow_run(StateType.RUNNING, count + 1) if self.taken else flow_run(StateType.RUNNING, count)
        if not self.taken:
            run.state = state
        later = [FlowRun(id=RUN_ID, flow_id=RUN_ID, run_count=run.run_count, state=each.state) for each in self.seen]
        self.seen = [run, *later]
        return type("Answer", (), {"state": state})()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Watch a run against a scripted server; returns whether the process left."""
    done: list[str] = []
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", str(RUN_ID))
    monkeypatch.setattr(worker, "STATE_CHECK_SECONDS", 0.001)

    async def watch(server: _Server, context: Any) -> list[str]:
        @contextlib.asynccontextmanager
        async def client() -> AsyncIterator[_Server]:
            yield server

        def leave() -> None:
            done.append("left")
            raise asyncio.CancelledError

        monkeypatch.setattr(worker, "get_client", client)
        monkeypatch.setattr(worker, "give_way", leave)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(worker._watch_state(context), 20)
        return done

    return watch


def context() -> FlowRunContext:
    plan: Any = None
    settings: Any = None
    return FlowRunContext(plan=plan, settings=settings)


@pytest.mark.anyio
async def test_a_run_that_has_ended_its_part_is_not_taken_back_from_who_resumed_it(watched: Callable[..., Any]) -> None:
    run = context()

    class Ends(_Server):
        """Serves a run that ends in the moment in which it is looked at, and that is resumed at once."""

        async def read_flow_run(self, _id: uuid.UUID) -> FlowRun:
            run.work = asyncio.get_running_loop().create_future()
            run.work.set_result(None)
            return await super().read_flow_run(_id)

    server = Ends(flow_run(StateType.SCHEDULED))
    assert (await watched(server, run), server.written, run.interrupted) == ([], [], False)


@pytest.mark.anyio
async def test_a_run_that_lives_takes_itself_back_and_goes_on(watched: Callable[..., Any]) -> None:
    server = _Server(
        flow_run(StateType.RUNNING), flow_run(StateType.SCHEDULED), flow_run(StateType.RUNNING), flow_run(StateType.CANCELLING)
    )
    run = context()
    assert await watched(server, run) == []  # although the server counts it as a further execution
    assert [state.type for state in server.written] == [StateType.RUNNING]
    assert run.interrupted  # by the cancelling that came last


@pytest.mark.anyio
async def test_a_run_that_was_too_late_to_take_itself_back_is_left(watched: Callable[..., Any]) -> None:
    server = _Server(flow_run(StateType.RUNNING), flow_run(StateType.SCHEDULED), flow_run(StateType.RUNNING), taken=True)
    run = context()
    assert await watched(server, run) == ["left"]
    assert not run.interrupted


@pytest.mark.anyio
async def test_a_run_that_another_process_executes_is_left_to_it(watched: Callable[..., Any]) -> None:
    run = context()
    done = await watched(_Server(flow_run(StateType.RUNNING, 3), flow_run(StateType.RUNNING, 4)), run)
    assert done[-1] == "left"
    assert not run.interrupted  # which would have the server believe that it was cancelled


@pytest.mark.anyio
async def test_a_run_that_was_resumed_before_its_process_was_quite_gone_is_not_taken_back(watched: Callable[..., Any]) -> None:
    run = context()
    run.work = asyncio.get_running_loop().create_future()
    run.work.set_result(None)
    server = _Server(flow_run(StateType.SCHEDULED))
    assert await watched(server, run) == []
    assert server.written == []


# Against a real server


def automations(api: Api) -> dict[str, dict[str, Any]]:
    found = api.http.post("/automations/filter", json={}).raise_for_status().json()
    return {item["name"]: item for item in found if item["name"] in {LOST, STUCK, GIVEN_UP}}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_deploying_keeps_the_automations_that_take_runs_up(animatic: Callable[..., Any], api: Api, name: str, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines(name))
    assert animatic("deploy", "--pool", f"pool-{name}").code == 0
    made = automations(api)
    assert set(made) == {LOST, STUCK, GIVEN_UP}
    assert [action["type"] for item in made.values() for action in item["actions"]] == ["change-flow-run-state"] * 3
    api.http.patch(f"/automations/{made[STUCK]['id']}", json={"enabled": False}).raise_for_status()
    assert animatic("deploy", "--pool", f"pool-{name}").code == 0
    again = automations(api)
    assert {key: item["id"] for key, item in again.items()} == {key: item["id"] for key, item in made.items()}
    assert again[LOST]["updated"] == made[LOST]["updated"]
    assert again[STUCK]["enabled"] is False
    api.http.delete(f"/automations/{made[STUCK]['id']}").raise_for_status()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_run_that_is_scheduled_again_while_it_lives_is_delivered_once(
    api: Api, name: str, krea: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines(name))
    real = krea(video_seconds=12.0)
    environment = {"PREFECT_API_URL": str(api.http.base_url), "KREA_API_URL": real.url, "KREA_API_TOKEN": TOKEN}
    with process(*ANIMATIC, "serve", cwd=tmp_path, log=tmp_path / "serve.log", **environment):
        deadline = time.monotonic() + 100
        while api.http.get(f"/deployments/name/{name}/{name}").status_code == httpx.codes.NOT_FOUND:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        run_id = api.start(name)
        api.wait(run_id, until=lambda run: run["state"]["type"] == "RUNNING")
        jobs = f"{real.url}/jobs"
        while not httpx.get(jobs, headers={"Authorization": f"Bearer {TOKEN}"}).json()["items"]:
            time.sleep(0.3)
        state = {"type": "SCHEDULED", "name": LOST_NAME, "message": "its machine has given no sign of life"}
        api.http.post(f"/flow_runs/{run_id}/set_state", json={"state": state, "force": False}).raise_for_status()
        ended = api.wait(run_id, seconds=200)
    assert ended["state"]["type"] == "COMPLETED", ended["state"]
    assert len(httpx.get(f"{real.url}/_simulator/billing").json()["items"]) == 2


DIES = """
import os, signal
from pathlib import Path
command = Path("/proc/self/cmdline").read_bytes().split(bytes(1))
kills = Path(os.environ["TEST_KILLS"])
if any(b"prefect" in part and (b"engine" in part or b"workspace" in part) for part in command) and int(kills.read_text()):
    kills.write_text(str(int(kills.read_text()) - 1))
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""Is imported by every Python that starts: those that are to begin a run lose their power, as often as a file says."""


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the process is told by /proc")
def test_a_run_whose_process_dies_before_it_begins_is_taken_up_and_given_up_where_it_always_does(
    animatic: Callable[..., Any], api: Api, name: str, krea: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines(name).replace("[teaser]", f"[{name}]"))
    assert animatic("deploy", "--pool", f"pool-{name}").code == 0
    of_this_test = []
    for automation in takeover_automations(start=timedelta(seconds=30)):
        wanted = automation.model_dump(mode="json") | {"name": f"{automation.name}, {name}"}
        wanted["trigger"]["match_related"][0]["prefect.resource.id"] = f"prefect.tag.{name}"
        of_this_test.append(api.http.post("/automations/", json=wanted).raise_for_status().json()["id"])
    site, kills = tmp_path / "site", tmp_path / "kills"
    site.mkdir()
    (site / "sitecustomize.py").write_text(DIES)
    kills.write_text("0")
    real = krea()
    environment = {
        "PREFECT_API_URL": str(api.http.base_url), "KREA_API_URL": real.url, "KREA_API_TOKEN": TOKEN, "ANIMATIC_POLL_SECONDS": "0.3",
        "PYTHONPATH": str(site), "TEST_KILLS": str(kills), "PREFECT_WORKER_QUERY_SECONDS": "1",
    }  # fmt: skip
    command = (*PREFECT, "worker", "start", "--pool", f"pool-{name}", "--install-policy", "never")
    try:
        with process(*command, cwd=tmp_path / "elsewhere", log=tmp_path / "worker.log", **environment):
            kills.write_text("1")
            ended = api.wait(api.start(name), until=lambda run: run["state"]["type"] in {"COMPLETED", "FAILED"}, seconds=200)
            assert ended["state"]["type"] == "COMPLETED", ended["state"]
            assert kills.read_text() == "0"
            assert len(httpx.get(f"{real.url}/_simulator/billing").json()["items"]) == 2
            kills.write_text("99")
            ended = api.wait(api.start(name), until=lambda run: run["state"]["type"] in {"COMPLETED", "FAILED"}, seconds=250)
    finally:
        for key in of_this_test:
            api.http.delete(f"/automations/{key}")
    assert ended["state"]["type"] == "FAILED"
    assert ended["state"]["message"] == GIVEN_UP_MESSAGE
    assert int(kills.read_text()) <= 99 - CRASHES
    assert len(httpx.get(f"{real.url}/_simulator/billing").json()["items"]) == 2
