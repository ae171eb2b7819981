"""The sheet that a run delivers: what each frame says, and that a run never fails for want of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.engine import sheets
from animatic.engine.manifest_writer import ManifestWriter
from animatic.engine.sheets import sheet_of_manifest
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio


async def finished(studio: Studio) -> Studio:
    """Render, and write the manifest as a flow does at its end, while the run is open."""
    async with studio.open(await studio.plan()) as run:
        from tests.direct_stages import execute_run

        studio.runs.append(run)
        await execute_run(run)
        await ManifestWriter(run).finish(cancelled=False)
    return studio


async def test_a_run_delivers_its_sheet_and_the_manifest_names_it(studio: Studio) -> None:
    studio.declare(CHAIN, pipeline="cut: {}")
    await finished(studio)
    path = studio.out / studio.run.prefix / "sheet.pdf"
    assert path.read_bytes().startswith(b"%PDF")
    assert studio.run.manifest.manifest().sheet == f"{studio.run.prefix}/sheet.pdf"


async def test_a_frame_says_what_was_asked_for_how_long_it_is_where_it_stands_and_what_it_starts_from(studio: Studio) -> None:
    studio.declare(CHAIN.replace("prompt: Surf", "prompt: Surf, title: The wall, line: Hold on"), pipeline="cut: {}")
    await finished(studio)
    picture = Path("surf.jpg")
    dawn, surf = sheet_of_manifest(studio.run.manifest.manifest(), {"surf": picture}).shots
    assert (dawn.number, dawn.name, dawn.action, dawn.picture, dawn.lineage) == ("01", "dawn", "Rooftops at dawn", None, ())
    assert (surf.title, surf.line, surf.lineage, surf.picture) == ("The wall", "Hold on", ("from dawn, last frame",), picture)
    assert dawn.begin == 0
    assert (dawn.end, surf.end) == (dawn.seconds, (dawn.seconds or 0) + (surf.seconds or 0))


async def test_frames_stand_as_the_storyboard_has_them(studio: Studio) -> None:
    studio.declare("""
    - {id: surf, prompt: Surf, start_image: dawn, scene: One}
    - {id: dawn, prompt: Dawn, scene: Two}
    """)
    await finished(studio)
    manifest = studio.run.manifest.manifest()
    assert [shot.id for shot in manifest.shots] == ["dawn", "surf"], "as they depend on each other"
    assert [(shot.name, shot.scene) for shot in sheet_of_manifest(manifest, {}).shots] == [("surf", "One"), ("dawn", "Two")]


async def test_a_sheet_that_cannot_be_made_fails_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("animatic.sheet.write.write_sheet", refuse)
    await finished(studio)
    assert studio.run.manifest.manifest().sheet is None
    assert studio.state() == "delivered"
    assert sheets.SHEET not in studio.files()


async def test_for_clients_sheet_and_timeline_name_no_model_price_job_or_path(studio: Studio) -> None:
    rules = "page: {money: false}\n    title: A coast\n    matrix: {model: [xai/grok-video]}\n    cut: {}"
    studio.declare("      - {id: dawn, model: '{{ matrix.model }}', prompt: Rooftops at dawn}", pipeline=rules)
    await finished(studio)
    manifest = studio.run.manifest.manifest()
    assert manifest.shots[0].usd is not None
    sheet = sheet_of_manifest(manifest, {})
    assert (sheet.title, sheet.shots[0].name) == ("A coast", "dawn")
    (timeline,) = (studio.out / studio.run.prefix).glob("*/reel.otio")
    for text in (repr(sheet), timeline.read_text()):
        assert [word for word in ("xai/", "usd", "$0", str(manifest.shots[0].job_id)) if word in text] == []
