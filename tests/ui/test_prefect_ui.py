"""`animatic up` as a person meets it: the real Prefect UI in a real browser. Screenshots are kept in build/ui, to be looked at."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ui.browser import Browser, chromium

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
REPOSITORY = Path(__file__).resolve().parents[2]
PICTURES = REPOSITORY / "build" / "ui"
ANIMATIC = (sys.executable, "-c", "from animatic.cli import main; main()")
PIPELINES = """
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video, duration: 2, resolution: 480p}}
profiles: {draft: {video: {duration: 1}}}
pipelines:
  town:
    description: A town by the sea, chained by last frames.
    params:
      city: {type: string, default: Lisbon, description: Town to show}
      mood: {type: string, enum: [golden, noir], default: noir, description: Grade of the last shot}
    tags: [teaser]
    schedule: {cron: "0 6 * * 1-5", timezone: Europe/Lisbon, params: {city: Porto}, fresh: true}
    shots:
      - {id: dawn, prompt: "{{ params.city }} at dawn"}
      - {id: surf, prompt: Surf at the wall, start_image: dawn}
      - {id: grade, prompt: "Regrade as {{ params.mood }}", edit_video: surf}
    cut: {}
  storm:
    shots:
      - {id: calm, prompt: A calm sea}
      - {id: storm, prompt: "A storm [sim: fail]", retries: 0}
      - {id: after, prompt: The sea after it, start_image: storm}
  long:
    shots:
      - {id: slow, prompt: "A long street [sim: slow 120]"}
"""


@dataclass(frozen=True)
class Up:
    process: subprocess.Popen[bytes]
    ui: str
    folder: Path
    environment: dict[str, str]

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self.ui}/api{path}"
        answer = httpx.get(url, trust_env=False) if body is None else httpx.post(url, json=body, trust_env=False)
        return answer.raise_for_status().json()

    def deployment(self, name: str) -> str:
        return str(self.api(f"/deployments/name/{name}/{name}")["id"])

    def start(self, name: str) -> str:
        return str(self.api(f"/deployments/{self.deployment(name)}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"])

    def state(self, run_id: str) -> str:
        return str(self.api(f"/flow_runs/{run_id}")["state"]["name"])


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    (folder / "pipelines.yaml").write_text(PIPELINES)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KREA_", "AWS_", "PREFECT_", "ANIMATIC_"))}
    environment = kept | {"ANIMATIC_HOME": str(folder / "home"), "HOME": str(folder)}
    with (folder / "up.log").open("wb") as log:
        running = subprocess.Popen([*ANIMATIC, "up"], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 150
        while "Everything is up" not in (text := (folder / "up.log").read_text()):
            assert running.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.3)
        address = re.search(r"Prefect UI +(\S+)", text)
        assert address is not None
        yield Up(running, address[1], folder, environment)
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
            running.wait(60)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as window:
        yield window


def test_deployments_and_schedules_are_listed(up: Up, browser: Browser) -> None:
    browser.open(f"{up.ui}/deployments")
    browser.see("town", "storm", "long", "animatic", "teaser")
    browser.picture(PICTURES / "deployments.png")
    browser.open(f"{up.ui}/deployments/deployment/{up.deployment('town')}")
    browser.see("Next Run", "06:00:00 AM", "schedule")
    browser.picture(PICTURES / "deployment.png")


def test_a_run_is_started_from_the_form_and_shows_storyboard_and_pictures(up: Up, browser: Browser) -> None:
    browser.open(f"{up.ui}/deployments/deployment/{up.deployment('town')}/run")
    browser.see("city", "Town to show", "mood", "Grade of the last shot", "fresh", "golden", "profile", "as written", "draft")
    browser.fill("//textarea", "Sagres")
    browser.picture(PICTURES / "form.png")
    browser.click("//button[@type='submit']")
    found: list[dict[str, Any]] = []

    def started() -> bool:
        runs = up.api("/flow_runs/filter", {"deployments": {"name": {"any_": ["town"]}}})
        found[:] = [run for run in runs if run["parameters"].get("city") == "Sagres"]
        return bool(found)

    browser.wait(started)
    run_id = found[0]["id"]
    browser.wait(lambda: up.state(run_id) == "Completed", 120)

    assert {"animatic", "teaser", "simulated"} == set(up.api(f"/flow_runs/{run_id}")["tags"])
    browser.open(f"{up.ui}/runs/flow-run/{run_id}")
    browser.see("SIMULATED · town · Sagres · noir", "Completed", "dawn · generate")
    time.sleep(3)  # the graph is drawn
    browser.picture(PICTURES / "flow-run.png")
    names = {node["id"]: node for _, node in up.api(f"/flow_runs/{run_id}/graph-v2")["nodes"]}
    edges = {(names[parent["id"]]["label"], node["label"]) for node in names.values() for parent in node["parents"]}
    assert {
        ("dawn · generate", "dawn · wait"), ("dawn · wait", "dawn · upload"), ("dawn · upload", "surf · generate"),
        ("surf · upload", "grade · generate"), ("reel", "manifest"), ("grade · upload", "reel"),
    } <= edges  # fmt: skip

    artifacts = {item["key"]: item for item in up.api("/artifacts/filter", {"flow_runs": {"id": {"any_": [run_id]}}})}
    assert set(artifacts) == {f"town-{name}" for name in ("plan", "shots", "progress", "storyboard", "manifest")}
    shows = {
        "town-plan": ("3 shots, 3 to generate", "grok-video"), "town-shots": ("dawn", "delivered", "3 shots"),
        "town-storyboard": ("Watch reel.mp4",),
        "town-manifest": ("SIMULATED · town: completed", "index.html"), "town-progress": ("100",),
    }  # fmt: skip
    for version in ("v2/", ""):
        for key, words in shows.items():
            browser.open(f"{up.ui}/{version}artifacts/artifact/{artifacts[key]['id']}")
            browser.see(*words)
            if key in {"town-plan", "town-storyboard", "town-shots"}:
                wide = 100 if key == "town-shots" else 200
                seen = f"return [...document.images].some(image => image.naturalWidth > {wide})"
                browser.wait(functools.partial(browser.run, seen))
            if key == "town-shots":
                links = browser.run("return [...document.links].map(link => link.href).filter(link => link.endsWith('01-dawn.mp4'))")
                assert links, "the table shows links, not their Markdown"
                assert "data:" not in browser.text
                assert "](" not in browser.text
            browser.picture(PICTURES / f"{key}{'-v2' if version else ''}.png")
    reel = re.search(r"\((http://127[^)]+reel\.mp4)\)", artifacts["town-storyboard"]["data"])
    assert reel is not None
    assert httpx.get(reel[1], trust_env=False).headers["content-type"] == "video/mp4"
    assert httpx.get(reel[1].replace("town/", "town/../.animatic/"), trust_env=False).status_code == 404


def test_a_failed_run_explains_itself(up: Up, browser: Browser) -> None:
    run_id = up.start("storm")
    browser.wait(lambda: up.state(run_id) == "Failed", 120)
    browser.open(f"{up.ui}/runs/flow-run/{run_id}")
    browser.see("Failed", "storm · generate")
    browser.click("//*[text()[normalize-space()='Details']]")
    text = browser.see("2 of 3 shots missing: storm failed at Krea; resume.")
    assert "storm:" in text
    nodes = {node["id"]: node for _, node in up.api(f"/flow_runs/{run_id}/graph-v2")["nodes"]}
    (skipped,) = [node for node in nodes.values() if node["label"] == "after · skipped"]
    assert skipped["state_type"] == "PENDING", "not ready, in Prefect's words"
    assert {nodes[parent["id"]]["label"] for parent in skipped["parents"]} == {"storm · wait"}
    time.sleep(2)
    browser.picture(PICTURES / "failed.png")


def test_a_run_is_cancelled_in_the_ui_within_seconds(up: Up, browser: Browser) -> None:
    run_id = up.start("long")
    browser.wait(lambda: up.state(run_id) == "Running", 90)
    browser.wait((up.folder / "out/simulated/long").is_dir, 60)
    browser.open(f"{up.ui}/runs/flow-run/{run_id}")
    browser.click("//button[contains(., 'Cancel')]")
    browser.see("Cancel Flow Run")
    browser.click("//button[contains(., 'Confirm')]")
    browser.wait(lambda: up.state(run_id) == "Cancelled", 25, lambda: up.state(run_id))
    browser.see("Cancelled")
    browser.wait(lambda: "animatic resume" in (up.api(f"/flow_runs/{run_id}")["state"]["message"] or ""), 40)
    found = up.api("/artifacts/filter", {"flow_runs": {"id": {"any_": [run_id]}}})
    assert {item["description"] for item in found if item["key"] in {"long-shots", "long-progress"}} == {
        "SIMULATED · 0 of 1 shot is there: 1 interrupted; would be billed $0.00, $0.10 set aside"
    }
    browser.picture(PICTURES / "cancelled.png")


def test_a_second_up_says_that_one_is_up_and_the_first_ends_all_of_it(up: Up) -> None:
    second = subprocess.run([*ANIMATIC, "up"], cwd=up.folder, env=up.environment, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert "is up already" in second.stderr
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    with pytest.raises(httpx.ConnectError):
        up.api("/health")
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(up.folder) not in left
