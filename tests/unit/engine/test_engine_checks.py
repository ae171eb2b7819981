"""Checks of takes: made once, told everywhere, and never a reason to lose what was paid for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from animatic.engine import checks, results
from animatic.engine.checks import expected_of
from animatic.errors import BadClipError
from animatic.ledger import SentInput, Take
from animatic.media import Expected, Finding, check_take, thumbnail
from animatic.plan import plan_from_json, plan_to_json
from tests.present import present
from tests.unit.engine.studio import ONE, Studio

pytestmark = pytest.mark.anyio

FOUND = (
    Finding(check="length", at=None, lasts=None, detail="1.00 s instead of 4 s"),
    Finding(check="black", at=0.5, lasts=1.25, detail="the picture is black"),
    Finding(check="cut", at=3.0, lasts=None, detail="the picture changes at once (80 of 100)"),
)
SPELT = [
    {"check": "length", "at": None, "for": None, "detail": "1.00 s instead of 4 s"},
    {"check": "black", "at": 0.5, "for": 1.25, "detail": "the picture is black"},
    {"check": "cut", "at": 3.0, "for": None, "detail": "the picture changes at once (80 of 100)"},
]
CHAIN = ONE + "\n      - {id: surf, prompt: Surf, start_image: dawn, duration: 1}"


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was looked at, each with `FOUND` for what was found."""
    names: list[str] = []

    def look(path: Path, *about: Any) -> tuple[Finding, ...]:
        check_take(path, *about)  # decodes it, as damage is told by that
        names.append(path.name)
        return FOUND

    monkeypatch.setattr(checks, "check_take", look)
    return names


def written(studio: Studio) -> list[dict[str, Any]]:
    found = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())["shots"]
    assert isinstance(found, list)
    return found


async def test_what_is_found_is_in_manifest_page_and_log_and_the_take_counts(
    studio: Studio, looked: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        assert await studio.render() is None
    (shot,) = written(studio)
    assert (shot["state"], shot["qc"]) == ("delivered", {"ok": False, "findings": SPELT})
    assert shot["clip"]["sha256"]
    page = (studio.out / studio.run.prefix / "index.html").read_text()
    assert "To look at: 1.00 s instead of 4 s; the picture is black (at 0.5 s, for 1.2 s); the picture changes at once" in page
    assert "dawn: the picture is black, at 0.5 s" in caplog.text
    assert len(looked) == 1


async def test_a_take_is_looked_at_once_however_often_it_is_used(studio: Studio, looked: list[str]) -> None:
    assert await studio.render() is None
    assert await studio.render() is None
    (shot,) = written(studio)
    assert (shot["state"], shot["qc"]["findings"], len(looked)) == ("reused", SPELT, 1)


@pytest.mark.parametrize("where", ["pipeline", "shot"])
async def test_off_looks_at_nothing_and_says_nothing(studio: Studio, looked: list[str], where: str) -> None:
    studio.krea.downloads = ["damaged"]
    studio.declare(ONE.replace("}", ", qc: off}") if where == "shot" else ONE, "qc: off" if where == "pipeline" else "description: A")
    assert await studio.render() is None
    (shot,) = written(studio)
    assert (shot["state"], shot["qc"], shot["continuity"], looked) == ("delivered", None, None, [])


async def test_a_shot_says_more_than_its_pipeline_and_off_hides_what_was_found_before(studio: Studio, looked: list[str]) -> None:
    studio.declare(ONE.replace("}", ", qc: warn}"), "qc: off")
    assert await studio.render() is None
    assert written(studio)[0]["qc"]["findings"] == SPELT
    before = (await studio.step()).fingerprint
    studio.declare(ONE, "qc: off")
    assert (await studio.step()).fingerprint == before, "the take is the same, whatever is said of it"
    assert await studio.render() is None
    assert (written(studio)[0]["qc"], studio.krea.counts["post"], len(looked)) == (None, 1, 1)


@pytest.mark.parametrize("way", ["checked", "off", "uncheckable"])
async def test_a_take_has_its_picture_from_the_same_look_and_a_look_of_its_own_only_without_one(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    again: list[str] = []

    def draw(clip: Path, target: Path) -> None:
        again.append(clip.name)
        thumbnail(clip, target)

    def fail(*_about: object) -> None:
        raise RuntimeError("a filter is missing")

    monkeypatch.setattr(results, "thumbnail", draw)
    if way == "uncheckable":
        monkeypatch.setattr(checks, "check_take", fail)
    studio.declare(ONE, "qc: off" if way == "off" else "qc: warn")
    assert await studio.render() is None
    (shot,) = written(studio)
    small = Path(shot["thumbnail"]) if Path(shot["thumbnail"]).is_absolute() else studio.out / shot["thumbnail"]
    assert (len(again), small.read_bytes()[:3]) == (0 if way == "checked" else 1, b"\xff\xd8\xff")


@pytest.mark.parametrize("error", [BadClipError("no frames"), RuntimeError("a filter is missing"), MemoryError()])
async def test_a_check_that_cannot_be_made_is_a_line_in_the_log(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(*_about: object) -> None:
        raise error

    monkeypatch.setattr(checks, "check_take", fail)
    with caplog.at_level("WARNING"):
        assert await studio.render() is None
    assert "dawn: the clip could not be checked" in caplog.text
    assert written(studio)[0]["qc"] == {"ok": True, "findings": []}, "that it decodes is known all the same"
    monkeypatch.setattr(checks, "gaps", fail)
    studio.declare(ONE.replace("dawn,", "dusk,").replace("Rooftops", "Roofs"))
    assert await studio.render() is None
    (shot,) = written(studio)
    assert (shot["state"], shot["qc"]) == ("delivered", None)


async def test_a_chained_shot_says_how_it_continues_the_one_before(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[tuple[str, str]] = []

    def alike(start: Path, clip: Path) -> float:
        pairs.append((start.name.partition("-")[2], clip.suffix))
        return 0.93

    monkeypatch.setattr(checks, "continuity", alike)
    studio.declare(CHAIN)
    assert await studio.render() is None
    dawn, surf = written(studio)
    assert (dawn["continuity"], surf["continuity"], pairs) == (None, 0.93, [("last.png", ".mp4")])
    assert "Continuity 0.93" in (studio.out / studio.run.prefix / "index.html").read_text()
    assert await studio.render() is None
    assert (written(studio)[1]["continuity"], len(pairs)) == (0.93, 1)


async def test_continuity_that_cannot_be_measured_is_not_known(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_pictures: object) -> None:
        raise BadClipError("it does not decode")

    monkeypatch.setattr(checks, "continuity", fail)
    studio.declare(CHAIN)
    assert await studio.render() is None
    assert [(shot["state"], shot["continuity"]) for shot in written(studio)] == [("delivered", None), ("delivered", None)]


async def test_takes_of_earlier_versions_are_read_as_they_are(studio: Studio, looked: list[str]) -> None:
    assert await studio.render() is None
    (record,) = studio.out.glob(".animatic/takes/*/*/take.json")
    data = json.loads(record.read_text())
    for name in ("findings", "continuity"):
        del data[name]
    record.write_text(json.dumps(data))
    assert await studio.render() is None
    assert written(studio)[0]["qc"] == {"ok": True, "findings": []}, "it was looked at for damage"
    del data["damage"]
    record.write_text(json.dumps(data))
    assert await studio.render() is None
    assert (written(studio)[0]["qc"], written(studio)[0]["state"], len(looked)) == (None, "reused", 1)
    take: Take = present(await studio.ledger.takes.get((await studio.step()).fingerprint))
    assert (take.damage, take.findings, take.continuity) == (None, None, None)


async def test_plans_of_earlier_versions_are_checked(studio: Studio) -> None:
    studio.declare(ONE, "qc: off")
    plan = await studio.plan()
    assert plan_from_json(plan_to_json(plan)).steps[0].qc == "off"
    data = plan_to_json(plan)
    del data["steps"][0]["qc"]
    assert plan_from_json(data).steps[0].qc == "warn"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Expected()),
        ({"duration": 5, "aspect_ratio": "9:16", "resolution": "720p"}, Expected(duration=5, aspect=(9, 16), lines=720)),
        ({"duration": "8s", "resolution": "4K", "generate_audio": True}, Expected(duration=8, lines=2160, sound=True)),
        ({"aspect_ratio": "adaptive", "resolution": "auto", "generate_audio": False, "fps": 24}, Expected(fps=24)),
        ({"width": 960, "height": 540}, Expected(width=960, height=540)),
        ({"width": 960}, Expected()),
    ],
)
def test_what_is_expected_follows_from_the_request(body: dict[str, Any], expected: Expected) -> None:
    assert expected_of(body, (), None) == expected


def test_shape_and_length_may_follow_from_what_was_sent() -> None:
    body = {"duration": 5, "aspect_ratio": "9:16", "resolution": "720p"}
    picture, clip = (SentInput(field=name, origin="shot", shot="dawn") for name in ("start_image", "start_video"))
    assert expected_of(body, (picture,), None) == Expected(duration=5, lines=720)
    assert expected_of(body, (clip,), None) == Expected(lines=720)


async def test_a_length_that_the_request_does_not_say_is_the_default_of_its_model(studio: Studio) -> None:
    studio.declare("- {id: dawn, model: kling/kling-2.5, prompt: Dawn}")
    request = (await studio.step()).request
    assert expected_of({"prompt": "Dawn"}, (), request).duration == request.duration == 5
