"""Decisions on the run page, in a real browser: what is clicked and written there comes home as review.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from animatic.manifest import render_page
from animatic.simulator.render.clip import render_clip
from animatic.simulator.render.recipe import Recipe
from tests.ui.browser import Browser, chromium
from tests.ui.test_run_page import press, shot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

HOSTILE = "<img src=x onerror=alert(1)>"


def take(number: int, name: str) -> dict[str, Any]:
    made = shot(1, name, "delivered")
    return {
        "take": number,
        "fingerprint": name,
        "state": "delivered",
        "picked": number == 1,
        "clip": made["clip"],
        "thumbnail": made["thumbnail"],
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dawn waits with two takes, surf waits with one, reel of both (surf from its second on), gone failed; surf in a variant."""
    folder = tmp_path_factory.mktemp("page") / "p" / "r"
    folder.mkdir(parents=True)
    recipe = Recipe(
        kind="video", model="m", text="x", variation=0, width=None, height=None, aspect=16 / 9, side=180, longest_side=320, fps=12.0,
        seconds=3.0, start=None, end=None, source=None, references=(),
    )  # fmt: skip
    for name in ("dawn", "dawn2", "surf", "reel"):
        render_clip(recipe, folder / f"{name}.mp4")
        Image.new("RGB", (320, 180), "navy").save(folder / f"{name}.jpg")
    waits = {"state": "waiting", "doing": "waits for approval"}
    dawn = {**shot(1, "dawn", "delivered"), **waits, "takes": [take(1, "dawn"), take(2, "dawn2")], "request": {"prompt": "A calm sea"}}
    surf: dict[str, Any] = {**shot(2, "surf", "delivered"), **waits, "key": "wide/surf", "title": HOSTILE}
    surf["clip"]["duration"] = 3.0
    places = [{"shot": "dawn", "in": 0, "out": 1.5}, {"shot": "wide/surf", "in": 1.5, "out": 3, "trim": [1, 2.5]}]
    data = {
        "run_id": "r", "pipeline": "p", "simulated": False, "state": "waiting", "started_at": "2026-11-27T00:00:00Z",
        "finished_at": "2026-11-27T00:01:00Z", "animatic": "0", "source": {"file": "f", "sha256": "0"},
        "cost": {"estimated_usd": 1, "billed_usd": 1, "reused_usd": 0, "unpriced": 0},
        "shots": [dawn, surf, shot(3, "gone", "failed", error={"code": "x", "message": "y"})],
        "reels": [{**shot(0, "reel", "delivered")["clip"], "shots": places, "thumbnail": "p/r/reel.jpg"}],
    }  # fmt: skip
    (folder / "index.html").write_text(render_page(data))
    return folder / "index.html"


@pytest.fixture
def browser(page: Path) -> Iterator[Browser]:
    with chromium() as window:
        window.open(page.as_uri())
        yield window


def downloaded(browser: Browser, folder: Path) -> dict[str, Any]:
    browser.keep_downloads(folder)
    browser.click("//button[.='Download review.json']")
    browser.wait((folder / "review.json").exists, 20)
    review: dict[str, Any] = json.loads((folder / "review.json").read_text("utf-8"))
    return review


def test_what_is_decided_on_the_page_is_downloaded_as_it_was_said(browser: Browser, tmp_path: Path) -> None:
    browser.click("//li[@id='shot-2']//button[.='Approve']")
    browser.click("//li[@id='shot-1']//ul[@class='takes']/li[2]/a")
    browser.wait(lambda: browser.run("return document.querySelector('#shot-1 .frame video')?.src.endsWith('dawn2.mp4')"))
    browser.click("//li[@id='shot-1']//button[.='Reject']")
    browser.run("document.querySelector('#shot-1 [name=at]').value = '1.25'")
    browser.fill("//li[@id='shot-1']//textarea[@name='prompt']", "A rough sea\nat night")
    browser.fill("//li[@id='shot-1']//textarea[@name='note']", f"hands {HOSTILE}")
    browser.click("//button[.='Keep']")
    browser.click("//li[@id='shot-3']//button[.='Comment']")
    browser.click("//button[.='Keep']")
    assert "A comment needs words" in browser.text
    browser.fill("//li[@id='shot-3']//textarea[@name='note']", "leave it out")
    browser.click("//button[.='Keep']")
    browser.fill("//aside//input", "Anna Ferreira")
    review = downloaded(browser, tmp_path)
    assert datetime.fromisoformat(review.pop("written_at")).tzinfo is not None
    assert review == {
        "version": 1,
        "pipeline": "p",
        "run_id": "r",
        "by": "Anna Ferreira",
        "decisions": [
            {"shot": "wide/surf", "decision": "approve", "take": 1, "prompt": None, "note": None, "at": None},
            {"shot": "dawn", "decision": "reject", "take": 2, "prompt": "A rough sea\nat night", "note": f"hands {HOSTILE}", "at": 1.25},
            {"shot": "gone", "decision": "comment", "take": None, "prompt": None, "note": "leave it out", "at": None},
        ],
    }
    assert "animatic review --apply review.json" in browser.text
    assert browser.run("return document.querySelectorAll('img[onerror]').length") == 0


def test_only_what_waits_is_decided_about_and_what_would_be_refused_is_not_written(browser: Browser, tmp_path: Path) -> None:
    kinds = "return [...document.querySelectorAll('.decide .kinds label')].filter(kind => kind.offsetParent).length"
    browser.click("//li[@id='shot-3']//button[.='Comment']")
    assert browser.run(kinds) == 0
    browser.click("//button[.='Cancel']")
    browser.click("//li[@id='shot-2']//button[.='Comment']")
    assert browser.run(kinds) == 3
    browser.run("const [note, at] = document.querySelectorAll('.decide [name=note], .decide [name=at]');"
                "note.value = 'too\\u2003dark\\u0007 \\u{1fae8}'; at.value = '99'")  # fmt: skip
    browser.click("//button[.='Keep']")
    (only,) = downloaded(browser, tmp_path)["decisions"]
    assert (only["note"], only["at"]) == ("too dark \U0001fae8", 3)


def test_shots_of_variants_that_share_a_take_have_one_decision(browser: Browser, page: Path, tmp_path: Path) -> None:
    shared = page.with_name("shared.html")
    html = page.read_text("utf-8")
    assert html.count(" data-asked") == 2
    shared.write_text(html.replace('data-key="wide/surf"', 'data-same="shot-1" data-key="wide/surf"'))
    browser.open(shared.as_uri())
    browser.click("//li[@id='shot-2']//button[.='Approve']")
    browser.click("//li[@id='shot-1']//button[.='Reject']")
    browser.click("//button[.='Keep']")
    assert [(one["shot"], one["decision"]) for one in downloaded(browser, tmp_path)["decisions"]] == [("dawn", "reject")]


def test_the_last_word_counts_and_can_be_taken_back(browser: Browser, tmp_path: Path) -> None:
    browser.click("//li[@id='shot-2']//button[.='Approve']")
    browser.click("//li[@id='shot-2']//button[.='Reject']")
    browser.click("//button[.='Keep']")
    assert "1 decision\n" in browser.text
    browser.click("//li[@id='shot-1']//button[.='Approve']")
    browser.click("//button[.='Keep']")
    assert "2 decisions" in browser.text
    browser.click("//li[@id='shot-2']//button[.='Undo']")
    (only,) = downloaded(browser, tmp_path)["decisions"]
    assert (only["shot"], only["decision"], only["take"]) == ("dawn", "approve", 1)


def test_a_comment_in_the_reel_is_of_the_shot_that_is_seen_at_the_second_of_its_clip(browser: Browser, tmp_path: Path) -> None:
    browser.wait(lambda: browser.run("return document.querySelector('figure.reel video').readyState > 1"))
    browser.run("document.querySelector('figure.reel video').currentTime = 2")
    browser.wait(lambda: browser.run("return document.querySelector('.strip a[aria-current]')?.dataset.in") == "1.5")
    press(browser, "c")
    browser.fill("//textarea[@name='note']", "too dark")
    browser.click("//button[.='Keep']")
    (only,) = downloaded(browser, tmp_path)["decisions"]
    assert (only["shot"], only["decision"], only["take"], only["note"]) == ("wide/surf", "comment", 1, "too dark")
    assert only["at"] == pytest.approx(1.5, abs=0.01), "half a second into its place in the reel, and a second is cut off before"


def test_what_is_not_downloaded_yet_survives_a_reload(browser: Browser, page: Path) -> None:
    browser.click("//li[@id='shot-2']//button[.='Approve']")
    browser.fill("//aside//input", "Ben")
    browser.run("document.querySelector('aside input').dispatchEvent(new Event('change', {bubbles: true}))")
    assert browser.run("return localStorage.length") == 2
    browser.run("document.body.dataset.again = ''")  # as the page does before it reads itself again: nobody is to be asked
    browser.open(page.as_uri())
    browser.wait(lambda: "Approved, take 1" in browser.text)
    assert browser.run("return document.querySelector('aside input').value") == "Ben"


def test_where_a_browser_keeps_nothing_the_page_warns_before_it_is_left(browser: Browser) -> None:
    leaving = "const event = new Event('beforeunload', {cancelable: true}); dispatchEvent(event); return event.defaultPrevented"
    assert browser.run(leaving) is False
    browser.run("Storage.prototype.setItem = () => { throw new Error('denied'); }")
    browser.click("//li[@id='shot-2']//button[.='Approve']")
    assert browser.run(leaving) is True
    assert browser.run("return 'busy' in document.body.dataset"), "a page that reads itself again would forget it"
    browser.click("//li[@id='shot-2']//button[.='Undo']")
    assert (browser.run(leaving), browser.run("return 'busy' in document.body.dataset")) == (False, False)


def test_a_run_that_goes_on_takes_no_words_away_while_somebody_writes(browser: Browser, page: Path) -> None:
    live = page.with_name("live.html")
    live.write_text(page.read_text("utf-8").replace("<body ", '<body data-live="1" '))
    browser.before_pages("window.setInterval = (again) => { window.again = again; }")
    browser.open(live.as_uri())
    browser.run("window.same = true")
    browser.click("//li[@id='shot-2']//button[.='Comment']")
    browser.run("again()")
    assert browser.run("return window.same") is True, "the form is open"
    browser.fill("//textarea[@name='note']", "too dark")
    browser.click("//button[.='Keep']")
    browser.run("again()")
    browser.wait(lambda: browser.run("return window.same !== true && document.readyState") == "complete", 20)
    browser.see("too dark", seconds=10)


def test_a_client_decides_too_and_sees_no_command(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page.as_uri() + "?view=client")
    browser.click("//li[@id='shot-2']//button[.='Approve']")
    assert len(downloaded(browser, tmp_path)["decisions"]) == 1
    browser.see("send it to whoever gave you this page")
    assert "animatic review" not in browser.text
