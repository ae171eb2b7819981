"""A pipeline of one shot, ready to be rendered."""

from __future__ import annotations

from pathlib import Path

import pytest
from krea_double import KreaDouble
from takes_studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    studio = Studio(folder=tmp_path, krea=KreaDouble())
    studio.declare()
    return studio
