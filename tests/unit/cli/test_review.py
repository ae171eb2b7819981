"""``review``: what it says where nothing waits, and of a run that is not there."""

from __future__ import annotations

from tests.unit.cli.conftest import Verb


def test_where_nothing_waits_it_says_so(animatic: Verb) -> None:
    said = animatic("review")
    assert (said.code, said.out) == (0, "nothing waits for approval\n")


def test_a_run_that_is_not_there_is_no_reason_to_say_that_nothing_waits(animatic: Verb) -> None:
    said = animatic("review", "nope")
    assert said.code == 2
    assert "there is no run 'nope'" in said.err
