"""What the proof looks at is looked at rightly, and the settings of the cluster are those of compose.yaml."""

from __future__ import annotations

import os
import subprocess
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from animatic.spec import load_declaration
from tests.cluster import endurance, looking, proof, services, storm
from tests.cluster.__main__ import PIPELINES
from tests.cluster.processes import descendants, free_port, measured
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
    assert looking.most_at_once(jobs) == most


def test_a_run_that_was_begun_twice_without_being_scheduled_again_would_be_seen() -> None:
    assert looking.starts(["Scheduled", "Pending", "Submitting", "Running", "Completed"]) == 1
    assert looking.starts(["Scheduled", "Pending", "Running", "AwaitingRetry", "Pending", "Retrying", "Completed"]) == 2


def test_the_servers_have_the_settings_of_the_compose_file_and_no_host_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    settings = services.server_settings("postgresql+asyncpg://prefect:secret@127.0.0.1:5000/prefect", 6000)
    declared = yaml.safe_load(services.COMPOSE.read_text(encoding="utf-8"))["x-prefect"]["environment"]
    assert set(settings) == set(declared)
    assert settings["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] == "prefect_redis.lease_storage"
    assert not [value for value in settings.values() if "@postgres" in value or "//redis" in value or value == "redis"]


DUE = datetime(2027, 1, 4, 6, 30, tzinfo=UTC)
FILES = [proof.pipelines(), PIPELINES.format(bucket="cluster"), storm.pipelines(3, DUE), endurance.pipelines("served", 2)]


@pytest.mark.parametrize("text", FILES)
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


def test_a_process_is_measured_and_one_that_is_gone_is_not() -> None:
    before = measured(os.getpid())
    assert before is not None
    with open(os.devnull) as opened:  # noqa: PTH123 (a file that is open while it is measured)
        after = measured(os.getpid())
        assert opened.fileno() > 0
    assert after is not None
    assert before[0] > 10
    assert after[1] == before[1] + 1
    assert after[2] >= 1
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert measured(child.pid) is None


def grown(*, memory: float, files: int, threads: int) -> list[str]:
    samples = endurance.Samples(rows=[(float(at), 100.0 if at < 75 else memory, 10 if at < 75 else files, 5) for at in range(101)])
    samples.rows = [(at, used, opened, 5 if at < 75 else threads) for at, used, opened, _ in samples.rows]
    return [item.what.partition(" of ")[0] for item in endurance.grown({"serve": samples}) if not item.good]


def test_what_has_grown_from_the_second_to_the_last_quarter_would_be_seen() -> None:
    assert grown(memory=105.0, files=12, threads=6) == []
    assert grown(memory=120.0, files=12, threads=6) == ["memory"]
    assert grown(memory=100.0, files=20, threads=15) == ["open files", "threads"]


def test_requests_are_counted_for_each_run() -> None:
    asked = [(float(at), at * 10 if at <= 50 else 500 + (at - 50) * 40) for at in range(101)]
    ends = [float(at) for at in range(0, 101, 5)]
    assert endurance.requests_of_a_run(asked, ends, 1) == 50
    assert endurance.requests_of_a_run(asked, ends, 3) == 200
