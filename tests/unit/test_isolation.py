"""Tests reach neither the network nor anybody's home or credentials; nor do the processes that they start."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from animatic.prefect.server import configured_api_url
from animatic.settings import Settings
from tests.isolation import REAL, python_path

ELSEWHERE = "192.0.2.1"
"""An address of documentation: nobody has it."""
ROOT = Path(__file__).resolve().parents[2]


def child(script: str, *, options: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-c", script]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("how", ["connect", "connect_ex"])
def test_a_connection_that_leaves_the_machine_is_refused(how: str) -> None:
    with socket.socket() as connection, pytest.raises(AssertionError, match="a test reached for the network"):
        getattr(connection, how)((ELSEWHERE, 80))


def test_a_datagram_that_leaves_the_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as connection, pytest.raises(AssertionError, match="a test reached for the network"):
        connection.sendto(b"", (ELSEWHERE, 53))


def test_no_name_is_looked_up() -> None:
    with pytest.raises(socket.gaierror, match="is not looked up"):
        socket.getaddrinfo("example.com", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost"])
def test_this_machine_can_be_reached(host: str) -> None:
    with (
        socket.create_server(("" if host == "localhost" else host, 0)) as server,
        socket.create_connection((host, server.getsockname()[1])),
    ):
        pass


@pytest.mark.parametrize(
    "script",
    [
        f"import socket; socket.socket().connect(({ELSEWHERE!r}, 80))",
        f"import asyncio; asyncio.run(asyncio.open_connection({ELSEWHERE!r}, 80))",
        f"import urllib.request; urllib.request.urlopen('http://{ELSEWHERE}/')",
        f"import httpx; httpx.get('http://{ELSEWHERE}/')",
        f"import _socket; _socket.socket().connect(({ELSEWHERE!r}, 80))",
    ],
    ids=["socket", "asyncio", "urllib", "httpx", "beneath socket"],
)
def test_a_process_that_leaves_the_machine_fails_with_the_guards_words(script: str) -> None:
    done = child(script)
    assert done.returncode == 1
    assert f"a test reached for the network: ('{ELSEWHERE}', 80)" in done.stderr


def test_a_process_of_a_process_is_guarded_too() -> None:
    script = f"import socket; socket.socket().connect(({ELSEWHERE!r}, 80))"
    done = child(f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {script!r}]).returncode)")
    assert done.returncode == 1
    assert "a test reached for the network" in done.stderr


def test_a_sitecustomize_that_the_guard_hides_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.hidden_was_loaded = True")
    done = child("import sys; print(sys.hidden_was_loaded)", PYTHONPATH=python_path(tmp_path))
    assert done.stdout == "True\n", done.stderr


def test_a_process_finds_no_credentials_and_a_home_of_the_test(tmp_path: Path) -> None:
    done = child("import boto3, pathlib; print(boto3.Session().get_credentials(), pathlib.Path.home())")
    assert done.stdout == f"None {tmp_path / 'home'}\n", done.stderr


def test_this_process_finds_no_credentials_and_a_home_of_the_test(tmp_path: Path) -> None:
    settings = Settings.from_environment()
    assert Path.home() == tmp_path / "home"
    assert settings.home.is_relative_to(tmp_path)
    assert (settings.krea_token, settings.prefect_api_url) == (None, None)
    assert configured_api_url(os.environ) is None
    assert boto3.Session().get_credentials() is None
    assert not [name for name in os.environ if name.startswith("KREA_") or name.lower().endswith("_proxy")]


def test_all_of_this_holds_on_a_machine_full_of_secrets(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """These tests again, started by somebody who has a token, credentials, a proxy and profiles."""
    planted = tmp_path / "planted"
    for name, text in {
        ".aws/credentials": "[work]\naws_access_key_id = planted\naws_secret_access_key = planted\n",
        ".aws/config": "[profile work]\nregion = eu-central-1\n",
        ".prefect/profiles.toml": f'active = "planted"\n[profiles.planted]\nPREFECT_API_URL = "http://{ELSEWHERE}/api"\n',
    }.items():
        (planted / name).parent.mkdir(parents=True, exist_ok=True)
        (planted / name).write_text(text)
    environment = {name: value for name, value in REAL.items() if not name.startswith("TEST_")} | {
        "HOME": str(planted),
        "XDG_STATE_HOME": str(planted / "state"),
        "AWS_PROFILE": "work",
        "KREA_API_TOKEN": "planted",
        "PREFECT_API_URL": f"http://{ELSEWHERE}/api",
        "HTTPS_PROXY": f"http://{ELSEWHERE}:3128",
        "http_proxy": f"http://{ELSEWHERE}:3128",
    }
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--deselect", request.node.nodeid]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/unit/test_isolation.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^1\d passed, 1 deselected", done.stdout, re.MULTILINE), done.stdout
