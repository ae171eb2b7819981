"""Files, schedules and owners of deployments against a real Prefect server."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from animatic.prefect.server import LocalServer
from animatic.simulator import launch
from tests.flows.deploying import ANIMATIC, PREFECT, TOKEN, Api, pipelines, process, wait_for

pytest_plugins = ["tests.flows.deploying"]
pytestmark = pytest.mark.timeout(400)


def environment_of(server: LocalServer, krea_url: str) -> dict[str, str]:
    return {"PREFECT_API_URL": server.api_url, "KREA_API_URL": krea_url, "KREA_API_TOKEN": TOKEN, "ANIMATIC_POLL_SECONDS": "0.3"}


@pytest.mark.slow
def test_prefect_deploy_leaves_no_schedule_running_that_left_the_file(
    animatic: Callable[..., Any], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    """Twice from each file: what `prefect deploy` takes once and refuses the second time would be no help."""
    api.http.post("/work_pools/", json={"name": f"pool-{name}", "type": "process"}).raise_for_status()

    def deployed(schedules: str) -> dict[str, tuple[Any, bool, dict[str, Any]]]:
        (tmp_path / "boards.yaml").write_text(pipelines(name, schedules=schedules))
        wrote = animatic("deploy", "--write", "--file", "boards.yaml", "--pool", f"pool-{name}")
        assert wrote.code == 0, wrote.err
        for number in range(2):
            log = tmp_path / f"deploy-{number}.log"
            with process(
                *PREFECT, "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml",
                cwd=tmp_path, log=log, PREFECT_API_URL=prefect_server.api_url, ANIMATIC_FILE="boards.yaml",
            ) as deploying:  # fmt: skip
                assert deploying.wait(90) == 0, log.read_text()
        there = api.deployment(name)["schedules"]
        return {item["slug"]: (item["schedule"].get("cron"), item["active"], item["parameters"]) for item in there}

    day = '"on {{ run.date }}"'
    first = deployed(f'    schedules: [{{cron: "0 6 * * *", params: {{city: {day}}}}}, {{cron: "0 9 * * *"}}]')
    assert first == {"schedule-1": ("0 6 * * *", True, {"city": "on {{ (run.date) }}"}), "schedule-2": ("0 9 * * *", True, {})}
    second = deployed(f'    schedules: [{{cron: "0 7 * * *", params: {{city: {day}}}}}]')
    assert {slug: rule[:2] for slug, rule in second.items()} == {"schedule-1": ("0 7 * * *", True), "schedule-2": ("0 9 * * *", False)}
    third = deployed("")
    assert [active for _, active, _ in third.values()] == [False, False]


def test_a_deployment_of_another_project_is_not_overwritten_and_one_file_has_many_paths(
    animatic: Callable[..., Any], api: Api, name: str, tmp_path: Path
) -> None:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    mine, theirs = tmp_path / "work" / "boards.yaml", tmp_path / "theirs.yaml"
    schedule = "    schedule: {interval: 1h}"
    shots = "\n".join(line for line in pipelines(f"{name}-2", schedules=schedule).splitlines() if line.startswith(("  ", "    ")))
    mine.write_text(pipelines(name, schedules=schedule) + shots)
    theirs.write_text(pipelines(name))
    assert animatic("deploy", "--file", "work/deep/../boards.yaml", "--pool", f"pool-{name}").code == 0
    before = api.deployment(name)

    refused = animatic("deploy", "--file", "theirs.yaml", "--pool", f"pool-{name}")
    assert refused.code == 2
    assert f"{name} (boards.yaml in {tmp_path / 'work'})" in refused.err
    assert "--take-over" in refused.err
    served = animatic("serve", "--file", "theirs.yaml")
    assert served.code == 2
    assert api.deployment(name) == before

    mine.write_text(pipelines(name, schedules=schedule))
    pruned = animatic("deploy", "--file", str(mine), "--pool", f"pool-{name}", "--prune")
    assert f"- {name}-2" in pruned.out
    assert "comes from" not in pruned.out
    assert api.http.get(f"/deployments/name/{name}-2/{name}-2").status_code == 404

    taken = animatic("deploy", "--file", "theirs.yaml", "--pool", f"pool-{name}", "--take-over")
    assert taken.code == 0, taken.err
    assert f"now of another project: boards.yaml in {tmp_path / 'work'}" in taken.out
    assert api.deployment(name)["job_variables"] == {"env": {"ANIMATIC_FILE": "theirs.yaml"}}


@pytest.mark.parametrize("given", ["boards.yaml", pytest.param("work", marks=pytest.mark.slow)])
def test_served_runs_find_a_file_of_any_name_and_refuse_whatever_they_are_given(
    krea: Callable[..., launch.Running], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path, given: str
) -> None:
    (tmp_path / "work").mkdir()
    file = tmp_path / ("boards.yaml" if given == "boards.yaml" else "work/one.yaml")
    text = pipelines(name, shots="      - {id: dawn, prompt: 'Dawn over {{ params.city }}'}")
    file.write_text(text.replace("city:", "town:").replace("params.city", "params.town"))
    environment = {
        "PREFECT_API_URL": prefect_server.api_url,
        "KREA_API_URL": krea().url,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_POLL_SECONDS": "0.3",
    }
    log = tmp_path / "serve.log"
    with process(*ANIMATIC, "serve", "--file", given, "--follow", cwd=tmp_path, log=log, **environment):
        wait_for(lambda: api.http.get(f"/deployments/name/{name}/{name}").is_success)
        done = api.wait(api.start(name, town="Porto", fresh=False))
        assert done["state"]["type"] == "COMPLETED", (done["state"], log.read_text()[-3000:])

        file.write_text(file.read_text().replace("town:", "place:").replace("params.town", "params.place"))
        unknown = api.wait(api.start(name, town="Porto", fresh=False))
        assert unknown["state"]["name"] == "Failed"
        assert "has no param town" in unknown["state"]["message"]
        assert "animatic deploy" in unknown["state"]["message"]

        file.write_text(file.read_text().replace(f"  {name}:", f"  {name}-gone:"))
        gone = api.wait(api.start(name, **{"town": "Porto", "fresh": False, "class": 1, "not-a-name": "x"}))
        assert gone["state"]["name"] == "Failed"
        assert f"there is no pipeline '{name.replace('-', '_')}'" in gone["state"]["message"]
    api.http.delete(f"/deployments/{api.deployment(name)['id']}")


@pytest.mark.slow
def test_runs_that_were_missed_are_skipped_and_those_in_time_are_made(
    animatic: Callable[..., Any], krea: Callable[..., launch.Running], prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    shots = "      - {id: dawn, prompt: 'Dawn of {{ run.date }} {{ run.time }}'}"
    schedule = '    schedule: {cron: "* * * * *", timezone: America/Los_Angeles}'
    (tmp_path / "pipelines.yaml").write_text(pipelines(name, schedules=schedule, shots=shots))
    assert animatic("deploy", "--pool", f"pool-{name}").code == 0
    wanted = {"sort": "EXPECTED_START_TIME_ASC", "deployments": {"name": {"any_": [name]}}}

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.http.post("/flow_runs/filter", json=wanted).raise_for_status().json()
        return found

    wait_for(
        lambda: bool(runs()) and datetime.fromisoformat(runs()[0]["expected_start_time"]) < datetime.now(UTC) - timedelta(seconds=70),
        seconds=200,
    )
    environment = {
        "PREFECT_API_URL": prefect_server.api_url,
        "KREA_API_URL": krea().url,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_POLL_SECONDS": "0.3",
    }
    with process(
        *PREFECT, "worker", "start", "--pool", f"pool-{name}", "--install-policy", "never",
        cwd=tmp_path / "elsewhere", log=tmp_path / "worker.log", PREFECT_WORKER_QUERY_SECONDS="1", **environment,
    ):  # fmt: skip
        wait_for(lambda: any(run["state"]["name"] == "Completed" for run in runs()), seconds=150)
    first = runs()[0]
    assert first["state"]["name"] == "Skipped"
    assert "late: run" in first["state"]["message"]
    made = next(run for run in runs() if run["state"]["name"] == "Completed")
    due = datetime.fromisoformat(made["expected_start_time"]).astimezone(ZoneInfo("America/Los_Angeles"))
    (manifest,) = [
        json.loads(path.read_text()) for path in (tmp_path / "out" / name).glob(f"*{made['id'].replace('-', '')[-12:]}/manifest.json")
    ]
    assert manifest["shots"][0]["request"]["prompt"] == f"Dawn of {due:%Y-%m-%d %H:%M}"
    api.http.delete(f"/deployments/{api.deployment(name)['id']}")
