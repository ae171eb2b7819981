"""The real ``animatic run`` with Prefect around it: killed, interrupted, and with its Prefect server gone in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx
import pytest

from animatic.prefect.server import LocalServer, ensure, stop
from tests.faults.harness import KILLED, Ended, Set, finish, lost_clips, start_simulator

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

BOARD = """  coast:
    shots:
      - {id: dawn, prompt: Dawn, duration: 2}
      - {id: surf, prompt: Surf, duration: 2, start_image: dawn}
      - {id: gulls, prompt: Gulls, duration: 2}
    cut: {}
"""


@pytest.fixture(scope="session")
def shared_server() -> LocalServer:
    return ensure(Path(os.environ["TEST_PREFECT_HOME"]))


@pytest.fixture
def stage(tmp_path: Path, shared_server: LocalServer) -> Iterator[Set]:
    with start_simulator(tmp_path) as simulator:
        found = Set(
            folder=tmp_path, deliver=str(tmp_path / "out"), simulator=simulator, environment={"PREFECT_API_URL": shared_server.api_url}
        )
        found.declare(BOARD)
        yield found


def begin(stage: Set, *arguments: str) -> subprocess.Popen[str]:
    return stage.start(command=[sys.executable, "-m", "animatic", *arguments])


def last_run(stage: Set) -> str:
    ended = stage.cli("runs", "--json")
    run_id: str = json.loads(ended.output)[0]["run_id"]
    return run_id


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


def accepted(stage: Set) -> int:
    stats: dict[str, int] = httpx.get(f"{stage.simulator.url}/_simulator/stats", trust_env=False).json()
    return stats.get("accepted", 0)


async def delivered_once(stage: Set, ended: Ended, run_id: str, *, billed: int = 3) -> None:
    assert ended.code == 0, ended
    assert stage.billed_twice() == {}
    assert len(stage.billing()) == billed
    assert await lost_clips(stage.storage, f"coast/{run_id}") == []


async def test_killed_twice_and_resumed(stage: Set) -> None:
    stage.environment["ANIMATIC_SUBMIT_AT_ONCE"] = "1"  # of two that look alike, nobody could tell which job is whose
    assert stage.cli("run", crash_at="after-answer").code == KILLED
    run_id = last_run(stage)
    assert stage.cli("resume", run_id, crash_at="after-take").code == KILLED
    await delivered_once(stage, stage.cli("resume", run_id), run_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    "point", ["after-intended", "after-submitted", "after-download", "after-delivered", "after-reel", "before-manifest"]
)
async def test_killed_at_a_point_and_run_again(stage: Set, point: str) -> None:
    assert stage.cli("run", crash_at=point).code == KILLED
    ended = stage.cli("run")
    await delivered_once(stage, ended, last_run(stage))


async def test_ctrl_c_ends_in_good_order_and_resume_takes_it_up(stage: Set) -> None:
    stage.change({"job_seconds": 6.0})
    process = begin(stage, "run")
    until(lambda: accepted(stage) == 2)
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.code == 130, ended
    assert "runs on at Krea and is in the ledger" in ended.errors
    assert "2 running at Krea: $0.20 set aside, billed if they complete" in ended.output
    assert "1 not started" in ended.output
    run_id = last_run(stage)
    assert f"animatic resume {run_id}" in ended.errors
    data = await stage.storage.read(f"coast/{run_id}/manifest.json")
    assert data is not None
    manifest = json.loads(data)
    assert manifest["state"] == "cancelled"
    doing = {shot["id"]: (shot["doing"], shot["set_aside_usd"]) for shot in manifest["shots"]}
    assert doing == {"dawn": ("running", 0.1), "gulls": ("running", 0.1), "surf": ("not started", None)}
    await delivered_once(stage, stage.cli("resume", run_id), run_id)


@pytest.fixture
def on_a_terminal() -> Iterator[None]:
    """Have what is started here see that its terminal was closed, also where the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("on_a_terminal")
async def test_a_terminal_that_is_closed_ends_a_run_in_good_order(stage: Set) -> None:
    stage.change({"job_seconds": 6.0})
    process = begin(stage, "run")
    until(lambda: accepted(stage) == 2)
    for _ in range(2):  # the shell sends it, and the kernel
        process.send_signal(signal.SIGHUP)
    ended = finish(process)
    assert ended.code == 130, ended
    assert "2 running at Krea: $0.20 set aside" in ended.output
    run_id = last_run(stage)
    await delivered_once(stage, stage.cli("resume", run_id), run_id)


async def test_sigterm_with_cancel_jobs_pays_for_nothing_that_was_not_finished(stage: Set) -> None:
    stage.change({"job_seconds": 30.0})
    process = begin(stage, "run", "--cancel-jobs")
    until(lambda: accepted(stage) == 2)
    process.terminate()
    ended = finish(process)
    assert ended.code == 130, ended
    assert "2 cancelled, not billed" in ended.output
    assert stage.billing() == []
    stage.await_idle()
    stage.change({"job_seconds": 0.2})
    run_id = last_run(stage)
    await delivered_once(stage, stage.cli("resume", run_id), run_id)


@pytest.mark.slow
async def test_a_retake_regenerates_downstream_shots_or_keeps_them(stage: Set) -> None:
    assert stage.cli("run").code == 0
    for options, paid, told in (([], 5, "downstream, regenerated: surf"), (["--keep-downstream"], 6, "downstream, kept as they are: surf")):
        ended = stage.cli("retake", "coast", "dawn", "--prompt", f"Dusk {paid}", "--set", "duration=3", *options)
        assert ended.code == 0, ended
        assert told in ended.errors
        stage.await_idle()
        assert len(stage.billing()) == paid
        assert await lost_clips(stage.storage, f"coast/{last_run(stage)}") == []
    assert [take["current"] for take in json.loads(stage.cli("takes", "coast", "dawn", "--json").output)] == [False, False, True]
    ended = stage.cli("run", "--json")
    assert json.loads(ended.output)["shots"] == {"reused": 3}
    assert json.loads(ended.output)["cost"]["billed_usd"] == 0


def test_mistakes_in_a_retake_are_told_before_anything_starts(tmp_path: Path) -> None:
    with start_simulator(tmp_path) as simulator:
        stage = Set(folder=tmp_path, deliver=str(tmp_path / "out"), simulator=simulator)
        stage.declare(BOARD)
        assert stage.render().code == 0
        for arguments, message in (
            (("coast", "dawn", "--set", "duration=99"), "duration 99 is out of range for xai/grok-video"),
            (("coast", "dusk"), "has no shot 'dusk'"),
            (("coast", "surf", "--set", "start_image=gulls"), "takes from the pipelines file"),
            (("coast", "dawn", "--set", "duration"), "is not of the form field=value"),
        ):
            ended = stage.cli("retake", *arguments)
            assert (ended.code, message in ended.errors) == (2, True), ended
        assert len(stage.billing()) == 3


@pytest.mark.slow
async def test_ctrl_c_twice_ends_at_once_and_resume_takes_it_up(stage: Set) -> None:
    stage.environment["ANIMATIC_SUBMIT_AT_ONCE"] = "1"  # of two that look alike, nobody could tell which job is whose
    stage.change({"faults": {"slow_post": 5.0}})
    process = begin(stage, "run")
    until(lambda: "Watch it" in process.stderr.readline() if process.stderr else False)
    await anyio.sleep(1.5)
    process.send_signal(signal.SIGINT)
    await anyio.sleep(0.3)
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.code == 130
    assert "go on with `animatic resume " in ended.errors
    assert time.monotonic() - before < 3
    stage.change({"faults": {"slow_post": 0.0}})
    run_id = last_run(stage)
    await delivered_once(stage, stage.cli("resume", run_id), run_id)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[[], LocalServer]]:
    home = tmp_path / "prefect-of-its-own"
    port: list[int] = []

    def up() -> LocalServer:
        server = ensure(home, port=port[0] if port else None)
        port[:] = [server.port]
        return server

    yield up
    stop(home)


@pytest.mark.slow
async def test_a_prefect_server_that_is_restarted_in_the_middle_costs_nothing(stage: Set, own_server: Callable[[], LocalServer]) -> None:
    server = own_server()
    stage.environment = {"PREFECT_API_URL": server.api_url}
    stage.change({"job_seconds": 5.0})
    process = begin(stage, "run")
    until(lambda: accepted(stage) == 2)
    os.killpg(server.pid, signal.SIGKILL)
    await anyio.sleep(8)
    own_server()
    ended = finish(process, timeout=200)
    await delivered_once(stage, ended, last_run(stage))


@pytest.mark.slow
async def test_a_prefect_server_that_stays_away_does_not_keep_a_run_from_delivering(
    stage: Set, own_server: Callable[[], LocalServer]
) -> None:
    server = own_server()
    stage.environment = {"PREFECT_API_URL": server.api_url}
    stage.change({"job_seconds": 5.0})
    process = stage.start(command=[sys.executable, "-m", "animatic", "run"], PREFECT_CLIENT_MAX_RETRIES="1")
    until(lambda: accepted(stage) == 2)
    os.killpg(server.pid, signal.SIGKILL)
    ended = finish(process, timeout=200)
    assert "Prefect does not answer" in ended.errors
    assert "animatic itself failed" not in ended.errors
    await delivered_once(stage, ended, last_run(stage))
    refused = stage.cli("run")
    assert (refused.code, "Prefect API" in refused.errors) == (6, True), refused
