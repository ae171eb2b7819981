"""What the simulator gives for sound, meshes and enhanced clips: lengths that fit the words, real files, and that they are simulated."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from animatic.catalog import Catalog
from animatic.krea.wire import parse_job
from animatic.media import Facts, MeshFacts, SoundFacts, measure
from animatic.simulator.checks import mistakes
from animatic.simulator.jobs import Job
from animatic.simulator.render.clip import poster, render_clip
from animatic.simulator.render.mesh import render_mesh
from animatic.simulator.render.recipe import Media, Recipe, recipe_of
from animatic.simulator.render.sound import render_sound
from animatic.simulator.replies import Result, job_reply
from animatic.simulator.settings import ResultShape
from animatic.slate import SlateNote
from tests.present import present

CATALOG = Catalog.load()
SENTENCE = "Every morning the harbour tells its own story, twice."


def recipe(model: str, body: dict[str, Any], media: dict[tuple[str | int, ...], Media] | None = None, **more: Any) -> Recipe:
    text = str(body.get("prompt", ""))
    return recipe_of(present(CATALOG.find(model)), body, text, media or {}, variation=more.pop("variation", 0), longest_side=1920, **more)


def sound(tmp_path: Path, made: Recipe) -> tuple[Path, SoundFacts]:
    target = tmp_path / f"sound.{made.suffix}"
    render_sound(made, target)
    facts = measure(target)
    assert isinstance(facts, SoundFacts)
    return target, facts


@pytest.mark.parametrize(
    ("model", "body", "seconds", "mime"),
    [
        ("elevenlabs/tts", {"prompt": SENTENCE}, 9 / 2.5, "audio/mpeg"),
        ("elevenlabs/tts", {"prompt": "Hm"}, 0.6, "audio/mpeg"),
        ("elevenlabs/tts", {"prompt": "港が語る朝の物語を聞く"}, 11 / 2 / 2.5, "audio/mpeg"),
        ("elevenlabs/music", {"prompt": "Slow strings", "music_length_ms": 7500}, 7.5, "audio/mpeg"),
        ("elevenlabs/music-v2", {"prompt": "Slow strings"}, 10.0, "audio/mpeg"),
        ("bytedance/seed-audio-1.0", {"prompt": SENTENCE}, 9 / 2.5, "audio/wav"),
    ],
)
def test_a_sound_is_as_long_as_its_words_or_as_it_is_asked_to_be(
    tmp_path: Path, model: str, body: dict[str, Any], seconds: float, mime: str
) -> None:
    assert list(mistakes(present(CATALOG.find(model)), body)) == []
    _, facts = sound(tmp_path, recipe(model, body))
    assert facts.duration == pytest.approx(seconds, abs=0.06)
    assert facts.mime == mime
    assert -30 < present(facts.loudness) < -14


def test_speech_swells_once_for_each_syllable(tmp_path: Path) -> None:
    target, _ = sound(tmp_path, recipe("bytedance/seed-audio-1.0", {"prompt": "Banana, tea."}))
    with av.open(str(target)) as container:
        samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]).astype(float)
    level = np.sqrt(np.convolve(samples**2, np.ones(1500) / 1500, mode="same"))
    loud = level > level.max() * 0.55
    assert int(np.count_nonzero(np.diff(loud.astype(int)) == 1)) == 4  # ba-na-na tea


def test_a_sound_says_that_it_is_simulated(tmp_path: Path) -> None:
    for model in ("elevenlabs/tts", "bytedance/seed-audio-1.0"):
        target, _ = sound(tmp_path, recipe(model, {"prompt": "Hello there"}))
        with av.open(str(target)) as container:
            assert "simulated" in str(container.metadata)


def test_the_same_request_sounds_the_same_and_another_take_does_not(tmp_path: Path) -> None:
    first = sound(tmp_path, recipe("elevenlabs/tts", {"prompt": SENTENCE}))[0].read_bytes()
    assert sound(tmp_path, recipe("elevenlabs/tts", {"prompt": SENTENCE}))[0].read_bytes() == first
    assert sound(tmp_path, recipe("elevenlabs/tts", {"prompt": SENTENCE}, variation=1))[0].read_bytes() != first


def test_a_mesh_has_a_name_and_is_a_whole_glb(tmp_path: Path) -> None:
    target = tmp_path / "m.glb"
    note = SlateNote(shot="lamp", number=1, count=1, title="The lamp")
    made = recipe("meshy/meshy-7", {"prompt": "A brass lamp", "input_mode": "text"}, note=note)
    assert made.suffix == "glb"
    render_mesh(made, target)
    facts = measure(target)
    assert isinstance(facts, MeshFacts)
    assert facts.triangles >= 4
    data = target.read_bytes()
    assert struct.unpack_from("<I", data, 8)[0] == len(data)
    scene = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    assert scene["nodes"][0]["name"] == "The lamp"
    assert "simulated" in scene["asset"]["extras"]["comment"]
    positions = np.frombuffer(data, "<f4", scene["accessors"][0]["count"] * 3, len(data) - scene["buffers"][0]["byteLength"]).reshape(-1, 3)
    assert positions.min(axis=0).tolist() == scene["accessors"][0]["min"]
    assert positions.max(axis=0).tolist() == scene["accessors"][0]["max"]
    outward = [float(np.cross(b - a, c - a) @ (a + b + c)) for a, b, c in positions.reshape(-1, 3, 3)]
    assert all(side > 0 for side in outward)  # counter-clockwise from outside, as glTF wants it
    (tmp_path / "p.jpg").write_bytes(poster(target))
    with Image.open(tmp_path / "p.jpg") as picture:
        assert len(np.unique(np.asarray(picture.convert("L").resize((24, 24))))) > 3


def test_an_enhanced_clip_is_its_source_larger(tmp_path: Path) -> None:
    source = tmp_path / "s.mp4"
    render_clip(recipe("xai/grok-video", {"prompt": "Surf", "duration": 1, "resolution": "480p"}), source)
    media: dict[tuple[str | int, ...], Media] = {("video_url",): Media(sha256="s", path=str(source), moving=True)}
    for model, body, size in (
        ("topaz/astra", {}, (1708, 960)),
        ("black-forest-labs/flux-video-upscale", {"upscale_factor": 1.5}, (1282, 720)),
        ("bytedance/seedvr-2", {"target_width": 640, "target_height": 360}, (640, 360)),
    ):
        made = recipe(model, {"video_url": "x", **body}, media)
        assert made.suffix == "mp4"
        render_clip(made, tmp_path / "e.mp4")
        facts = measure(tmp_path / "e.mp4")
        assert isinstance(facts, Facts)
        assert (facts.width, facts.height) == pytest.approx(size, abs=2)
        assert (facts.frames, facts.fps) == (24, 24.0)


def test_a_clip_from_elsewhere_is_enhanced_to_a_slate(tmp_path: Path) -> None:
    made = recipe("topaz/astra", {"video_url": "https://host.example/c.mp4"})
    assert made.suffix == "mp4"
    render_clip(made, tmp_path / "e.mp4")
    assert isinstance(measure(tmp_path / "e.mp4"), Facts)


SHAPES: tuple[ResultShape, ...] = ("urls", "objects", "video_url", "both", "rotate")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("suffix", "kind"), [("mp3", "externalAudio"), ("wav", "externalAudio"), ("glb", "external3d")])
def test_every_shape_of_a_result_leads_to_the_file_first(shape: ResultShape, suffix: str, kind: str) -> None:
    result = Result(url=f"https://sim.example/result.{suffix}", thumbnail_url="https://sim.example/thumbnail.jpg", facts={})
    for number in range(12):
        job = Job(
            id=f"job-{number}",
            route="/generate/audio/elevenlabs/tts",
            model="elevenlabs/tts",
            kind="audio",
            body={},
            request_hash="",
            render_key="",
            suffix=suffix,  # type: ignore[arg-type]  # drawn from the table above
            created_at=0,
            start_at=0,
            seconds=1,
            visible_at=0,
            outcome="completed",
            usd=None,
        )
        reply = job_reply(job, "completed", ended_at=1, result=result, shape=shape)
        read = parse_job(json.loads(json.dumps(reply)), seen=datetime(2026, 12, 1, tzinfo=UTC), base="https://sim.example")
        assert (read.type, read.urls[0]) == (kind, result.url)
