"""Isolation for every test, and for all that tests start: see `tests.isolation` and `tests.guard.sitecustomize`."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

from tests import isolation
from tests.guard.sitecustomize import install

# One home for the Prefect server that all workers of a test run share: set by the first process, inherited by the workers.
if "TEST_PREFECT_HOME" not in os.environ:
    os.environ["TEST_PREFECT_HOME"] = tempfile.mkdtemp(prefix="animatic-tests-")
# The same examples in every `make test`: what fails there fails again. `make test-all` draws new ones.
hypothesis.settings.register_profile("steady", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
# For what happens outside of any one test: modules imported, fixtures of modules and of the session, workers started.
whole_run = pytest.MonkeyPatch()
USER_HOME = Path(os.environ["TEST_PREFECT_HOME"]) / "user"
USER_HOME.mkdir(exist_ok=True)
isolation.hide(whole_run, USER_HOME)
guard = install()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End that server when the last worker is done, and give the environment back."""
    if not hasattr(config, "workerinput") and (home := os.environ.pop("TEST_PREFECT_HOME", None)):
        from animatic.prefect.server import stop

        stop(Path(home))
        shutil.rmtree(home, ignore_errors=True)
    guard.active = False
    whole_run.undo()


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as Prefect does."""
    return "asyncio"


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a home of its own, and mask no token of another test."""
    isolation.hide(monkeypatch, tmp_path / "home")
    monkeypatch.setattr("animatic.redact._secrets", set())
