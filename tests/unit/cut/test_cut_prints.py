"""A reel's fingerprint changes with what is seen, heard and read in it, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from animatic.cut.captions import Cue
from animatic.cut.model import BedSound, Cut, CutShot, Sound, SoundFile, SoundShot, Transition, VoiceSound
from animatic.cut.prints import print_of
from animatic.cut.timing import Footage, lay_out

FIVE = Footage(width=1280, height=720, seconds=Fraction(5), rate=Fraction(24))
CUT = Cut(shots=(CutShot(step="a"), CutShot(step="b")), variant_name="", variant={})
BED = SoundFile(written="bed.mp3", file="/music/bed.mp3", sha256="ee")


def printed(cut: Cut = CUT, contents: dict[str, str] | None = None, **more: Any) -> str:
    layout = lay_out(cut, [FIVE] * len(cut.shots))
    return print_of(cut, layout, contents or {"a": "aa", "b": "bb", "vo": "cc"}, **more)


def with_sound(**more: Any) -> Cut:
    return replace(CUT, sound=Sound(**more))


@pytest.mark.parametrize(
    "other",
    [
        replace(CUT, shots=(CutShot(step="b"), CutShot(step="a"))),
        replace(CUT, shots=(CutShot(step="a", trim=(0.0, 4.0)), CutShot(step="b"))),
        replace(CUT, shots=(CutShot(step="a"), CutShot(step="b", enter=Transition(kind="fade", seconds=1)))),
        replace(CUT, size=(640, 360)),
        replace(CUT, fps=Fraction(25)),
        replace(CUT, fit="crop"),
        with_sound(clips="mute"),
        with_sound(bed=BedSound(source=BED)),
        with_sound(loudness=-16.0),
        with_sound(voices=(VoiceSound(source=SoundShot(step="vo"), at="b"),)),
    ],
)
def test_what_is_seen_or_heard_changes_it(other: Cut) -> None:
    assert printed(other) != printed()


def test_what_changes_nothing_on_the_screen_keeps_it() -> None:
    assert printed(replace(CUT, name="wide", size=(1280, 720), fps=Fraction(24))) == printed()
    assert printed(replace(CUT, shots=(CutShot(step="a", trim=(0.0, 5.0)), CutShot(step="b")))) == printed()
    moved = replace(BED, file="/elsewhere/bed.mp3", written="x/bed.mp3")
    assert printed(with_sound(bed=BedSound(source=moved))) == printed(with_sound(bed=BedSound(source=BED)))


def test_other_takes_captions_and_labels_change_it() -> None:
    cue = Cue(start=Fraction(0), end=Fraction(1), lines=("Who?",))
    prints = [printed(), printed(contents={"a": "aa", "b": "b2"}), printed(burnt=[cue]), printed(track=[cue]), printed(label="AI")]
    assert len(set(prints)) == len(prints)
    assert all(len(each) == 64 for each in prints)
