"""The main road as a user walks it: the real command, a real Prefect server, the simulator standing for Krea."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from animatic.media import probe
from animatic.prefect.server import LocalServer
from animatic.simulator import launch
from animatic.simulator.settings import Faults
from tests.s3server import S3

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.timeout(240)
REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "krea-test-token-5f1d"

CHAIN = """
version: 1
deliver: ./out
pipelines:
  chain:
    shots:
      - {id: dawn, model: xai/grok-video, prompt: "Dawn over the town", duration: 1, resolution: 480p}
      - {id: surf, model: xai/grok-video, prompt: "Surf at the wall", duration: 1, resolution: 480p, start_image: dawn}
      - {id: grade, model: xai/grok-video, prompt: "Heavy grain", resolution: 480p, duration: 1, edit_video: surf}
    cut: {shots: [dawn, surf, grade]}
"""


def manifest_of(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*/*/manifest.json")
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest


def states(manifest: dict[str, Any]) -> dict[str, str]:
    return {shot["id"]: shot["state"] for shot in manifest["shots"]}


def billing(krea: launch.Running) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{krea.url}/_simulator/billing") as answer:
        jobs: list[dict[str, Any]] = json.load(answer)["items"]
    return jobs


def assert_true_to_its_files(manifest: dict[str, Any], destination: Path) -> None:
    for clip in [shot["clip"] for shot in manifest["shots"]] + [manifest["reel"]]:
        data = (destination / clip["key"]).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (clip["sha256"], clip["size"])


def test_a_newcomer_sees_a_finished_reel_after_one_command(animatic: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(REPOSITORY.joinpath("pipelines.yaml").read_text())
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "bottle.png").write_bytes(REPOSITORY.joinpath("refs/bottle.png").read_bytes())

    first = animatic("run", "--simulate")

    assert first.code == 0, first.err
    manifest = manifest_of(tmp_path / "out" / "simulated")
    assert manifest["state"] == "completed"
    assert manifest["simulated"] is True
    assert states(manifest) == dict.fromkeys(["dawn", "surf", "gulls", "grade"], "delivered")
    assert_true_to_its_files(manifest, tmp_path / "out")
    run = tmp_path / "out" / "simulated" / "coast-teaser" / manifest["run_id"]
    reel = probe(run / "reel.mp4")
    assert reel.duration == pytest.approx(sum(shot["clip"]["duration"] for shot in manifest["shots"]), abs=0.2)
    assert "SIMULATED" in (run / "index.html").read_text().upper()
    surf = next(shot for shot in manifest["shots"] if shot["id"] == "surf")
    assert surf["inputs"][0] | {"sha256": "", "sent_as": ""} == {
        "field": "start_image",
        "from": "shot",
        "shot": "dawn",
        "frame": "last",
        "sha256": "",
        "sent_as": "",
    }
    assert surf["request"]["start_image"] == surf["inputs"][0]["sent_as"]

    again = animatic("run", "--simulate", "--json")

    assert again.code == 0, again.err
    result = json.loads(again.out)
    assert result["shots"] == {"reused": 4}
    assert result["cost"]["billed_usd"] == 0
    second = json.loads(Path(result["manifest"]).read_text())
    assert [shot["clip"]["sha256"] for shot in second["shots"]] == [shot["clip"]["sha256"] for shot in manifest["shots"]]


def test_every_way_to_fail_ends_in_its_state_and_the_others_are_delivered(
    animatic: Callable[..., Any], krea: Callable[..., launch.Running], tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text("""
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video, duration: 1, resolution: 480p}}
pipelines:
  mixed:
    shots:
      - {id: good, prompt: "A quiet square"}
      - {id: broken, prompt: "[sim: fail] A storm", retries: 1}
      - {id: after, prompt: "The storm passes", start_image: broken}
      - {id: refused, prompt: "[sim: moderated] Something else", retries: 3}
      - {id: empty, prompt: "[sim: empty] Nothing", retries: 2}
      - {id: gone, prompt: "[sim: gone] Old friend", fallback: [{model: kling/kling-2.5, duration: 5, prompt: Anew, resolution: null}]}
""")
    server = krea()

    ended = animatic("run", KREA_API_URL=server.url, KREA_API_TOKEN=TOKEN)

    # One shot waits for a person: its job was paid for, and its result is not understood.
    assert ended.code == 5, ended.err
    manifest = manifest_of(tmp_path / "out")
    assert manifest["state"] == "waiting"
    assert manifest["simulated"] is False
    assert states(manifest) == {
        "good": "delivered",
        "broken": "failed",
        "after": "skipped",
        "refused": "failed",
        "empty": "in_doubt",
        "gone": "delivered",
    }
    shots = {shot["id"]: shot for shot in manifest["shots"]}
    assert [attempt["status"] for attempt in shots["broken"]["attempts"]] == ["failed", "failed"]
    assert [attempt["usd"] for attempt in shots["broken"]["attempts"]] == [0, 0]
    assert [attempt["status"] for attempt in shots["refused"]["attempts"]] == ["failed"]
    assert shots["empty"]["error"]["code"] == "unclear_result"
    assert [attempt["status"] for attempt in shots["empty"]["attempts"]] == ["completed"]
    assert shots["after"]["error"]["code"] == "upstream"
    assert shots["gone"]["model"] == "kling/kling-2.5"
    assert "broken" in ended.err
    assert "animatic resume" in ended.err


def test_a_run_killed_while_waiting_takes_up_its_job_by_id(
    animatic: Callable[..., Any], krea: Callable[..., launch.Running], prefect_server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(CHAIN)
    server = krea(video_seconds=4.0)
    environment = {"KREA_API_URL": server.url, "KREA_API_TOKEN": TOKEN, "PREFECT_API_URL": prefect_server.api_url}
    with subprocess.Popen(
        [sys.executable, "-c", "from animatic.cli import main; main()", "run"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    ) as process:
        _until(lambda: any((tmp_path / "out").glob(".animatic/submissions/*/*/001/submitted.json")))
        process.send_signal(signal.SIGKILL)

    ended = animatic("run", KREA_API_URL=server.url, KREA_API_TOKEN=TOKEN)

    assert ended.code == 0, ended.err
    assert len(billing(server)) == 3


def test_no_secret_is_kept_or_shown(
    animatic: Callable[..., Any], krea: Callable[..., launch.Running], prefect_server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(CHAIN)
    server = krea(tokens=(TOKEN,), url_seconds=600.0, result_shape="urls")

    ended = animatic("run", KREA_API_URL=server.url, KREA_API_TOKEN=TOKEN)

    assert ended.code == 0, ended.err
    kept = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.suffix in {".json", ".html"})
    logs = _post(f"{prefect_server.api_url}/logs/filter", {"limit": 200, "sort": "TIMESTAMP_DESC"})
    artifacts = _post(f"{prefect_server.api_url}/artifacts/filter", {"limit": 50})
    runs = _post(f"{prefect_server.api_url}/flow_runs/filter", {"limit": 50})
    for text in (ended.out, ended.err, kept, logs, artifacts, runs):
        assert TOKEN not in text
        assert "signature=" not in text.lower()
    assert server.url in kept


@pytest.mark.parametrize(
    ("settings", "token", "code", "told"),
    [
        ({"tokens": ("another",)}, TOKEN, 6, "KREA_API_TOKEN"),
        ({"anonymous": False}, "anything", 2, "KREA_API_URL points to the simulator"),
        ({}, "", 2, "--simulate"),
        ({"faults": Faults(rate_limited=0.0)}, TOKEN, 3, "top up"),
    ],
    ids=["wrong token", "simulator", "no token", "out of credits"],
)
def test_a_run_is_refused_for_its_reason(
    animatic: Callable[..., Any],
    krea: Callable[..., launch.Running],
    tmp_path: Path,
    settings: dict[str, Any],
    token: str,
    code: int,
    told: str,
) -> None:
    directive = "[sim: credits] " if code == 3 else ""
    (tmp_path / "pipelines.yaml").write_text(CHAIN.replace("Dawn over", f"{directive}Dawn over"))
    server = krea(**settings)

    ended = animatic("run", KREA_API_URL=server.url, KREA_API_TOKEN=token)

    assert ended.code == code, ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert billing(server) == []


def test_the_same_storyboard_goes_to_s3_with_true_hashes(
    animatic: Callable[..., Any], krea: Callable[..., launch.Running], s3: S3, tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(CHAIN.replace("./out", f"{s3.url}/boards"))
    server = krea()

    ended = animatic("run", "--json", KREA_API_URL=server.url, KREA_API_TOKEN=TOKEN, **s3.environment)

    assert ended.code == 0, ended.err
    result = json.loads(ended.out)
    manifest = json.loads(read_object(s3, result["manifest"]))
    for clip in [shot["clip"] for shot in manifest["shots"]] + [manifest["reel"]]:
        assert clip["key"].startswith(f"{s3.url}/boards/chain/{manifest['run_id']}/")
        assert hashlib.sha256(read_object(s3, clip["key"])).hexdigest() == clip["sha256"]
    assert len(billing(server)) == 3


def read_object(s3: S3, url: str) -> bytes:
    data: bytes = s3.client().get_object(Bucket=s3.bucket, Key=url.removeprefix(f"{s3.url}/"))["Body"].read()
    return data


def _post(url: str, body: dict[str, Any]) -> str:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return str(answer.read().decode())


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
