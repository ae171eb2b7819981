"""``doctor``: what it finds, what it advises, and how it ends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from animatic.simulator import start
from tests.command import Said
from tests.unit.cli.conftest import BAD, Verb


@pytest.fixture
def refusing() -> Iterator[str]:
    """Serve a Krea that knows no token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def found(said: Said) -> dict[str, dict[str, Any]]:
    assert isinstance(said.json, list)
    return {result["subject"]: result for result in said.json}


def test_a_simulated_run_needs_no_token(animatic: Verb) -> None:
    said = animatic("doctor", "--simulate", "--json")
    results = found(said)
    assert said.code == 0, said
    assert set(results) == {"versions", "models", "pipelines", "disk", "Prefect API", "destination"}
    assert results["destination"]["message"].endswith("read/write OK, existing objects are not overwritten")
    assert list(Path("out").rglob("*.mp4")) == []


def test_what_is_missing_comes_with_what_to_do(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(BAD.replace("startImage: dwan", "shots: 3").replace("version: 1", "version: 99"), encoding="utf-8")
    said = animatic("doctor")
    assert said.code == 2
    assert "FAIL  pipelines" in said.out
    assert "`animatic validate` shows each mistake" in said.out
    assert "FAIL  Krea token" in said.out
    assert "set KREA_API_TOKEN" in said.out
    Path("pipelines.yaml").rename("board.yaml")
    told = found(animatic("doctor", "--file", "board.yaml", "--json"))
    assert told["pipelines"]["hint"].startswith("`animatic validate --file board.yaml` shows each mistake")


@pytest.mark.parametrize("answering", [True, False])
def test_the_token_is_proved_as_a_run_would(animatic: Verb, refusing: str, monkeypatch: pytest.MonkeyPatch, answering: bool) -> None:
    monkeypatch.setenv("KREA_API_TOKEN", "wrong")
    monkeypatch.setenv("KREA_API_URL", refusing if answering else "http://127.0.0.1:9")
    monkeypatch.setenv("ANIMATIC_OUTAGE_SECONDS", "0.1")
    said = animatic("doctor", "--json")
    token = found(said)["Krea token"]
    assert (said.code, token["state"], token["exit_code"]) == (6, "fail", 6)
    assert ("KREA_API_TOKEN" if answering else "Krea does not answer at http://127.0.0.1:9") in f"{token['message']} {token['hint']}"


def test_the_simulator_in_the_place_of_krea_is_a_mistake(animatic: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KREA_API_TOKEN", "anything")
    with start(tmp_path / "simulator") as simulator:
        monkeypatch.setenv("KREA_API_URL", simulator.url)
        said = animatic("doctor", "--json")
    token = found(said)["Krea token"]
    assert (said.code, token["state"], token["exit_code"]) == (2, "fail", 2)
    assert f"KREA_API_URL points to the simulator ({simulator.url})" in token["message"]
    assert "unset KREA_API_URL" in token["hint"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_callbacks_are_proved_by_calling_the_address_that_krea_would_call(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """First without a receiver of its own process, as a run would listen; then with one."""
    port = free_port()
    monkeypatch.setenv("KREA_API_URL", f"http://127.0.0.1:{free_port()}")  # a Krea that can call this machine
    monkeypatch.setenv("ANIMATIC_OUTAGE_SECONDS", "0")
    monkeypatch.setenv("ANIMATIC_WEBHOOK_URL", f"http://127.0.0.1:{port}/base")
    monkeypatch.setenv("ANIMATIC_WEBHOOK_PORT", str(port))
    inside = found(animatic("doctor", "--json"))["webhooks"]
    assert inside["state"] == "ok", inside
    assert f"each run itself, on port {port}" in inside["message"]
    with subprocess.Popen([sys.executable, "-m", "animatic", "webhook", "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        outside = found(animatic("doctor", "--json"))["webhooks"]
        process.terminate()
    assert outside["state"] == "ok", outside
    assert "`animatic webhook`" in outside["message"]


def test_an_address_of_this_machine_is_none_that_the_real_krea_can_call(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("ANIMATIC_WEBHOOK_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("ANIMATIC_WEBHOOK_PORT", str(port))
    monkeypatch.setenv("KREA_API_URL", "https://krea.invalid")
    monkeypatch.setenv("ANIMATIC_OUTAGE_SECONDS", "0")
    said = found(animatic("doctor", "--json"))["webhooks"]
    assert said["state"] == "warning"
    assert "an address of this machine or network, which Krea cannot call" in said["message"]
    assert "start `animatic webhook` where that address leads" in said["message"]


@pytest.mark.parametrize("somebody_there", [True, False])
def test_a_receiver_that_cannot_be_reached_is_named_and_is_no_failure(
    animatic: Verb, refusing: str, monkeypatch: pytest.MonkeyPatch, somebody_there: bool
) -> None:
    address = refusing if somebody_there else "http://127.0.0.1:9"
    monkeypatch.setenv("ANIMATIC_WEBHOOK_URL", address.replace("//", "//user:hush@"))
    monkeypatch.setenv("ANIMATIC_WEBHOOK_PORT", str(free_port()))
    said = animatic("doctor", "--json")
    callbacks = found(said)["webhooks"]
    assert callbacks["state"] == "warning"
    assert f"a callback to {address} does not arrive" in callbacks["message"]
    assert ("(401)" in callbacks["message"]) == somebody_there
    assert "start `animatic webhook`" in callbacks["message"]
    assert "hush" not in said.out + said.err
