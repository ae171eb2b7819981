"""The page works from its folder, asks nothing of the network, and shows hostile text as text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from animatic.manifest import Attempt, Clip, Failure, Input, ManifestBuilder, PrefectRun, Reel, ReelShot, StrayJob, wording
from animatic.manifest.clients import Discretion, for_clients
from animatic.manifest.links import Links
from animatic.manifest.model import TakeEntry
from animatic.manifest.page import render_page
from animatic.manifest.panels import variant_name
from animatic.manifest.parts import Finding, Quality
from animatic.plan.layout import diagram_of
from animatic.plan.model import Plan, ShotInput, Step

DONE = datetime(2026, 11, 21, 10, 49, 40, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{ 7 * 7 }} " + "x" * 400
RUN = "coast-teaser/20261121T104512Z-4f3a"


class Page(HTMLParser):
    """Elements and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.html = html
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def rendered(builder: ManifestBuilder) -> Page:
    return Page(render_page(builder.to_json(finished_at=DONE)))


def test_shots_stand_in_order_with_their_clips(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="delivered", clip=clip, thumbnail=".animatic/takes/fp/fp-dawn/thumbnail.jpg", usd=Decimal("0.42"))
    builder.reel(Reel.model_validate({**dict(clip), "key": f"{RUN}/reel.mp4"}))
    page = rendered(builder)
    (reel,) = page.all("video")
    (dawn,) = [link for link in page.all("a") if link.get("class") == "play"]
    assert (reel["src"], dawn["href"]) == ("reel.mp4", "01-dawn.mp4")
    assert "controls" in reel
    assert "../../.animatic/takes/fp/fp-dawn/thumbnail.jpg" in [image["src"] for image in page.all("img")]
    assert [item["id"] for item in page.all("li") if "id" in item] == ["shot-1", "shot-2", "shot-3"]
    for words in (
        "Shot dawn",
        "6 s · 1280 × 720 · 24 fps · 3.1 MB",
        "$0.42",
        "Delivered",
        "xai/grok-video",
        "20261121T104512Z-4f3a",
        "took 4 min 28 s",
    ):
        assert words in page.text


def test_a_run_without_shots_says_why_and_offers_no_way_to_show_them(builder_of: Callable[..., ManifestBuilder]) -> None:
    page = rendered(builder_of())
    assert page.text.count("othing to make: `when` leaves every shot out") == 2  # in place of the shots, and in the account
    assert "0 shots" not in page.text
    assert not [button for button in page.all("button") if "data-view" in button]


def test_lineage_is_said_and_linked(builder: ManifestBuilder) -> None:
    page = rendered(builder)
    assert re.search(r"Starts from\s+the last frame of\s+dawn", page.text)
    assert re.search(r"Refers to\s+refs/a\.png", page.text)
    assert {"href": "#shot-1"} in page.all("a")
    assert len(page.all("svg")) == 1


def test_what_is_spoken_over_a_shot_is_shown_as_text(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    builder = builder_of(replace(steps[0], line="Welcome <to> Porto\nGood bye"), steps[1])
    assert [shot["line"] for shot in builder.to_json()["shots"]] == ["Welcome <to> Porto\nGood bye", None]
    page = rendered(builder)
    assert len([item for item in page.all("p") if item.get("class") == "spoken"]) == 1
    assert "Welcome <to> Porto\nGood bye" in page.text


def test_the_cast_of_a_shot_and_what_shows_it_are_named(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    sheet = ShotInput(path=("reference_images", 0), media="image", step="logo", frame=None, member="mara")
    surf = replace(steps[1], cast=("mara", "grain"), depends_on=("logo",), requests=(replace(steps[1].request, inputs=(sheet,)),))
    builder = builder_of(steps[0], surf, steps[2])
    shot = builder.to_json()["shots"][1]
    assert (shot["cast"], shot["inputs"][0]["member"], shot["inputs"][0]["shot"]) == (["mara", "grain"], "mara", "logo")
    assert all("member" not in item for other in builder.to_json()["shots"] for item in other["inputs"] if other["id"] != "surf")
    page = " ".join(rendered(builder).text.split())
    assert "Cast: mara, grain" in page
    assert "mara: logo" in page


def test_failures_and_attempts_are_told(builder: ManifestBuilder) -> None:
    builder.shot("surf").update(
        state="failed",
        error=Failure(code="moderated", message="Flagged by policy"),
        attempts=[
            Attempt(attempt=1, status="failed", error=Failure(code="x", message="Provider down"), usd=Decimal(0)),
            Attempt(attempt=2, status="failed"),
        ],
    )
    builder.shot("logo").update(state="skipped", note="Needs surf, which failed")
    page = rendered(builder)
    for words in (
        "Flagged by policy",
        "Provider down",
        "2 attempts",
        "Needs surf, which failed",
        "3 shots: 1 failed, 1 skipped, 1 waiting",
    ):
        assert words in page.text


def test_jobs_that_were_paid_beside_are_named(builder: ManifestBuilder) -> None:
    assert "Paid beside" not in rendered(builder).text
    builder.stray_jobs = (StrayJob(job_id="job-9", usd=Decimal("0.25"), why="dawn, attempt 1: paid beside job job-1, which made the take"),)
    text = rendered(builder).text
    assert "Paid beside" in text
    assert "job-9" in text
    assert "$0.25" in text
    assert "dawn, attempt 1: paid beside job job-1" in text


def test_only_a_simulated_run_wears_the_ribbon(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    simulated, real = (render_page(builder_of(*steps, simulated=simulated).to_json()) for simulated in (True, False))
    assert "SIMULATED</strong>" in simulated
    assert "<title>SIMULATED" in simulated
    assert "Would be billed" in simulated
    assert "SIMULATED" not in real


def test_nothing_is_fetched_from_elsewhere_and_only_our_script_may_run(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="delivered", clip=clip)
    html = render_page(builder.to_json())
    page = Page(html)
    assert page.all("script") == [{}]
    (icon,) = page.all("link")
    assert (icon["href"] or "").startswith("data:image/svg+xml,")
    assert "@import" not in html
    assert "url(" not in re.sub(r"url\(#\w+\)", "", html)
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "poster", "data", "srcset"):
            assert "://" not in (attributes.get(name) or "")
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    script = html.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy


def test_hostile_text_stays_text(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], clip: Clip) -> None:
    hostile = [
        replace(steps[0], shot=HOSTILE, title=HOSTILE, variant={HOSTILE: HOSTILE}),
        replace(steps[1], shot="javascript:alert(1)", depends_on=()),
    ]
    builder = builder_of(*hostile)
    builder.shot("dawn").update(
        state="delivered",
        request={"prompt": HOSTILE, HOSTILE: HOSTILE},
        model=HOSTILE,
        clip=clip.model_copy(update={"key": f"{RUN}/{HOSTILE}.mp4"}),
        inputs=[Input(field=HOSTILE, origin="url", url="javascript:alert(1)"), Input(field="start_image", origin="file", path=HOSTILE)],
        thumbnail="javascript:alert(1)",
        error=Failure(code=HOSTILE, message=HOSTILE),
    )
    page = rendered(builder)
    assert page.all("script") == [{}]
    assert "49" not in page.text.partition("Shots")[0]
    assert all(image.get("onerror") is None for image in page.all("img"))
    for tag in ("a", "video", "img"):
        for attributes in page.all(tag):
            for name in ("href", "src", "poster"):
                assert not (attributes.get(name) or "").startswith("javascript:")
    assert HOSTILE.strip() in page.text


def test_headings_language_and_alternatives_are_there(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("logo").update(state="delivered", clip=clip.model_copy(update={"mime": "image/png", "key": f"{RUN}/03-logo.png"}))
    page = rendered(builder)
    assert page.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(image["alt"] for image in page.all("img"))
    assert all(video["aria-label"] for video in page.all("video"))


def test_variants_of_a_shot_stand_side_by_side(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], clip: Clip) -> None:
    tall = clip.model_copy(update={"width": 720, "height": 1280})
    keys = [replace(steps[0], key=f"{name}/dawn", variant={"aspect_ratio": name}) for name in ("16:9", "9:16")]
    builder = builder_of(*keys)
    builder.shot("9:16/dawn").update(state="delivered", clip=tall)
    builder.reel(Reel.model_validate({**dict(tall), "variant": {"aspect_ratio": "9:16"}}))
    page = rendered(builder)
    assert "aspect_ratio 16:9" in page.text
    assert "aspect_ratio 9:16" in page.text
    (row,) = [sheet for sheet in page.all("ol") if sheet.get("class") == "sheet compare"]
    assert row["style"] == "--ratio: 0.5625"
    assert len([item for item in page.all("li") if "panel" in (item.get("class") or "")]) == 2


def test_a_thousand_shots_render_quickly(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    many = [replace(steps[0], key=f"s{number}", shot=f"s{number}", number=number, fingerprint=f"fp-{number}") for number in range(1000)]
    page = rendered(builder_of(*many))
    assert len([item for item in page.all("li") if "id" in item]) == 1000


@pytest.mark.parametrize(
    ("key", "link"),
    [
        (f"{RUN}/01.mp4", "01.mp4"),
        (f"{RUN}/de/01 ä.mp4", "de/01%20%C3%A4.mp4"),
        (".animatic/takes/x/t.jpg", "../../.animatic/takes/x/t.jpg"),
        ("s3://other/x.mp4", None),
        ("https://x/y.mp4", None),
        ("javascript:alert(1)", "../../javascript%3Aalert%281%29"),
        ("", None),
        (None, None),
    ],
)
def test_links_are_relative_to_the_runs_folder(key: str | None, link: str | None) -> None:
    assert Links(RUN, [f"{RUN}/01.mp4"]).to(key) == link


@pytest.mark.parametrize("root", ["s3://bucket/", "s3://bucket/brand/media/", "simulated/", "s3://bucket/p/simulated/"])
def test_links_find_the_root_of_the_destination(root: str) -> None:
    for known in (f"{root}{RUN}/01.mp4", f"{root}.animatic/takes/x/t.jpg"):
        links = Links(RUN, [known])
        assert links.to(f"{root}{RUN}/01.mp4") == "01.mp4"
        assert links.to(f"{root}.animatic/takes/x/t.jpg") == "../../.animatic/takes/x/t.jpg"
        assert links.to("s3://elsewhere/x.mp4") is None


def test_files_of_the_run_cannot_be_looked_for_above_it() -> None:
    links = Links(RUN, [])
    assert links.beside("de/01-dawn.mp4") == "./de/01-dawn.mp4"
    assert links.beside("../../etc/passwd") == "./etc/passwd"


def test_the_diagram_puts_each_shot_right_of_what_it_needs() -> None:
    diagram = diagram_of(["a", "b", "c", "d", "alone"], {"b": ["a"], "c": ["b", "a"], "d": ["a"]})
    assert diagram is not None
    place = {node.key: (node.x, node.y) for node in diagram.nodes}
    assert set(place) == {"a", "b", "c", "d"}
    assert place["a"][0] < place["b"][0] < place["c"][0]
    assert place["d"][0] == place["b"][0]
    assert len(set(place.values())) == 4
    assert {(edge.source, edge.target) for edge in diagram.edges} == {("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}


def test_no_diagram_where_it_would_say_nothing() -> None:
    assert diagram_of(["a", "b"], {}) is None
    assert diagram_of([str(number) for number in range(200)], {"1": ["0"]}) is None
    assert diagram_of(["a", "b"], {"a": ["b"], "b": ["a"]}) is not None


@pytest.mark.parametrize(("seconds", "text"), [(6.0, "6 s"), (6.25, "6.2 s"), (59.99, "60 s"), (125, "2 min 05 s"), (4800, "1 h 20 min")])
def test_spans(seconds: float, text: str) -> None:
    assert wording.span(seconds) == text


def chained(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], *, named: Callable[[str], str]) -> Page:
    """Two variants of a chain, whose records name the shot that surf starts from by key, or (version 0.1) by id."""
    made = [
        replace(step, key=f"{name}/{step.shot}", variant_name=name, variant={"ratio": name}, depends_on=needs)
        for name in ("16x9", "9x16")
        for step, needs in ((steps[0], ()), (steps[1], (f"{name}/dawn",)))
    ]
    builder = builder_of(*made)
    for name in ("16x9", "9x16"):
        builder.shot(f"{name}/surf").update(inputs=[Input(field="start_image", origin="shot", shot=named(name), frame="last")])
    return rendered(builder)


@pytest.mark.parametrize("named", [lambda name: f"{name}/dawn", lambda _name: "dawn"])
def test_lineage_leads_to_the_shot_of_the_same_variant(
    builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], named: Callable[[str], str]
) -> None:
    page = chained(builder_of, steps, named=named)
    assert len(re.findall(r"Starts from\s+the last frame of\s+dawn", page.text)) == 2
    links = re.findall(r"the last frame of\s+<a href=\"([^\"]*)\"", page.html)
    assert links == ["#shot-1", "#shot-3"]
    assert "last frame" in page.text.partition("What starts from what")[2]


def test_a_record_names_shots_alike_in_inputs_and_dependencies(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    start = ShotInput(path=("start_image",), media="image", step="9x16/dawn", frame="last")
    request = replace(steps[1].request, inputs=(start,))
    surf = replace(steps[1], key="9x16/surf", variant={"r": "9:16"}, depends_on=("9x16/dawn",), requests=(request,))
    shot = builder_of(surf).to_json()["shots"][0]
    assert (shot["depends_on"], shot["inputs"][0]["shot"]) == (["9x16/dawn"], "9x16/dawn")


def test_the_reel_comes_first_with_its_shots_and_their_times(builder: ManifestBuilder, clip: Clip) -> None:
    for key in ("dawn", "surf"):
        builder.shot(key).update(state="delivered", clip=clip, thumbnail=f"{RUN}/01-{key}.thumbnail.jpg")
    places = [ReelShot(shot="dawn", begin=0, end=6), ReelShot(shot="surf", begin=6, end=65.5)]
    reel = Reel.model_validate({**dict(clip), "key": f"{RUN}/reel.mp4", "shots": places, "thumbnail": f"{RUN}/reel.thumbnail.jpg"})
    builder.reel(reel)
    assert builder.to_json()["reels"][0]["shots"][1] == {"shot": "surf", "in": 6.0, "out": 65.5, "trim": None}
    html = render_page(builder.to_json(finished_at=DONE))
    page = Page(html)
    (video,) = page.all("video")
    assert video["poster"] == "reel.thumbnail.jpg"
    chapters = [(link["data-in"], link.get("data-out")) for link in page.all("a") if "data-in" in link]
    assert chapters == [("0.0", "6.0"), ("6.0", "65.5"), ("0.0", None), ("6.0", None)]
    assert page.text.count("0:06 to 1:05") == 2
    assert html.index("<figure") < html.index('class="panel') < html.index("Account")


def test_a_lost_answer_is_told_with_the_money_that_it_may_cost_and_with_what_decides_it(builder: ManifestBuilder, clip: Clip) -> None:
    lost = Failure(code="in_doubt", message="2 jobs at Krea could be this submission")
    builder.shot("dawn").update(state="in_doubt", error=lost, doing="submitted", set_aside_usd=Decimal("0.42"))
    builder.shot("surf").update(
        state="delivered", clip=clip, usd=Decimal("0.42"), attempts=[Attempt(attempt=1, status="completed", usd=Decimal("0.42"))]
    )
    text = " ".join(rendered(builder).text.split())
    assert "billed $0.42 + 1 unknown, $0.42 set aside" in text
    assert "Set aside$0.42" in text.replace(" $", "$")
    assert text.count("$0.42 set aside") == 2, "at the top, and at the shot"
    assert "To decide which job is whose: animatic doubts. To go on: animatic resume" in text
    builder.shot("dawn").update(error=Failure(code="unclear_result", message="not understood"), doing=None, set_aside_usd=None)
    text = rendered(builder).text
    assert "animatic doubts" not in text
    assert "set aside" not in text


def test_a_failed_run_says_at_its_top_what_is_missing_and_how_to_go_on(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="failed", error=Failure(code="moderated", message="Flagged"), note="reword it")
    builder.shot("surf").update(state="skipped", error=Failure(code="upstream", message="not made, because dawn is missing"))
    builder.shot("logo").update(state="delivered", clip=clip)
    page = rendered(builder)
    top = page.text.partition("Shots")[0]
    assert "2 of 3 shots are missing, and there is no reel until they are there" in " ".join(top.split())
    assert "animatic resume 20261121T104512Z-4f3a" in top
    assert "Flagged" in top
    assert {"#shot-1", "#shot-2"} <= {link["href"] for link in page.all("a")}
    assert "Waits for dawn." in page.text
    assert "reword it" in page.text
    assert "because" not in page.text
    states = [(link["data-state"], link["href"]) for link in page.all("a") if "data-state" in link]
    assert states == [("delivered", "#shot-3"), ("failed", "#shot-1"), ("skipped", "#shot-2")]


def test_a_page_of_a_run_that_goes_on_reads_itself_again(builder: ManifestBuilder) -> None:
    going = Page(render_page(builder.to_json()))
    assert [body.get("data-live") for body in going.all("body")] == ["1"]
    assert "The run goes on" in going.text
    assert "missing" not in going.text
    assert ["data-live" in body for body in rendered(builder).all("body")] == [False]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:4200/runs/1", False),
        ("http://localhost:4200/runs/1", False),
        ("http://[::1]:4200/runs/1", False),
        ("http://0.0.0.0:4200/runs/1", False),
        ("http://169.254.1.1:4200/runs/1", False),
        ("https://prefect.example/runs/1", True),
        ("http://10.0.0.7:4200/runs/1", True),
        ("javascript:alert(1)", False),
    ],
)
def test_links_to_the_maker_s_own_machine_are_left_out(builder: ManifestBuilder, url: str, shown: bool) -> None:
    data = builder.to_json(finished_at=DONE)
    data["prefect"] = {"flow_run_id": "1", "url": url}
    assert ("Prefect run" in Page(render_page(data)).text) is shown


def test_stills_show_their_thumbnail_and_lead_to_the_picture(builder: ManifestBuilder, clip: Clip) -> None:
    still = clip.model_copy(update={"mime": "image/png", "key": f"{RUN}/03-logo.png", "duration": None})
    builder.shot("logo").update(state="delivered", clip=still, thumbnail=f"{RUN}/03-logo.thumbnail.jpg")
    page = rendered(builder)
    assert [image["src"] for image in page.all("img")] == ["03-logo.thumbnail.jpg"]
    assert "03-logo.png" in [link["href"] for link in page.all("a")]


def test_text_of_people_has_its_own_direction_and_long_prompts_are_folded(builder: ManifestBuilder) -> None:
    builder.shot("dawn").update(request={"prompt": "الأسطح " * 80})
    page = rendered(builder)
    folded = [attributes for attributes in page.all("details") if attributes.get("class") == "prompt"]
    assert folded == [{"class": "prompt", "dir": "auto"}]
    assert all(attributes.get("dir") == "auto" for attributes in page.all("p") if attributes.get("class") == "prompt")


def test_an_unknown_price_stands_beside_the_sum_that_lacks_it(builder: ManifestBuilder, clip: Clip) -> None:
    paid = Attempt(attempt=1, job_id="j", status="completed", usd=Decimal("0.42"))
    builder.shot("dawn").update(state="delivered", clip=clip, usd=Decimal("0.42"), attempts=[paid])
    builder.shot("logo").update(state="delivered", clip=clip, attempts=[Attempt(attempt=1, job_id="k", status="completed")])
    assert "billed $0.42 + 1 unknown" in rendered(builder).text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (8.99, "0:08"), (65.5, "1:05"), (3725, "1:02:05")])
def test_clocks(seconds: float, text: str) -> None:
    assert wording.clock(seconds) == text


def test_sound_is_heard_on_the_page_and_a_mesh_is_downloaded(builder: ManifestBuilder, clip: Clip) -> None:
    none = {"width": None, "height": None, "fps": None, "frames": None, "duration": None}
    heard = {"duration": 4.8, "channels": 2, "sample_rate": 44_100, "codec": "mp3", "loudness": -16.203}
    sound = clip.model_copy(update={**none, **heard, "mime": "audio/mpeg", "key": f"{RUN}/01-dawn.mp3", "file": "01-dawn.mp3"})
    mesh = clip.model_copy(update={**none, "triangles": 1200, "mime": "model/gltf-binary", "key": f"{RUN}/03-logo.glb"})
    builder.shot("dawn").update(state="delivered", clip=sound, thumbnail=f"{RUN}/01-dawn.thumbnail.jpg")
    builder.shot("logo").update(state="delivered", clip=mesh)
    page = rendered(builder)
    (player,) = page.all("audio")
    assert (player["src"], "controls" in player) == ("./01-dawn.mp3", True)
    assert "01-dawn.thumbnail.jpg" in [image["src"] for image in page.all("img")]
    (link,) = [link for link in page.all("a") if "download" in link]
    assert link["href"] == "03-logo.glb"
    assert "4.8 s · stereo · 44.1 kHz · mp3 · -16.2 LUFS" in page.text
    assert "1,200 triangles" in page.text


def test_seconds_of_sound_are_not_taken_for_footage(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="delivered", clip=clip.model_copy(update={"duration": 6.0}))
    builder.shot("logo").update(state="delivered", clip=clip.model_copy(update={"mime": "audio/wav", "duration": 2.5}))
    assert wording.summary(builder.manifest()).endswith("6 s of footage · 2.5 s of sound")


def test_a_variant_whose_values_are_mappings_goes_by_their_names() -> None:
    assert variant_name({"ratio": "9:16", "language": {"name": "de", "claim": "Klar wie die Quelle"}}) == "ratio 9:16 · language de"
    assert variant_name({"size": {"width": 2, "height": 3}}) == "size width 2, height 3"


def test_several_cuts_are_told_apart_and_show_what_lies_beside_them(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="delivered", clip=clip)
    twice = [ReelShot(shot="dawn", begin=0, end=2), ReelShot(shot="dawn", begin=2, end=6)]
    wide = {
        **dict(clip),
        "key": f"{RUN}/wide.mp4",
        "name": "wide",
        "shots": twice,
        "otio": f"{RUN}/wide.otio",
        "captions": (f"{RUN}/wide.srt",),
    }
    builder.reel(Reel.model_validate({**wide, "notes": ("dawn: its clip lasts 6 s and its trim ends at 7 s",)}))
    builder.reel(Reel.model_validate({**wide, "key": f"{RUN}/tall.mp4", "name": "tall", "otio": None, "captions": ()}))
    page = rendered(builder)
    assert [link["href"] for link in page.all("a") if (link.get("href") or "").startswith("wide.")] == ["wide.otio", "wide.srt"]
    assert "wide · " in page.text
    assert "tall · " in page.text
    assert "its trim ends at 7 s" in page.text
    # ".notes" are the lines for notes on paper, which no screen shows
    assert [item["class"] for item in page.all("ul") if item.get("class")] == ["remarks"]
    marks = [(link["data-in"], link["data-out"]) for link in page.all("a") if link.get("data-out") and link["data-reel"] == "reel-1"]
    assert marks == [("0.0", "2.0"), ("2.0", "6.0")]


PRIVATE = (
    "$",
    "xai",
    "grok",
    "klin",
    "refs/",
    "a.png",
    "files.test",
    "pipelines.yaml",
    "job-1",
    "prefect.example",
    "manifest.json",
    "moderat",
)
"""What a page for clients has nowhere: in no text, attribute or comment."""


@pytest.fixture
def discreet(plan_of: Callable[..., Plan], steps: tuple[Step, ...], clip: Clip) -> Callable[[bool], ManifestBuilder]:
    """A run with everything that a client is not to see, in two variants that are named after their models."""

    def make(money: bool) -> ManifestBuilder:
        models = ("xai/grok-video", "kling/kling-2.5")
        made = tuple(replace(step, variant={"model": model}, key=f"{n}/{step.key}") for n, model in enumerate(models) for step in steps)
        plan = replace(
            plan_of(*made), title="A coast", shows_money=money, profile="draft",
            params={"city": "Lisbon", "look": "refs/look.png", "model": "kling/kling-2.5", "budget": "$12"},
        )  # fmt: skip
        builder = ManifestBuilder(
            plan, simulated=False, started_at=datetime(2026, 11, 21, 10, 45, tzinfo=UTC), animatic_version="0.1.0",
            prefect=PrefectRun(flow_run_id="f", url="https://prefect.example/runs/1"),
        )  # fmt: skip
        paid = Attempt(attempt=1, job_id="job-1", status="completed", usd=Decimal("0.42"))
        builder.shot("0/dawn").update(state="delivered", clip=clip, usd=Decimal("0.42"), attempts=[paid], job_id="job-1")
        failure = Failure(code="moderated", message="moderated by xai/grok-video at $0.42")
        builder.shot("1/dawn").update(state="failed", error=failure, note="try kling", attempts=[paid])
        builder.reel(Reel.model_validate({**dict(clip), "file": "reel.mp4", "variant": {"model": "xai/grok-video"}}))
        builder.stray_jobs = (StrayJob(job_id="job-1", usd=Decimal(1), why="moderated"),)
        return builder

    return make


def test_a_page_without_money_holds_no_price_model_path_or_job_in_any_byte(discreet: Callable[[bool], ManifestBuilder]) -> None:
    html = render_page(discreet(False).to_json(finished_at=DONE))
    markup = html.replace(html[html.index("<style>") : html.index("</style>")], "")
    markup = markup.replace(markup[markup.index("<script>") : markup.index("</script>")], "")
    assert [word for word in PRIVATE if word in markup.casefold()] == []
    page = Page(html)
    for words in ("A coast", "Lisbon", "Shot dawn", "model option 1", "a file", "a reference", "Failed"):
        assert words in page.text
    whole = render_page(discreet(True).to_json(finished_at=DONE)).casefold()
    assert [word for word in PRIVATE if word not in whole] == [], "the same run with money tells them all: the words are the right ones"


def test_what_is_marked_as_private_is_all_that_a_client_is_not_to_see(discreet: Callable[[bool], ManifestBuilder]) -> None:
    """``?view=client`` takes out data-private and puts in data-client: what is left then is what this reads."""

    class Client(Page):
        def __init__(self, html: str) -> None:
            self.within: list[bool] = []
            super().__init__(html)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            hidden = bool(self.within and self.within[-1]) or "data-private" in given or tag in {"style", "script", "title"}
            if "data-client" in given and not hidden:
                self.text += given["data-client"] or ""
            if tag not in {"meta", "link", "img", "path", "rect"}:
                self.within.append(hidden or "data-client" in given)

        def handle_endtag(self, tag: str) -> None:
            if tag not in {"meta", "link", "img", "path", "rect"}:
                self.within.pop()

        def handle_data(self, data: str) -> None:
            if not (self.within and self.within[-1]):
                self.text += data

    client = Client(render_page(discreet(True).to_json(finished_at=DONE)))
    assert [word for word in PRIVATE if word in client.text.casefold()] == []
    assert "model option 2" in client.text


def test_the_manifest_stays_whole_where_the_page_is_not(discreet: Callable[[bool], ManifestBuilder]) -> None:
    data = discreet(False).to_json(finished_at=DONE)
    assert (data["title"], data["page"]) == ("A coast", {"money": False})
    assert (data["cost"]["billed_usd"], data["shots"][0]["model"], data["shots"][0]["job_id"]) == (0.42, "xai/grok-video", "job-1")


def test_a_title_heads_the_page_and_the_pipeline_is_named_beside_it(discreet: Callable[[bool], ManifestBuilder]) -> None:
    html = render_page(discreet(True).to_json(finished_at=DONE))
    assert re.search(r"<h1[^>]*>A coast</h1>", html)
    assert "<title>A coast · " in html
    assert "coast-teaser" in Page(html).text


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ("Lisbon", False), ("golden hour", False), ("9:16", False), ("16/9", False), (7, False), (True, False), ("Mr. Brown", False),
        ("12.5", False), (["de", "en"], False), ({"name": "x", "ref": "refs/x.png"}, True), (["a", "./b"], True), ("look.png", True),
        ("C:\\look", True), ("https://x.test/y", True), ("s3://b/p", True), ("$3.20", True), ("3 USD", True), ("grok-video", True),
        ("XAI/Grok-Video", True), ("/srv/refs", True), ("black-forest-labs/flux", True),
    ],
)  # fmt: skip
def test_values_that_name_models_paths_or_prices_are_not_for_clients(builder: ManifestBuilder, value: object, hidden: bool) -> None:
    assert Discretion(builder.manifest()).hides(value) is hidden


def test_a_page_of_120_shots_with_long_prompts_stays_below_400_kb(
    builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], clip: Clip
) -> None:
    first = steps[0]
    builder = builder_of(*(replace(first, key=f"s{n}", shot=f"s{n}", number=n, fingerprint=f"{n:064}") for n in range(1, 121)))
    for number in range(1, 121):
        paid = Attempt(attempt=1, job_id=f"job-{number}", status="completed", usd=Decimal("0.42"))
        builder.shot(f"s{number}").update(
            state="delivered",
            clip=clip,
            thumbnail=f"{RUN}/{number}.jpg",
            usd=Decimal("0.42"),
            attempts=[paid],
            request={"prompt": "A dolly. " * 177},
        )
    places = [ReelShot(shot=f"s{n}", begin=n - 1, end=n) for n in range(1, 121)]
    builder.reel(Reel.model_validate({**dict(clip), "file": "reel.mp4", "shots": places}))
    assert len(render_page(builder.to_json(finished_at=DONE)).encode()) < 400_000


def test_the_command_of_the_banner_is_that_of_the_run(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    for simulated, ending in ((True, " --simulate"), (False, "")):
        builder = builder_of(*steps, simulated=simulated)
        builder.shot("dawn").update(state="failed", error=Failure(code="x", message="y"), note="z")
        builder.shot("surf").update(state="skipped")
        builder.shot("logo").update(state="skipped")
        assert f"animatic resume 20261121T104512Z-4f3a{ending}. What" in rendered(builder).text


def test_what_the_checks_of_a_take_say_stands_below_it_and_is_not_for_clients(builder: ManifestBuilder, clip: Clip) -> None:
    found = Finding(check="black", at=0.5, seconds=1.25, detail="the picture is black")
    builder.shot("dawn").update(state="delivered", clip=clip, qc=Quality(ok=False, findings=(found,)), continuity=0.931)
    said = "To look at: the picture is black (at 0.5 s, for 1.2 s)"
    page = rendered(builder)
    assert said in page.text
    run = builder.manifest()
    (dawn,) = [shot for shot in run.shots if shot.id == "dawn"]
    assert wording.checks(dawn, simulated=False) == f"{said} · Continuity 0.93"
    assert wording.checks(dawn, simulated=True) == said
    (hidden,) = [shot for shot in for_clients(run).shots if shot.id == "dawn"]
    assert (hidden.qc, hidden.continuity, wording.checks(hidden, simulated=False)) == (None, None, "")


def test_what_is_to_be_approved_is_not_called_missing_and_the_command_is_the_one_that_helps(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="waiting", doing="waits for approval", clip=clip)
    builder.shot("surf").update(state="skipped")
    builder.shot("logo").update(state="delivered", clip=clip)
    text = " ".join(rendered(builder).text.split())
    assert "To be approved: 01 dawn." in text
    assert "animatic review 20261121T104512Z-4f3a" in text
    assert "1 of 3 shots is missing" in text
    assert "animatic resume" not in text
    builder.shot("surf").update(state="failed", error=Failure(code="x", message="y"))
    assert "animatic resume 20261121T104512Z-4f3a" in rendered(builder).text


def test_takes_show_a_client_nothing_but_their_pictures(builder: ManifestBuilder, clip: Clip) -> None:
    take = TakeEntry(take=1, fingerprint="f", state="delivered", usd=Decimal("0.77"), clip=clip, picked=True, note="from refs/a.png")
    builder.shot("dawn").update(state="delivered", clip=clip)
    run = builder.manifest(finished_at=DONE)
    two = run.shots[0].model_copy(update={"takes": (take, take.model_copy(update={"take": 2, "picked": False}))})
    html = render_page(run.model_copy(update={"shots": (two, *run.shots[1:])}))
    assert "$0.77" in html
    for private in re.findall(r"<(\w+)[^>]* data-private[^>]*>[^<]*(?:\$0\.77|refs/a\.png)[^<]*</\1>", html):
        assert private in {"i", "span"}
    bare = re.sub(r"<(i|span)[^>]* data-private[^>]*>[^<]*</\1>", "", html)
    assert "$0.77" not in bare
    assert "from refs/a.png" not in bare


SCENES = {"dawn": "1 EXT. <b>HARBOUR</b>\n- DAWN", "surf": "1 EXT. <b>HARBOUR</b> - DAWN", "logo": None}


def headings(html: str) -> list[str]:
    return [" ".join(re.sub(r"<[^>]*>", " ", found).split()) for found in re.findall(r"<h2>(.*?)</h2>", html[: html.index("</main>")])]


def test_shots_of_a_scene_stand_together_under_its_name(
    builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], clip: Clip
) -> None:
    builder = builder_of(*(replace(step, scene=SCENES[step.shot]) for step in steps))
    assert [shot["scene"] for shot in builder.to_json()["shots"]] == list(SCENES.values())
    places = [ReelShot(shot=name, begin=number, end=number + 1) for number, name in enumerate(("dawn", "surf"))]
    builder.reel(Reel.model_validate({**dict(clip), "file": "reel.mp4", "shots": places}))
    page = rendered(builder)
    assert headings(page.html)[:2] == ["1 EXT. &lt;b&gt;HARBOUR&lt;/b&gt; - DAWN", "Shots"]
    assert [item for item in page.all("li") if item.get("class") in {"scene", "begins"}] == [
        {"class": "begins", "style": "flex-grow: 1.00"}, {"class": "scene", "dir": "auto"},
    ]  # fmt: skip
    assert page.all("nav") == [], "one scene alone is no way around"


def test_a_scene_that_comes_back_is_a_group_again_and_scenes_can_be_gone_to(
    builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]
) -> None:
    page = rendered(builder_of(*(replace(step, scene=scene) for step, scene in zip(steps, ("One", "Two", "One"), strict=True))))
    assert headings(page.html)[:3] == ["One", "Two", "One"]
    gone_to = [link["href"] for link in page.all("a") if (link["href"] or "").startswith("#group")]
    assert gone_to == [f"#{section['id']}" for section in page.all("section") if section.get("class") == "group"]


def test_in_variants_a_scene_is_named_above_its_first_shot(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    made = [
        replace(
            step,
            key=f"{name}/{step.shot}",
            variant_name=name,
            variant={"ratio": name},
            depends_on=(),
            scene="One",
            requests=steps[0].requests,
        )
        for name in ("16x9", "9x16")
        for step in steps
    ]
    assert headings(rendered(builder_of(*made)).html)[:3] == ["One 01 dawn", "02 surf", "03 logo"]


def test_shots_stand_as_the_storyboard_has_them_and_not_as_they_depend_on_each_other(
    builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]
) -> None:
    dawn, surf, logo = steps
    planned = [
        replace(step, key=f"{name}/{step.shot}", variant={"ratio": name}, scene="One", depends_on=())
        for step in (logo, surf, dawn)
        for name in ("9x16", "16x9")
    ]
    shots = rendered(builder_of(*planned)).html.split('<li class="panel')
    assert [re.search(r'data-key="([^"]*)"', shot)[1] for shot in shots[1:]] == [  # type: ignore[index]
        f"{name}/{shot}" for shot in ("dawn", "surf", "logo") for name in ("9x16", "16x9")
    ]
    page = rendered(builder_of(*(replace(step, scene=scene) for step, scene in ((logo, "Two"), (surf, "One"), (dawn, "One")))))
    assert headings(page.html)[:2] == ["One", "Two"]


@pytest.mark.parametrize(("arrows", "words"), [(4, 4), (5, 0)])
def test_words_at_the_arrows_never_stand_over_each_other(
    builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...], arrows: int, words: int
) -> None:
    made = [replace(steps[0], key=f"s{number}", shot=f"s{number}", number=number) for number in range(1, arrows + 1)]
    inputs = tuple(
        ShotInput(path=("reference_images", number), media="image", step=step.key, frame=None) for number, step in enumerate(made)
    )
    end = replace(steps[0], key="end", shot="end", number=9, depends_on=(), requests=(replace(steps[0].request, inputs=inputs),))
    page = rendered(builder_of(*made, end))
    assert len([item for item in page.all("text") if item.get("class") == "l"]) == words
    assert page.text.count("Refers to") == arrows


@pytest.mark.parametrize(
    ("doing", "said"),
    [
        ("running", "Running"),
        ("submitted", "Submitted"),
        ("not started", "Not started"),
        ("waits for approval", "Waiting"),
        (None, "Waiting"),
    ],
)
def test_a_shot_that_waits_says_what_it_is_doing(builder: ManifestBuilder, doing: Any, said: str) -> None:
    builder.shot("dawn").update(state="waiting", doing=doing)
    page = Page(render_page(builder.to_json()))
    assert wording.standing(builder.shot("dawn").record) == said
    assert said in page.text
