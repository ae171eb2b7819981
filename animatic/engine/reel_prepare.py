"""Lays the cut of a reel out from the records of its takes alone, and tells by its fingerprint whether the same reel was made before.

Decodes nothing and imports nothing that does: `plan` says of each reel whether it would be made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from animatic.cut.captions import Cue, Spoken, cues_of, spoken_of
from animatic.cut.model import Cut, SoundShot
from animatic.cut.prints import print_of
from animatic.cut.timing import Layout, footage_of, lay_out, seconds_of
from animatic.ledger import Take
from animatic.plan import Step
from animatic.spec.cut_model import CaptionForm


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A reel that can be made: its takes, its layout in frames, its captions, its fingerprint."""

    cut: Cut
    takes: Mapping[str, Take]
    layout: Layout
    cues: tuple[Cue, ...]
    forms: tuple[CaptionForm, ...]
    fingerprint: str
    notes: tuple[str, ...]

    @property
    def burnt(self) -> tuple[Cue, ...]:
        """Captions that are part of the picture."""
        return self.cues if "burn" in self.forms else ()

    @property
    def track(self) -> tuple[Cue, ...]:
        """Captions that travel in the file as text: not beside burnt ones, which a player would show twice."""
        return self.cues if self.forms and "burn" not in self.forms else ()


def prepare(cut: Cut, takes: Mapping[str, Take], steps: Mapping[str, Step]) -> Prepared:
    """Lay out a cut whose takes are all there. Reads nothing."""
    clips = {key: takes[key].clip for key in cut.needs}
    footage = [
        footage_of(width=clip.width or 0, height=clip.height or 0, fps=clip.fps, duration=clip.duration, frames=clip.frames)
        for clip in (clips[key] for key in cut.steps)
    ]
    layout = lay_out(cut, footage, [steps[key].shot for key in cut.steps])
    lines = {key: line for key in cut.needs if (line := steps[key].line)}
    spoken = (*spoken_of(layout, lines), *_voiced(cut, layout, takes, steps))
    cues, unread = cues_of(spoken)
    forms = (("srt",) if cues else ()) if cut.captions is None else cut.captions
    notes = (*layout.notes, *unread)
    if cut.captions and not cues:
        notes = (*notes, "no shot of it has a line: there are no captions")
        forms = ()
    laid = Prepared(cut=cut, takes=takes, layout=layout, cues=cues, forms=forms, fingerprint="", notes=notes)
    contents = {key: clip.sha256 for key, clip in clips.items()}
    found = print_of(cut, layout, contents, burnt=laid.burnt, track=laid.track, label=cut.label)
    return Prepared(cut=cut, takes=takes, layout=layout, cues=cues, forms=forms, fingerprint=found, notes=notes)


def _voiced(cut: Cut, layout: Layout, takes: Mapping[str, Take], steps: Mapping[str, Step]) -> list[Spoken]:
    """Return the lines of audio shots that are placed as voices, each for as long as its sound is heard."""
    found: list[Spoken] = []
    end_of_reel = layout.frames / layout.rate
    for voice in cut.sound.voices:
        if not isinstance(voice.source, SoundShot) or not (line := steps[voice.source.step].line):
            continue
        start = begin_of(layout, voice.at)
        seconds = takes[voice.source.step].clip.duration
        end = min(end_of_reel, start + seconds_of(seconds)) if seconds else end_of_reel
        if start < end:
            found.append(Spoken(name=steps[voice.source.step].shot, start=start, end=end, text=line))
    return found


def begin_of(layout: Layout, at: str | float) -> Fraction:
    """Return the second of the reel at which a voice begins: where a step is first seen, or a time."""
    if isinstance(at, str):
        return next(placed.begin for placed in layout.placed if placed.shot.step == at) / layout.rate
    return seconds_of(at)
