"""From a finished job to files at the destination: downloads that break, files that vanish, assets, and who else is at work."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from PIL import Image

from animatic.engine.crashpoints import NAMES
from animatic.engine.decisions import allow_resubmission, find_doubt, list_doubts
from animatic.engine.deliver import file_name
from animatic.engine.estimate import estimate
from animatic.engine.inputs import local_clip
from animatic.engine.run import Run
from animatic.errors import ShotError, StorageError, UnclearResultError, UsageError
from animatic.files import sha256_of
from animatic.ledger import Ledger
from animatic.media import Rendered, render
from animatic.media.timeline import Timeline
from animatic.plan import plan_from_json, plan_to_json
from animatic.storage import StorageRefusedError
from tests import virtual_time
from tests.krea_double import Answer, DoubleJob, clip_bytes, still_bytes
from tests.present import present
from tests.unit.engine.studio import CHAIN, ONE, Studio, patient

pytestmark = pytest.mark.anyio


async def test_a_result_url_that_has_expired_is_read_again(studio: Studio) -> None:
    studio.krea.downloads = ["expired", "clip"]
    assert await studio.render() is None
    assert studio.krea.counts["download"] == 2


async def test_a_download_that_is_cut_is_fetched_again(studio: Studio) -> None:
    studio.krea.downloads = ["cut", "clip"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 1


GIVES_NO_CLIP = pytest.mark.parametrize(("given", "said"), [("html", "text/html"), ("still", "should be a clip")])


@GIVES_NO_CLIP
async def test_a_result_that_is_no_clip_waits_for_a_person_and_is_fetched_by_the_next_run_without_paying(
    studio: Studio, given: Any, said: str
) -> None:
    studio.krea.downloads = [given] * 100
    for _ in range(2):
        error = await studio.render()
        assert isinstance(error, UnclearResultError)
        assert error.exit_code == 5
        shot = studio.run.manifest.shot("dawn").record
        assert (shot.state, shot.job_id, shot.usd) == ("in_doubt", "job-1", Decimal("0.2"))
        assert present(shot.error).code == present(shot.attempts[0].error).code == "unclear_result"
        assert said in present(shot.error).message
        (doubt,) = await list_doubts(studio.destinations, timing=studio.timing())
        assert (doubt.kind, doubt.job_id, doubt.usd, doubt.reason) == (
            "unclear_result",
            "job-1",
            Decimal("0.2"),
            present(shot.error).message,
        )
        (decision,) = (await estimate(await studio.plan(), studio.ledger)).decisions.values()
        assert (decision.action, decision.reason) == (
            "resume",
            "job job-1 was paid for, and its result was not understood: it is looked at again",
        )
    studio.krea.downloads = []
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1
    assert studio.run.manifest.shot("dawn").record.attempts[0].error is None
    assert await list_doubts(studio.destinations, timing=studio.timing()) == []


async def test_an_address_that_cannot_be_had_fails_its_shot_and_is_asked_again_by_the_next_run(studio: Studio) -> None:
    studio.krea.downloads = ["expired"] * 100
    for _ in range(2):
        error = await studio.render()
        assert error is not None
        assert error.exit_code == 4
        shot = studio.run.manifest.shot("dawn").record
        assert (shot.state, shot.job_id, shot.usd, present(shot.error).code) == ("failed", "job-1", Decimal("0.2"), "url_expired")
    studio.krea.downloads = []
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1


async def test_a_person_gives_up_a_result_that_is_no_clip_and_pays_for_another_one(studio: Studio) -> None:
    studio.krea.downloads = ["html"] * 3
    assert isinstance(await studio.render(), UnclearResultError)
    await allow_resubmission(find_doubt(await list_doubts(studio.destinations, timing=studio.timing()), "dawn"))
    (stray,) = await list_doubts(studio.destinations, timing=studio.timing())
    assert (stray.kind, stray.job_id, stray.reason) == ("stray", "job-1", "a person decided to pay for the shot again")
    estimated = await estimate(await studio.plan(), studio.ledger)
    assert [decision.reason for decision in estimated.decisions.values()] == ["the result of its job was given up"]
    assert estimated.to_pay_usd == Decimal("0.2")
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2
    (told,) = studio.run.manifest.stray_jobs
    assert (told.job_id, told.usd) == ("job-1", Decimal("0.2"))


async def test_a_file_that_is_still_to_be_fetched_stays_the_shot_s_although_another_take_was_made(studio: Studio) -> None:
    plan = await studio.plan()
    studio.krea.downloads = ["cut"] * 100
    assert await studio.render(plan) is not None
    (withdrawn,) = await studio.ledger.submissions.of(plan.step("dawn").fingerprint)
    assert await studio.ledger.submissions.withdraw(plan.step("dawn").fingerprint, "take 2 was made instead") == ()
    assert withdrawn.waits_for_job
    studio.krea.downloads = []
    assert await studio.render(plan) is None
    assert studio.krea.counts["post"] == 1


@pytest.mark.parametrize("damage", ["gone", "other size", "other content"])
async def test_a_clip_that_is_gone_or_changed_at_the_destination_is_named_and_not_paid_for_again(studio: Studio, damage: str) -> None:
    assert await studio.render() is None
    clip = next((studio.out / ".animatic" / "takes").rglob("*.mp4"))
    if damage == "gone":
        clip.unlink()
    else:
        clip.write_bytes(clip.read_bytes() + b"more" if damage == "other size" else bytes(reversed(clip.read_bytes())))
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 4
    failure = studio.run.state.errors["dawn"]
    assert str(clip.relative_to(studio.out)) in failure.message
    assert "animatic retake coast dawn" in (failure.hint or "")
    assert studio.krea.counts["post"] == 1
    assert "01-dawn.mp4" not in studio.files()


async def test_equal_shots_are_made_once(studio: Studio) -> None:
    studio.declare("- {id: one, prompt: Same, duration: 4}\n      - {id: two, prompt: Same, duration: 4}")
    assert await studio.render() is None
    assert (studio.state("one"), studio.state("two"), len(studio.krea.billed)) == ("delivered", "reused", 1)
    assert [name for name in studio.files() if name.endswith(".mp4")] == ["01-one.mp4", "02-two.mp4"]


async def test_two_processes_at_once_make_each_shot_once(studio: Studio) -> None:
    studio.declare("\n      ".join(f"- {{id: s{n}, prompt: Shot {n}, duration: 4}}" for n in range(3)))
    plans = [await studio.plan(), await studio.plan()]
    assert await asyncio.gather(*(studio.render(plan) for plan in plans)) == [None, None]
    assert (studio.krea.counts["post"], len(studio.krea.billed)) == (3, 3)


async def test_no_more_jobs_run_at_once_than_the_pipeline_allows(studio: Studio) -> None:
    studio.declare("\n      ".join(f"- {{id: s{n}, prompt: Shot {n}, duration: 4}}" for n in range(5)), pipeline="concurrency: 2")
    studio.krea.polls_until_end = 3
    seen: list[int] = []

    def count(_body: Any) -> None:
        ended = sum(job.polls > studio.krea.polls_until_end for job in studio.krea.jobs.values())
        seen.append(len(studio.krea.jobs) - ended + 1)

    studio.krea.on_post = count
    assert await studio.render() is None
    assert max(seen) == 2


async def test_on_failure_stop_starts_nothing_more(studio: Studio) -> None:
    studio.declare("\n      ".join(f"- {{id: s{n}, prompt: Shot {n}, duration: 4}}" for n in range(4)), pipeline="on_failure: stop")
    studio.settings["submit_at_once"] = 1
    studio.krea.answers = ["400"]
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 4
    states = sorted(studio.state(f"s{n}") for n in range(4))
    assert states == ["failed", "skipped", "skipped", "skipped"]
    assert studio.krea.counts["post"] == 1


async def test_what_hangs_on_a_failed_shot_is_skipped_and_says_why(studio: Studio) -> None:
    studio.declare(CHAIN)
    studio.krea.ends = ["moderated"]
    await studio.render()
    failure = studio.run.manifest.shot("surf").record.error
    assert failure is not None
    assert (studio.state("surf"), failure.code) == ("skipped", "upstream")
    assert "dawn is missing" in failure.message


async def test_a_reference_file_that_changed_since_planning_is_not_sent(studio: Studio) -> None:
    (studio.folder / "ref.png").write_bytes(still_bytes(10))
    studio.declare(ONE.replace("}", ", start_image: ref.png}"))
    plan = await studio.plan()
    (studio.folder / "ref.png").write_bytes(still_bytes(20))
    assert isinstance(await studio.render(plan), ShotError)
    failure = studio.run.manifest.shot("dawn").record.error
    assert failure is not None
    assert failure.code == "file_changed"
    assert studio.krea.counts["post"] == 0


DAMAGED = "- {id: dawn, prompt: Rooftops at dawn, duration: 2, resolution: null}"
"""As long as the damaged clip of the double, which is smaller than any resolution."""


async def test_a_clip_with_damaged_frames_is_delivered_and_its_damage_is_told(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    studio.declare(DAMAGED)
    studio.krea.downloads = ["damaged"]
    with caplog.at_level("WARNING"):
        assert await studio.render() is None
    shot = present(studio.run.manifest.shot("dawn").record)
    quality = present(shot.qc)
    assert (shot.state, quality.ok) == ("delivered", False)
    (finding,) = quality.findings
    assert finding.check == "damage"
    assert 0.5 <= present(finding.at) <= 1.5
    assert f"dawn: the clip is damaged at {finding.at:g} s" in caplog.text
    written = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())["shots"][0]["qc"]
    assert written == {"ok": False, "findings": [{"check": "damage", "at": finding.at, "for": finding.seconds, "detail": finding.detail}]}
    assert finding.detail in (studio.out / studio.run.prefix / "index.html").read_text()
    assert await studio.render() is None
    assert present(studio.run.manifest.shot("dawn").record.qc).findings == (finding,), "the take remembers"


async def test_a_whole_clip_is_said_to_be_whole(studio: Studio) -> None:
    studio.krea.honest = True
    studio.declare("- {id: dawn, prompt: Rooftops at dawn, duration: 1, resolution: null}")
    assert await studio.render() is None
    assert present(studio.run.manifest.shot("dawn").record.qc).ok


async def test_a_file_is_uploaded_once_and_again_when_krea_has_deleted_it(studio: Studio) -> None:
    (studio.folder / "ref.png").write_bytes(still_bytes(10))
    studio.declare(ONE.replace("}", ", start_image: ref.png}"))
    assert await studio.render() is None
    assert await studio.render(await studio.plan(fresh=True)) is None
    assert studio.krea.counts["upload"] == 1
    studio.krea.assets.clear()
    assert await studio.render(await studio.plan(fresh=True)) is None
    assert studio.krea.counts["upload"] == 2
    assert studio.krea.posts[-1]["start_image"].endswith("/asset-2?sig=secret")


async def test_a_fresh_take_counts_from_then_on_and_overwrites_nothing(studio: Studio) -> None:
    assert await studio.render() is None
    assert await studio.render(await studio.plan(fresh=True)) is None
    assert "01-dawn.mp4" in studio.files()
    step = await studio.step()
    assert step.take == 2
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2
    chosen = await studio.ledger.selections.current(step.base)
    assert chosen is not None
    assert (chosen.take, studio.runs[1].plan.run_id in chosen.why) == (2, True)


async def test_a_take_that_was_recorded_and_not_chosen_before_a_crash_is_chosen_by_the_resumed_run(studio: Studio) -> None:
    await studio.render()
    plan = await studio.plan(fresh=True)
    await studio.render(plan)
    for path in (studio.out / ".animatic" / "selections").rglob("*.json"):
        path.unlink()
    assert (await studio.step()).take == 1
    await studio.render(plan)
    assert (await studio.step()).take == 2


async def test_an_older_take_that_a_person_chose_stays_chosen(studio: Studio) -> None:
    await studio.render()
    fresh = await studio.plan(fresh=True)
    await studio.render(fresh)
    step = await studio.step()
    await studio.ledger.selections.select(step.base, 1, "ab" * 32, "chosen by a person")
    await studio.render(fresh)
    assert (await studio.step()).take == 1


class FullDisk:
    """A folder whose disk is full from the n-th write of a record on."""

    def __init__(self, inner: Any, after: str) -> None:
        self.inner, self.after, self.full = inner, after, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _check(self, key: str) -> None:
        if self.full and key.endswith(self.after):
            raise StorageRefusedError(f"cannot create {key}: the disk is full", hint="free some space, or deliver elsewhere")

    async def create(self, key: str, data: bytes) -> bool:
        self._check(key)
        return bool(await self.inner.create(key, data))

    async def store(self, key: str, source: Path, **more: Any) -> bool:
        self._check(key)
        return bool(await self.inner.store(key, source, **more))


@pytest.mark.parametrize("record", ["intended.json", "claims/job-1.json", "submitted.json", "settled.json", ".mp4", "take.json"])
async def test_a_full_disk_ends_the_run_with_6_and_the_next_run_pays_nothing_twice(studio: Studio, record: str) -> None:
    def fill(run: Run) -> Run:
        storage: Any = FullDisk(run.storage, record)
        return replace(run, storage=storage, ledger=Ledger(storage, clock=run.timing.now))

    error = await studio.render(before=fill)
    assert isinstance(error, StorageError)
    assert error.exit_code == 6
    assert "disk is full" in error.message
    studio.offset = timedelta(seconds=30)  # this process still lives: so old an intent is not being sent any more
    assert await studio.render() is None
    assert (len(studio.krea.billed), studio.krea.counts["post"]) == (1, 1)


async def test_the_manifest_is_true_whatever_happened(studio: Studio) -> None:
    studio.declare(CHAIN)
    await studio.render()
    manifest = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())
    import hashlib

    for shot in manifest["shots"]:
        assert hashlib.sha256((studio.out / shot["clip"]["key"]).read_bytes()).hexdigest() == shot["clip"]["sha256"]
    assert manifest["state"] == "completed"
    assert datetime.fromisoformat(manifest["finished_at"]) <= studio.clock()


def test_every_crash_point_that_has_a_name_is_passed_somewhere() -> None:
    sources = "".join(path.read_text() for path in Path("animatic/engine").glob("*.py"))
    assert [name for name in NAMES if f'crashpoint("{name}")' not in sources] == []


EDITED = ONE + "\n      - {id: grade, model: xai/grok-video, prompt: Grain, resolution: 480p, duration: 4, edit_video: dawn}"


def sent_videos(studio: Studio) -> list[str]:
    """Return the names of the files that were sent as the clip to edit."""
    return [post["edit_video"].rpartition("/")[2].partition("?")[0] for post in studio.krea.posts if post["prompt"] == "Grain"]


async def test_a_result_url_that_answers_is_passed_on_as_it_is(studio: Studio) -> None:
    studio.declare(EDITED)
    assert await studio.render() is None
    assert (sent_videos(studio), studio.krea.counts["upload"]) == (["job-1"], 0)


async def test_of_several_result_urls_that_of_the_clip_is_passed_on(studio: Studio) -> None:
    studio.declare(EDITED)
    studio.krea.ends = ["several"]
    studio.krea.downloads = ["still", "clip"]
    assert await studio.render() is None
    assert [post["edit_video"] for post in studio.krea.posts[1:]] == ["https://krea.test/files/job-1?sig=secret"]


async def test_a_result_url_that_has_expired_is_replaced_by_the_stored_clip(studio: Studio) -> None:
    assert await studio.render() is None
    studio.declare(EDITED)
    studio.krea.dead_files["job-1"] = "403"
    assert await studio.render() is None
    assert (sent_videos(studio), studio.krea.counts["upload"]) == (["asset-1"], 1)


async def test_a_result_url_that_failed_a_job_is_not_sent_again(studio: Studio) -> None:
    studio.declare(EDITED)
    studio.krea.ends = ["completed", "failed", "failed"]
    assert await studio.render() is None
    assert (sent_videos(studio), studio.krea.counts["upload"]) == (["job-1", "asset-1", "asset-1"], 1)


@pytest.mark.parametrize("answer", ["400", "403-input"])
async def test_a_result_url_that_krea_refuses_is_replaced_by_the_stored_clip_at_once(studio: Studio, answer: Answer) -> None:
    fallback = "fallback: [{model: kling/kling-2.5, duration: 5, resolution: null, edit_video: null}]"
    studio.declare(EDITED.replace("edit_video: dawn", f"edit_video: dawn, {fallback}"))
    studio.krea.answers = ["accept", answer]
    assert await studio.render() is None
    assert sent_videos(studio) == ["job-1", "asset-1"]
    attempts = studio.run.manifest.shot("grade").record.attempts
    assert [(attempt.status, attempt.usd) for attempt in attempts] == [("unsent", 0), ("completed", Decimal("0.20"))]


async def test_what_is_refused_with_the_stored_clip_as_well_is_not_sent_a_third_time(studio: Studio) -> None:
    studio.declare(EDITED)
    studio.krea.always = {"Grain": "400"}
    error = await studio.render()
    assert error is not None
    assert studio.run.state.errors["grade"].code == "request_refused"
    assert sent_videos(studio) == ["job-1", "asset-1"]


async def test_content_that_is_refused_is_not_sent_again_with_the_stored_clip(studio: Studio) -> None:
    studio.declare(EDITED)
    studio.krea.answers = ["accept", "400-content"]
    assert await studio.render() is not None
    assert studio.run.state.errors["grade"].code == "moderated"
    assert sent_videos(studio) == ["job-1"]


async def test_a_token_that_may_not_do_it_ends_the_run_whatever_it_passed_on(studio: Studio) -> None:
    studio.declare(EDITED)
    studio.krea.answers = ["accept", "403"]
    error = await studio.render()
    assert error is not None
    assert (error.code, error.exit_code) == ("krea_refused", 6)
    assert sent_videos(studio) == ["job-1"]


async def test_a_result_whose_address_leads_nowhere_stops_its_shot_and_not_the_run(studio: Studio) -> None:
    """The real transport raises errors of its own kinds for it, which are not httpx's."""
    studio.declare(CHAIN + "\n      - {id: other, prompt: Other, duration: 4}")
    nowhere = {"urls": ["http://127.0.0.1:99999/clip.mp4"]}

    def without_address(method: str, job: DoubleJob) -> httpx.Response | None:
        shown = {"job_id": job.id, "status": "completed", "created_at": job.created_at.isoformat(), "result": nowhere}
        return httpx.Response(200, json=shown) if job.body["prompt"] == "Other" else None

    studio.krea.on_one = without_address
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 5
    assert [studio.state(key) for key in ("dawn", "surf", "other")] == ["delivered", "delivered", "in_doubt"]
    assert studio.run.state.errors["other"].code == "unclear_result"


async def test_a_clip_that_the_result_holds_itself_is_delivered_and_its_content_kept_once(studio: Studio) -> None:
    studio.declare(EDITED)
    text = base64.b64encode(clip_bytes()).decode()

    def inline(_method: str, job: DoubleJob) -> httpx.Response | None:
        shown = {"job_id": job.id, "status": "completed", "created_at": job.created_at.isoformat()}
        return httpx.Response(200, json={**shown, "result": {"urls": [f"data:video/mp4;base64,{text}"]}}) if job.id == "job-1" else None

    studio.krea.on_one = inline
    assert await studio.render() is None
    assert sent_videos(studio) == ["asset-1"]
    kept = [path for path in studio.out.rglob("*") if path.is_file() and text[:60].encode() in path.read_bytes()]
    assert kept == []


async def test_a_busy_krea_says_nothing_of_the_result_url(studio: Studio) -> None:
    studio.declare(EDITED)
    studio.krea.answers = ["accept", "429"]
    assert await studio.render() is None
    assert (sent_videos(studio), studio.krea.counts["upload"]) == (["job-1", "job-1"], 0)


@pytest.mark.parametrize("how", ["500", "refused"])
async def test_a_result_that_cannot_be_had_fails_its_shot_and_not_the_run(studio: Studio, how: Literal["500", "refused"]) -> None:
    outage = 60.0
    studio.declare("".join(f"- {{id: s{number}, prompt: Shot {number}, duration: 4}}\n      " for number in range(1, 11)))
    studio.patience = patient(outage=outage)
    studio.krea.dead_files = {f"job-{number}": how for number in range(1, 9)}
    began = virtual_time.monotonic()
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 4
    assert {failure.code for failure in studio.run.state.errors.values()} == {"result_unreachable"}
    states = [shot.state for shot in studio.run.manifest.manifest(finished_at=studio.clock()).shots]
    assert (states.count("failed"), states.count("delivered")) == (8, 2)
    assert virtual_time.monotonic() - began < 2 * outage
    studio.krea.dead_files = {}
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 10


async def test_a_token_that_krea_repeats_wherever_it_can_is_kept_nowhere(studio: Studio) -> None:
    token = studio.token = studio.krea.echo = "krea-7f3a9c51d2e8"
    studio.krea.types = {"/generate/video/xai/grok-video": token}
    studio.declare(shots=CHAIN + "\n      - {id: third, prompt: Refused, duration: 4}")
    studio.krea.always = {"Refused": "400"}
    await studio.render()
    assert [studio.state(key) for key in ("dawn", "surf", "third")] == ["delivered", "delivered", "failed"]
    assert token in studio.krea.posts[-1]["start_image"] + studio.krea.posts[1].get("start_image", "")  # Krea gets its own addresses back
    kept = [path for path in studio.folder.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert kept == []


async def test_an_asset_s_address_is_kept_without_its_signature_and_asked_for_again(studio: Studio) -> None:
    studio.declare(shots=CHAIN)
    assert await studio.render() is None
    assert studio.krea.posts[-1]["start_image"].endswith("/asset-1?sig=secret")
    studio.declare(shots=CHAIN.replace("Surf,", "Spray,"))
    assert await studio.render() is None
    assert studio.krea.posts[-1]["start_image"].endswith("/asset-1?sig=secret")
    assert studio.krea.counts["upload"] == 1
    assert [path for path in (studio.out / ".animatic").rglob("*.json") if "sig=secret" in path.read_text()] == []


@pytest.mark.parametrize(
    "shots",
    [
        "- {id: a, takes: 5, prompt: Dawn, start_image: ref.png, duration: 1}",
        "\n      ".join(f"- {{id: s{number}, prompt: Dawn {number}, start_image: ref.png, duration: 1}}" for number in range(5)),
    ],
)
async def test_what_several_jobs_begin_with_at_the_same_moment_is_uploaded_once(studio: Studio, shots: str) -> None:
    (studio.folder / "ref.png").write_bytes(still_bytes(10))
    studio.declare(shots)
    assert await studio.render() is None
    assert (studio.krea.counts["post"], studio.krea.counts["upload"]) == (5, 1)


async def test_a_picture_is_uploaded_as_krea_takes_it_and_recorded_as_the_file_that_it_is(studio: Studio) -> None:
    Image.new("RGB", (40, 20), "red").save(studio.folder / "ref.tif")
    studio.declare(ONE.replace("}", ", start_image: ref.tif}"))
    plan = await studio.plan()
    assert plan.steps[0].notes == ("ref.tif is TIFF, which Krea does not take: it is uploaded as PNG or JPEG",)
    assert await studio.render(plan) is None
    assert b"\x89PNG" in studio.krea.assets["asset-1"]
    assert b"image/png" in studio.krea.assets["asset-1"]
    (given,) = studio.run.manifest.shot("dawn").record.inputs
    assert given.sha256 == sha256_of(studio.folder / "ref.tif")
    assert await studio.render(await studio.plan(fresh=True)) is None
    assert studio.krea.counts["upload"] == 1


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


@pytest.mark.parametrize("name", ["holed.png", "holed.mp4", "bomb.png"])
async def test_a_broken_reference_is_told_before_anything_is_paid(studio: Studio, name: str) -> None:
    """Where its structure is whole: what was cut is named by the plan."""
    file = studio.folder / name
    if name == "bomb.png":
        header = (20_000).to_bytes(4) + (10_000).to_bytes(4) + b"\x08\x02\0\0\0"
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    elif name == "holed.png":
        Image.effect_noise((300, 200), 90).save(file)
    else:
        file.write_bytes(clip_bytes())
    if name.startswith("holed"):
        data = file.read_bytes()
        begin = data.index(b"IDAT" if name.endswith(".png") else b"mdat") + 4
        length = int.from_bytes(data[begin - 8 : begin - 4]) - 8
        file.write_bytes(data[:begin] + bytes(length) + data[begin + length :])
    field = "edit_video" if name.endswith(".mp4") else "start_image"
    studio.declare(ONE + f"\n      - {{id: big, prompt: Later, duration: 4, {field}: {name}}}".replace("duration: 4, edit", "edit"))
    with pytest.raises(UsageError, match=f"a reference file cannot be read: {name} of shot 'big'"):
        await studio.render()
    assert studio.krea.counts["post"] == studio.krea.counts["upload"] == 0


async def test_several_shots_may_ask_for_one_stored_clip_at_the_same_time(studio: Studio) -> None:
    assert await studio.render() is None
    take = studio.run.takes["dawn"]
    async with studio.open(await studio.plan(fresh=True)) as run:
        clips = await asyncio.gather(*(local_clip(run, take) for _ in range(8)))
        assert {clip.read_bytes() for clip in clips} == {(studio.out / take.clip.key).read_bytes()}
        assert [path.name for path in run.workdir.iterdir() if path.name.startswith("arriving")] == []


async def test_how_much_of_a_reel_is_made_is_told_while_it_is(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, float]] = []

    def watched(timeline: Timeline, target: Path, progress: Callable[[float], None]) -> Rendered:
        def tell(fraction: float) -> None:
            progress(fraction)
            told.append(dict(studio.run.progress.reels))

        return render(timeline, target, tell)

    monkeypatch.setattr("animatic.engine.reel_render.render", watched)
    studio.declare(ONE, pipeline="cut: {size: 320x240}")
    assert await studio.render() is None
    assert told
    assert all(seen.keys() == {"reel.mp4"} for seen in told)
    assert told[-1]["reel.mp4"] == 1.0
    assert studio.run.progress.reels == {}


def board(shots: int) -> str:
    return "\n      ".join(f"- {{id: s{number}, kind: image, prompt: Frame {number}}}" for number in range(1, shots + 1))


@pytest.mark.parametrize(("shots", "first"), [(99, "01-s1.png"), (100, "001-s1.png"), (1000, "0001-s1.png")])
async def test_names_of_files_sort_as_the_storyboard_does_however_many_shots_it_has(studio: Studio, shots: int, first: str) -> None:
    studio.declare(board(shots))
    names = [file_name(step, ".png") for step in (await studio.plan()).storyboard]
    assert names == sorted(names)
    assert names[0] == first


async def test_a_file_is_named_alike_whichever_shots_of_the_storyboard_are_made(studio: Studio) -> None:
    studio.declare(board(100))
    assert await studio.render(await studio.plan(only="s7")) is None
    assert {"007-s7.png", "007-s7.thumbnail.jpg"} <= set(studio.files())
    clip = present(studio.run.manifest.manifest().shots[0].clip)
    assert (clip.file, Path(clip.key).name) == ("007-s7.png", "007-s7.png")


async def test_a_run_that_was_planned_when_all_files_had_two_digits_goes_on_with_them(studio: Studio) -> None:
    studio.declare(board(100))
    written = plan_to_json(await studio.plan(only="s7"))
    for step in written["steps"]:
        del step["among"]
    assert await studio.render(plan_from_json(written)) is None
    assert "07-s7.png" in studio.files()
