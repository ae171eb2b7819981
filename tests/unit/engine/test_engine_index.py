"""Every run that ends is on the page of all runs of its destination, beside those that were there."""

from __future__ import annotations

import pytest

from animatic.engine import index_writer
from animatic.engine.run import Run
from animatic.errors import StorageError
from animatic.manifest.index import entries_in
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio


def listed(studio: Studio) -> list[str]:
    return [entry.run_id for entry in entries_in((studio.out / "index.html").read_text())]


async def test_each_run_adds_itself_and_what_is_missing_is_read_from_its_manifest(studio: Studio) -> None:
    studio.declare()
    assert await studio.render() is None
    assert await studio.render() is None
    first, second = (run.plan.run_id for run in studio.runs)
    assert listed(studio) == sorted([first, second], reverse=True)
    (studio.out / "index.html").unlink()
    assert await studio.render() is None
    assert len(listed(studio)) == 3
    html = (studio.out / "index.html").read_text()
    assert f"coast/{first}/index.html" in html


async def test_a_damaged_record_is_left_out_and_fails_nothing(studio: Studio) -> None:
    studio.declare()
    assert await studio.render() is None
    (manifest,) = studio.out.glob("coast/*/manifest.json")
    manifest.write_text("{")
    (studio.out / "index.html").write_text("somebody's own page")
    assert await studio.render() is None
    assert listed(studio) == [studio.run.plan.run_id]


async def test_an_index_that_cannot_be_written_fails_no_run(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise StorageError("the disk is full")

    monkeypatch.setattr(index_writer, "render_index", refuse)
    studio.declare()
    assert await studio.render() is None
    assert not (studio.out / "index.html").exists()


async def test_the_page_is_there_while_the_run_goes_on(studio: Studio) -> None:
    seen: list[str] = []

    def watched(run: Run) -> Run:
        page = studio.out / run.prefix / "index.html"
        run.progress.listeners.append(lambda _shot: seen.append(page.read_text()) if page.exists() else None)
        return run

    studio.declare(CHAIN)
    assert await studio.render(before=watched) is None
    assert "data-live" in seen[0]
    assert "01-dawn.mp4" in seen[0]
    assert "02-surf.mp4" not in seen[0]
    assert "data-live" not in (studio.out / studio.run.prefix / "index.html").read_text()


async def test_runs_that_the_index_lacks_are_read_a_few_at_a_time(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.declare()
    for _ in range(4):
        assert await studio.render() is None
    (studio.out / "index.html").unlink()
    monkeypatch.setattr(index_writer, "MAX_READ", 2)
    assert await studio.render() is None
    assert len(listed(studio)) == 3, "itself, and two of the four"
    assert "2 older runs are not listed yet" in (studio.out / "index.html").read_text()
    assert await studio.render() is None
    assert len(listed(studio)) == 6
    assert "not listed yet" not in (studio.out / "index.html").read_text()
