"""Every starting point of `new` runs as it is, with the simulator, in an empty folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from animatic.cli.new import STARTERS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("start", STARTERS)
def test_a_starting_point_runs_as_it_is(animatic: Callable[..., Any], tmp_path: Path, start: str) -> None:
    assert animatic("new", "--from", start).code == 0
    said = animatic("run", "--simulate", "--json", timeout=250)
    assert said.code == 0, said.err
    manifest = json.loads(next(tmp_path.glob("out/simulated/*/*/manifest.json")).read_text())
    assert manifest["state"] == "completed"
    assert manifest["reels"]
