"""What slates are told of their shots: number, title, sources, and where the clip begins in the reel."""

from __future__ import annotations

import pytest

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
