"""The command line, called within this process: its exit code and what it printed."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from animatic.cli import main


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


def call(capsys: pytest.CaptureFixture[str], *words: str) -> Said:
    capsys.readouterr()
    with pytest.raises(SystemExit) as leaving:
        main(list(words))
    captured = capsys.readouterr()
    code = leaving.value.code
    return Said(code if isinstance(code, int) else 0, captured.out, captured.err)
