"""The index of a destination: newest run first, relative links, and the data by which the next run adds itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from animatic.manifest import Attempt, Clip, Manifest, ManifestBuilder, Reel
from animatic.manifest.index import IndexEntry, entries_in, entry_of, render_index
from animatic.manifest.index_groups import CARDS
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


def on(when: datetime, like: IndexEntry, usd: float = 0.42) -> IndexEntry:
    return like.model_copy(update={"run_id": f"{when:%Y%m%dT%H%M%SZ}-a", "started_at": when, "billed_usd": Decimal(str(usd))})


def test_a_run_is_shown_with_state_money_poster_and_links(builder: ManifestBuilder, clip: Clip) -> None:
    page = Page(render_index([entry_of(ended(builder, clip))]))
    assert [image["src"] for image in page.all("img")] == [f"{RUN}/reel.thumbnail.jpg"]
    links = {link["href"] for link in page.all("a")}
    assert links == {f"{RUN}/index.html", f"{RUN}/reel.mp4"}
    for words in ("coast-teaser", "1 of 3 shots · billed $0.42", "took 4 min 28 s", "Lisbon"):
        assert words in page.text
    assert "SIMULATED" not in page.text


def test_the_newest_run_comes_first_and_older_ones_are_folded_by_month(builder: ManifestBuilder, clip: Clip) -> None:
    first = entry_of(ended(builder, clip))
    many = [on(datetime(2026, 1 + n // 4, 1 + n % 4, tzinfo=UTC), first) for n in range(40)]
    html = render_index(many, older=3)
    page = Page(html)
    newest = sorted((entry.run_id for entry in many), reverse=True)
    assert [item["id"] for item in page.all("li") if "id" in item] == newest[:CARDS]
    linked = [link["href"] for link in page.all("a")]
    assert [run for run in newest if f"coast-teaser/{run}/index.html" not in linked] == []
    assert "July 2026: 4 older runs, $1.68" in page.text
    assert page.text.index("July 2026") < page.text.index("June 2026")
    assert "3 older runs are not listed yet" in page.text
    again = entries_in(html)
    assert [entry.run_id for entry in again] == newest
    assert render_index(again, older=3) == html, "what is kept of a run is all that the next index needs of it"


def test_spend_is_drawn_by_day_and_what_waits_is_named_at_the_top(builder: ManifestBuilder, clip: Clip) -> None:
    one = entry_of(ended(builder, clip))
    first, last = on(datetime(2026, 11, 20, tzinfo=UTC), one, 1), on(datetime(2026, 11, 25, tzinfo=UTC), one, 4)
    old = on(datetime(2026, 1, 1, tzinfo=UTC), one, 9)
    waits = first.model_copy(update={"run_id": "20261120T000001Z-w", "state": "waiting", "state_text": "Waits for a person"})
    page = Page(render_index([first, waits, last, old]))
    assert [(bar["x"], bar["height"]) for bar in page.all("rect")] == [("96", "11.0"), ("116", "22.0")]
    assert "$15.00" in page.text
    assert "$6.00" in page.text
    assert "Waiting for somebody" in page.text
    assert "1 of 3 shots are there" in page.text


def test_three_thousand_runs_are_written_quickly(builder: ManifestBuilder, clip: Clip) -> None:
    first = entry_of(ended(builder, clip))
    start = datetime(2020, 1, 1, tzinfo=UTC)
    many = [on(start + timedelta(hours=18 * n), first.model_copy(update={"pipeline": f"p{n % 3}"})) for n in range(3000)]
    began = time.process_time()
    html = render_index(many)
    assert len(entries_in(html)) == 3000
    assert time.process_time() - began < 3
    assert len(html.encode()) < 2_000_000


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


def test_what_a_run_may_be_billed_yet_is_told_beside_its_bill_and_one_shot_is_one(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("surf").update(state="in_doubt", doing="submitted", set_aside_usd=Decimal("0.30"))
    run = ended(builder, clip)
    assert "billed $0.42 + 1 unknown, $0.30 set aside" in Page(render_index([entry_of(run)])).text
    alone = run.model_copy(update={"shots": run.shots[:1], "page": PageRules(money=False)})
    text = Page(html := render_index([entry_of(alone)])).text
    assert "1 of 1 shot" in text
    assert "1 of 1 shots" not in text
    assert entries_in(html)[0].set_aside_usd is None


def test_a_run_whose_page_shows_no_money_shows_none_in_the_index(builder: ManifestBuilder, clip: Clip) -> None:
    run = ended(builder, clip)
    quiet = run.model_copy(update={"page": PageRules(money=False), "title": "A coast", "params": {"city": "Lisbon", "look": "refs/a.png"}})
    html = render_index([entry_of(quiet), entry_of(quiet).model_copy(update={"run_id": "20261121T104513Z-aaaa"})])
    assert [word for word in ("$0", "0.42", "refs/", "grok") if word in html] == []
    page = Page(html)
    assert "A coast" in page.text
    assert "1 of 3 shots" in page.text
    assert entries_in(html)[0].billed_usd is None
