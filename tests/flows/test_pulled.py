"""Deployments whose declaration lies in a bucket: a worker without the folder renders what was deployed, and nothing else."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

from animatic.prefect.server import LocalServer
from animatic.simulator import launch
from tests.flows.deploying import PREFECT, TOKEN, Api, process
from tests.s3server import S3

pytest_plugins = ["tests.s3server", "tests.flows.deploying"]
pytestmark = pytest.mark.timeout(300)

TEXT = """
version: 1
deliver: {deliver}
defaults: {{video: {{model: xai/grok-video, duration: 1, resolution: 480p}}}}
pipelines:
  {name}:
    params: {{city: {{type: string, default: lisbon}}}}
    shots:
      - {{id: dawn, prompt: Dawn over the town, start_image: "refs/{{{{ params.city }}}}.png"}}
      - {{id: logo, prompt: The logo, start_image: ../brand/logo.png}}
    cut: {{audio: music/bed.wav}}
"""


def picture(path: Path, color: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (320, 180), color).save(path)
    return path


def project(folder: Path, name: str, deliver: str) -> Path:
    """Write a project of several folders, with a file beside it that nothing names; returns its pipelines file."""
    for path, color in (("boards/refs/lisbon.png", "red"), ("boards/refs/porto.png", "green"), ("brand/logo.png", "blue")):
        picture(folder / path, color)
    (folder / "boards/music").mkdir()
    with wave.open(str(folder / "boards/music/bed.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000 * 3))
    picture(folder / "boards/private.png", "black")
    (folder / "boards/.env").write_text("KREA_API_TOKEN=secret")
    file = folder / "boards" / "pipelines.yaml"
    file.write_text(TEXT.format(name=name, deliver=deliver))
    return file


def keys_below(s3: S3, prefix: str) -> list[str]:
    found = s3.client().list_objects_v2(Bucket=s3.bucket, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", ())]


def submitted(server: launch.Running) -> int:
    return len(httpx.get(f"{server.url}/jobs", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False).json()["items"])


def test_a_worker_without_the_folder_renders_what_was_deployed_and_refuses_what_was_not(
    animatic: Callable[..., Any],
    krea: Callable[..., launch.Running],
    prefect_server: LocalServer,
    api: Api,
    s3: S3,
    name: str,
    tmp_path: Path,
) -> None:
    file = project(tmp_path / "project", name, f"{s3.url}/out")
    arguments = ("deploy", "--file", str(file), "--pool", f"pool-{name}", "--pull", f"{s3.url}/boards")
    assert keys_below(s3, "boards") == []
    dry = animatic(*arguments, "--dry-run")
    assert (dry.code, keys_below(s3, "boards")) == (0, []), dry.err
    nowhere = animatic(*arguments[:-1], "s3://no-such-bucket-here/boards")
    assert nowhere.code == 6, nowhere.err
    assert "there is no such bucket" in nowhere.err
    assert api.http.get(f"/deployments/name/{name}/{name}").status_code == httpx.codes.NOT_FOUND
    deployed = animatic(*arguments)
    assert deployed.code == 0, deployed.err
    assert "5 files of the declaration" in deployed.err
    assert len(keys_below(s3, "boards/.declarations/files/")) == 5
    again = animatic(*arguments, "--json")
    assert [(item["change"], item["details"]) for item in json.loads(again.out)] == [("unchanged", [])]
    said = animatic("doctor", "--file", str(file), "--pool", f"pool-{name}", "--simulate", "--json")
    assert "in step with pipelines.yaml" in next(item["message"] for item in json.loads(said.out) if item["subject"] == "deployments")
    shutil.move(tmp_path / "project", tmp_path / "away")  # nothing of it is on the machine of the worker

    server = krea(tokens=(TOKEN,))
    environment = {
        "PREFECT_API_URL": prefect_server.api_url,
        "KREA_API_URL": server.url,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_POLL_SECONDS": "0.3",
        "ANIMATIC_HOME": str(tmp_path / "home"),
        **s3.environment,
    }
    log = tmp_path / "worker.log"
    with process(
        *PREFECT, "worker", "start", "--pool", f"pool-{name}", "--install-policy", "never",
        cwd=tmp_path / "elsewhere", log=log, PREFECT_WORKER_QUERY_SECONDS="1", **environment,
    ):  # fmt: skip
        done = api.wait(api.start(name, city="porto"))
        assert done["state"]["type"] == "COMPLETED", (done["state"], log.read_text()[-3000:])
        manifest = json.loads(
            s3.client()
            .get_object(Bucket=s3.bucket, Key=next(key for key in keys_below(s3, "out") if key.endswith("manifest.json")))["Body"]
            .read()
        )
        assert [item["path"] for shot in manifest["shots"] for item in shot["inputs"]] == ["refs/porto.png", "../brand/logo.png"]
        assert manifest["reel"] is not None
        paid = submitted(server)
        assert paid == 2

        # Somebody writes into the bucket: this machine has its copy, and one that has none refuses what it would fetch.
        stored = api.deployment(name)["pull_steps"][0]["animatic.prefect.pull.from_s3"]
        listed = f"boards/.declarations/{stored['sha256']}.json"
        files = json.loads(s3.client().get_object(Bucket=s3.bucket, Key=listed)["Body"].read())["files"]
        logo = f"boards/.declarations/files/{files['brand/logo.png']['sha256']}"
        s3.client().put_object(Bucket=s3.bucket, Key=logo, Body=picture(tmp_path / "other.png", "white").read_bytes())
        shutil.rmtree(tmp_path / "home" / "pulled")
        refused = api.wait(api.start(name, city="lisbon"))
        assert refused["state"]["type"] == "FAILED", refused["state"]
        assert "brand/logo.png is not what was deployed" in refused["state"]["message"]
        assert f"animatic deploy --pull {s3.url}/boards" in refused["state"]["message"]
        assert submitted(server) == paid
        assert "Traceback" not in log.read_text()


def test_the_prefect_yaml_of_a_pulled_declaration_has_its_step(animatic: Callable[..., Any], s3: S3, name: str, tmp_path: Path) -> None:
    file = project(tmp_path, name, f"{s3.url}/out")
    file.rename(tmp_path / "pipelines.yaml")
    for folder in ("refs", "music"):
        (tmp_path / "boards" / folder).rename(tmp_path / folder)
    (tmp_path / "pipelines.yaml").write_text((tmp_path / "pipelines.yaml").read_text().replace("../brand", "brand"))
    (tmp_path / "deployments").mkdir()
    written = animatic("deploy", "--write", "--pull", f"{s3.url}/boards")
    assert written.code == 0, written.err
    text = (tmp_path / "deployments" / "prefect.yaml").read_text()
    (step,) = yaml.safe_load(text)["pull"]
    fields = step["animatic.prefect.pull.from_s3"]
    assert fields["location"] == f"{s3.url}/boards"
    assert f"boards/.declarations/{fields['sha256']}.json" in keys_below(s3, "boards")
    assert animatic("deploy", "--write", "--pull", f"{s3.url}/boards").out == "deployments/prefect.yaml is up to date\n"
