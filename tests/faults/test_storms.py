"""Faults of every kind at 10 % each, and many processes at once: everything is delivered, and nothing is completed twice in silence."""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.faults.harness import DRIVER, Set, finish, lost_clips, start_simulator
from tests.s3server import S3, OneAtATime, Quiet

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.anyio

KINDS = (
    "rate_limited",
    "error_before",
    "error_after",
    "html_524",
    "lost_before",
    "lost_after",
    "failing_poll",
    "cut_download",
    "failed_job",
)
TENTHS = dict.fromkeys(KINDS, 0.1)


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Set]:
    deliver, environment = str(tmp_path / "out"), {}
    if getattr(request, "param", "folder") == "s3":
        s3 = request.getfixturevalue("s3")
        deliver, environment = f"{s3.url}/boards", s3.environment
    with start_simulator(tmp_path) as simulator:
        yield Set(folder=tmp_path, deliver=deliver, simulator=simulator, environment=environment)


def board(shots: int, *, retries: int = 4) -> str:
    """Half of the shots in chains of two."""
    lines = []
    for number in range(0, shots, 2):
        lines.append(f"- {{id: a{number}, prompt: Shot {number}, duration: 2, retries: {retries}}}")
        chain = f", start_image: a{number}" if number % 4 == 0 else ""
        lines.append(f"- {{id: b{number}, prompt: Shot {number} goes on, duration: 2, retries: {retries}{chain}}}")
    return "  coast:\n    shots:\n" + "".join(f"      {line}\n" for line in lines)


async def weather(stage: Set, shots: int) -> None:
    stage.change({"faults": {**TENTHS, "retry_after": 0.1, "seed": 11}})
    stage.declare(board(shots))
    questions = 0
    for _ in range(8):  # most shots look alike: which of two jobs is whose only a person can tell
        ended = stage.render(ANIMATIC_GRACE_SECONDS="0.8", timeout=280)
        assert ended.code in {0, 4, 5, 6}, ended
        if not ended.code:
            break
        questions += stage.decide(_prompt_of)
    assert ended.code == 0, ended
    struck = {name: count for name, count in _stats(stage).items() if name.startswith("fault ")}
    stage.change({"faults": dict.fromkeys(TENTHS, 0.0)})
    assert stage.billed_twice() == {}
    assert len(stage.billing()) == shots
    assert await lost_clips(stage.storage, f"coast/{ended.run_id}") == []
    print(f"\n{shots} shots delivered through {sum(struck.values())} faults ({', '.join(sorted(struck))}), {questions} questions")  # noqa: T201


def _prompt_of(shot: str) -> str:
    number, goes_on = shot[1:], shot.startswith("b")
    return f"Shot {number} goes on" if goes_on else f"Shot {number}"


def _stats(stage: Set) -> dict[str, int]:
    found: dict[str, int] = httpx.get(f"{stage.simulator.url}/_simulator/stats", trust_env=False).json()
    return found


@pytest.mark.timeout(300)
async def test_a_storyboard_comes_through_faults_of_every_kind(stage: Set) -> None:
    await weather(stage, 8)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", ["folder", "s3"], indirect=True)
async def test_twenty_four_shots_come_through_faults_of_every_kind(stage: Set) -> None:
    await weather(stage, 24)


async def together(stage: Set, processes: int) -> None:
    stage.declare(board(6))
    running = [stage.start() for _ in range(processes)]
    ended = [finish(process, timeout=200) for process in running]
    assert [end.code for end in ended] == [0] * processes, ended
    assert stage.billed_twice() == {}
    assert len(stage.billing()) == 6
    made: Counter[str] = Counter()
    for end in ended:
        assert await lost_clips(stage.storage, f"coast/{end.run_id}") == []
        data = await stage.storage.read(f"coast/{end.run_id}/manifest.json")
        assert data is not None
        made.update(shot["id"] for shot in json.loads(data)["shots"] if shot["state"] == "delivered")
    assert max(made.values()) == 1, "two runs say that they made the same take"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", ["folder", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)
async def test_eight_processes_at_once_pay_for_each_take_once(stage: Set) -> None:
    await together(stage, 8)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kilobytes", [12, 24])
def test_a_disk_that_takes_no_more_ends_the_run_with_6_and_the_next_run_pays_nothing_twice(tmp_path: Path, kilobytes: int) -> None:
    """The limit on the size of files stands in for a full disk: the page does not fit, or the frames of a chain do not."""
    with start_simulator(tmp_path, longest_side=480) as simulator:
        stage = Set(folder=tmp_path, deliver=str(tmp_path / "out"), simulator=simulator)
        stage.declare(board(4))
        command = ["bash", "-c", f"ulimit -f {kilobytes}; exec {sys.executable} {' '.join(DRIVER)} {stage.file}"]
        ended = finish(stage.start(command=command))
        assert ended.code == 6, ended
        assert "cannot" in ended.lines[-1]["error"]
        assert stage.render().code == 0
        assert stage.billed_twice() == {}
        assert len(stage.billing()) == 4


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[tuple[Set, Callable[[float], None]]]:
    """A destination on an S3 of its own, and how to let it be away for some seconds."""
    app = OneAtATime(DomainDispatcherApplication(create_backend_app))
    servers: list[Any] = []

    def up(port: int) -> int:
        server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return int(server.server_port)

    def down() -> None:
        server = servers.pop()
        server.shutdown()
        server.server_close()

    port = up(0)

    def away(seconds: float) -> None:
        down()
        time.sleep(seconds)
        up(port)

    environment = {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    name = f"bucket-{secrets.token_hex(6)}"
    with pytest.MonkeyPatch.context() as patch, start_simulator(tmp_path, job_seconds=3.0) as simulator:
        for key, value in environment.items():
            patch.setenv(key, value)
        S3(endpoint=f"http://127.0.0.1:{port}", bucket=name, environment=environment).client().create_bucket(Bucket=name)
        yield Set(folder=tmp_path, deliver=f"s3://{name}/boards", simulator=simulator, environment=environment), away
    down()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_s3_that_is_away_for_half_a_minute_costs_time_and_nothing_else(bucket: tuple[Set, Callable[[float], None]]) -> None:
    stage, away = bucket
    stage.declare(board(6))
    process = stage.start(ANIMATIC_OUTAGE_SECONDS="90")
    while _stats(stage).get("accepted", 0) < 2:  # noqa: ASYNC110
        await anyio.sleep(0.05)
    away(30)
    ended = finish(process, timeout=200)
    assert ended.code == 0, ended
    assert stage.billed_twice() == {}
    assert len(stage.billing()) == 6
    assert await lost_clips(stage.storage, f"coast/{ended.run_id}") == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_s3_that_stays_away_ends_the_run_with_6_and_the_next_run_pays_nothing_twice(
    bucket: tuple[Set, Callable[[float], None]],
) -> None:
    stage, away = bucket
    stage.declare(board(6))
    process = stage.start(ANIMATIC_OUTAGE_SECONDS="3")
    while _stats(stage).get("accepted", 0) < 2:  # noqa: ASYNC110
        await anyio.sleep(0.05)
    away(30)
    assert finish(process, timeout=200).code == 6
    ended = stage.render()
    assert ended.code == 0, ended
    assert stage.billed_twice() == {}
    assert len(stage.billing()) == 6
