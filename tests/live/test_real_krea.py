"""Spends money (about 0.06 USD) at the real Krea; run by hand: ``KREA_API_TOKEN=... pytest -m live tests/live``.

Proves what no stand-in can: that the token, the routes, the result shapes and the prices of the catalogue are those of today.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from animatic.krea import KreaClient
from animatic.media import probe
from animatic.settings import KREA_API_URL, Patience, Secret
from tests import conftest, isolation

TOKEN = isolation.REAL.get("KREA_API_TOKEN", "")

pytestmark = [pytest.mark.live, pytest.mark.anyio, pytest.mark.timeout(1800)]

STATUSES = {
    "backlogged", "queued", "scheduled", "processing", "sampling", "intermediate-complete", "completed", "failed", "cancelled"
}  # fmt: skip

CHEAPEST = """
version: 1
deliver: ./out
pipelines:
  smallest:
    budget_usd: 0.10
    shots:
      - {id: still, kind: image, model: bfl/flux-1-dev, prompt: A quiet square at dawn, width: 512, height: 512}
      - {id: clip, model: xai/grok-video, prompt: Pigeons take off, duration: 1, resolution: 480p, start_image: still}
"""


@pytest.fixture(autouse=True)
def the_real_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKEN, "set KREA_API_TOKEN to spend money at the real Krea"
    monkeypatch.setattr(conftest.guard, "active", False)
    for name in set(os.environ) - set(isolation.REAL):
        monkeypatch.delenv(name)
    for name, value in isolation.REAL.items():
        monkeypatch.setenv(name, value)


async def test_the_token_reads_jobs_and_the_document_names_our_routes() -> None:
    async with KreaClient(KREA_API_URL, Secret(TOKEN), patience=Patience()) as client:
        jobs = [job async for job in client.jobs(limit=5)]
        document = await client.fetch_openapi()
    assert {job.status for job in jobs} <= STATUSES
    assert {"/generate/video/xai/grok-video", "/jobs", "/assets"} <= document["paths"].keys()


def test_the_smallest_storyboard_is_paid_for_once(tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(CHEAPEST)
    results = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", "from animatic.cli import main; main()", "run", "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        results.append(json.loads(done.stdout))
    assert results[0]["shots"] == {"delivered": 2}
    assert results[1]["shots"] == {"reused": 2}
    assert results[1]["cost"]["billed_usd"] == 0
    manifest = json.loads(Path(results[0]["manifest"]).read_text())
    clip = next(shot["clip"] for shot in manifest["shots"] if shot["id"] == "clip")
    assert probe(tmp_path / "out" / clip["key"]).frames == clip["frames"]
