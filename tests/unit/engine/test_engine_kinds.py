"""Sound, meshes and enhancers from the plan to the manifest: what is delivered, what is refused, what is passed on and what is uploaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from animatic.engine.candidate_pictures import save_picture
from animatic.errors import ShotError, UnclearResultError
from animatic.plan import ShotInput
from animatic.plan.saved import plan_from_json, plan_to_json
from animatic.settings import Secret
from tests.krea_double import BASE, mesh_bytes, still_bytes
from tests.present import present
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

ALL = """- {id: still, kind: image, prompt: A compass}
      - {id: dawn, prompt: Dawn, duration: 4}
      - {id: vo, model: elevenlabs/tts, prompt: Good morning}
      - {id: lamp, model: meshy/meshy-7, image_urls: [still]}
      - {id: sharp, model: topaz/astra, video_url: dawn}
      - {id: print, model: topaz/wonder-35-enhance, image_url: still, width: 64, height: 48}
      - {id: talks, model: alibaba/wan-2.5, prompt: He speaks, start_image: print, audio_url: vo}
      - {id: after, prompt: On, start_image: sharp, duration: 4}"""


def shots(studio: Studio) -> dict[str, dict[str, Any]]:
    data = json.loads(next(studio.out.glob("coast/*/manifest.json")).read_text("utf-8"))
    return {shot["id"]: shot for shot in data["shots"]}


async def test_every_kind_is_delivered_under_its_own_name_with_its_own_facts(studio: Studio) -> None:
    studio.declare(ALL)
    assert await studio.render() is None
    made = shots(studio)
    assert {name: shot["clip"]["key"].rpartition("/")[2] for name, shot in made.items()} == {
        "still": "01-still.png",
        "dawn": "02-dawn.mp4",
        "vo": "03-vo.wav",
        "lamp": "04-lamp.glb",
        "sharp": "05-sharp.mp4",
        "print": "06-print.png",
        "talks": "07-talks.mp4",
        "after": "08-after.mp4",
    }
    sound, mesh = made["vo"]["clip"], made["lamp"]["clip"]
    assert (sound["mime"], sound["duration"], sound["channels"], sound["sample_rate"]) == ("audio/wav", 2.0, 1, 44_100)
    assert -20 < sound["loudness"] < -10
    assert all(sound[name] is None for name in ("width", "height", "fps", "frames"))
    assert (mesh["mime"], mesh["triangles"]) == ("model/gltf-binary", 1)
    assert all(mesh[name] is None for name in ("width", "height", "fps", "frames", "duration", "channels", "loudness"))
    assert made["vo"]["thumbnail"].endswith("03-vo.thumbnail.jpg")
    assert made["lamp"]["thumbnail"] is None
    assert (made["vo"]["kind"], made["lamp"]["kind"], made["sharp"]["kind"]) == ("audio", "3d", "enhance")


async def test_what_was_made_is_used_again_and_nothing_is_paid(studio: Studio) -> None:
    studio.declare(ALL)
    assert await studio.render() is None
    posts = studio.krea.counts["post"]
    assert await studio.render() is None
    assert studio.krea.counts["post"] == posts


@pytest.mark.parametrize(
    ("shot", "given", "due"),
    [
        ("{id: vo, model: elevenlabs/tts, prompt: Good morning}", "clip", "should be sound"),
        ("{id: vo, model: elevenlabs/tts, prompt: Good morning}", "mesh", "should be sound"),
        ("{id: lamp, model: meshy/meshy-7, prompt: A lamp, input_mode: text}", "still", "should be a mesh"),
        ("{id: sharp, model: topaz/astra, video_url: 'https://krea.ai/c.mp4'}", "still", "should be a clip"),
        ("{id: print, model: topaz/bloom-enhance, image_url: 'https://krea.ai/c.png', width: 9, height: 9}", "clip", "should be a still"),
        ("{id: dawn, prompt: Dawn}", "sound", "should be a clip"),
    ],
)
async def test_a_result_of_another_kind_waits_for_a_person_and_is_not_bought_again(studio: Studio, shot: str, given: Any, due: str) -> None:
    studio.declare(f"- {shot}")
    studio.krea.downloads = [given] * 100
    assert isinstance(await studio.render(), UnclearResultError)
    (step,) = studio.run.plan.steps
    failure = present(studio.run.manifest.shot(step.key).record.error)
    assert failure.code == "unclear_result"
    assert due in failure.message
    assert studio.krea.counts["post"] == 1


async def test_an_enhanced_clip_s_last_frame_starts_the_next_shot(studio: Studio) -> None:
    studio.declare(ALL)
    plan = await studio.plan()
    (start,) = plan.step("after").request.inputs
    assert isinstance(start, ShotInput)
    assert (start.step, start.frame) == ("sharp", "last")
    (still,) = (item for item in plan.step("talks").request.inputs if item.media == "image")
    assert isinstance(still, ShotInput)
    assert still.frame is None


async def test_a_plan_that_was_saved_before_results_had_kinds_is_read(studio: Studio) -> None:
    studio.declare("- {id: still, kind: image, prompt: A compass}\n      - {id: dawn, prompt: Dawn}")
    plan = await studio.plan()
    data = plan_to_json(plan)
    assert plan_from_json(data) == plan
    for step in data["steps"]:
        for request in step["requests"]:
            del request["makes"]
    assert plan_from_json(data) == plan


KONTEXT = "- {id: a, model: bfl/flux-1-kontext-dev, prompt: A lamp, image_url: 'https://host.example/lamp.png?key=secret'}"


async def test_what_krea_does_not_host_is_uploaded_for_models_that_refuse_it(studio: Studio) -> None:
    studio.declare(KONTEXT)
    studio.krea.elsewhere["https://host.example/lamp.png"] = httpx.Response(200, content=still_bytes())
    plan = await studio.plan()
    assert any("fetched and uploaded to Krea once" in note and "secret" not in note for note in plan.step("a").notes)
    assert await studio.render() is None
    (job,) = studio.krea.jobs.values()
    assert job.body["image_url"].startswith(f"{BASE}/files/")
    (given,) = shots(studio)["a"]["inputs"]
    assert (given["from"], given["url"]) == ("url", "https://host.example/lamp.png")
    assert given["sha256"]
    assert given["sent_as"].startswith(f"{BASE}/files/")


@pytest.mark.parametrize(
    "answer", [httpx.Response(404), httpx.Response(200, html="<html>no</html>"), httpx.Response(200, content=mesh_bytes())]
)
async def test_what_cannot_be_fetched_or_is_no_picture_fails_the_shot_and_nothing_is_sent(studio: Studio, answer: httpx.Response) -> None:
    studio.declare(KONTEXT)
    studio.krea.elsewhere["https://host.example/lamp.png"] = answer
    assert isinstance(await studio.render(), ShotError)
    assert studio.krea.counts["post"] == 0
    assert "secret" not in json.dumps(shots(studio))


async def test_addresses_of_this_network_are_not_fetched_for_krea(studio: Studio) -> None:
    studio.declare(KONTEXT.replace("https://host.example/lamp.png?key=secret", "http://169.254.169.254/latest"))
    error = await studio.render()
    assert isinstance(error, ShotError)
    assert studio.krea.counts["post"] == 0
    assert "not fetched" in present(studio.run.manifest.shot("a").record.error).message


async def test_other_models_and_krea_s_own_addresses_are_passed_on(studio: Studio) -> None:
    studio.declare(
        "- {id: a, model: bfl/flux-1-kontext-dev, prompt: A lamp, image_url: 'https://gen.krea.ai/lamp.png'}\n"
        "      - {id: b, prompt: Dawn, start_image: 'https://host.example/lamp.png'}"
    )
    assert await studio.render() is None
    sent = {job.body.get("image_url") or job.body.get("start_image") for job in studio.krea.jobs.values()}
    assert sent == {"https://gen.krea.ai/lamp.png", "https://host.example/lamp.png"}


@pytest.mark.parametrize(
    ("shot", "mime"),
    [
        ("{id: a, model: elevenlabs/music, prompt: Strings, music_length_ms: 3000}", "audio/wav"),
        ("{id: a, model: meshy/meshy-7, prompt: A lamp, input_mode: text}", "model/gltf-binary"),
        ("{id: a, model: topaz/astra, video_url: 'https://krea.ai/c.mp4'}", "video/mp4"),
    ],
)
async def test_a_lost_answer_is_matched_by_what_the_job_gave(studio: Studio, shot: str, mime: str) -> None:
    studio.declare(f"- {shot}")
    studio.krea.answers = ["500-after"]
    stranger = studio.krea.add("/generate/image/google/nano-banana-pro", {})  # of another program on the account, at the same time
    stranger.created_at = studio.krea.now()
    assert await studio.render() is None
    made = shots(studio)["a"]
    assert (made["how"], made["evidence"]["mime"], made["clip"]["mime"]) == ("evidence", mime, mime)
    assert (studio.krea.counts["post"], made["job_id"]) == (1, "job-2")


async def test_a_candidate_that_is_heard_has_a_waveform_to_look_at(studio: Studio, tmp_path: Path) -> None:
    studio.declare("- {id: vo, model: elevenlabs/tts, prompt: Good morning}")
    assert await studio.render() is None
    async with studio.krea.client(BASE, Secret("token"), studio.patience, simulator=False) as client:
        job = await client.job("job-1")
        assert job is not None
        picture = await save_picture(client, job, tmp_path / "candidates")
    assert picture is not None
    assert picture.read_bytes().startswith(b"\xff\xd8")
