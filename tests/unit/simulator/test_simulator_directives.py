"""Directives in prompts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animatic import simulator
from animatic.simulator.jobs import DIRECTIVES, Directive, parse


def test_directives_are_taken_out_of_the_text() -> None:
    parsed = parse("Surf [sim: slow 30] breaks [SIM: fail once]")
    assert parsed.text == "Surf breaks"
    assert parsed.directives == (Directive("slow", 30.0), Directive("fail", once=True))
    assert parsed.mistakes == ()


@pytest.mark.parametrize(
    "written", ["[sim: fial]", "[sim: slow]", "[sim: slow soon]", "[sim: slow nan]", "[sim:]", "[sim: once]", "[sim: fail 3]"]
)
def test_mistakes_are_told(written: str) -> None:
    parsed = parse(f"Surf {written}")
    assert parsed.directives == ()
    assert written.strip("[]").removeprefix("sim:").strip() in parsed.mistakes[0]


def test_every_directive_is_documented_where_people_look() -> None:
    assert all(f"[sim: {name}" in (simulator.__doc__ or "") for name in DIRECTIVES)


@given(st.text())
def test_any_text_parses(text: str) -> None:
    parsed = parse(text)
    assert len(parsed.text) <= len(text) or parsed.directives or parsed.mistakes
