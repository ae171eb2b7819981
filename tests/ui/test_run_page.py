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


def press(browser: Browser, key: str) -> None:
    browser.run("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true, cancelable: true}))", key)


def test_keys_go_to_shots_seconds_and_frames_and_leave_fields_of_text_alone(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    at = "return Math.round(document.querySelector('figure.reel video').currentTime * 1000) / 1000"
    browser.wait(lambda: browser.run("return document.querySelector('figure.reel video').readyState > 0"))
    for key, seconds in (
        ("ArrowRight", 1.501),
        ("ArrowRight", 1.501),
        ("l", 2.501),
        ("j", 1.501),
        ("ArrowLeft", 0.001),
        (".", 0.043),
        (",", 0.001),
    ):
        press(browser, key)
        assert browser.run(at) == pytest.approx(seconds, abs=0.002), key
    browser.run("const field = document.createElement('textarea'); document.body.append(field); field.focus();"
                "field.dispatchEvent(new KeyboardEvent('keydown', {key: 'l', bubbles: true, cancelable: true}))")  # fmt: skip
    assert browser.run(at) == pytest.approx(0.001, abs=0.002)


def test_the_mouse_looks_through_a_clip_and_leaves_its_picture(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    send = (
        "const link = document.querySelector('#shot-1 a.play'), box = link.getBoundingClientRect();"
        "link.dispatchEvent(new PointerEvent(arguments[0], {pointerType: 'mouse', bubbles: arguments[0] !== 'pointerleave',"
        "clientX: box.left + box.width / 2}))"
    )
    browser.run(send, "pointerover")
    browser.wait(lambda: browser.run("return document.querySelector('#shot-1 a.play video')?.readyState > 0"))
    browser.run(send, "pointermove")
    assert browser.run("return document.querySelector('#shot-1 a.play video').currentTime") == pytest.approx(1.5, abs=0.1)
    assert browser.run(PLAYING) == []
    browser.run(send, "pointerleave")
    assert browser.run("return document.querySelectorAll('#shot-1 a.play video').length") == 0


def test_shots_are_shown_as_contact_sheet_list_and_large(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    prompts = "return [...document.querySelectorAll('#sheet .prompt')].filter(prompt => prompt.offsetParent).length"
    width = "return document.querySelector('#shot-1 .frame').offsetWidth"
    cards = browser.run(width)
    assert browser.run(prompts) == 3
    browser.click("//button[@data-view='contact']")
    assert (browser.run(prompts), browser.run(width) < cards) == (0, True)
    browser.click("//button[@data-view='large']")
    assert (browser.run(prompts), browser.run(width) > cards) == (3, True)
    browser.click("//button[@data-view='list']")
    assert browser.run("return document.querySelector('#shot-1 .prompt').getBoundingClientRect().left") > browser.run(width)
    assert browser.run("return document.querySelector('[data-view=list]').getAttribute('aria-pressed')") == "true"


def test_a_client_sees_no_money_models_or_commands(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    assert all(word in browser.text for word in ("$", "animatic resume r --simulate", "manifest.json"))
    browser.open(page.as_uri() + "?view=client")
    assert [word for word in ("$", "resume", "manifest.json", "Settings") if word in browser.text] == []
    assert browser.run("return document.querySelectorAll('.panel').length") == 3


def test_the_strip_of_a_long_reel_follows_it_and_each_of_its_shots_can_be_reached(page: Path, browser: Browser) -> None:
    each = 3 / 60
    shots = [shot(number, f"s{number}", "failed", error={"code": "x", "message": "y"}) for number in range(1, 61)]
    places = [{"shot": f"s{number}", "in": (number - 1) * each, "out": number * each} for number in range(1, 61)]
    data = {
        "run_id": "r", "pipeline": "p", "simulated": True, "state": "partial", "started_at": "2026-11-27T00:00:00Z",
        "finished_at": "2026-11-27T00:01:00Z", "animatic": "0", "source": {"file": "f", "sha256": "0"},
        "cost": {"estimated_usd": 1, "billed_usd": 1, "reused_usd": 0, "unpriced": 0}, "shots": shots,
        "reels": [{**shot(0, "reel", "delivered")["clip"], "shots": places}],
    }  # fmt: skip
    long = page.with_name("long.html")
    long.write_text(render_page(data))
    browser.open(long.as_uri())
    browser.wait(lambda: browser.run("return document.querySelector('figure.reel video').readyState > 0"))
    browser.run("document.querySelector('figure.reel video').currentTime = 2.93")
    seen = (
        "const mark = document.querySelector('.strip a[aria-current]'); if (!mark) return '';"
        "const box = mark.getBoundingClientRect(), strip = mark.closest('.strip').getBoundingClientRect();"
        "return box.left >= strip.left - 1 && box.right <= strip.right + 1 ? mark.textContent : ''"
    )
    browser.wait(lambda: browser.run(seen) == "59 s59", 20, lambda: str(browser.run(seen)))
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
