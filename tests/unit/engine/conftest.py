"""A pipeline of one shot, ready to be rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.krea_double import KreaDouble
from tests.unit.engine.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    studio = Studio(folder=tmp_path, krea=KreaDouble())
    studio.declare()
    return studio
