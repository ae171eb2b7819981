"""A pipeline of one shot, ready to be rendered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import Said, call
from tests.krea_double import KreaDouble
from tests.unit.engine.studio import Studio
from tests.virtual_time import VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Nobody waits for time here; a test that speaks over sockets sets this back to "asyncio"."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    studio = Studio(folder=tmp_path, krea=KreaDouble())
    studio.declare()
    return studio


Verb = Callable[..., Awaitable[Said]]


@pytest.fixture
def animatic(studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Return a function that runs a command line in the studio's folder, in a thread of its own: it has an event loop, too."""
    monkeypatch.chdir(studio.folder)

    async def run(*words: str) -> Said:
        return await asyncio.to_thread(call, capsys, *words)

    return run
