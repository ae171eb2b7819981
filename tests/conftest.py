"""Isolation for every test: no token, no cloud credentials, no proxies, no real home, no network beyond this machine."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import hypothesis
import pytest

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# One home for the Prefect server that all workers of a test run share: set by the first process, inherited by the workers.
if "TEST_PREFECT_HOME" not in os.environ:
    os.environ["TEST_PREFECT_HOME"] = tempfile.mkdtemp(prefix="animatic-tests-")
# The same examples in every `make test`: what fails there fails again. `make test-all` draws new ones.
hypothesis.settings.register_profile("steady", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
HIDDEN = ("KREA_", "AWS_", "PREFECT_", "ANIMATIC_")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End that server when the last worker is done."""
    if not hasattr(config, "workerinput") and (home := os.environ.pop("TEST_PREFECT_HOME", None)):
        from animatic.prefect.server import stop

        stop(Path(home))
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as Prefect does."""
    return "asyncio"


@pytest.fixture(autouse=True)
def isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(HIDDEN) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANIMATIC_HOME", str(home / "animatic"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("PREFECT_HOME", str(home / "prefect"))
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test reached for the network: {address}")
        connect(self, address)  # type: ignore[arg-type]  # whatever the caller gave goes on

    monkeypatch.setattr(socket.socket, "connect", guarded)
