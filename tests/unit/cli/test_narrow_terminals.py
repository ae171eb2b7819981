"""What verbs show as tables fits a terminal of forty columns: the terminal would break each of its lines in two."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from animatic.cli import output, review_log, runs, spend
from animatic.columns import Column, size, table
from tests.unit.cli.conftest import Verb

NARROW = 40
RUN, WHEN = "20261127T124958Z-5e3ba3", "2026-11-27 12:49"


@pytest.mark.parametrize(
    ("columns", "row", "kept"),
    [
        (
            runs.COLUMNS,
            [RUN, "coast-teaser", "completed", "12 of 12", "$10.20", WHEN, "9 min", "draft", "city=Porto", "sim"],
            [RUN, "completed", "sim"],
        ),
        (
            (Column(title="MODEL", least=16), *spend.COLUMNS),
            ["bytedance/seedance-2-mini", "120", "$1234.10", "$100.20", "$1334.30", "3 unpriced"],
            ["$100.20", "$1334.30"],
        ),
        (
            review_log.COLUMNS,
            [WHEN, "teaser", "harbour/opens", "approved", "mara", "1", "00:01", "high", "hand", "looks good", RUN],
            [WHEN, "approved"],
        ),
    ],
)
def test_tables_leave_out_what_can_be_missed(columns: Sequence[Column], row: list[str], kept: list[str]) -> None:
    lines = table(columns, [row], width=NARROW, indent=0)
    assert max(size(line) for line in lines) <= NARROW
    assert all(text in lines[1] for text in kept), lines
    assert len(table(columns, [row], width=300, indent=0)[0].split()) >= len(columns) - 1


def test_a_model_is_shown_in_lines_that_fit(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = animatic("models", "xai/grok-video").out
    monkeypatch.setattr(output, "terminal_width", lambda _stream: NARROW)
    narrow = animatic("models", "xai/grok-video").out
    # An address is left whole.
    assert [line for line in narrow.splitlines() if size(line) > NARROW and "://" not in line] == []
    assert narrow.split() == whole.split()
