"""How often the artifacts of a run are sent to the server: only what differs from what it has."""

from __future__ import annotations

import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from animatic.catalog import Catalog
from animatic.engine.plan_run import PlanOptions, plan_unread
from animatic.engine.progress import ProgressTracker
from animatic.flows.artifacts import ArtifactPublisher
from animatic.spec import load_declaration

pytestmark = pytest.mark.anyio
TEXT = """
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video, resolution: 480p, duration: 2}}
pipelines: {storm: {shots: [{id: calm, prompt: A calm sea}, {id: storm, prompt: A storm}]}}
"""


class Server:
    """Takes artifacts, or is away."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.away = False
        self.mute = False
        """Takes what comes, and its answers are lost."""

    async def create_artifact(self, artifact: Any) -> Any:
        return self._called(f"create {artifact.key}")

    async def update_artifact(self, _id: uuid.UUID, artifact: Any) -> Any:
        return self._called(f"update {artifact.description}")

    def _called(self, what: str) -> Any:
        if self.away:
            raise ConnectionError
        self.calls.append(what)
        if self.mute:
            raise TimeoutError
        return SimpleNamespace(id=uuid.uuid4())


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def run(tmp_path: Path) -> Any:
    path = tmp_path / "pipelines.yaml"
    path.write_text(TEXT)
    declaration = load_declaration((path,))
    plan = plan_unread(declaration, declaration.pipelines["storm"], {}, Catalog.load(), PlanOptions(run_id="r1"))
    steps = {step.key: step for step in plan.steps}
    progress = ProgressTracker.of(dict.fromkeys(steps, "xai/grok-video"), clock=lambda: 100.0)
    return SimpleNamespace(
        plan=plan,
        steps=steps,
        progress=progress,
        simulated=False,
        takes={},
        prefix="storm/r1",
        address=lambda name: f"/out/{name}",
        settings=SimpleNamespace(public_url=None, custom_s3=False),
    )


@pytest.fixture
def publisher(run: Any, server: Server) -> ArtifactPublisher:
    made = ArtifactPublisher(run)
    made._client = cast("Any", server)
    return made


async def look(publisher: ArtifactPublisher) -> None:
    await publisher._safely(publisher._write_shots())
    await publisher._safely(publisher._write_progress())


async def test_what_did_not_change_is_not_sent_again(publisher: ArtifactPublisher, server: Server, run: Any) -> None:
    for _ in range(5):
        await look(publisher)
    assert server.calls == ["create storm-shots", "create storm-progress"]
    run.progress.change("calm", "running", "queued", job_id="j1")
    for _ in range(5):
        await look(publisher)
    assert len(server.calls) == 4, "each once more"
    run.progress.change("calm", "running", "processing", job_id="j1")
    for _ in range(5):
        await look(publisher)
    assert len(server.calls) == 5, "the status at Krea stands in the table alone"


async def test_what_did_not_arrive_is_sent_again(publisher: ArtifactPublisher, server: Server, run: Any) -> None:
    await look(publisher)
    run.progress.change("calm", "failed", "it was refused")
    server.away = True
    await look(publisher)
    server.away = False
    await look(publisher)
    assert len(server.calls) == 4


async def test_what_may_have_arrived_is_not_taken_for_what_was_there_before(publisher: ArtifactPublisher, server: Server) -> None:
    await publisher._put("progress", 10.0, "calm")
    server.mute = True
    await publisher._safely(publisher._put("progress", 20.0, "storm"))
    server.mute = False
    await publisher._put("progress", 10.0, "calm")
    assert server.calls[1:] == ["update storm", "update calm"]
