"""The page says what was decided about a shot, offers what is to be decided, and tells clients neither who said what nor a command."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from animatic.manifest import Clip, ManifestBuilder
from animatic.manifest.clients import for_clients
from animatic.manifest.model import Manifest, PageRules, TakeEntry
from animatic.manifest.page import render_page
from animatic.manifest.parts import Decision, LogEntry
from animatic.manifest.wording import clock

DONE = datetime(2026, 11, 21, 10, 49, 40, tzinfo=UTC)
DECIDED = Decision(by="Anna <b>", at=datetime(2026, 11, 27, 8, 12, tzinfo=UTC), take=2, note="its light & shade")
LOG = (
    LogEntry(
        at=datetime(2026, 11, 27, 7, 12, tzinfo=UTC),
        by="Ben",
        what="comment",
        take=1,
        note="<i>hands</i>",
        issue="hands",
        priority="high",
        time_code=1.25,
    ),
    LogEntry(at=datetime(2026, 11, 27, 8, 2, tzinfo=UTC), what="asked", take=1),
    LogEntry(
        at=datetime(2026, 11, 27, 8, 12, tzinfo=UTC), by="Anna", what="rejected", take=1, changes={"prompt": "A calmer sea", "seed": 7}
    ),
)


def with_shot(run: Manifest, **changes: Any) -> Manifest:
    return run.model_copy(update={"shots": (run.shots[0].model_copy(update=changes), *run.shots[1:])})


@pytest.fixture
def decided(builder: ManifestBuilder, clip: Clip) -> Manifest:
    builder.shot("dawn").update(state="delivered", clip=clip, decision=DECIDED)
    return with_shot(builder.manifest(finished_at=DONE), locked=True, log=LOG)


def panel(html: str, number: int = 1) -> str:
    begin = html.index(f'id="shot-{number}"')
    return html[begin : html.index("</li>\n<", begin)]


def body(html: str) -> str:
    return html[html.index("<body") : html.index("<script>")]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_who_decided_what_and_when_stands_on_the_page_with_the_lock_and_the_log(decided: Manifest) -> None:
    dawn = text(render_page(decided)[render_page(decided).index('id="shot-1"') :])
    for words in (
        "Approved by Anna &lt;b&gt;, 27 Nov 2026, 08:12 UTC: take 2",
        "its light &amp; shade",
        "dawn · locked",
        "Log: 3 entries",
        "27 Nov 2026, 07:12 UTC · Ben · comment · take 1 · at 0:01.25 · hands · priority high &lt;i&gt;hands&lt;/i&gt;",
        "27 Nov 2026, 08:02 UTC · asked for approval · take 1",
        "27 Nov 2026, 08:12 UTC · Anna · rejected · take 1 prompt: A calmer sea seed: 7",
    ):
        assert words in dawn
    assert "surf · locked" not in dawn


def test_clients_read_neither_names_nor_what_was_said(decided: Manifest) -> None:
    html = render_page(decided.model_copy(update={"page": PageRules(money=False)}))
    assert [word for word in ("Anna", "light &amp;", "Log:", "hands", "animatic review") if word in body(html)] == []
    assert (for_clients(decided).shots[0].decision, for_clients(decided).shots[0].log) == (None, ())
    private = re.sub(r"<(p|details|span) [^>]*data-private[^>]*>.*?</\1>", "", body(render_page(decided)), flags=re.DOTALL)
    assert [word for word in ("Anna", "light &amp;", "Log:", "animatic review --apply") if word in private] == []


def test_a_client_may_decide_and_is_given_no_command(decided: Manifest) -> None:
    whole, discreet = (render_page(decided.model_copy(update={"page": PageRules(money=money)})) for money in (True, False))
    assert "Download review.json" in whole
    assert "Download review.json" in discreet
    assert "<code>animatic review --apply review.json</code>" in whole
    assert '<span class="send">Then send it' in discreet
    assert '<span class="send" hidden>' in whole


def test_the_command_is_that_of_the_run(decided: Manifest) -> None:
    assert "review --apply review.json --simulate</code>" in render_page(decided.model_copy(update={"simulated": True}))


def test_shots_are_named_by_their_keys_and_tell_their_takes(builder: ManifestBuilder, clip: Clip) -> None:
    take = TakeEntry(take=1, fingerprint="f", state="delivered", clip=clip, picked=True)
    builder.shot("dawn").update(state="waiting", doing="waits for approval", clip=clip)
    run = builder.manifest(finished_at=DONE)
    run = with_shot(run, key="16x9/dawn", takes=(take, take.model_copy(update={"take": 2, "picked": False})))
    html = render_page(run)
    dawn, surf = panel(html), panel(html, 2)
    assert 'data-key="16x9/dawn" data-take="1" data-seconds="6" data-asked>' in dawn
    assert re.findall(r'<li data-take="(\d)"', html) == ["1", "2"]
    assert "picked" not in dawn, "nobody has picked one yet"
    assert 'data-key="surf">' in surf, "what is not made can be commented on, and neither approved nor rejected"
    assert f'data-pipeline="{run.pipeline}" data-run="{run.run_id}"' in html


def test_variants_that_share_a_take_are_told_apart_from_those_that_do_not(builder: ManifestBuilder, clip: Clip) -> None:
    for name in ("dawn", "surf", "logo"):
        builder.shot(name).update(state="waiting", doing="waits for approval", clip=clip)
    run = builder.manifest(finished_at=DONE)
    shots = tuple(
        shot.model_copy(update={"variant": {"n": n}, "fingerprint": "one" if n < 2 else "two"}) for n, shot in enumerate(run.shots)
    )
    for money in (True, False):
        html = render_page(run.model_copy(update={"shots": shots, "page": PageRules(money=money)}))
        assert re.findall(r'data-key="(\w+)"[^>]* data-same="([^"]*)"', html) == [("surf", "shot-1")]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (8.25, "0:08.25"), (59.999, "1:00"), (61.5, "1:01.5"), (3723.04, "1:02:03.04"), (36000, "10:00:00")]
)
def test_places_in_a_clip_are_told_to_the_hundredth(seconds: float, said: str) -> None:
    assert clock(seconds, exact=True) == said
