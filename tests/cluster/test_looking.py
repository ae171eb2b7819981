"""What the proof looks at is looked at rightly, and the settings of the cluster are those of compose.yaml."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from animatic.spec import load_declaration
from tests.cluster import proof, services
from tests.cluster.__main__ import PIPELINES
from tests.cluster.processes import descendants, free_port
from tests.cluster.proxy import proxy


@pytest.mark.parametrize(
    ("jobs", "most"),
    [
        ([], 0),
        ([(0.0, 3.0), (3.0, 6.0), (6.0, 9.0)], 1),
        ([(0.0, 3.0), (2.9, 6.0), (5.9, 9.0)], 2),
        ([(0.0, 9.0), (1.0, 2.0), (1.5, 3.0), (2.0, 4.0)], 3),
    ],
)
def test_jobs_at_the_same_moment_are_counted(jobs: list[tuple[float, float]], most: int) -> None:
    assert proof.most_at_once(jobs) == most


def test_a_run_that_was_begun_twice_without_being_scheduled_again_would_be_seen() -> None:
    assert proof.starts(["Scheduled", "Pending", "Submitting", "Running", "Completed"]) == 1
    assert proof.starts(["Scheduled", "Pending", "Running", "AwaitingRetry", "Pending", "Retrying", "Completed"]) == 2


def test_the_servers_have_the_settings_of_the_compose_file_and_no_host_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    settings = services.server_settings("postgresql+asyncpg://prefect:secret@127.0.0.1:5000/prefect", 6000)
    declared = yaml.safe_load(services.COMPOSE.read_text(encoding="utf-8"))["x-prefect"]["environment"]
    assert set(settings) == set(declared)
    assert settings["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] == "prefect_redis.lease_storage"
    assert not [value for value in settings.values() if "@postgres" in value or "//redis" in value or value == "redis"]


@pytest.mark.parametrize("text", [proof.pipelines(), PIPELINES.format(bucket="cluster")])
def test_the_storyboards_are_valid(text: str, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(text)
    assert load_declaration((tmp_path / "pipelines.yaml",)).problems == ()


def test_processes_below_one_are_found() -> None:
    with subprocess.Popen(["sleep", "30"]) as child:
        assert child.pid in descendants(os.getpid())
        child.kill()


def test_a_connection_goes_to_a_server_that_is_there(tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"here")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, proxy([free_port(), server.server_port]) as port:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            answers = [httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text for _ in range(4)]
        finally:
            server.shutdown()
            thread.join()
    assert answers == ["here"] * 4
