"""Names and bytes that plan tests share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from animatic.plan import Plan
from animatic.spec import Declaration

STARTED = datetime(2026, 11, 21, 10, 45, 12, tzinfo=UTC)
HEAD = "version: 1\ndefaults:\n  video: {model: xai/grok-video}\n  image: {model: google/nano-banana-pro}\npipelines:\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(56)
MP4 = b"\0\0\0\x18ftypisom" + bytes(52)

PlanOf = Callable[..., Plan]
DeclarationOf = Callable[..., Declaration]
