"""What tests and the processes that they start may see: no token, no credentials, no proxy, nobody's home, no network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

GUARD = Path(__file__).parent / "guard"
"""On ``PYTHONPATH`` of every process that a test starts: see `tests.guard.sitecustomize`."""
HIDDEN = ("KREA_", "AWS_", "PREFECT_", "ANIMATIC_", "XDG_")
HABITS = frozenset({"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"})
"""Habits of containers: the one hides what happens to output that is still to be written, the other compiles every program anew."""
REAL = dict(os.environ)
"""The environment before it was hidden, for the few tests that mean to leave the machine."""


def python_path(*folders: Path) -> str:
    """Return a ``PYTHONPATH`` with the guard before the folders."""
    return os.pathsep.join(str(folder) for folder in (GUARD, *folders))


def hide(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Take secrets, proxies and configuration out of the environment; ``home`` is the home of this process and of all that it starts."""
    home.mkdir(parents=True, exist_ok=True)  # Prefect makes its own folder in it when it is imported, and no parents
    for name in list(os.environ):
        if name.startswith(HIDDEN) or name in HABITS or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    others = [Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry and Path(entry) != GUARD]
    for name, value in {
        "HOME": home,
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_STATE_HOME": home / ".local" / "state",
        "ANIMATIC_HOME": home / "animatic",
        "PREFECT_HOME": home / "prefect",
        "AWS_CONFIG_FILE": home / "no-aws-config",
        "AWS_SHARED_CREDENTIALS_FILE": home / "no-aws-credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": python_path(*others),
    }.items():
        monkeypatch.setenv(name, str(value))
