"""Tells whether a reel is the same as an earlier one: a hash of everything that decides what is seen, heard and read in it.

Made from the cut as it is laid out and from the hashes of its sources, so that an edit that changes nothing (a default that is written
down, a trim to the clip's own length) changes no print.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from animatic.cut.captions import Cue
from animatic.cut.model import Cut, SoundFile, SoundSource
from animatic.cut.timing import Layout

RENDERER = 1
"""Counted up when the same cut would come out otherwise: reels of an earlier count are made anew."""


def print_of(
    cut: Cut, layout: Layout, contents: Mapping[str, str], *, burnt: Sequence[Cue] = (), track: Sequence[Cue] = (), label: str | None = None
) -> str:
    """Return the fingerprint of a reel, 64 hex digits. ``contents``: the SHA-256 of the file of each step that it is made from."""
    sound = cut.sound
    begins = {placed.shot.step: placed.begin for placed in reversed(layout.placed)}

    def heard(source: SoundSource) -> str:
        return source.sha256 if isinstance(source, SoundFile) else contents[source.step]

    def cues(found: Sequence[Cue]) -> list[Any]:
        return [[str(cue.start), str(cue.end), cue.text] for cue in found]

    said = {
        "renderer": RENDERER,
        "size": [layout.width, layout.height],
        "rate": str(layout.rate),
        "fit": layout.fit,
        "shots": [
            [contents[each.shot.step], each.footage.seconds is None, str(each.start), each.frames, each.enter, each.enter_frames]
            for each in layout.placed
        ],
        "clips": sound.clips,
        "bed": sound.bed and [heard(sound.bed.source), sound.bed.gain_db, sound.bed.fade_in, sound.bed.fade_out, sound.bed.duck],
        "voices": [
            [heard(voice.source), f"frame {begins[voice.at]}" if isinstance(voice.at, str) else voice.at, voice.gain_db]
            for voice in sound.voices
        ],
        "loudness": sound.loudness,
        "burnt": cues(burnt),
        "track": cues(track),
        "label": label,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
