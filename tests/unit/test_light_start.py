"""What only declares, plans or explains never waits for Prefect, boto3 or media libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("prefect", "boto3", "av", "numpy", "PIL", "fastapi")

FILE = """
version: 1
pipelines:
  one:
    shots:
      - {id: a, model: xai/grok-video, prompt: A quiet square}
"""


@pytest.mark.parametrize("verb", [["validate"], ["models", "xai/grok-video"], ["schema"], ["--help"]])
def test_the_verb_starts_without_heavy_libraries(verb: list[str], tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(FILE)
    script = f"""
import sys
from animatic.cli import main
try:
    main({verb!r})
except SystemExit as leaving:
    assert leaving.code == 0, leaving.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_planning_for_a_folder_starts_without_prefect_and_boto3(tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(FILE)
    script = """
import sys
from animatic.cli import main
try:
    main(["plan", "one"])
except SystemExit as leaving:
    assert leaving.code == 0, leaving.code
assert not {"prefect", "boto3"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "$0.42" in done.stdout
