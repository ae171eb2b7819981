"""Deployed runs that wait for a person: a real Prefect server, `animatic serve`, and decisions from everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from animatic.prefect.server import LocalServer, ensure, stop
from animatic.prefect.suspended import JUST_BEGUN, resume_suspended
from animatic.simulator import launch
from tests.flows.deploying import ANIMATIC, PREFECT, TOKEN, Api, process
from tests.flows.test_main_road import billing, states

pytest_plugins = ["tests.flows.deploying"]
pytestmark = pytest.mark.timeout(600)

STILL = "{id: still, kind: image, model: google/nano-banana-pro, prompt: A bottle, TAKES}"
SPIN = "{id: spin, model: xai/grok-video, prompt: Slow dolly, duration: 1, resolution: 480p, start_image: still}"
GULLS = "{id: gulls, model: xai/grok-video, prompt: Gulls, duration: 1, resolution: 480p}"


class Stage:
    """A pipelines file that is served, and what people do about its runs."""

    def __init__(self, folder: Path, name: str, api: Api, krea: launch.Running, environment: dict[str, str], animatic: Any) -> None:
        self.folder, self.name, self.api, self.krea, self.environment, self._animatic = folder, name, api, krea, environment, animatic

    def declare(self, takes: str, *more: str) -> None:
        shots = "\n".join(f"      - {shot}" for shot in (STILL.replace("TAKES", takes), SPIN, GULLS, *more))
        (self.folder / "pipelines.yaml").write_text(f"version: 1\ndeliver: ./out\npipelines:\n  {self.name}:\n    shots:\n{shots}\n")

    @contextlib.contextmanager
    def served(self) -> Iterator[Any]:
        log = self.folder / "serve.log"
        before = log.read_text().count("Serving") if log.exists() else 0
        with process(*ANIMATIC, "serve", cwd=self.folder, log=log, **self.environment) as running:
            deadline = time.monotonic() + 90
            while log.read_text().count("Serving") <= before:
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.3)
            yield running

    def until(self, run_id: str, *names: str, seconds: float = 120) -> dict[str, Any]:
        """Wait until the flow run is in one of these states."""
        ended = {*names, "Failed", "Crashed", "Cancelled"}
        run = self.api.wait(run_id, until=lambda run: run["state"]["name"] in ended, seconds=seconds)
        assert run["state"]["name"] in names, (run["state"], (self.folder / "serve.log").read_text()[-3000:])
        return run

    def suspended(self) -> tuple[str, str]:
        """Start a run and wait until it is suspended; returns the ids of the flow run and of the run."""
        flow_run = self.api.start(self.name)
        self.until(flow_run, "Suspended")
        return flow_run, self.manifest(flow_run)["run_id"]

    def manifest(self, flow_run: str) -> dict[str, Any]:
        found = [json.loads(path.read_text()) for path in (self.folder / "out" / self.name).glob("*/manifest.json")]
        [manifest] = [manifest for manifest in found if manifest["prefect"]["flow_run_id"] == flow_run]
        return dict(manifest)

    def manifest_of_run(self, run_id: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / "out" / self.name / run_id / "manifest.json").read_text()))

    def artifacts(self, flow_run: str) -> dict[str, dict[str, Any]]:
        found = self.api.http.post("/artifacts/filter", json={"flow_runs": {"id": {"any_": [flow_run]}}}).json()
        return {item["key"].removeprefix(f"{self.name}-"): item for item in found}

    def form(self, flow_run: str) -> tuple[dict[str, Any], str]:
        """Return schema and description of the form, as the UI reads them."""
        keys = self.api.run(flow_run)["state"]["state_details"]["run_input_keyset"]
        schema = self.api.http.get(f"/flow_runs/{flow_run}/input/{keys['schema']}").json()
        return schema, self.api.http.get(f"/flow_runs/{flow_run}/input/{keys['description']}").json()

    def send(self, flow_run: str, **values: Any) -> dict[str, Any]:
        """Fill the form and send it, as the UI does."""
        return dict(self.api.http.post(f"/flow_runs/{flow_run}/resume", json={"run_input": values}).raise_for_status().json())

    def animatic(self, *arguments: str) -> Any:
        return self._animatic(*arguments, **self.environment)


@pytest.fixture
def stage(
    animatic: Callable[..., Any], krea: Callable[..., launch.Running], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> Stage:
    peer = krea(tokens=(TOKEN,))
    environment = {
        "PREFECT_API_URL": prefect_server.api_url,
        "KREA_API_URL": peer.url,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_POLL_SECONDS": "0.3",
    }
    return Stage(tmp_path, name, api, peer, environment, animatic)


def test_a_suspended_run_holds_nothing_and_goes_on_once_it_is_approved_in_a_terminal(stage: Stage) -> None:
    stage.declare("takes: 2, approve: true")
    with stage.served():
        flow_run, run_id = stage.suspended()
        assert len(billing(stage.krea)) == 3, "what does not hang on the shot is made before"
        state = stage.api.run(flow_run)["state"]
        asked = "still waits for approval: approving pays $0.05 (spin)"
        assert state["message"] == f"{asked}\n  decide with Resume, or `animatic review {run_id}`"
        waiting = stage.manifest(flow_run)
        assert (waiting["state"], states(waiting)) == ("waiting", {"still": "waiting", "spin": "skipped", "gulls": "delivered"})
        asks = stage.artifacts(flow_run)["approval"]
        assert "approving pays $0.05 (spin)" in asks["description"]
        assert asks["data"].count("](data:image/jpeg;base64,") == 2, "a picture of each take"
        schema, description = stage.form(flow_run)
        assert "approving pays $0.05 (spin)" in description
        assert schema["required"] == ["decision"]
        assert [*schema["properties"]] == ["decision", "take", "prompt", "note", "name"]
        assert schema["properties"]["take"]["enum"] == ["1", "2"]

        early = stage.animatic("resume", run_id)
        assert (early.code, "still waits for approval" in early.err) == (5, True), early.err
        assert stage.animatic("watch", run_id).code == 5
        said = stage.animatic("approve", run_id, "still", "--take", "2", "--note", "the light", "--json")
        assert said.code == 0, said.err
        assert json.loads(said.out)["flow_run"] == {"id": flow_run, "name": stage.name, "state": "resumed"}
        second = stage.animatic("approve", run_id, "still")
        assert (second.code, "take 2 was already approved by" in second.err) == (2, True), second.err

        assert stage.animatic("watch", run_id).code == 0, "it follows a run that is taken up"
        stage.until(flow_run, "Completed")
        assert len(billing(stage.krea)) == 4, "nothing is paid twice"
        done = stage.manifest(flow_run)
        assert (done["run_id"], done["state"]) == (run_id, "completed")
        assert states(done) == {"still": "delivered", "spin": "delivered", "gulls": "delivered"}
        assert (done["shots"][0]["take"], done["shots"][0]["decision"]["note"]) == (2, "the light")
        settled = stage.artifacts(flow_run)
        assert settled["progress"]["data"] == 100.0
        assert "take 2 approved by" in settled["approval"]["data"]
        assert not stage.api.http.post("/flow_runs/filter", json={"deployments": {"name": {"any_": [stage.name]}}, "offset": 1}).json()


@pytest.mark.anyio
async def test_a_flow_run_is_resumed_on_its_server_once_and_one_that_has_ended_is_left_to_the_terminal(stage: Stage) -> None:
    stage.declare("approve: true")
    assert stage.animatic("deploy", "--pool", f"pool-{stage.name}", "--prune").code == 0
    flow_run = stage.api.start(stage.name)

    def become(kind: str, **more: Any) -> None:
        state = {"type": kind, **more}
        answer = stage.api.http.post(f"/flow_runs/{flow_run}/set_state", json={"state": state, "force": True})
        answer.raise_for_status()

    async def resumed(flow_run_id: str | None = flow_run, later: timedelta = timedelta()) -> str | None:
        async def manifest() -> Any:
            return SimpleNamespace(prefect=SimpleNamespace(flow_run_id=flow_run_id))

        run: Any = SimpleNamespace(manifest_if_whole=manifest)
        with temporary_settings(updates={PREFECT_API_URL: stage.environment["PREFECT_API_URL"]}):
            found = await resume_suspended(run, now=lambda: datetime.now(UTC) + later)
        return None if found is None else found.what

    assert await resumed() == "going on", "it waits for its worker"
    become("RUNNING")
    assert await resumed() == "going on"
    assert await resumed(later=JUST_BEGUN) is None, "its process may have died without a word"
    sign = {"event": "animatic.run.alive", "occurred": (datetime.now(UTC) + JUST_BEGUN).isoformat(), "payload": {}, "id": str(uuid4())}
    sign |= {"resource": {"prefect.resource.id": f"prefect.flow-run.{flow_run}"}}
    stage.api.http.post("/events", json=[sign]).raise_for_status()
    deadline = time.monotonic() + 30  # the server writes events now and then
    while await resumed(later=JUST_BEGUN + timedelta(seconds=10)) is None:
        assert time.monotonic() < deadline, "it has given a sign of life"
        await asyncio.sleep(0.3)
    assert await resumed(later=JUST_BEGUN + timedelta(seconds=70)) is None, "it is silent"
    become("PAUSED", name="Suspended", state_details={"pause_reschedule": True, "pause_key": "approval-x"})
    assert await resumed() == "resumed"
    assert stage.api.run(flow_run)["state"]["name"] == "Resuming"
    assert await resumed() == "going on"
    for ended in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED"):
        become(ended)
        assert await resumed() is None
    assert await resumed(str(uuid4())) is None, "another server's"
    assert await resumed(None) is None


@pytest.mark.slow
@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_run_that_still_makes_other_shots_goes_on_by_itself_once_it_has_made_them(stage: Stage, decision: str) -> None:
    lasts = "{id: lasts, model: xai/grok-video, prompt: 'Clouds [sim: slow 30]', duration: 1, resolution: 480p}"
    stage.declare("approve: true", lasts)
    with stage.served():
        flow_run = stage.api.start(stage.name)
        deadline = time.monotonic() + 90
        while not (waiting := json.loads(stage.animatic("review", "--json").out)):
            assert time.monotonic() < deadline, stage.api.run(flow_run)["state"]
        said = stage.animatic(decision, waiting[0]["run_id"], "still", "--json")
        assert (said.code, json.loads(said.out)["flow_run"]["state"]) == (0, "going on"), said.err
        if decision == "reject":
            while not (waiting := json.loads(stage.animatic("review", "--json").out)):
                assert time.monotonic() < deadline + 60, stage.api.run(flow_run)["state"]
            assert [take["take"] for take in waiting[0]["takes"]] == [1, 2], "another one was made, and is asked about"
            assert stage.animatic("approve", waiting[0]["run_id"], "still").code == 0
        stage.until(flow_run, "Completed")
    assert len(billing(stage.krea)) == (4 if decision == "approve" else 5)
    assert set(states(stage.manifest(flow_run)).values()) == {"delivered"}


@pytest.mark.slow
def test_another_take_is_asked_for_in_the_form_and_everything_is_restarted_meanwhile(
    krea: Callable[..., launch.Running], name: str, tmp_path: Path
) -> None:
    home = tmp_path / "server"
    server = ensure(home)
    peer = krea(tokens=(TOKEN,))
    environment = {"PREFECT_API_URL": server.api_url, "KREA_API_URL": peer.url, "KREA_API_TOKEN": TOKEN, "ANIMATIC_POLL_SECONDS": "0.3"}
    api = Api(server.api_url)
    stage = Stage(tmp_path, name, api, peer, environment, None)
    stage.declare("approve: true")
    try:
        with stage.served() as serving:
            flow_run, run_id = stage.suspended()
            os.killpg(serving.pid, signal.SIGKILL)
        before = stage.manifest(flow_run)
        stop(home)
        assert ensure(home, port=server.port).port == server.port
        assert stage.api.run(flow_run)["state"]["name"] == "Suspended"

        empty = stage.send(flow_run, note="no decision")
        assert empty["status"] == "REJECT", "a form without a decision changes nothing"
        sent = stage.send(flow_run, decision="make another take", prompt="A bottle, closer", note="too far", name="mara")
        assert sent["status"] == "ACCEPT", sent
        assert stage.send(flow_run, decision="approve")["status"] == "ABORT", "only one of two people resumes it"
        assert len(billing(peer)) == 2
        with stage.served():  # whoever serves next takes it up
            stage.until(flow_run, "Suspended")
            assert [job["model"] for job in billing(peer)].count("google/nano-banana-pro") == 2
            asked = stage.manifest(flow_run)
            still = asked["shots"][0]
            assert (still["take"], still["request"]["prompt"], asked["run_id"]) == (2, "A bottle, closer", run_id)
            assert still["clip"]["sha256"] != before["shots"][0]["clip"]["sha256"]

            began = time.monotonic()
            stage.send(flow_run, decision="approve", name="jo")
            stage.until(flow_run, "Pending", "Submitting", "Running", "Completed", seconds=5)
            taken_up = time.monotonic() - began
            stage.until(flow_run, "Completed")
            assert taken_up < 5
        done = stage.manifest(flow_run)
        assert (done["state"], len(billing(peer)), done["shots"][0]["decision"]["by"]) == ("completed", 4, "jo")
        assert not stage.api.http.post("/automations/filter", json={}).json()
    finally:
        api.http.close()
        stop(home)


@pytest.mark.slow
def test_several_shots_are_asked_about_in_one_form_and_one_of_them_is_left_for_later(stage: Stage) -> None:
    stage.declare(
        "approve: true",
        "{id: dusk, kind: image, model: google/nano-banana-pro, prompt: Dusk, takes: 2, pick: approve}",
        "{id: fall, model: xai/grok-video, prompt: Night falls, duration: 1, resolution: 480p, start_image: dusk}",
    )
    with stage.served():
        flow_run, run_id = stage.suspended()
        assert stage.api.run(flow_run)["state"]["message"] == "2 shots wait for approval: approving pays $0.10 (spin, fall)"
        schema, _ = stage.form(flow_run)
        assert schema["required"] == ["shot_1_decision", "shot_2_decision"]
        assert schema["properties"]["shot_2_decision"]["title"] == "dusk: decision"
        stage.send(flow_run, shot_1_decision="decide later", shot_2_decision="approve", shot_2_take="2", name="mara")
        stage.until(flow_run, "Running")
        stage.until(flow_run, "Suspended")
        assert stage.api.run(flow_run)["state"]["message"] == "still waits for approval: approving pays $0.05 (spin)"
        shots = {shot["id"]: shot for shot in stage.manifest(flow_run)["shots"]}
        assert {name: shot["state"] for name, shot in shots.items()} == {
            "still": "waiting", "spin": "skipped", "gulls": "delivered", "dusk": "delivered", "fall": "delivered"
        }  # fmt: skip
        assert (shots["dusk"]["take"], shots["dusk"]["decision"]["by"]) == (2, "mara")

        again = stage.animatic("reject", run_id, "still", "--prompt", "A jar", "--json")
        assert again.code == 0, again.err
        assert json.loads(again.out)["flow_run"]["state"] == "resumed"
        stage.until(flow_run, "Running")
        stage.until(flow_run, "Suspended")
        assert stage.manifest(flow_run)["shots"][0]["request"]["prompt"] == "A jar"
        assert stage.animatic("approve", run_id, "still").code == 0
        stage.until(flow_run, "Completed")
        assert len(billing(stage.krea)) == 7
        assert len(list((stage.folder / "out" / stage.name).iterdir())) == 1, "one run, whoever resumed it"


@pytest.mark.slow
@pytest.mark.parametrize(("then", "ended", "code"), [("first", "Completed", 0), ("stop", "Failed", 4)])
def test_the_server_resumes_a_run_whose_time_is_over(stage: Stage, then: str, ended: str, code: int) -> None:
    stage.declare(f"approve: {{timeout: 20s, on_timeout: {then}}}")
    with stage.served():
        flow_run, run_id = stage.suspended()
        run = stage.api.wait(flow_run, until=lambda run: run["state"]["type"] in {"COMPLETED", "FAILED", "CRASHED"}, seconds=120)
        assert run["state"]["name"] == ended, run["state"]
        late = stage.animatic("approve", run_id, "still")
        assert late.code == 2
        assert ("already approved by time-out" if code == 0 else "nobody had decided until") in late.err
        done = stage.manifest(flow_run)
        assert len(billing(stage.krea)) == (3 if code == 0 else 2)
        assert states(done)["spin"] == ("delivered" if code == 0 else "skipped")
        mine = f"animatic: the time to approve is over ({flow_run})"
        assert mine not in {found["name"] for found in stage.api.http.post("/automations/filter", json={}).json()}
        if code:
            assert run["state"]["message"].startswith("2 of 3 shots missing: still not approved")
            assert stage.animatic("use", stage.name, "still", "1").code == 0
            assert stage.animatic("resume", run_id).code == 0
            assert stage.manifest_of_run(run_id)["state"] == "completed"


class Heard(http.server.BaseHTTPRequestHandler):
    """Stands for the chat that people are told in."""

    told: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.slow
def test_people_are_told_of_a_run_that_waits_once_with_price_and_links(stage: Stage) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Heard) as chat:
        threading.Thread(target=chat.serve_forever, daemon=True).start()
        kinds = stage.api.http.get("/block_types/slug/custom-webhook").json()
        schema = stage.api.http.post("/block_schemas/filter", json={"block_schemas": {"block_type_id": {"any_": [kinds["id"]]}}}).json()[0]
        block = {
            "name": stage.name,
            "data": {
                "name": "chat",
                "url": f"http://127.0.0.1:{chat.server_port}/hook",
                "json_data": {"subject": "{{subject}}", "text": "{{body}}"},
            },
            "block_schema_id": schema["id"],
            "block_type_id": kinds["id"],
        }
        stage.api.http.post("/block_documents/", json=block).raise_for_status()
        stage.environment |= {"ANIMATIC_PUBLIC_URL": "https://cdn.example"}
        stage.declare("approve: true")
        deployed = stage.animatic("deploy", "--pool", f"pool-{stage.name}", "--notify", f"custom-webhook/{stage.name}", "--prune")
        assert "animatic: a run waits for you" in deployed.err, deployed.err
        with stage.served():
            flow_run, run_id = stage.suspended()
            deadline = time.monotonic() + 60
            while not Heard.told:
                assert time.monotonic() < deadline, "nobody was told"
                time.sleep(0.3)
            stage.send(flow_run, decision="approve")
            stage.until(flow_run, "Completed")
        [told] = [one for one in Heard.told if stage.name in one["subject"]]
        assert told["subject"] == f"{stage.name} waits for you"
        assert "still waits for approval: approving pays $0.05 (spin)" in told["text"]
        assert f"Picture: https://cdn.example/{stage.name}/{run_id}/01-still.thumbnail.jpg" in told["text"]
        assert flow_run in told["text"]
        chat.shutdown()


@pytest.mark.slow
def test_one_approval_lets_every_run_go_on_that_waits_for_the_take(stage: Stage) -> None:
    stage.declare("approve: true")
    with stage.served():
        first, _ = stage.suspended()
        second, run_id = stage.suspended()
        assert len(billing(stage.krea)) == 2, "the second found the takes of the first"
        said = stage.animatic("approve", run_id, "still")
        assert said.code == 0, said.err
        assert "is resumed by its deployment" in said.err, "the other one"
        for flow_run in (first, second):
            stage.until(flow_run, "Completed", "Reused")
            assert stage.manifest(flow_run)["state"] == "completed"
        assert len(billing(stage.krea)) == 3


@pytest.mark.slow
def test_a_worker_of_a_pool_is_killed_while_the_run_waits_and_another_one_goes_on(stage: Stage) -> None:
    stage.declare("approve: true")
    pool = f"pool-{stage.name}"
    assert stage.animatic("deploy", "--pool", pool, "--prune").code == 0
    worker = (*PREFECT, "worker", "start", "--pool", pool)
    environment = stage.environment | {"PREFECT_WORKER_QUERY_SECONDS": "1"}
    log = stage.folder / "serve.log"
    with process(*worker, cwd=stage.folder, log=log, **environment) as first:
        flow_run, run_id = stage.suspended()
        os.killpg(first.pid, signal.SIGKILL)
    assert stage.animatic("reject", run_id, "still", "--prompt", "A bottle, closer").code == 0
    with process(*worker, cwd=stage.folder, log=log, **environment):
        stage.until(flow_run, "Running")
        stage.until(flow_run, "Suspended")
        assert stage.animatic("approve", run_id, "still").code == 0
        stage.until(flow_run, "Completed")
    done = stage.manifest(flow_run)
    assert (done["run_id"], done["state"], done["shots"][0]["request"]["prompt"]) == (run_id, "completed", "A bottle, closer")
    assert len(billing(stage.krea)) == 4
