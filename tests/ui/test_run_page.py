"""The run page in a real browser: its script plays one clip at a time, leads from shots to the reel, and filters by state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from animatic.manifest import render_page
from animatic.simulator.render.clip import render_clip
from animatic.simulator.render.recipe import Recipe
from tests.ui.browser import Browser, chromium

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def shot(number: int, name: str, state: str, **more: Any) -> dict[str, Any]:
    made = {
        "clip": {
            "key": f"p/r/{name}.mp4",
            "sha256": "0",
            "size": 9,
            "mime": "video/mp4",
            "width": 320,
            "height": 180,
            "file": f"{name}.mp4",
        },
        "thumbnail": f"p/r/{name}.jpg",
    }
    return {
        "id": name, "key": name, "number": number, "state": state, "model": "m", "fingerprint": name, "take": 1,
        "request": {"prompt": name}, **(made if state == "delivered" else {}), **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "p" / "r"
    folder.mkdir(parents=True)
    recipe = Recipe(
        kind="video", model="m", text="x", variation=0, width=None, height=None, aspect=16 / 9, side=180, longest_side=320, fps=12.0,
        seconds=3.0, start=None, end=None, source=None, references=(),
    )  # fmt: skip
    for name in ("dawn", "surf", "reel"):
        render_clip(recipe, folder / f"{name}.mp4")
        Image.new("RGB", (320, 180), "navy").save(folder / f"{name}.jpg")
    reel = shot(0, "reel", "delivered")["clip"]
    places = [{"shot": "dawn", "in": 0, "out": 1.5}, {"shot": "surf", "in": 1.5, "out": 3}]
    data = {
        "run_id": "r", "pipeline": "p", "simulated": True, "state": "partial", "started_at": "2026-11-27T00:00:00Z",
        "finished_at": "2026-11-27T00:01:00Z", "animatic": "0", "source": {"file": "f", "sha256": "0"},
        "cost": {"estimated_usd": 1, "billed_usd": 1, "reused_usd": 0, "unpriced": 0},
        "shots": [
            shot(1, "dawn", "delivered"), shot(2, "surf", "delivered"), shot(3, "gone", "failed", error={"code": "x", "message": "y"}),
        ],
        "reels": [{**reel, "shots": places, "thumbnail": "p/r/reel.jpg"}],
    }  # fmt: skip
    (folder / "index.html").write_text(render_page(json.loads(json.dumps(data))))
    return folder / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as window:
        yield window


PLAYING = "return [...document.querySelectorAll('video')].filter(video => !video.paused).map(video => video.src.split('/').pop())"


def test_one_clip_plays_at_a_time_and_a_shot_leads_to_its_place_in_the_reel(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    browser.run("document.querySelectorAll('video').forEach(video => { video.muted = true; })")
    browser.click("//li[@id='shot-1']//a[@class='play']")
    browser.wait(lambda: browser.run(PLAYING) == ["dawn.mp4"])
    browser.click("//ol[@class='strip']/li[2]/a")
    browser.wait(lambda: browser.run(PLAYING) == ["reel.mp4"])
    browser.wait(lambda: browser.run("return document.querySelector('.strip a[aria-current]')?.textContent") == "02 surf")
    assert browser.run("return document.querySelector('figure.reel video').currentTime") >= 1.5


def test_states_filter_the_shots_and_nothing_is_refused_by_the_policy(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    shown = "return [...document.querySelectorAll('.panel')].filter(panel => panel.offsetParent).map(panel => panel.id)"
    browser.click("//a[@data-state='failed']")
    browser.wait(lambda: browser.run(shown) == ["shot-3"])
    browser.click("//a[@data-state='failed']")
    browser.wait(lambda: browser.run(shown) == ["shot-1", "shot-2", "shot-3"])
    assert browser.run("return document.documentElement.classList.contains('js')"), "the script ran under the page's own policy"
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.run("return [...document.images].every(image => image.naturalWidth > 0)")
