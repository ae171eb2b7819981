"""``status`` for people: states, files, money, reasons, and what the shots of a run that goes on or was interrupted are doing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from animatic.cli.status import show
from animatic.cli.takes import _row
from animatic.engine.shot_takes import KnownTake
from animatic.manifest.model import Clip
from animatic.manifest.parts import Failure
from tests.unit.cli.conftest import Ended


def test_a_run_is_shown_shot_by_shot_with_its_money(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    _, manifest = ended("delivered", "in_doubt", unpriced=1)
    dawn, surf = manifest.shots
    clip = Clip(key="k", sha256="0", size=1, mime="video/mp4", file="01-dawn.mp4")
    dawn = dawn.model_copy(update={"number": 1, "title": "Opening", "clip": clip, "usd": manifest.cost.billed_usd})
    surf = surf.model_copy(update={"number": 2, "error": Failure(code="in_doubt", message="the answer was lost")})
    show(manifest.model_copy(update={"shots": (dawn, surf), "finished_at": manifest.started_at}), "/out/index.html")
    assert capsys.readouterr().out.splitlines() == [
        f"teaser {manifest.run_id}: completed (simulated)",
        "  #  SHOT  TITLE    STATE        USD  FILE",
        "  1  dawn  Opening  delivered  $0.28  01-dawn.mp4",
        "  2  surf           in doubt",
        "  surf: the answer was lost",
        "  billed $0.28, 1 without a known price",
        "  /out/index.html",
    ]


def test_running_submitted_and_not_started_are_told_apart_with_money(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    _, manifest = ended("waiting", "waiting", billed="0")
    dawn, surf = manifest.shots
    dawn = dawn.model_copy(update={"doing": "running", "set_aside_usd": Decimal("0.28"), "fingerprint": "d"})
    show(manifest.model_copy(update={"shots": (dawn, surf)}), "/out/index.html")
    head, _, first, second, *rest = capsys.readouterr().out.splitlines()
    assert head.endswith(": unfinished (simulated)")
    assert first.split() == ["0", "dawn", "running", "($0.28)"]
    assert second.split() == ["0", "surf", "waiting"]
    assert [line.strip() for line in rest[:3]] == [
        "1 running at Krea: $0.28 set aside, billed if it completes",
        "1 not started",
        "billed $0.00",
    ]


def test_equal_reasons_are_told_once_and_what_waits_is_counted(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    _, manifest = ended("failed", "skipped")
    shot, other = manifest.shots
    broken, waits = (
        Failure(code="job_failed", message="Krea  failed"),
        Failure(code="upstream", message="not made, because dawn is missing"),
    )
    for names, expected in [
        ({"a": broken, "b": broken, "c": waits}, ["a, b: Krea failed", "c: not made, because dawn is missing"]),
        ({"a": broken, "b": waits, "c": waits}, ["a: Krea failed", "b, c: not made, because what they start from is missing"]),
    ]:
        shots = tuple(
            (other if error is waits else shot).model_copy(update={"id": name, "key": name, "error": error})
            for name, error in names.items()
        )
        show(manifest.model_copy(update={"shots": shots}), "/out/index.html")
        assert [
            line.strip() for line in capsys.readouterr().out.splitlines() if line[2:3] in set("abc") and ": " in line and line[:2] == "  "
        ] == expected


def test_a_take_that_is_not_delivered_says_so() -> None:
    cells = _row(KnownTake(number=2, fingerprint="f", take=None, current=True))
    assert (cells[:2], cells[-2]) == (("*", "2"), ("not delivered", "dim"))
