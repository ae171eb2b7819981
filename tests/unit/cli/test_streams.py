"""Where what a command prints goes: a full disk, a reader who left, a locale that knows ASCII alone, a device by name."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from animatic.cli.output import say, say_line
from tests.unit.cli.conftest import GOOD, Verb

COMMAND = (sys.executable, "-c", "from animatic.cli import main; main()")
needs_full = pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")


def call(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run((*COMMAND, *words), cwd=folder, env={**os.environ, **environment}, capture_output=True, check=False, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = GOOD.replace("    budget_usd: 1.00\n", '    budget_usd: 1.00\n    title: "Küste 海"\n')
    (tmp_path / "pipelines.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_locale_that_knows_ascii_alone_is_no_reason_to_fail(folder: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    plain = call(folder, "plan", **ascii_only)
    assert plain.returncode == 0, plain.stderr
    assert b"K?ste ?" in plain.stdout
    told = call(folder, "plan", "--json", **ascii_only)
    assert (told.returncode, json.loads(told.stdout)["plan"]["title"]) == (0, "Küste 海")


@needs_full
@pytest.mark.parametrize("words", [("plan",), ("plan", "--json"), ("models", "--json"), ("--help",)])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_said_without_a_traceback(folder: Path, words: tuple[str, ...], unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        said = subprocess.run(
            (*COMMAND, *words),
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            check=False,
            timeout=60,
        )
    assert b"Exception ignored" not in said.stderr
    assert (said.returncode, b"no space left" in said.stderr, b"Traceback" in said.stderr) == (6, True, False), said.stderr


def test_work_goes_on_without_words_where_nobody_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is paid for is not ended by a terminal that went away."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as left:  # noqa: PTH123 (a descriptor)
        monkeypatch.setattr("sys.stderr", left)
        say("one")
        say_line("two")
        assert sys.stderr is not left
        sys.stderr.close()
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):
            left.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), left.fileno())


def test_a_device_or_a_pipe_that_an_option_names_is_written_to_and_stays(animatic: Verb, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        assert animatic("plan", "--out", str(pipe)).code == 0
        assert reader.stdout is not None
        assert json.loads(reader.stdout.read())["pipeline"] == "teaser"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_that_an_option_names_stays_a_link(animatic: Verb, tmp_path: Path) -> None:
    link, target = tmp_path / "link.json", tmp_path / "target.json"
    link.symlink_to(target)
    assert animatic("plan", "--out", str(link)).code == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["pipeline"] == "teaser"
    assert animatic("plan", "--check", str(link)).code == 0
