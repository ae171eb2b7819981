"""The simulator as a process: start, answers over a real socket, broken connections, and its end."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from animatic.errors import AnimaticError
from animatic.simulator import Running, SimulatorSettings, launch, start

GROK = "/generate/video/xai/grok-video"
STILL = "/generate/image/google/nano-banana-pro"
SETTINGS = SimulatorSettings(job_seconds=0.3, jitter=0, longest_side=64)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start(tmp_path_factory.mktemp("simulator"), settings=SETTINGS) as simulator:
        yield simulator


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, headers={"Authorization": "Bearer t"}, timeout=20, trust_env=False) as made:
        yield made
        made.post("/_simulator/settings", content=json.dumps(SETTINGS.to_json())).raise_for_status()


def test_it_starts_where_a_project_has_modules_of_pythons_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("logging.py", "json.py", "tasks.py", "yaml.py"):
        Path(name).write_text(f"raise SystemExit('{name} of the project')")
    with start(tmp_path / "state", settings=SETTINGS) as simulator:
        assert httpx.get(f"{simulator.url}/jobs", headers={"Authorization": "Bearer t"}, trust_env=False).status_code == httpx.codes.OK


def finish(client: httpx.Client, job_id: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    job: dict[str, Any]
    while (job := client.get(f"/jobs/{job_id}").json())["status"] not in {"completed", "failed", "cancelled"}:
        assert time.monotonic() < until
        time.sleep(0.02)
    return job


def submit(client: httpx.Client, prompt: str, route: str = STILL, **headers: str) -> str:
    return str(client.post(route, json={"prompt": prompt}, headers=headers).raise_for_status().json()["job_id"])


def change(client: httpx.Client, **settings: object) -> None:
    client.post("/_simulator/settings", json=settings).raise_for_status()


def test_a_job_goes_from_post_to_file(client: httpx.Client) -> None:
    job = finish(client, submit(client, "Bottle"))
    (url,) = job["result"]["urls"]
    reply = httpx.get(url)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    Image.open(io.BytesIO(reply.content)).verify()
    part = httpx.get(url, headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")


def test_a_token_is_required_and_may_be_a_certain_one(client: httpx.Client, running: Running) -> None:
    assert httpx.get(f"{running.url}/jobs").json() == {"message": "Unauthorized"}
    assert httpx.get(f"{running.url}/jobs", headers={"Authorization": "Basic x"}).status_code == 401
    change(client, tokens=["right"])
    assert client.get("/jobs").status_code == 401
    assert client.get("/jobs", headers={"Authorization": "Bearer right"}).status_code == 200


@pytest.mark.parametrize("options", ["lost", "lost-before"])
def test_a_lost_answer_is_a_closed_connection(client: httpx.Client, options: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        submit(client, f"[sim: {options}]")


def test_a_proxy_page_is_html(client: httpx.Client) -> None:
    reply = client.post(STILL, json={"prompt": "[sim: 524]"})
    assert (reply.status_code, reply.headers["content-type"]) == (524, "text/html; charset=utf-8")


def test_a_cut_download_ends_before_its_length(client: httpx.Client) -> None:
    job = finish(client, submit(client, "Bottle [sim: cut once]"))
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(job["result"]["urls"][0])
    assert httpx.get(job["result"]["urls"][0]).status_code == 200


def test_expired_addresses_are_forbidden(client: httpx.Client) -> None:
    change(client, url_seconds=0.0)
    job = finish(client, submit(client, "Bottle"))
    time.sleep(0.01)
    assert httpx.get(job["result"]["urls"][0]).status_code == 403


def test_listing_pages_from_new_to_old(client: httpx.Client) -> None:
    ids = [submit(client, f"{number} [sim: empty]") for number in range(5)]
    first = client.get("/jobs", params={"limit": 3}).json()
    second = client.get("/jobs", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["job_id"] for item in first["items"] + second["items"]] == ids[::-1]


def test_listing_filters(client: httpx.Client) -> None:
    failed = submit(client, "[sim: fail]")
    finish(client, failed)
    assert failed in [item["job_id"] for item in client.get("/jobs", params={"status": "failed"}).json()["items"]]
    others = client.get("/jobs", params={"types": "externalVideo", "limit": 1000, "status": "failed"}).json()["items"]
    assert failed not in [item["job_id"] for item in others], "a still is no externalVideo"


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"cursor": "yesterday"}, {"status": "done"}])
def test_bad_queries_are_refused(client: httpx.Client, query: dict[str, str]) -> None:
    assert client.get("/jobs", params=query).status_code == 400


def test_deleting_cancels_what_runs_and_hides_what_has_ended(client: httpx.Client) -> None:
    job_id = submit(client, "[sim: slow 60]")
    assert client.delete(f"/jobs/{job_id}").status_code == 200
    assert client.get(f"/jobs/{job_id}").json()["status"] == "cancelled"
    assert client.delete(f"/jobs/{job_id}").status_code == 200
    assert client.get(f"/jobs/{job_id}").status_code == 404
    assert client.delete(f"/jobs/{job_id}").status_code == 404


def test_assets_are_kept_listed_served_and_removed(client: httpx.Client) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, format="PNG")
    asset = client.post("/assets", files={"file": ("a.jpg", buffer.getvalue())}, data={"description": "red"}).json()
    assert (asset["width"], asset["height"], asset["mime_type"], asset["description"]) == (30, 20, "image/png", "red")
    assert httpx.get(asset["image_url"]).content == buffer.getvalue()
    assert client.get("/assets").json()["items"][0] == asset == client.get(f"/assets/{asset['id']}").json()
    made = client.post(GROK, json={"prompt": "x", "start_image": asset["image_url"]})
    assert made.status_code == 200
    assert client.delete(f"/assets/{asset['id']}").json()["success"] is True
    assert client.get(f"/assets/{asset['id']}").status_code == 404
    assert client.post(GROK, json={"prompt": "x", "start_image": asset["image_url"]}).status_code == 422


@pytest.mark.parametrize(
    ("content", "says"), [(b"hello", "Invalid file type"), (b"\x89PNG\r\n\x1a\nrest", "does not decode"), (b"", "Invalid file type")]
)
def test_bad_assets_are_refused(client: httpx.Client, content: bytes, says: str) -> None:
    reply = client.post("/assets", files={"file": ("a.png", content)})
    assert reply.status_code == 400
    assert says in reply.json()["error"]


def test_uploads_without_a_file_or_too_large_are_refused(client: httpx.Client) -> None:
    assert client.post("/assets", data={"description": "x"}).status_code == 400
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 0)
    connection.putrequest("POST", "/assets")
    connection.putheader("Authorization", "Bearer t")
    connection.putheader("Content-Length", str(80 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 400, "told before the body is sent"
    connection.close()


def test_failing_polls_and_slow_posts_are_faults(client: httpx.Client) -> None:
    change(client, faults={"failing_poll": 1})
    assert client.get("/jobs").status_code == 503
    change(client, faults={"failing_poll": 0, "slow_post": 0.2})
    began = time.monotonic()
    submit(client, "[sim: empty]")
    assert time.monotonic() - began >= 0.2


def test_wrong_settings_change_nothing(client: httpx.Client) -> None:
    before = client.get("/_simulator/settings").json()
    for content in ("{", "[]", "3", '{"speed": 1}', '{"faults": 3}', '{"tokens": 3}'):
        assert client.post("/_simulator/settings", content=content).status_code == 400
    assert client.get("/_simulator/settings").json() == before


def test_a_skewed_clock_shows_in_dates_and_jobs(client: httpx.Client) -> None:
    change(client, clock_skew=3600)
    reply = client.post(STILL, json={"prompt": "[sim: empty]"})
    created = reply.json()["created_at"]
    assert created[:16] > time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 3000))
    assert reply.headers["date"][17:19] != time.strftime("%H", time.gmtime())


def test_a_sunset_is_announced(client: httpx.Client) -> None:
    reply = client.post(STILL, json={"prompt": "[sim: deprecated]"})
    assert (reply.headers["deprecation"], "deprecation" in reply.headers["link"]) == ("true", True)


def test_billing_and_stats_add_up(client: httpx.Client) -> None:
    job_id = submit(client, "Bottle")
    finish(client, job_id)
    bill = client.get("/_simulator/billing").json()
    (item,) = [item for item in bill["items"] if item["job_id"] == job_id]
    assert (item["route"], item["usd"]) == (STILL, 0.15)
    assert bill["usd"] == pytest.approx(sum(item["usd"] for item in bill["items"]))
    assert client.get("/_simulator/stats").json()["submit"] > 0


class Receiver(BaseHTTPRequestHandler):
    calls: list[dict[str, Any]] = []  # noqa: RUF012 - one list for all handlers is the point

    def do_POST(self) -> None:
        self.calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    Receiver.calls.clear()
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/secret"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ({}, ["completed"]),
        ({"webhook_doubled": 1}, ["completed", "completed"]),
        ({"webhook_lost": 1}, []),
        ({"webhook_early": 1}, ["early", "completed"]),
    ],
)
def test_webhooks_call_once_unless_a_fault_says_otherwise(
    client: httpx.Client, hook: str, fault: dict[str, int], statuses: list[str]
) -> None:
    change(client, faults=fault)
    job_id = submit(client, "Bottle", **{"X-Webhook-URL": hook})
    job = finish(client, job_id)
    until = time.monotonic() + 3
    while len(Receiver.calls) < len(statuses) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.3)
    assert {call["job_id"] for call in Receiver.calls} <= {job_id}
    seen = [call["status"] if call["status"] == "completed" else "early" for call in Receiver.calls]
    assert seen == statuses
    assert all(call == job for call in Receiver.calls if call["status"] == "completed")


def test_two_simulators_share_one_folder(tmp_path: Path) -> None:
    with start(tmp_path, settings=SETTINGS) as one, start(tmp_path, settings=SETTINGS) as two:
        headers = {"Authorization": "Bearer t"}
        job_id = httpx.post(one.url + STILL, json={"prompt": "Bottle"}, headers=headers).json()["job_id"]
        with httpx.Client(base_url=two.url, headers=headers) as client:
            job = finish(client, job_id)
        assert job["result"]["urls"][0].startswith(two.url)
        assert httpx.get(job["result"]["urls"][0]).status_code == 200


def test_it_ends_on_request_and_twice_is_fine(tmp_path: Path) -> None:
    running = start(tmp_path, settings=SETTINGS)
    running.stop()
    running.stop()
    assert running.process.returncode == 0


def test_it_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from animatic.simulator import start\n"
        "r = start(pathlib.Path(sys.argv[1])); print(r.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until = time.monotonic() + 5
    while is_alive(child):
        assert time.monotonic() < until, "the simulator outlived its parent"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_start_that_fails_says_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AnimaticError, match="did not start") as caught:
        start(tmp_path / "file", log=tmp_path / "log")
    assert str(tmp_path / "log") in (caught.value.hint or "")
    assert "NotADirectoryError" in (tmp_path / "log").read_text() or "FileExistsError" in (tmp_path / "log").read_text()
    assert launch._START_SECONDS > 5
