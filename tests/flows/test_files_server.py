"""What `animatic up` serves: files of runs and the index of all runs, and nothing of the ledger."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from animatic.prefect.files_server import files_application

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/simulated/town/r1/01-dawn.mp4", 200),
        ("/simulated/index.html", 200),
        ("/index.html", 404),
        ("/simulated/other/r1/01-dawn.mp4", 404),
        ("/simulated/.animatic/runs/r1.json", 404),
        ("/simulated/town/../.animatic/runs/r1.json", 404),
        ("/pipelines.yaml", 404),
        ("/../pipelines.yaml", 404),
    ],
)
async def test_runs_and_their_index_are_served(tmp_path: Path, path: str, status: int) -> None:
    out = tmp_path / "out"
    for name in ("town/r1/01-dawn.mp4", "index.html", ".animatic/runs/r1.json"):
        (out / "simulated" / name).parent.mkdir(parents=True, exist_ok=True)
        (out / "simulated" / name).write_text("x")
    (tmp_path / "pipelines.yaml").write_text("x")
    (tmp_path / "empty").mkdir()
    application = files_application({"gone": tmp_path / "empty", "town": out})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://files") as client:
        assert (await client.get(path)).status_code == status
