"""One local Prefect server for all tests that need one: started by whoever is first, ended when the whole run is over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from animatic.prefect.server import LocalServer, ensure
from animatic.simulator import launch
from animatic.simulator.settings import SimulatorSettings

SERVER_HOME = Path(os.environ["TEST_PREFECT_HOME"])


@pytest.fixture(scope="session")
def prefect_server() -> LocalServer:
    """The server; shared by the workers of the run, so nobody stops it here (see the root conftest)."""
    return ensure(SERVER_HOME)


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def animatic(prefect_server: LocalServer, tmp_path: Path) -> Command:
    """Run the real command in an empty folder, against the shared Prefect server."""

    def run(*arguments: str, timeout: float = 100, **environment: str) -> Ended:
        env = (
            os.environ
            | {"PREFECT_API_URL": prefect_server.api_url, "ANIMATIC_POLL_SECONDS": "0.3", "ANIMATIC_GRACE_SECONDS": "2"}
            | environment
        )
        done = subprocess.run(
            [sys.executable, "-c", "from animatic.cli import main; main()", *arguments],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def krea(tmp_path: Path) -> Iterator[Callable[..., launch.Running]]:
    """Start simulators that stand for the real Krea: reached through KREA_API_URL, with a token, and without saying who they are."""
    started: list[launch.Running] = []

    def start(**settings: Any) -> launch.Running:
        wanted = SimulatorSettings(**{"anonymous": True, "video_seconds": 0.4, "image_seconds": 0.2, **settings})
        running = launch.start(tmp_path / f"krea{len(started)}", settings=wanted)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()
