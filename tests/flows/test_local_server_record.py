"""The local server's record: which Prefect API is meant, and whose process the recorded one is."""

from __future__ import annotations

import gc
import json
import os
import sys
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from animatic.errors import PrefectError
from animatic.prefect import server as local_server
from animatic.prefect.server import LocalServer, answering, configured_api_url, running, stop
from tests.flows.conftest import SERVER_HOME


def test_the_environment_names_the_api() -> None:
    assert configured_api_url({"PREFECT_API_URL": "http://prefect.example/api"}) == "http://prefect.example/api"


def test_the_active_profile_names_the_api(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text('active = "work"\n[profiles.work]\nPREFECT_API_URL = "http://10.0.0.1/api"\n[profiles.home]\n')
    assert configured_api_url({"PREFECT_HOME": str(tmp_path)}) == "http://10.0.0.1/api"
    assert configured_api_url({"PREFECT_HOME": str(tmp_path), "PREFECT_PROFILE": "home"}) is None


@pytest.mark.parametrize("text", ["", "not toml [", 'active = "x"\n', 'active = "x"\n[profiles]\nx = 1\n'])
def test_profiles_that_name_none_mean_the_local_server(tmp_path: Path, text: str) -> None:
    (tmp_path / "profiles.toml").write_text(text)
    assert configured_api_url({"PREFECT_HOME": str(tmp_path)}) is None


def test_a_recorded_process_that_is_gone_or_another_is_not_ours(tmp_path: Path) -> None:
    folder = tmp_path / "prefect"
    folder.mkdir()
    record = folder / "server.json"
    record.write_text(json.dumps({"pid": os.getpid(), "began": "another time", "port": 1}))
    assert running(tmp_path) is None
    assert stop(tmp_path) is None
    assert not record.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}', "nonsense"])
def test_a_damaged_record_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "server.json").write_text(text)
    assert running(tmp_path) is None
    assert stop(tmp_path) is None


def test_nothing_answers_where_nobody_listens() -> None:
    assert not answering("http://127.0.0.1:9/api", timeout=1)


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PrefectError, match="ANIMATIC_HOME"):
        running(tmp_path / "file")


def test_a_server_that_ends_at_once_is_an_error_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PrefectError, match=r"server\.log"):
        local_server.ensure(tmp_path, port=9)
    assert running(tmp_path) is None


def test_a_port_that_somebody_else_took_meanwhile_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Somebody(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"home": "/somewhere/else"}' if self.path == "/api/admin/settings" else b"true"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Somebody) as other:
        thread = Thread(target=other.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        ports = iter([other.server_port, 9])
        monkeypatch.setattr(local_server, "port_for", lambda *_, **__: next(ports))
        monkeypatch.setattr("sys.executable", "/bin/false")
        with pytest.raises(PrefectError, match=r"server\.log"):
            local_server.ensure(tmp_path)
        other.shutdown()
        thread.join()
    assert next(ports, None) is None, "the port of somebody else was taken for ours, or no other was tried"


def test_a_server_is_left_running_without_a_warning_and_ended_by_the_next_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    monkeypatch.setattr(local_server, "_await_health", lambda *_, **__: True)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        server = local_server.ensure(tmp_path, port=9)
        gc.collect()
    assert not [warning for warning in warned if warning.category is ResourceWarning]
    os.kill(server.pid, 0)
    assert stop(tmp_path) == server
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    assert stop(tmp_path) is None


def test_addresses_are_of_this_machine() -> None:
    server = LocalServer(pid=1, began="", port=4200)
    assert (server.ui_url, server.api_url) == ("http://127.0.0.1:4200", "http://127.0.0.1:4200/api")


def test_the_server_s_files_are_its_owner_s_alone(prefect_server: LocalServer) -> None:
    assert answering(prefect_server.api_url)
    files = [path for path in (SERVER_HOME / "prefect").iterdir() if path.suffix in {".db", ".db-wal"}]
    assert "prefect.db" in {path.name for path in files}
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in files} == {path.name: "0o600" for path in files}
    assert oct((SERVER_HOME / "prefect").stat().st_mode & 0o777) == "0o700"
