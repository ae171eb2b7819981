"""A small plan: dawn, surf (from dawn's last frame and a file), a logo still, with room for variations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from animatic.catalog.model import Price
from animatic.manifest import Clip, ManifestBuilder
from animatic.plan.model import FileInput, Plan, Request, ShotInput, Step, UrlInput

STARTED = datetime(2026, 11, 21, 10, 45, 12, tzinfo=UTC)


def step(
    shot: str, number: int, *, usd: str | None = "0.42", inputs: tuple[Any, ...] = (), needs: tuple[str, ...] = (), **more: Any
) -> Step:
    request = Request(
        model="xai/grok-video",
        endpoint="/generate/video/xai/grok-video",
        kind="video",
        makes="video",
        body={"prompt": f"Shot {shot}", "duration": 6, **{item.path[0]: None for item in inputs}},
        inputs=inputs,
        price=Price(usd=Decimal(usd) if usd else None),
        duration=6.0,
    )
    whole = Step(
        key=shot,
        shot=shot,
        variant_name="",
        number=number,
        title=None,
        kind="video",
        variant={},
        requests=(request,),
        depends_on=needs,
        base=f"base-{shot}",
        take=1,
        fingerprint=f"fp-{shot}",
        retries=2,
        timeout=600,
    )
    return replace(whole, **more)


@pytest.fixture
def steps() -> tuple[Step, ...]:
    return (
        step("dawn", 1),
        step(
            "surf",
            2,
            needs=("dawn",),
            inputs=(
                ShotInput(path=("start_image",), media="image", step="dawn", frame="last"),
                FileInput(path=("reference_images", 0), media="image", written="refs/a.png", file="/abs/refs/a.png", sha256="ab", size=3),
                UrlInput(path=("end_image",), media="image", url="https://u:p@files.test/e.png?sig=SIGNED#f"),
            ),
        ),
        step("logo", 3, usd=None),
    )


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    def make(*steps: Step) -> Plan:
        return Plan(
            pipeline="coast-teaser",
            description="Three shots of a coast.",
            params={"city": "Lisbon", "still": "https://files.test/s.png?sig=SIGNED"},
            steps=steps,
            cuts=(),
            deliver="/out",
            budget_usd=None,
            per_day_usd=None,
            per_month_usd=None,
            unknown_price="warn",
            concurrency=None,
            on_failure="continue",
            reuse="always",
            tags=(),
            run_id="20261121T104512Z-4f3a",
            source_file="pipelines.yaml",
            source_sha256="cd" * 32,
        )

    return make


@pytest.fixture
def builder_of(plan_of: Callable[..., Plan]) -> Callable[..., ManifestBuilder]:
    def make(*steps: Step, simulated: bool = False) -> ManifestBuilder:
        return ManifestBuilder(plan_of(*steps), simulated=simulated, started_at=STARTED, animatic_version="0.1.0")

    return make


@pytest.fixture
def builder(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> ManifestBuilder:
    return builder_of(*steps)


@pytest.fixture
def clip() -> Clip:
    return Clip(
        key="coast-teaser/20261121T104512Z-4f3a/01-dawn.mp4",
        sha256="ef" * 32,
        size=3_100_000,
        mime="video/mp4",
        width=1280,
        height=720,
        fps=24.0,
        duration=6.0,
        frames=144,
    )
