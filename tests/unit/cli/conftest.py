"""A command line in a folder of its own, within this process; and the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.cli.advice import GIVEN
from animatic.errors import AnimaticError
from animatic.flows.run import FlowRunContext
from animatic.manifest import Manifest
from animatic.plan import build_plan, new_run_id
from animatic.settings import Settings
from animatic.spec import load_declaration
from tests.command import Said, call

GOOD = """\
version: 1
defaults:
  video: {model: xai/grok-video}
deliver: ./out
pipelines:
  teaser:
    params: {city: {type: string, default: Lisbon}}
    budget_usd: 1.00
    shots:
      - {id: dawn, prompt: "{{ params.city }}", duration: 4}
      - {id: surf, prompt: Surf, duration: 4, start_image: dawn}
    cut: {}
  other:
    matrix: {language: [en, de]}
    shots:
      - {id: spin, prompt: "{{ matrix.language }}"}
"""
CAST = """\
version: 1
defaults:
  video: {model: xai/grok-video}
  image: {model: google/nano-banana-pro}
deliver: ./out
cast:
  mara: {images: sheet, prompt: "Mara, red raincoat"}
  grain: {prompt: grainy}
pipelines:
  teaser:
    shots:
      - {id: sheet, kind: image, prompt: "{{ cast.mara }}, front and side"}
      - {id: opens, prompt: "{{ cast.mara }} opens, {{ cast.grain }}", duration: 4, cast: [mara, grain], line: Good morning}
"""
BAD = GOOD.replace("duration: 4, start_image: dawn", "duration: 40, startImage: dwan")


Verb = Callable[..., Said]


@pytest.fixture
def animatic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Verb]:
    """Return a function that runs a command line in an empty folder with a good pipelines file."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "pipelines.yaml").write_text(GOOD, encoding="utf-8")
    token = GIVEN.set(())
    yield partial(call, capsys)
    GIVEN.reset(token)  # a process runs one command line; what one test gave on it is not the next one's


Ended = Callable[..., tuple[FlowRunContext, Manifest]]


@pytest.fixture
def ended(tmp_path: Path) -> Ended:
    """Return a function that makes the end of a run of two shots with these states."""
    (tmp_path / "pipelines.yaml").write_text(GOOD)
    now = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    plan = build_plan(
        load_declaration((tmp_path / "pipelines.yaml",)), "teaser", Catalog.load(tmp_path), params={}, run_id=new_run_id(now), started=now
    )

    def make(
        *states: str, billed: str | None = "0.28", unpriced: int = 0, error: AnimaticError | None = None
    ) -> tuple[FlowRunContext, Manifest]:
        shots: list[dict[str, Any]] = [
            {"id": step.shot, "state": state, "model": "xai/grok-video", "fingerprint": "f", "take": 1}
            for step, state in zip(plan.steps, states, strict=True)
        ]
        manifest = Manifest.model_validate(
            {
                "run_id": plan.run_id,
                "pipeline": plan.pipeline,
                "simulated": True,
                "state": "completed",
                "started_at": now,
                "animatic": "0",
                "source": {"file": "pipelines.yaml", "sha256": "0"},
                "cost": {
                    "estimated_usd": Decimal("0.56"),
                    "billed_usd": billed and Decimal(billed),
                    "reused_usd": Decimal(0),
                    "unpriced": unpriced,
                },
                "shots": shots,
                "reel": {"key": "k", "sha256": "0", "size": 1, "mime": "video/mp4", "file": "reel.mp4"},
            }
        )
        context = FlowRunContext(plan=plan, settings=Settings(home=tmp_path), error=error)
        context.page_location = "/out/teaser/index.html"
        context.manifest_location = "/out/teaser/manifest.json"
        return context, manifest

    return make
