"""A run whose lease on its deployment's only slot is gone goes on: Prefect's engine would cancel it in the middle."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow_engine
from prefect.concurrency import _leases

from animatic.flows import leases
from animatic.simulator import launch
from tests.flows.deploying import ANIMATIC, TOKEN, Api, pipelines, process, wait_for

pytest_plugins = ["tests.flows.deploying"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_the_engine_renews_leases_by_the_name_that_is_replaced() -> None:
    """Where a later Prefect renews them otherwise, this tells, and no run."""
    text = Path(flow_engine.__file__ or "").read_text(encoding="utf-8")
    assert text.count("deployment_concurrency_lease_id") == 2
    assert f"await stack.enter_async_context(\n                    {leases.NAME}(" in text


@pytest.mark.anyio
async def test_what_goes_on_under_a_lease_that_is_gone_is_not_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def gone(*_arguments: Any) -> None:
        loop.call_soon_threadsafe(failed.set)
        raise RuntimeError("410 Gone")

    monkeypatch.setattr(_leases, "_lease_renewal_loop", gone)
    monkeypatch.setattr(flow_engine, leases.NAME, _leases.amaintain_concurrency_lease)
    ended: list[str] = []

    async def under_lease(seconds: float) -> None:
        async with getattr(flow_engine, leases.NAME)(uuid.uuid4(), 300, raise_on_lease_renewal_failure=True):
            await failed.wait()
            await asyncio.sleep(seconds)
            ended.append("whole")

    with pytest.raises(BaseException):  # noqa: B017, PT011 (whatever Prefect ends it with)
        await under_lease(100)  # cut short at once, or later on a busy machine
    assert ended == [], "as Prefect has it, the run is cancelled"
    failed.clear()
    leases.outlive_leases()
    leases.outlive_leases()
    await under_lease(0.3)
    assert ended == ["whole"]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_served_run_whose_slot_is_taken_away_is_delivered(
    api: Api, name: str, krea: Callable[..., launch.Running], tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines(name))
    real = krea(video_seconds=8.0)
    environment = {"PREFECT_API_URL": str(api.http.base_url), "KREA_API_URL": real.url, "KREA_API_TOKEN": TOKEN}
    log = tmp_path / "serve.log"
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import prefect.concurrency._leases as leases\nleases._RENEWAL_FRACTION = 0.01\n")
    with process(*ANIMATIC, "serve", cwd=tmp_path, log=log, PYTHONPATH=str(site), **environment):
        wait_for(lambda: api.http.get(f"/deployments/name/{name}/{name}").is_success, seconds=100)
        run_id = api.start(name)
        api.wait(run_id, until=lambda run: run["state"]["type"] == "RUNNING")
        lease = api.run(run_id)["state"]["state_details"]["deployment_concurrency_lease_id"]
        api.http.post("/v2/concurrency_limits/decrement-with-lease", json={"lease_id": lease}).raise_for_status()
        ended = api.wait(run_id, seconds=200)
    assert ended["state"]["type"] == "COMPLETED", (ended["state"], log.read_text()[-3000:])
    assert len(httpx.get(f"{real.url}/_simulator/billing").json()["items"]) == 2
    assert "slots are no longer reserved" in log.read_text()
