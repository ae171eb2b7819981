"""Every verb with a live display, on a real terminal: a pipe cannot show what a terminal breaks."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from animatic.prefect.server import LocalServer
from tests.terminal import OnTerminal, run_on_terminal

pytestmark = pytest.mark.timeout(240)  # the Prefect server may have to be started first
BOARD = """
version: 1
deliver: ./out
pipelines:
  coast:
    shots:
      - {id: dawn, model: xai/grok-video, prompt: Dawn over the harbour, duration: 1}
      - {id: surf, model: xai/grok-video, prompt: Surf against the wall, duration: 1, start_image: dawn}
    cut: {}
"""


def test_the_live_verbs_on_a_terminal(tmp_path: Path, prefect_server: LocalServer) -> None:
    (tmp_path / "pipelines.yaml").write_text(BOARD)
    env = os.environ | {"PREFECT_API_URL": prefect_server.api_url, "ANIMATIC_POLL_SECONDS": "0.3", "ANIMATIC_GRACE_SECONDS": "2"}

    def animatic(*arguments: str) -> OnTerminal:
        ended = run_on_terminal([sys.executable, "-m", "animatic", *arguments], cwd=tmp_path, env=env)
        assert "itself failed" not in ended.screen, ended.screen
        return ended

    made = animatic("run", "--simulate")
    assert made.code == 0, made.screen
    assert "2 of 2 shots" in made.screen, "the live display's last line"
    (manifest,) = (tmp_path / "out" / "simulated" / "coast").glob("*/manifest.json")
    run_id = json.loads(manifest.read_text())["run_id"]

    for arguments in (("resume", run_id), ("watch", run_id), ("retake", "coast", "surf", "--simulate")):
        ended = animatic(*arguments)
        assert ended.code == 0, ended.screen
        assert "2 of 2 shots" in ended.screen, ended.screen
