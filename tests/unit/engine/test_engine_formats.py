"""Files of every format from delivery to proof: all verify, one changed byte of any is named, and what was damaged comes back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx
import pytest

from animatic.engine.history import PastRun, find_run
from animatic.engine.restore import restore
from animatic.engine.verify import verify_run
from animatic.manifest import Manifest
from tests.krea_double import KreaDouble, mesh_bytes
from tests.present import present
from tests.unit.engine.studio import Studio
from tests.unit.marks.certificates import make_chain
from tests.unit.marks.test_marks import FILES

pytestmark = pytest.mark.anyio

SHOTS = """- {id: mp4, prompt: index-first.mp4, duration: 4}
      - {id: mov, prompt: clip.mov, duration: 4}
      - {id: webm, prompt: clip.webm, duration: 4}
      - {id: png, kind: image, prompt: still.png}
      - {id: jpg, kind: image, prompt: still.jpg}
      - {id: webp, kind: image, prompt: simple.webp}
      - {id: mp3, model: elevenlabs/tts, prompt: sound.mp3}
      - {id: wav, model: elevenlabs/tts, prompt: sound.wav}
      - {id: glb, model: meshy/meshy-7, image_urls: [png]}"""
UNSIGNED = {"webm", "glb"}


class ManyFormats(KreaDouble):
    """Gives what the prompt names."""

    def _file(self, name: str) -> httpx.Response:
        prompt = self.jobs[name].body.get("prompt")
        if prompt is None:
            return httpx.Response(200, content=mesh_bytes())
        with tempfile.TemporaryDirectory() as folder:
            return httpx.Response(200, content=FILES[prompt](Path(folder) / prompt).read_bytes())


@pytest.fixture(params=["keep", "sign"])
async def made(tmp_path: Path, request: pytest.FixtureRequest) -> Studio:
    studio, chain = Studio(folder=tmp_path, krea=ManyFormats()), make_chain(tmp_path / "certificates")
    studio.settings = {"c2pa_cert": chain.cert, "c2pa_key": chain.key}
    studio.declare(SHOTS, pipeline=f"provenance: {{c2pa: '{request.param}'}}\n    cut: {{shots: [mp4, webm]}}")
    assert await studio.render() is None
    return studio


async def opened(studio: Studio) -> tuple[PastRun, Manifest]:
    run = await find_run(studio.run.plan.run_id, studio.destinations)
    return run, present(await run.manifest())


async def test_every_format_verifies_and_is_used_again(made: Studio) -> None:
    run, manifest = await opened(made)
    assert (await verify_run(run, manifest)).findings == []
    signs = made.run.signer is not None
    assert {shot.id: shot.clip.origin for shot in manifest.shots if shot.clip} == {
        shot.id: "signed" if signs and shot.id not in UNSIGNED else "marked" for shot in manifest.shots
    }
    posts = len(made.krea.posts)
    assert await made.render() is None
    assert {shot["state"] for shot in made.run.manifest.to_json()["shots"]} == {"reused"}
    assert len(made.krea.posts) == posts
    run, manifest = await opened(made)
    assert (await verify_run(run, manifest)).findings == []


async def test_one_changed_byte_of_any_file_is_named_and_clips_come_back(made: Studio) -> None:
    run, manifest = await opened(made)
    folder = made.out / made.run.prefix
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name[:2].isdigit() and "thumbnail" not in path.name}
    files["reel.mp4"] = (folder / "reel.mp4").read_bytes()
    assert len(files) == 10
    for name, data in files.items():
        changed = bytearray(data)
        changed[len(data) // 2] ^= 1
        (folder / name).write_bytes(changed)

    found = await verify_run(run, manifest)
    assert {finding.file for finding in found.findings} == files.keys()
    assert {finding.file for finding in found.findings if finding.check == "hash"} == files.keys()
    await restore(run, manifest, found)

    assert {finding.file for finding in found.findings if not finding.restored} == {"reel.mp4"}
    assert {name: (folder / name).read_bytes() == data for name, data in files.items()} == {name: name != "reel.mp4" for name in files}
