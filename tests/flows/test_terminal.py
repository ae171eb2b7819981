"""Live displays and the lists that people read, on real terminals of several sizes: a pipe cannot show what a terminal breaks."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from animatic.columns import size
from animatic.prefect.server import LocalServer
from tests.terminal import OnTerminal, last_screen, run_on_terminal

pytestmark = pytest.mark.timeout(400)  # a Prefect server may have to start, then four commands run
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ADDRESS = re.compile(r"https?://|/index\.html|/manifest\.json|/reel\.mp4|/out\b")
"""Lines with an address are as long as it is: broken by us, it could not be opened."""
BOARD = """
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video, duration: 1}}
pipelines:
  coast:
    budget_usd: 12
    matrix: {language: [portuguese, english]}
    shots:
      - {id: dawn, title: Dawn over the harbour, prompt: Dawn over the harbour}
      - {id: surf, prompt: Surf against the wall, start_image: dawn}
      - {id: shot2, prompt: "A sign in {{ matrix.language }}"}
    cut: {}
"""
SHOTS = 6


def test_what_people_see_fits_their_terminal(tmp_path: Path, prefect_server: LocalServer) -> None:
    (tmp_path / "pipelines.yaml").write_text(BOARD)
    env = os.environ | {"PREFECT_API_URL": prefect_server.api_url, "ANIMATIC_POLL_SECONDS": "0.3", "ANIMATIC_GRACE_SECONDS": "2"}

    def animatic(*arguments: str, columns: int, rows: int) -> OnTerminal:
        command = [sys.executable, "-m", "animatic", *arguments]
        ended = run_on_terminal(command, cwd=tmp_path, env=env, columns=columns, rows=rows)
        assert "itself failed" not in ended.screen, ended.screen
        for line in ANSI.sub("", ended.screen).replace("\r", "\n").split("\n"):
            assert size(line) <= columns or ADDRESS.search(line), f"{arguments}: {line!r}"
        return ended

    planned = animatic("plan", "--simulate", columns=60, rows=20)
    assert planned.code == 0, planned.screen
    assert "Plan: 4 to make, 2 reused, $0.28" in planned.screen

    made = animatic("run", "--simulate", columns=100, rows=30)
    assert made.code == 0, made.screen
    screen = last_screen(made.screen, columns=100, rows=30)
    assert any(line.startswith(f"{SHOTS} of {SHOTS} shots · billed $0.28 · budget $12.00") for line in screen), screen
    assert sum("delivered" in line for line in screen) >= 4
    manifests = list((tmp_path / "out" / "simulated" / "coast").glob("*/manifest.json"))
    run_id = json.loads(manifests[0].read_text())["run_id"]

    for arguments, columns, rows in (
        (("watch",), 200, 50),
        (("watch", run_id), 60, 20),
        (("resume", run_id), 100, 30),
        (("retake", "portuguese/shot2", "--simulate"), 100, 30),
    ):
        ended = animatic(*arguments, columns=columns, rows=rows)
        assert ended.code == 0, ended.screen
        screen = last_screen(ended.screen, columns=columns, rows=rows)
        assert any(line.startswith(f"{SHOTS} of {SHOTS} shots · billed") for line in screen), screen

    for words in ("runs", "status", "takes dawn --simulate", "spend --simulate --by shot", "models grok", "forecast"):
        listed = animatic(*words.split(), columns=60, rows=20)
        assert listed.code == 0, listed.screen
    spent = animatic("spend", "--simulate", "--by", "shot", columns=100, rows=30).screen
    assert "coast · english/shot2" in spent
    assert "TITLE" in animatic("status", columns=200, rows=50).screen
