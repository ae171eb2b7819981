"""A run that is taken up where its project lies under another path: another clone, another pulled version, another machine."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.timeout(240)
TEXT = """
version: 1
deliver: {deliver}
defaults: {{video: {{model: xai/grok-video, duration: 1, resolution: 480p}}}}
pipelines:
  town:
    cut: {{audio: bed.wav}}
    shots:
      - {{id: still, kind: image, model: google/nano-banana-pro, prompt: The town, image_urls: [refs/a.png], approve: true}}
      - {{id: dawn, prompt: Dawn, start_image: still}}
      - {{id: dusk, prompt: Dusk, reference_images: [refs/a.png, still]}}
"""


def test_reference_files_and_sounds_are_found_below_the_file_that_is_there(animatic: Callable[..., Any], tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "refs").mkdir(parents=True)
    Image.new("RGB", (320, 180), "red").save(one / "refs" / "a.png")
    with wave.open(str(one / "bed.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000 * 3))
    (one / "pipelines.yaml").write_text(TEXT.format(deliver=tmp_path / "out"))
    waits = animatic("run", "--simulate", "--file", "one/pipelines.yaml")
    assert waits.code == 5, waits.err
    one.rename(two)
    where = ("--simulate", "--file", "two/pipelines.yaml")
    (run,) = (tmp_path / "out" / "simulated" / "town").iterdir()
    assert animatic("approve", run.name, "still", *where).code == 0
    resumed = animatic("resume", run.name, *where)
    assert resumed.code == 0, resumed.err
    manifest = json.loads((run / "manifest.json").read_text())
    assert {shot["id"]: shot["state"] for shot in manifest["shots"]} == {"still": "delivered", "dawn": "delivered", "dusk": "delivered"}
    assert manifest["reel"] is not None
