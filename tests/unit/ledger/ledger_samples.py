"""Records as a run makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from animatic.ledger import ClipRecord, SentInput, Take

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAWN = "da" * 32


def make_take(**changes: Any) -> Take:
    clip = ClipRecord(
        key=f".animatic/takes/da/{DAWN}/clip.mp4",
        sha256="c1" * 32,
        size=305_000,
        mime="video/mp4",
        width=1280,
        height=720,
        fps=24.0,
        duration=6.0,
        frames=144,
    )
    fields: dict[str, Any] = {
        "fingerprint": DAWN,
        "base": "ba" * 32,
        "number": 1,
        "kind": "video",
        "model": "xai/grok-video",
        "request": {"prompt": "Lisbon à l'aube", "duration": 6, "nested": {"seed": None, "weights": [0.5, 1]}},
        "attempt": 1,
        "job_id": "job-1",
        "submitted_at": NOON,
        "completed_at": NOON + timedelta(minutes=1),
        "usd": Decimal("0.42"),
        "clip": clip,
        "thumbnail": None,
        "result_urls": ("https://gen.krea.ai/clip.mp4",),
        "inputs": (SentInput(field="start_image", origin="file", path="refs/bottle.png", sha256="ab" * 32),),
        "pipeline": "coast-teaser",
        "step": "dawn",
        "run_id": "20261121T120000Z-4f3a",
        "made_at": NOON + timedelta(minutes=2),
    }
    return Take(**(fields | changes))
