"""A suspended run in the Prefect UI, as a person meets it: both its form and its artifact, in a real browser. Screenshots: build/ui."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest

from animatic.prefect.server import LocalServer
from animatic.simulator import launch
from animatic.simulator.settings import SimulatorSettings
from tests.flows.conftest import prefect_server
from tests.flows.deploying import ANIMATIC, TOKEN, Api, process, wait_for
from tests.ui.browser import Browser, chromium

__all__ = ["prefect_server"]  # a fixture
pytest_plugins = ["tests.flows.deploying"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PICTURES = Path(__file__).resolve().parents[2] / "build" / "ui"
DIALOG = "//div[@role='dialog']"


def form_of(browser: Browser, server: LocalServer, flow_run: str) -> None:
    """Open the form by which the run is resumed."""
    browser.open(f"{server.ui_url}/v2/runs/flow-run/{flow_run}")
    browser.see("Suspended")
    browser.click("//button[contains(., 'Open menu')]")
    browser.click("//*[@role='menuitem'][contains(., 'Resume')]")
    browser.see("Your name", "still waits for approval: approving pays $0.05 (spin)", "Approving pays $0.05 (spin).")


def choose(browser: Browser, label: str, option: str) -> None:
    browser.click(f"{DIALOG}//label[contains(., '{label}')]/following::button[not(@aria-haspopup = 'menu')][1]")
    browser.click(f"//*[@role='option'][normalize-space()='{option}']")
    browser.see(option)


def write(browser: Browser, label: str, text: str) -> None:
    browser.fill(f"{DIALOG}//label[contains(., '{label}')]/following::textarea[1]", text)


def send(browser: Browser) -> None:
    browser.click(f"{DIALOG}//button[normalize-space()='Resume']")


def pictures_in(browser: Browser, where: str) -> int:
    found = "return [...document.querySelectorAll(arguments[0])].filter(image => image.naturalWidth > 90).length"
    return int(browser.run(found, f"{where} img"))


def test_another_take_is_asked_for_and_approved_in_the_form_of_the_ui(
    prefect_server: LocalServer, api: Api, name: str, tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(f"""
version: 1
deliver: ./out
pipelines:
  {name}:
    shots:
      - {{id: still, kind: image, model: google/nano-banana-pro, prompt: A bottle, takes: 2, approve: true}}
      - {{id: spin, model: xai/grok-video, prompt: Slow dolly, duration: 1, resolution: 480p, start_image: still}}
""")
    settings = SimulatorSettings(anonymous=True, video_seconds=0.4, image_seconds=0.2, tokens=(TOKEN,))
    with launch.start(tmp_path / "krea", settings=settings) as krea, chromium() as browser:
        environment = {"PREFECT_API_URL": prefect_server.api_url, "KREA_API_URL": krea.url, "KREA_API_TOKEN": TOKEN}
        log = tmp_path / "serve.log"
        with process(*ANIMATIC, "serve", cwd=tmp_path, log=log, **environment):
            wait_for(lambda: "Serving" in log.read_text(), 90)
            flow_run = api.start(name)
            suspended(api, flow_run)
            found = api.http.post("/artifacts/filter", json={"flow_runs": {"id": {"any_": [flow_run]}}}).json()
            [asks] = [item for item in found if item["key"] == f"{name}-approval"]
            for version in ("v2/", ""):
                browser.open(f"{prefect_server.ui_url}/{version}artifacts/artifact/{asks['id']}")
                browser.see("still waits for approval: approving pays $0.05 (spin)", "take 1", "take 2", "animatic approve")
                browser.wait(lambda: pictures_in(browser, "body") >= 2)
                browser.picture(PICTURES / f"approval{'-v2' if version else ''}.png")

            form_of(browser, prefect_server, flow_run)
            browser.wait(lambda: pictures_in(browser, "[role=dialog]") == 2)
            browser.picture(PICTURES / "approval-form.png")
            send(browser)
            browser.see("'decision' is a required property")
            choose(browser, "Decision", "make another take")
            write(browser, "New prompt", "A bottle, closer")
            write(browser, "Note", "too far")
            write(browser, "Your name", "mara")
            browser.picture(PICTURES / "approval-form-filled.png")
            send(browser)
            api.wait(flow_run, until=lambda run: run["state"]["name"] != "Suspended", seconds=20)
            suspended(api, flow_run)

            form_of(browser, prefect_server, flow_run)
            browser.wait(lambda: pictures_in(browser, "[role=dialog]") == 3)
            browser.see("A bottle, closer", "take 3")
            choose(browser, "Decision", "approve")
            choose(browser, "Take", "3")
            send(browser)
            api.wait(flow_run, until=lambda run: run["state"]["name"] != "Suspended", seconds=20)
            run = api.wait(flow_run)
            assert run["state"]["name"] == "Completed", (run["state"], log.read_text()[-3000:])
            assert seconds_until_taken_up(api, flow_run) < 5
            browser.open(f"{prefect_server.ui_url}/v2/runs/flow-run/{flow_run}")
            browser.see("Completed")
            time.sleep(2)  # the graph is drawn
            browser.picture(PICTURES / "approved.png")


def seconds_until_taken_up(api: Api, flow_run: str) -> float:
    """Return how long the run waited for a process after the last decision, by the server's clock."""
    states = api.http.get("/flow_run_states/", params={"flow_run_id": flow_run}).raise_for_status().json()
    states.sort(key=lambda state: state["timestamp"])
    last = max(place for place, state in enumerate(states) if state["name"] == "Resuming")
    resumed, taken_up = (datetime.fromisoformat(states[place]["timestamp"]) for place in (last, last + 1))
    return (taken_up - resumed).total_seconds()


def suspended(api: Api, flow_run: str) -> None:
    run = api.wait(flow_run, until=lambda run: run["state"]["name"] in {"Suspended", "Failed", "Crashed", "Completed"})
    assert run["state"]["name"] == "Suspended", run["state"]
