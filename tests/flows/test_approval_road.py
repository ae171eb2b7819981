"""A storyboard that waits for a person, as one walks it: the real command, a real Prefect server, the simulator standing for Krea."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_main_road import billing, manifest_of, states

pytestmark = pytest.mark.timeout(240)

STILL_FIRST = """
version: 1
deliver: ./out
pipelines:
  bottle:
    shots:
      - {id: still, kind: image, model: google/nano-banana-pro, prompt: A bottle, takes: 3, approve: true}
      - {id: spin, model: xai/grok-video, prompt: Slow dolly, duration: 1, resolution: 480p, start_image: still}
"""


def test_nothing_that_hangs_on_a_shot_is_paid_before_a_person_has_picked(
    animatic: Callable[..., Any], krea: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(STILL_FIRST)
    peer = krea()
    real = {"KREA_API_URL": peer.url, "KREA_API_TOKEN": "krea-test-token"}

    first = animatic("run", "--json", **real)
    assert first.code == 5, first.err
    assert len(billing(peer)) == 3
    manifest = manifest_of(tmp_path / "out")
    assert (manifest["state"], states(manifest)) == ("waiting", {"still": "waiting", "spin": "skipped"})

    shown = animatic("review", "--json", **real)
    assert shown.code == 5
    [waits] = json.loads(shown.out)
    assert [take["take"] for take in waits["takes"]] == [1, 2, 3]
    assert waits["to_pay_usd"] > 0
    assert animatic("approve", manifest["run_id"], "still", "--take", "2", **real).code == 0
    assert animatic("approve", manifest["run_id"], "still", **real).code == 2
    assert animatic("resume", manifest["run_id"], **real).code == 0
    assert len(billing(peer)) == 4
    done = manifest_of(tmp_path / "out")
    assert (done["state"], states(done)) == ("completed", {"still": "delivered", "spin": "delivered"})
    assert [take["take"] for take in done["shots"][0]["takes"] if take["picked"]] == [2]
    assert done["shots"][0]["decision"]["take"] == 2
    assert animatic("review", **real).code == 0


def test_a_shot_that_is_rejected_is_made_once_more_and_asked_about_again(
    animatic: Callable[..., Any], krea: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "pipelines.yaml").write_text(STILL_FIRST.replace("takes: 3, ", ""))
    peer = krea()
    real = {"KREA_API_URL": peer.url, "KREA_API_TOKEN": "krea-test-token"}
    assert animatic("run", "--json", **real).code == 5
    first = manifest_of(tmp_path / "out")["run_id"]

    again = animatic("reject", first, "still", "--prompt", "A bottle, closer", "--note", "too far", "--json", **real)

    assert again.code == 5, again.err
    assert "still: take 1 is rejected; another take is made: $0.15" in again.err
    assert len(billing(peer)) == 2, "the new take alone"
    second = json.loads(again.out)["run_id"]
    refused = animatic("approve", first, "still", "--take", "1", **real)
    assert refused.code == 2
    assert animatic("reject", first, "nothing", **real).code == 2
    assert animatic("approve", second, "still", **real).code == 0
    twice = animatic("reject", second, "still", **real)
    assert twice.code == 2
    assert "was already approved by" in twice.err
    assert animatic("resume", second, **real).code == 0
    assert len(billing(peer)) == 3
    [still] = [
        shot for shot in json.loads((tmp_path / "out" / "bottle" / second / "manifest.json").read_text())["shots"] if shot["id"] == "still"
    ]
    assert (still["take"], still["request"]["prompt"]) == (2, "A bottle, closer")
