"""The index of a destination: newest run first, relative links, and the data by which the next run adds itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from animatic.manifest import Attempt, Clip, Manifest, ManifestBuilder, Reel
from animatic.manifest.index import MAX_RUNS, IndexEntry, entries_in, entry_of, render_index
from animatic.manifest.model import PageRules
from animatic.plan.model import Step
from tests.unit.manifest.test_manifest_page import HOSTILE, RUN, Page

DONE = datetime(2026, 11, 21, 10, 49, 40, tzinfo=UTC)


def ended(builder: ManifestBuilder, clip: Clip) -> Manifest:
    paid = Attempt(attempt=1, job_id="j", status="completed", usd=Decimal("0.42"))
    builder.shot("dawn").update(
        state="delivered", clip=clip, thumbnail=f"{RUN}/01-dawn.thumbnail.jpg", usd=Decimal("0.42"), attempts=[paid]
    )
    builder.reel(
        Reel.model_validate({**dict(clip), "key": f"{RUN}/reel.mp4", "file": "reel.mp4", "thumbnail": f"{RUN}/reel.thumbnail.jpg"})
    )
    return builder.manifest(finished_at=DONE)


def test_a_run_is_shown_with_state_money_poster_and_links(builder: ManifestBuilder, clip: Clip) -> None:
    page = Page(render_index([entry_of(ended(builder, clip))]))
    assert [image["src"] for image in page.all("img")] == [f"{RUN}/reel.thumbnail.jpg"]
    links = {link["href"] for link in page.all("a")}
    assert links == {f"{RUN}/index.html", f"{RUN}/reel.mp4"}
    for words in ("coast-teaser", "1 of 3 shots · billed $0.42", "took 4 min 28 s", "Lisbon"):
        assert words in page.text
    assert "SIMULATED" not in page.text


def test_the_newest_run_comes_first_and_too_many_are_counted(builder: ManifestBuilder, clip: Clip) -> None:
    first = entry_of(ended(builder, clip))
    many = [first.model_copy(update={"run_id": f"2026112{number % 10}T{number:06}Z-a"}) for number in range(MAX_RUNS + 7)]
    page = Page(render_index(many, older=3))
    shown = [item["id"] for item in page.all("li")]
    assert shown == sorted((entry.run_id for entry in many), reverse=True)[:MAX_RUNS]
    assert "10 older runs are not shown" in page.text


def test_what_it_shows_can_be_read_back_and_nothing_of_it_runs(builder: ManifestBuilder, clip: Clip) -> None:
    entry = entry_of(ended(builder, clip)).model_copy(update={"description": HOSTILE, "params": {HOSTILE: f"</script>{HOSTILE}"}})
    html = render_index([entry])
    assert entries_in(html) == [entry]
    page = Page(html)
    assert page.all("script") == [{"type": "application/json", "id": "runs"}]
    assert all(image.get("onerror") is None for image in page.all("img"))
    (policy,) = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")


def test_a_page_of_somebody_else_holds_no_runs() -> None:
    assert entries_in("<html>") == []
    assert entries_in('<script type="application/json" id="runs">[{"run_id": 1}]</script>') == []


def test_a_run_that_died_is_not_in_progress_for_ever(builder: ManifestBuilder, clip: Clip) -> None:
    done = entry_of(ended(builder, clip))
    died = done.model_copy(update={"finished_at": None, "state": "waiting", "state_text": "In progress"})
    assert "In progress" in Page(render_index([died])).text
    page = Page(render_index([died, done.model_copy(update={"run_id": "20261122T000000Z-b"})]))
    assert "Did not end" in page.text
    assert [entry.finished_at is None for entry in entries_in(render_index([died]))] == [True]


def test_pipelines_are_summed_up(builder: ManifestBuilder, clip: Clip) -> None:
    one = entry_of(ended(builder, clip))
    other = one.model_copy(update={"run_id": "20261122T000000Z-b", "pipeline": "town", "billed_usd": None, "simulated": True})
    page = Page(render_index([one, one.model_copy(update={"run_id": "20261121T110000Z-c"}), other]))
    assert "coast-teaser2$0.84" in page.text
    assert "town1$0.00" in page.text
    assert "SIMULATED" in page.text


def test_takes_in_the_ledger_make_posters_of_a_run_elsewhere(
    builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], clip: Clip
) -> None:
    builder = builder_of(steps[0])
    builder.shot("dawn").update(state="reused", clip=clip, thumbnail=".animatic/takes/fp/t.jpg")
    entry: IndexEntry = entry_of(builder.manifest(finished_at=DONE))
    assert entry.poster == ".animatic/takes/fp/t.jpg"


def test_a_run_whose_page_shows_no_money_shows_none_in_the_index(builder: ManifestBuilder, clip: Clip) -> None:
    run = ended(builder, clip)
    quiet = run.model_copy(update={"page": PageRules(money=False), "title": "A coast", "params": {"city": "Lisbon", "look": "refs/a.png"}})
    html = render_index([entry_of(quiet), entry_of(quiet).model_copy(update={"run_id": "20261121T104513Z-aaaa"})])
    assert [word for word in ("$0", "0.42", "refs/", "grok") if word in html] == []
    page = Page(html)
    assert "A coast" in page.text
    assert "1 of 3 shots" in page.text
    assert entries_in(html)[0].billed_usd is None
