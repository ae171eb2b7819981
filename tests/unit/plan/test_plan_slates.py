"""What slates are told of their shots: number, title, sources, and where the clip begins in the reel."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from animatic.plan import Plan, slate_of
from animatic.slate import SlateNote
from tests.unit.plan.plan_helpers import PlanOf


def notes(plan: Plan) -> dict[str, SlateNote]:
    return {step.key: slate_of(plan, step, step.request) for step in plan.steps}


def test_places_in_the_reel_add_up_and_an_edit_is_as_long_as_its_source(plan_of: PlanOf) -> None:
    found = notes(
        plan_of("""
        p:
          shots:
            - {id: still, kind: image, prompt: A still}
            - {id: dawn, title: Dawn breaks, line: Good morning, prompt: x, duration: 4, start_image: still}
            - {id: surf, prompt: x, duration: 6, start_image: dawn, reference_images: [still]}
            - {id: grade, prompt: x, edit_video: surf}
            - {id: home, prompt: x, duration: 3, start_image: {shot: surf, frame: 2.5}}
          cut: {shots: [dawn, grade, home]}
        """)
    )
    assert {key: note.reel_at for key, note in found.items()} == {"still": None, "dawn": 0, "surf": None, "grade": 4, "home": 10}
    assert {(note.number, note.count) for note in found.values()} == {(number, 5) for number in range(1, 6)}
    assert (found["dawn"].title, found["dawn"].line, found["surf"].line) == ("Dawn breaks", "Good morning", "")
    assert (found["dawn"].source("start_image"), found["grade"].source("edit_video")) == ("still", "surf")
    assert (found["surf"].source("start_image"), found["home"].source("start_image")) == ("dawn, last frame", "surf, frame at 2.5 s")


def test_variants_have_places_in_their_own_reels(plan_of: PlanOf) -> None:
    found = notes(
        plan_of("""
        p:
          matrix: {ratio: ["16:9", "9:16"]}
          shots:
            - {id: a, prompt: x, duration: 2, aspect_ratio: "{{ matrix.ratio }}"}
            - {id: b, prompt: x, duration: 3, aspect_ratio: "{{ matrix.ratio }}", start_image: a}
          cut: {}
        """)
    )
    assert [(note.shot, note.variant, note.reel_at) for note in found.values() if note.shot == "b"] == [("b", "16x9", 2), ("b", "9x16", 2)]
    assert {note.source("start_image") for note in found.values() if note.shot == "b"} == {"a, last frame"}


def test_a_take_that_variants_share_tells_what_holds_for_all_of_them(plan_of: PlanOf) -> None:
    plan = plan_of("""
        p:
          matrix: {language: [en, de]}
          shots:
            - {id: sign, prompt: "in {{ matrix.language }}", duration: "{{ 2 if matrix.language == 'en' else 3 }}"}
            - {id: shared, title: Shared, line: "{{ {'en': 'Hello', 'de': 'Hallo'}[matrix.language] }}", prompt: x, duration: 2}
            - {id: own, line: "{{ matrix.language }}!", prompt: "x {{ matrix.language }}", duration: 2}
          cut: {}
    """)
    shared, own = (notes(plan)[f"{language}/{shot}"] for language, shot in (("de", "shared"), ("de", "own")))
    assert (shared.title, shared.line, shared.variant, shared.reel_at) == ("Shared", "", "", None)
    assert (own.line, own.variant, own.reel_at) == ("de!", "de", 5)
    (step,) = [step for step in plan.steps if step.key == "de/shared"]
    alone = slate_of(plan, step, step.request, shared=False)
    assert (alone.line, alone.variant, alone.reel_at) == ("Hallo", "de", 3), "a preview draws each variant by itself"


def test_references_are_told_by_the_member_that_they_show(plan_of: PlanOf, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "kiosk.png")
    plan = plan_of("""
        p:
          cast: {mara: {images: sheet}, kiosk: {images: kiosk.png}}
          shots:
            - {id: sheet, kind: image, prompt: Mara}
            - {id: opens, prompt: x, duration: 4, cast: [mara, kiosk], model: xai/grok-video}
    """)
    (opens,) = [note for note in notes(plan).values() if note.shot == "opens"]
    assert opens.sources == (("reference_images[0]", "mara (sheet)"), ("reference_images[1]", "kiosk"))


@pytest.mark.parametrize("title", ["", "海岸の朝", "a\r\nX-Injected: 1", "long " * 500])
def test_a_note_survives_the_header_whatever_its_title(title: str) -> None:
    note = SlateNote(shot="dawn", number=1, count=2, title=title, line=title, reel_at=1.5, sources=(("start_image", "x, last frame"),))
    header = note.to_header()
    assert header.isascii()
    assert header.isprintable()
    assert len(header) < 4000
    read = SlateNote.from_header(header)
    assert read is not None
    assert (read.shot, read.title, read.line, read.reel_at, read.sources) == ("dawn", title[:200], title[:300], 1.5, note.sources)


@pytest.mark.parametrize("value", ["", "%%%", "bm90IGpzb24=", "e30=", "W10=", "eyJzaG90IjoiYSIsIm51bWJlciI6IngiLCJjb3VudCI6MX0="])
def test_a_header_that_is_not_understood_is_no_note(value: str) -> None:
    assert SlateNote.from_header(value) is None
