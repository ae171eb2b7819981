"""A run's reels: what is delivered beside them, what is made again and what is not, and what a bad sound costs: nothing."""

from __future__ import annotations

import math
import struct
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pysubs2
import pytest

from animatic.engine.export_reel import export_timeline
from animatic.engine.history import PastRun
from animatic.errors import UsageError
from animatic.media import Rendered, probe, render
from animatic.media.timeline import Timeline
from tests.unit.engine.studio import ONE, Studio

pytestmark = pytest.mark.anyio

TWO = ONE.replace("duration: 4", "duration: 4, line: Who is there?") + "\n      - {id: surf, prompt: Surf, duration: 4, line: Nobody.}"
CROSSED = "cut: {shots: [{shot: dawn, trim: [0, 0.5]}, {shot: surf, transition: {crossfade: 0.25}}], audio: bed.wav, captions: [srt, vtt]}"


def write_sound(path: Path, seconds: float = 1.0, rate: int = 8000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", round(9000 * math.sin(at / 4))) for at in range(int(seconds * rate))))


def reel_of(studio: Studio) -> dict[str, Any]:
    found = studio.run.manifest.to_json()["reel"]
    assert isinstance(found, dict)
    return found


async def test_a_reel_comes_with_captions_timeline_and_its_places(studio: Studio) -> None:
    write_sound(studio.folder / "bed.wav")
    studio.declare(TWO, pipeline=CROSSED)
    assert await studio.render() is None
    reel = reel_of(studio)
    facts = probe(studio.out / reel["key"])
    assert facts.has_audio
    assert [place["shot"] for place in reel["shots"]] == ["dawn", "surf"]
    dawn, surf = reel["shots"]
    assert (dawn["in"], dawn["out"], dawn["trim"]) == (0, 0.5, [0, 0.5])
    assert (surf["in"], surf["out"], surf["trim"]) == (0.25, reel["duration"], None)
    assert reel["captions"] == [f"{studio.run.prefix}/reel.srt", f"{studio.run.prefix}/reel.vtt"]
    lines = pysubs2.load(str(studio.out / reel["captions"][0]))
    assert [(line.start, line.plaintext) for line in lines] == [(0, "Who is there?"), (250, "Nobody.")]
    timeline = otio.adapters.read_from_file(str(studio.out / reel["otio"]))
    assert timeline.duration().to_frames() == facts.frames == reel["frames"]
    for clip in timeline.find_clips():
        for media in clip.media_references().values():
            assert (studio.out / studio.run.prefix / media.target_url).exists(), media.target_url


async def test_the_label_of_a_real_reel_is_what_was_asked_for_and_nothing_else(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    labels: list[str | None] = []

    def rendering(timeline: Timeline, *rest: Any) -> Rendered:
        labels.append(timeline.label)
        return render(timeline, *rest)

    monkeypatch.setattr("animatic.engine.reel_render.render", rendering)
    studio.declare(ONE, pipeline="cut: {}\n    provenance: {label: AI generated}")
    assert await studio.render() is None
    assert labels == ["AI generated"]


async def test_an_unchanged_reel_is_not_made_again_and_a_changed_one_pays_for_nothing(studio: Studio) -> None:
    write_sound(studio.folder / "bed.wav")
    studio.declare(TWO, pipeline=CROSSED)
    await studio.render()
    first, paid = reel_of(studio), len(studio.krea.posts)
    assert first["how"] == "encoded"
    await studio.render()
    again = reel_of(studio)
    assert (again["how"], again["fingerprint"], again["notes"]) == ("reused", first["fingerprint"], first["notes"])
    assert (studio.out / again["key"]).exists()
    studio.declare(TWO, pipeline=CROSSED.replace("0.25", "0.125"))
    await studio.render()
    assert reel_of(studio)["how"] == "encoded"
    assert len(studio.krea.posts) == paid


async def test_a_kept_reel_that_was_tampered_with_is_made_again(studio: Studio) -> None:
    studio.declare(TWO, pipeline="cut: {}")
    await studio.render()
    (kept,) = (studio.out / ".animatic" / "reels").rglob("*.mp4")
    kept.write_bytes(b"something else")
    await studio.render()
    assert reel_of(studio)["how"] == "copied"
    assert probe(studio.out / reel_of(studio)["key"]).frames == reel_of(studio)["frames"]


async def test_several_cuts_of_one_storyboard_have_their_names(studio: Studio) -> None:
    studio.declare(TWO, pipeline="cuts: {wide: {size: 64x36}, tall: {size: 36x64, fit: crop, shots: [surf]}}")
    await studio.render()
    reels = studio.run.manifest.to_json()["reels"]
    assert [(reel["name"], reel["width"], reel["height"], reel["file"]) for reel in reels] == [
        ("wide", 64, 36, "wide.mp4"),
        ("tall", 36, 64, "tall.mp4"),
    ]
    assert {"wide.otio", "wide.srt", "tall.otio", "tall.srt"} <= set(studio.files())


async def test_a_clip_that_is_shorter_than_its_trim_is_shown_as_far_as_it_goes_and_said(studio: Studio) -> None:
    studio.declare(TWO, pipeline="cut: {shots: [dawn, {shot: surf, trim: [0.5, 3.5]}]}")
    await studio.render()
    real = studio.run.takes["surf"].clip.duration or 0
    if real < 3.5:
        assert any(note.startswith("surf: its clip lasts") for note in reel_of(studio)["notes"])
    assert reel_of(studio)["shots"][1]["trim"][1] <= real + 0.05


async def test_a_sound_that_is_none_stops_the_run_before_anything_is_paid(studio: Studio) -> None:
    (studio.folder / "bed.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40)
    studio.declare(TWO, pipeline=CROSSED)
    with pytest.raises(UsageError, match=r"bed\.wav"):
        await studio.render()
    assert not studio.krea.posts


async def test_what_was_not_made_is_a_gap_in_the_exported_timeline(studio: Studio, tmp_path: Path) -> None:
    studio.declare(TWO, pipeline="cut: {}")
    plan = await studio.plan()
    await studio.render(await studio.plan(only="dawn"))
    run = PastRun(destination=studio.destinations[0], plan=replace(plan, run_id=studio.run.plan.run_id))
    target = tmp_path / "coast.otioz"
    assert await export_timeline(run, run.plan.cuts[0], target, bundle=True) == 1
    clip, gap = otio.adapters.read_from_file(str(target)).tracks[0]
    assert isinstance(gap, otio.schema.Gap)
    assert gap.duration().to_seconds() == pytest.approx(4, abs=0.05)
    assert clip.media_reference.target_url == "media/01-dawn.mp4"
