"""What tests of deployments share: a small pipelines file, the Prefect API as its UI uses it, processes that end with the test.

A pytest plugin: ``pytest_plugins = ["tests.flows.deploying"]``. PYTEST_DONT_REWRITE: modules that name its types may import it first.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from animatic.prefect.server import LocalServer

TOKEN = "krea-secret-token-77aa"


def pipelines(name: str, *, deliver: str = "./out", shots: str = "", schedules: str = "") -> str:
    shots = shots or "      - {id: dawn, prompt: Dawn over the town}\n      - {id: surf, prompt: Surf at the wall, start_image: dawn}"
    return f"""
version: 1
deliver: {deliver}
defaults: {{video: {{model: xai/grok-video, duration: 1, resolution: 480p}}}}
pipelines:
  {name}:
    description: A town by the sea.
    params:
      city: {{type: string, default: Lisbon, description: Town to show}}
      mood: {{type: string, enum: [golden, noir], default: noir}}
    tags: [teaser]
{schedules}
    shots:
{shots}
"""


@pytest.fixture
def name() -> str:
    """A pipeline of this test's own: the server is shared."""
    return f"town-{secrets.token_hex(4)}"


class Again(httpx.HTTPTransport):
    """Asks again where the server is busy (503: nothing was done). No connection is kept: idle ones are cut."""

    def __init__(self) -> None:
        super().__init__(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for pause in (0.5, 1, 2, 4, 8):
            answer = super().handle_request(request)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            answer.close()
            time.sleep(pause)
        return super().handle_request(request)


class Api:
    """The Prefect API as the UI uses it."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, transport=Again(), trust_env=False, timeout=90)

    def deployment(self, name: str) -> dict[str, Any]:
        deployment: dict[str, Any] = self.http.get(f"/deployments/name/{name}/{name}").raise_for_status().json()
        return deployment

    def start(self, name: str, **parameters: Any) -> str:
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        answer = self.http.post(f"/deployments/{self.deployment(name)['id']}/create_flow_run", json=body).raise_for_status()
        return str(answer.json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.http.get(f"/flow_runs/{run_id}").raise_for_status().json()
        return run

    def wait(self, run_id: str, *, until: Callable[[dict[str, Any]], bool] | None = None, seconds: float = 120) -> dict[str, Any]:
        ended = until or (lambda run: run["state"]["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
        deadline = time.monotonic() + seconds
        while not ended(run := self.run(run_id)):
            assert time.monotonic() < deadline, run["state"]
            time.sleep(0.3)
        return run

    def set_state(self, run_id: str, kind: str) -> None:
        self.http.post(f"/flow_runs/{run_id}/set_state", json={"state": {"type": kind}, "force": False}).raise_for_status()

    def everything_about(self, run_id: str) -> str:
        """Return all that the server tells of a run: itself, tasks, logs, artifacts."""
        of_run = {"flow_runs": {"id": {"any_": [run_id]}}}
        parts = [self.http.get(f"/flow_runs/{run_id}").text]
        parts += [self.http.post(f"/{kind}/filter", json=of_run).text for kind in ("task_runs", "artifacts", "deployments")]
        parts.append(self.http.post("/logs/filter", json={"logs": {"flow_run_id": {"any_": [run_id]}}}).text)
        return "\n".join(parts)


@pytest.fixture
def api(prefect_server: LocalServer) -> Iterator[Api]:
    api = Api(prefect_server.api_url)
    yield api
    api.http.close()


@contextlib.contextmanager
def process(*arguments: str, cwd: Path, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the virtual environment until the end of the block, then end it as Ctrl-C does."""
    cwd.mkdir(exist_ok=True)
    with log.open("ab") as output:
        running = subprocess.Popen(arguments, cwd=cwd, env=os.environ | environment, stdout=output, stderr=output, start_new_session=True)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
        try:
            running.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


ANIMATIC = (sys.executable, "-c", "from animatic.cli import main; main()")
PREFECT = (sys.executable, "-m", "prefect")


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.3)
