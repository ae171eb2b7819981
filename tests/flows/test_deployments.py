"""Deployments against a real Prefect server: what `deploy` writes, and that workers and `serve` render what was deployed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from animatic.prefect.deployments import wanted_deployments
from animatic.prefect.origin import in_folder
from animatic.prefect.server import LocalServer
from animatic.simulator import launch
from animatic.spec import load_declaration
from tests.flows.deploying import ANIMATIC, PREFECT, TOKEN, Api, pipelines, process, wait_for
from tests.s3server import S3

pytest_plugins = ["tests.s3server", "tests.flows.deploying"]
pytestmark = pytest.mark.timeout(300)


def test_deploying_follows_the_file_and_a_second_time_changes_nothing(
    animatic: Callable[..., Any], api: Api, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "pipelines.yaml"
    file.write_text(
        pipelines(
            name,
            schedules='    schedules: [{cron: "0 6 * * 1-5", timezone: Europe/Lisbon, fresh: true}, '
            "{interval: 2h, params: {mood: golden}}]",
        )
    )

    first = animatic("deploy", "--pool", f"pool-{name}")

    assert first.code == 0, first.err
    assert f"+ {name}" in first.out
    deployment = api.deployment(name)
    assert {"animatic", "teaser"} == set(deployment["tags"])
    assert deployment["description"].startswith("A town by the sea.\n\n2 shots by xai/grok-video")
    assert api.http.get(f"/work_pools/pool-{name}").json()["type"] == "process"
    properties = deployment["parameter_openapi_schema"]["properties"]
    assert properties["city"] | {"position": 0} == {
        "default": "Lisbon", "description": "Town to show", "position": 0, "title": "city", "type": "string"
    }  # fmt: skip
    assert properties["mood"]["enum"] == ["golden", "noir"]
    assert properties["fresh"]["default"] is False
    schedules = {schedule["slug"]: schedule for schedule in deployment["schedules"]}
    assert {item["schedule"].get("cron", "every 2 h"): item["parameters"] for item in schedules.values()} == {
        "0 6 * * 1-5": {"fresh": True},
        "every 2 h": {"mood": "golden"},
    }

    again = animatic("deploy", "--pool", f"pool-{name}", "--json")
    assert [(item["change"], item["details"]) for item in json.loads(again.out)] == [("unchanged", [])]
    assert {item["id"] for item in api.deployment(name)["schedules"]} == {item["id"] for item in schedules.values()}

    # Somebody pauses a schedule in the UI, on which Prefect forgets its parameters: they come back, and it stays paused.
    paused = next(item for item in schedules.values() if "cron" in item["schedule"])
    api.http.patch(f"/deployments/{deployment['id']}/schedules/{paused['id']}", json={"active": False}).raise_for_status()
    assert animatic("deploy", "--pool", f"pool-{name}").code == 0
    there = {item["slug"]: (item["active"], item["parameters"]) for item in api.deployment(name)["schedules"]}
    assert there[paused["slug"]] == (False, {"fresh": True})

    file.write_text(pipelines(name, schedules='    schedule: {cron: "0 6 * * 1-5", timezone: Europe/Lisbon, fresh: true}'))
    third = animatic("deploy", "--pool", f"pool-{name}")

    assert "schedule schedule-1 is called schedule from now on" in third.out
    assert "schedule schedule-2 goes" in third.out
    assert "paused on the server" in third.out
    assert [(item["slug"], item["active"]) for item in api.deployment(name)["schedules"]] == [("schedule", False)]
    assert api.deployment(name)["version"] == deployment["version"]  # what is rendered is the same

    file.write_text(pipelines(f"{name}-2"))
    kept = animatic("deploy", "--pool", f"pool-{name}", "--no-prune")
    assert f"- {name}" in kept.out
    assert api.deployment(name)["id"] == deployment["id"]
    assert animatic("deploy", "--pool", f"pool-{name}", "--prune").code == 0
    assert api.http.get(f"/deployments/name/{name}/{name}").status_code == 404


def test_prefect_deploy_makes_the_same_deployments_from_the_written_file(
    animatic: Callable[..., Any], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    schedules = '    schedules: [{cron: "0 6 * * 1-5", timezone: Europe/Lisbon}, {interval: 2h, timezone: Europe/Lisbon}]'
    (tmp_path / "pipelines.yaml").write_text(pipelines(name, schedules=schedules))
    assert animatic("deploy", "--write", "--pool", f"pool-{name}").code == 0
    api.http.post("/work_pools/", json={"name": f"pool-{name}", "type": "process"}).raise_for_status()

    with process(
        *PREFECT, "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml",
        cwd=tmp_path, log=tmp_path / "deploy.log", PREFECT_API_URL=prefect_server.api_url,
    ) as deploying:  # fmt: skip
        assert deploying.wait(90) == 0, (tmp_path / "deploy.log").read_text()

    compared = animatic("deploy", "--dry-run", "--json", "--pool", f"pool-{name}")
    assert [(item["change"], item["details"]) for item in json.loads(compared.out)] == [("unchanged", [])]


@pytest.mark.slow
def test_a_deployment_with_the_entry_point_of_version_0_1_is_brought_over_and_runs(
    animatic: Callable[..., Any], krea: Callable[..., launch.Running], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "pipelines.yaml"
    file.write_text(pipelines(name, schedules='    schedule: {cron: "0 6 * * 1-5", timezone: Europe/Lisbon}'))
    (wanted,) = wanted_deployments(load_declaration((file,)), in_folder(file), pool=f"pool-{name}")
    entry_point = wanted.facts["entrypoint"]
    assert entry_point == f"animatic.flows.storyboards.{name.replace('-', '_')}"
    schedules = [schedule.model_dump(mode="json", exclude_unset=True) for schedule in wanted.schedules]
    flow_id = api.http.post("/flows/", json={"name": name}).raise_for_status().json()["id"]
    api.http.post("/work_pools/", json={"name": f"pool-{name}", "type": "process"}).raise_for_status()
    former = {"name": name, "flow_id": flow_id, "schedules": schedules, **wanted.facts, "entrypoint": entry_point.removeprefix("animatic.")}
    api.http.post("/deployments/", json=former).raise_for_status()

    deployed = animatic("deploy", "--pool", f"pool-{name}", "--json")

    assert deployed.code == 0, deployed.err
    details = ["runs that overlap: side by side -> one after the other", f"entry point {entry_point}"]
    (difference,) = json.loads(deployed.out)
    assert (difference["name"], difference["change"], sorted(difference["details"])) == (name, "changed", sorted(details))
    same_name = api.http.post("/deployments/filter", json={"deployments": {"name": {"any_": [name]}}}).raise_for_status().json()
    assert [item["entrypoint"] for item in same_name] == [entry_point]
    assert [item["slug"] for item in same_name[0]["schedules"]] == [item["slug"] for item in schedules]
    log = tmp_path / "worker.log"
    environment = {"KREA_API_URL": krea().url, "KREA_API_TOKEN": TOKEN, "ANIMATIC_POLL_SECONDS": "0.3"}
    with process(
        *PREFECT, "worker", "start", "--pool", f"pool-{name}", "--install-policy", "never",
        cwd=tmp_path / "elsewhere", log=log, PREFECT_API_URL=prefect_server.api_url, PREFECT_WORKER_QUERY_SECONDS="1", **environment,
    ):  # fmt: skip
        ended = api.wait(api.start(name))
    assert ended["state"]["type"] == "COMPLETED", (ended["state"], log.read_text()[-3000:])


def test_a_worker_in_another_folder_renders_what_was_deployed_to_s3_and_refuses_what_was_not(
    animatic: Callable[..., Any],
    krea: Callable[..., launch.Running],
    prefect_server: LocalServer,
    api: Api,
    s3: S3,
    name: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "pipelines.yaml"
    file.write_text(pipelines(name, deliver=f"{s3.url}/boards"))
    assert animatic("deploy", "--pool", f"pool-{name}").code == 0
    server = krea(tokens=(TOKEN,))
    environment = {"PREFECT_API_URL": prefect_server.api_url, "KREA_API_URL": server.url, "ANIMATIC_POLL_SECONDS": "0.3", **s3.environment}
    log = tmp_path / "worker.log"

    with process(
        *PREFECT, "worker", "start", "--pool", f"pool-{name}", "--install-policy", "never",
        cwd=tmp_path / "elsewhere", log=log, PREFECT_WORKER_QUERY_SECONDS="1", **environment,
    ):  # fmt: skip
        without = api.wait(api.start(name, city="Faro"))
        assert without["state"]["name"] == "Failed"
        assert "KREA_API_TOKEN is not set" in without["state"]["message"]

        block = save_secret(api, TOKEN)
        try:
            done = api.wait(api.start(name, city="Porto"))
        finally:
            api.http.delete(f"/block_documents/{block}")
        assert done["state"]["type"] == "COMPLETED", (done["state"], log.read_text()[-3000:])
        assert done["name"] == f"{name} · Porto · noir"
        assert {"animatic", "teaser"} <= set(done["tags"])
        assert TOKEN not in api.everything_about(done["id"])
        assert TOKEN not in log.read_text()

        keys = [item["Key"] for item in s3.client().list_objects_v2(Bucket=s3.bucket)["Contents"]]
        run = next(key for key in keys if key.endswith("manifest.json")).rpartition("/")[0]
        assert {f"{run}/01-dawn.mp4", f"{run}/02-surf.mp4", f"{run}/index.html"} <= set(keys)
        manifest = json.loads(s3.client().get_object(Bucket=s3.bucket, Key=f"{run}/manifest.json")["Body"].read())
        assert manifest["prefect"]["flow_run_id"] == done["id"]
        assert manifest["params"] == {"city": "Porto", "mood": "noir"}

        file.write_text(file.read_text().replace("Dawn over", "Dusk over"))
        refused = api.wait(api.start(name))
        assert refused["state"]["type"] == "FAILED"
        assert "is not what was deployed" in refused["state"]["message"]
        assert "animatic deploy" in refused["state"]["message"]


def save_secret(api: Api, text: str) -> str:
    kind = api.http.get("/block_types/slug/secret").raise_for_status().json()["id"]
    schema = api.http.post("/block_schemas/filter", json={"block_schemas": {"block_type_id": {"any_": [kind]}}}).json()[0]["id"]
    body = {"name": "krea-api-token", "block_type_id": kind, "block_schema_id": schema, "data": {"value": text}}
    document: str = api.http.post("/block_documents/", json=body).raise_for_status().json()["id"]
    return document


def test_a_cancelled_run_stops_in_seconds_and_the_next_one_pays_only_for_what_is_missing(
    krea: Callable[..., launch.Running], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    shots = "      - {id: quick, prompt: A square}\n      - {id: slow, prompt: 'A long street [sim: slow 20]'}"
    (tmp_path / "pipelines.yaml").write_text(pipelines(name, shots=shots))
    server = krea()
    environment = {
        "PREFECT_API_URL": prefect_server.api_url,
        "KREA_API_URL": server.url,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_POLL_SECONDS": "0.3",
    }
    with process(*ANIMATIC, "serve", cwd=tmp_path, log=tmp_path / "serve.log", **environment):
        wait_for(lambda: api.http.get(f"/deployments/name/{name}/{name}").is_success)
        first = api.start(name)
        wait_for(lambda: f"{name}-progress" in api.everything_about(first) and submitted(server) == 2)

        began = time.monotonic()
        api.set_state(first, "CANCELLING")
        ended = api.wait(first)

        assert ended["state"]["name"] == "Cancelled"
        assert time.monotonic() - began < 15
        (record,) = (tmp_path / "out" / name).glob("*/manifest.json")
        assert json.loads(record.read_text())["state"] == "cancelled"

        # Retry, as the button in the UI does it: the same run, taken up. The runner looks every three seconds whether the process has gone.
        wait_for(lambda: "Cancelled flow run" in (tmp_path / "serve.log").read_text())
        # What the run said of itself comes back after Prefect's own words.
        wait_for(lambda: "animatic resume" in (api.http.get(f"/flow_runs/{first}").json()["state"]["message"] or ""))
        shots = api.http.post("/artifacts/filter", json={"artifacts": {"key": {"any_": [f"{name}-shots"]}}}).json()[0]
        assert "interrupted" in shots["description"]
        api.set_state(first, "SCHEDULED")
        again = api.wait(first)
        kept = [item["key"] for item in api.http.post("/artifacts/filter", json={"flow_runs": {"id": {"any_": [first]}}}).json()]
        assert sorted(kept) == sorted(f"{name}-{kind}" for kind in ("plan", "shots", "progress", "storyboard", "manifest"))

    assert again["state"]["type"] == "COMPLETED", (tmp_path / "serve.log").read_text()[-3000:]
    assert submitted(server) == 2
    manifest = json.loads(record.read_text())
    assert manifest["state"] == "completed"
    assert {shot["id"]: shot["state"] for shot in manifest["shots"]} == {"quick": "delivered", "slow": "delivered"}


def submitted(server: launch.Running) -> int:
    return len(httpx.get(f"{server.url}/jobs", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False).json()["items"])


@pytest.mark.slow
def test_a_schedule_fires_by_itself(
    krea: Callable[..., launch.Running], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(
        pipelines(name, schedules='    schedule: {cron: "* * * * *", params: {city: Porto}, fresh: true}')
    )
    server = krea()
    environment = {
        "PREFECT_API_URL": prefect_server.api_url,
        "KREA_API_URL": server.url,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_POLL_SECONDS": "0.3",
    }
    with process(*ANIMATIC, "serve", cwd=tmp_path, log=tmp_path / "serve.log", **environment):
        wait_for(lambda: list((tmp_path / "out" / name).glob("*/index.html")) != [], seconds=150)
        wanted = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}, "deployments": {"name": {"any_": [name]}}}
        wait_for(lambda: api.http.post("/flow_runs/filter", json=wanted).json() != [])
        run = api.http.post("/flow_runs/filter", json=wanted).json()[0]
    assert run["auto_scheduled"] is True
    assert run["name"] == f"{name} · Porto · noir · fresh"
    api.http.delete(f"/deployments/{api.deployment(name)['id']}")


def test_a_project_with_a_tasks_module_and_a_flows_package_of_its_own_never_meets_ours(
    krea: Callable[..., launch.Running], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    """Python and Prefect's engine put the project's folder before everything that is installed."""
    (tmp_path / "pipelines.yaml").write_text(pipelines(name, shots="      - {id: dawn, prompt: Dawn over the town}"))
    (tmp_path / "animatic.yaml").write_text("of: another program")
    (tmp_path / "tasks.py").write_text("from invoke import task\n")
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").write_text("raise RuntimeError('the flows of the project were imported')\n")
    server = krea()
    environment = {"PREFECT_API_URL": prefect_server.api_url, "ANIMATIC_POLL_SECONDS": "0.3"}
    module = (sys.executable, "-m", "animatic")

    for number, arguments in enumerate((["validate"], ["run", "--simulate"])):
        log = tmp_path / f"{number}.log"
        with process(*module, *arguments, cwd=tmp_path, log=log, **environment) as running:
            assert running.wait(100) == 0, log.read_text()

    environment |= {"KREA_API_URL": server.url, "KREA_API_TOKEN": TOKEN}
    with process(*module, "serve", cwd=tmp_path, log=tmp_path / "serve.log", **environment):
        wait_for(lambda: api.http.get(f"/deployments/name/{name}/{name}").is_success)
        ended = api.wait(api.start(name))
    assert ended["state"]["type"] == "COMPLETED", (ended["state"], (tmp_path / "serve.log").read_text()[-3000:])
