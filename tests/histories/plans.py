"""The storyboards of the histories, planned once: planning is not what they are about."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

from animatic.catalog import Catalog
from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here
from animatic.plan import Plan
from animatic.spec import load_declaration
from tests.histories.scenario import PlanName, Scenario

HEAD = """
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video, resolution: 480p, duration: 4}, image: {model: google/nano-banana-pro}}
pipelines:
  coast:
    shots:
"""
DAWN, SURF, GULLS = "- {id: dawn, prompt: Dawn}", "- {id: surf, prompt: Surf}", "- {id: gulls, prompt: Gulls}"
SHOTS: dict[PlanName, tuple[str, ...]] = {
    "one": (DAWN,),
    "two": (DAWN, SURF),
    "three": (DAWN, SURF, GULLS),
    "mixed": (DAWN, "- {id: still, kind: image, prompt: Still}"),
    "chain": ("- {id: still, kind: image, prompt: Still}", "- {id: dawn, prompt: Dawn, start_image: still}"),
    "fallback": ("- {id: dawn, prompt: Dawn, fallback: [{model: kling/kling-2.5, resolution: null, duration: 5}]}",),
    "twins": (DAWN, "- {id: again, prompt: Dawn}"),
}
PRICE = Decimal("0.20")
"""Of every shot, whatever the catalogue says: budgets are counted in it."""
VIDEO_TYPE, KLING_TYPE, IMAGE_TYPE = "grok-imagine-video", "kling-v2-5", "nano-banana-image"
TYPES = {
    "/generate/video/xai/grok-video": VIDEO_TYPE,
    "/generate/video/kling/kling-2.5": KLING_TYPE,
    "/generate/image/google/nano-banana-pro": IMAGE_TYPE,
}
"""Krea's type of the jobs of each route."""


@cache
def _planned(name: PlanName) -> Plan:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipelines.yaml"
        file.write_text(HEAD + "".join(f"      {shot}\n" for shot in SHOTS[name]))
        declaration = load_declaration((file,))
        plan, _ = asyncio.run(plan_here(declaration, pipeline_named(declaration, None), {}, Catalog.load(), PlanOptions()))
    steps = tuple(
        replace(step, requests=tuple(replace(request, price=replace(request.price, usd=PRICE)) for request in step.requests))
        for step in plan.steps
    )
    return replace(plan, steps=steps, deliver="/memory")


@cache
def _priced(name: PlanName, retries: int, timeout: float) -> Plan:
    plan = _planned(name)
    return replace(plan, steps=tuple(replace(step, retries=retries, timeout=timeout) for step in plan.steps))


def plan_of(scenario: Scenario, run_id: str) -> Plan:
    """Return the plan of one run of a history."""
    plan = _priced(scenario.plan, scenario.retries, scenario.timeout)
    return replace(plan, run_id=run_id, budget_usd=scenario.budget, per_day_usd=scenario.per_day, concurrency=scenario.concurrency)


def prepare() -> None:
    """Plan all of them now: it needs an event loop of its own."""
    for name in SHOTS:
        _planned(name)
