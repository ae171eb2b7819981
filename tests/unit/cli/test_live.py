"""The live view: on terminals of three sizes it fits, shows trouble and what runs first, counts the rest, and never loses its sum."""

from __future__ import annotations

import errno
import io
import re
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from animatic.cli.live import LiveView, frame
from animatic.columns import size
from animatic.engine.progress import ProgressTracker
from animatic.errors import InterruptedRunError
from tests.terminal import SIZES, last_screen, run_on_terminal

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def storyboard() -> ProgressTracker:
    """66 shots of a matrix in mid-run: most wait, some run, one failed, some were made, some are had."""
    keys = [f"{ratio}-{language}/shot{number}" for ratio in ("16x9", "9x16", "1x1") for language in ("en", "de") for number in range(1, 12)]
    progress = ProgressTracker.of(dict.fromkeys(keys, "xai/grok-video"), clock=lambda: 100.0)
    for key in keys[:10]:
        progress.change(key, "delivered", usd=Decimal("0.10"), billed=Decimal("0.10"))
    for key in keys[10:40]:
        progress.change(key, "reused", usd=Decimal("0.10"))
    for key in keys[60:64]:
        progress.change(key, "running", "processing", usd=Decimal("0.25"))
    progress.change(keys[64], "failed", "the provider refused the prompt for reasons that take a whole long sentence", billed=Decimal(0))
    return progress


def shown(columns: int, rows: int, progress: ProgressTracker | None = None) -> list[str]:
    title = "SIMULATED · brand-film · 20261127T003236Z-040451"
    lines = frame(progress or storyboard(), title, width=columns, height=rows, now=130.0, seconds=34.0, budget=Decimal(12))
    return [ANSI.sub("", line) for line in lines]


class ClosedTerminal(io.StringIO):
    """A terminal that takes what is written until it is closed."""

    gone = False

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


def test_a_terminal_that_is_closed_does_not_hide_how_the_run_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = ClosedTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    def interrupted() -> None:
        with LiveView(storyboard(), "teaser", simulated=False):
            terminal.gone = True
            raise InterruptedRunError("interrupted")

    with pytest.raises(InterruptedRunError):
        interrupted()


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_picture_fits_the_terminal_and_tells_what_it_leaves_out(columns: int, rows: int) -> None:
    lines = shown(columns, rows)
    assert len(lines) < rows, "one line is left for the cursor"
    assert all(size(line) < columns for line in lines), lines
    assert lines[2].split()[1].endswith("shot10"), "what failed comes first"
    assert "failed" in lines[2]
    assert all("running" in line for line in lines[3:7])
    listed = len(lines) - 4
    left_out = 66 - listed
    assert lines[-2].startswith(f"+{left_out} more: ")
    assert sum(int(number) for number in re.findall(r"(\d+) [a-z]", lines[-2].partition(": ")[2])) == left_out
    assert lines[-1].startswith("41 of 66 shots · billed $1.00 · $1.00 set aside")


def test_a_storyboard_that_fits_is_shown_in_its_own_order() -> None:
    progress = ProgressTracker.of({"a": "m", "b": "m"}, clock=lambda: 0.0)
    progress.change("b", "failed", "no")
    lines = shown(60, 20, progress)
    assert [line.split()[1] for line in lines[2:4]] == ["a", "b"]
    assert not any("more:" in line for line in lines)
    assert lines[-1] == "1 of 2 shots · billed $0.00 · budget $12.00 · 34 s"


def test_money_that_is_set_aside_is_not_billed_until_the_job_has_completed() -> None:
    progress = ProgressTracker.of({"a": "m", "b": "m", "c": "m", "d": "m"})
    progress.change("a", "running", usd=Decimal("0.50"))
    progress.change("b", "fetching", usd=Decimal("0.30"))
    progress.change("c", "reused", usd=Decimal("9.00"))
    progress.change("d", "in doubt", usd=Decimal("0.20"))
    assert (progress.money().billed, progress.money().set_aside) == (Decimal("0.30"), Decimal("0.70"))
    progress.change("a", "failed", billed=Decimal(0))
    progress.change("d", "in doubt", billed=Decimal("0.20"))
    assert (progress.money().billed, progress.money().set_aside) == (Decimal("0.50"), Decimal(0))


SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from animatic.cli.live import LiveView
from tests.unit.cli.test_live import storyboard
progress = storyboard()
with LiveView(progress, "brand-film", simulated=True, already=754):
    pass
"""


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_the_last_screen_of_a_real_terminal_holds_all_of_it(columns: int, rows: int, tmp_path: Path) -> None:
    script = SCRIPT.format(root=str(Path(__file__).parents[3]))
    ended = run_on_terminal([sys.executable, "-c", script], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, columns=columns, rows=rows)
    assert ended.code == 0, ended.screen
    screen = last_screen(ended.screen, columns=columns, rows=rows)
    assert len(screen) <= rows
    assert screen[0].startswith("SIMULATED · brand-film"), "its first line has not scrolled away"
    assert screen[-1].startswith("41 of 66 shots · billed $1.00 · $1.00 set aside")
    assert "12:3" in screen[-1] or columns < 60, "who looks on sees how long the run has gone on before"
    assert screen[-2].startswith("+")


def test_a_shot_that_has_ended_takes_no_longer_however_often_that_is_said() -> None:
    moments = iter([0.0, 3.0, 60.0])
    progress = ProgressTracker.of({"a": "m"}, clock=lambda: next(moments))
    progress.change("a", "running")
    progress.change("a", "delivered")
    progress.change("a", "delivered")
    assert progress.shots["a"].elapsed(100.0) == 3.0


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_reel_that_is_being_made_is_seen_in_the_sum(columns: int, rows: int) -> None:
    progress = storyboard()
    progress.reels["de/wide.mp4"] = 0.42
    assert "de/wide.mp4 42%" in shown(columns, rows, progress)[-1]
