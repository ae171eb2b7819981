"""``status`` and ``takes`` on lines that people read: states, files, money, reasons."""

from __future__ import annotations

from animatic.cli.status import _lines
from animatic.cli.takes import _line
from animatic.engine.decisions import KnownTake
from animatic.manifest.model import Clip, Failure
from tests.unit.cli.conftest import Ended


def test_a_run_is_shown_shot_by_shot_with_its_money(ended: Ended) -> None:
    _, manifest = ended("delivered", "in_doubt", unpriced=1)
    dawn, surf = manifest.shots
    clip = Clip(key="k", sha256="0", size=1, mime="video/mp4", file="01-dawn.mp4")
    dawn = dawn.model_copy(update={"clip": clip, "usd": manifest.cost.billed_usd})
    surf = surf.model_copy(update={"error": Failure(code="in_doubt", message="the answer was lost")})
    lines = _lines(manifest.model_copy(update={"shots": (dawn, surf)}), "/out/index.html")
    assert lines == [
        f"teaser {manifest.run_id}: completed (simulated)",
        "  dawn                 delivered  01-dawn.mp4  $0.28",
        "  surf                 in doubt  the answer was lost",
        "  billed $0.28, reused $0.00, 1 without a known price",
        "  /out/index.html",
    ]


def test_a_take_that_is_not_delivered_says_so() -> None:
    assert _line(KnownTake(number=2, fingerprint="f", take=None, current=True)) == "* take 2  not delivered"
