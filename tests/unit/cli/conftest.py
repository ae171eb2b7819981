"""A command line in a folder of its own, within this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from animatic.cli import main

GOOD = """\
version: 1
defaults:
  video: {model: xai/grok-video}
deliver: ./out
pipelines:
  teaser:
    params: {city: {type: string, default: Lisbon}}
    budget_usd: 1.00
    shots:
      - {id: dawn, prompt: "{{ params.city }}", duration: 4}
      - {id: surf, prompt: Surf, duration: 4, start_image: dawn}
    cut: {}
  other:
    matrix: {language: [en, de]}
    shots:
      - {id: spin, prompt: "{{ matrix.language }}"}
"""
BAD = GOOD.replace("duration: 4, start_image: dawn", "duration: 40, startImage: dwan")


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


Verb = Callable[..., Said]


@pytest.fixture
def animatic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Return a function that runs a command line in an empty folder with a good pipelines file."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "pipelines.yaml").write_text(GOOD, encoding="utf-8")

    def run(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as leaving:
            main(list(arguments))
        captured = capsys.readouterr()
        code = leaving.value.code
        return Said(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run
