"""A pipeline of one shot, ready to be rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
