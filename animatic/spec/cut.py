"""Decode the cuts of a pipeline: shots with hold, trim and transition, size, rate, sound, captions.

A cut is decoded twice: as it is written, where a template may stand for any value and is taken to be right, and for each variant with all
templates filled in (`animatic.plan.cuts`). Mistakes are told in the same words both times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from animatic.spec.cut_model import CAPTION_FORMS, FITS, TRANSITIONS, CaptionForm, CutShotSpec, CutSpec, TransitionSpec
from animatic.spec.keys import CUT, CUT_SHOT
from animatic.spec.model import ShotSpec
from animatic.spec.section import Section, describe, is_template
from animatic.spec.shots import check_name, numeral
from animatic.spec.sound import decode_sound
from animatic.spec.values import is_number
from animatic.suggest import did_you_mean

ONLY = "reel"
"""Name of the reel of ``cut``."""
LEAST_PIXELS, MOST_PIXELS = 16, 8192
LEAST_FPS, MOST_FPS = 1, 240
_SIZE = re.compile(r"\s*(\d{1,6})\s*[xX×]\s*(\d{1,6})\s*")
_RATE = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*")
_RATIO = re.compile(r"\s*(\d{1,4}(?:\.\d{1,4})?)\s*[:/xX]\s*(\d{1,4}(?:\.\d{1,4})?)\s*")
_THOUSAND_AND_ONE = Fraction(1000, 1001)
_EXAMPLE = "write 'cut: {}' for a reel of all video shots, or 'cut: {shots: [dawn, surf]}'"
_TRANSITION = "write 'cut', '{crossfade: 0.5}' or '{fade: 0.5}'"


def decode_cuts(section: Section, shots: Sequence[ShotSpec]) -> tuple[CutSpec, ...]:
    """Read ``cut`` and ``cuts`` of a pipeline with these shots."""
    if "cut" in section.values and "cuts" in section.values:
        section.note("'cut' and 'cuts' exclude each other", "cuts", key=True, hint="make 'cut' an entry of 'cuts'", code="cut")
    values = section.mapping("cut", hint=_EXAMPLE)
    found = [] if values is None else [decode_cut(section.below("cut", values, f"{section.label}, cut"), ONLY)]
    several = section.mapping("cuts", hint="write 'cuts: {wide: {...}, vertical: {...}}'")
    if several == {}:
        section.note("'cuts' holds no cut", "cuts", hint="write 'cuts: {wide: {}}', or take it out", code="cut")
    below = section.below("cuts", several or {}, section.label)
    seen: dict[str, str] = {}
    clips = {f"{numeral(number, len(shots))}-{shot.id}".lower(): shot for number, shot in enumerate(shots, start=1)}
    for name, values in (several or {}).items():
        usable = check_name(below, name, "the name of a cut", name, key=True)
        if usable and seen.setdefault(name.lower(), name) != name:
            hint = "they would share a file on macOS and Windows: rename one"
            below.note(f"the cuts '{seen[name.lower()]}' and '{name}' differ only in case", name, key=True, hint=hint, code="cut")
        if (clip := clips.get(name.lower())) is not None:
            related = ((section.document.place((*clip.path, "id")), f"shot '{clip.id}' is here"),)
            message = f"cut '{name}' would be the file {name}.mp4, as the clip of shot '{clip.id}' is"
            below.note(message, name, key=True, hint="rename it", code="cut", related=related)
        if isinstance(values, dict):
            found.append(decode_cut(below.below(name, values, f"{section.label}, cut '{name}'"), name))
        else:
            what = f"cut '{name}' must be a mapping, and it is {describe(values)}"
            below.note(what, name, key=values is None, hint=f"write '{name}: {{}}' for all video shots in order", code="type")
    return tuple(found)


def decode_cut(cut: Section, name: str) -> CutSpec:
    """Read one cut, with or without its templates filled in."""
    cut.check_keys(CUT)
    transition = _transition(cut, "transition")
    return CutSpec(
        name=name,
        path=cut.path,
        values=cut.values,
        shots=_shots(cut),
        transition=transition or TransitionSpec(),
        size=_size(cut),
        fps=_fps(cut),
        fit=(None if _open(cut.values.get("fit")) else cut.choice("fit", FITS)) or "letterbox",
        sound=decode_sound(cut),
        captions=_captions(cut),
    )


def _open(value: Any) -> bool:
    """Whether a template stands for the value."""
    return isinstance(value, str) and is_template(value)


def _shots(cut: Section) -> tuple[CutShotSpec, ...] | None:
    if "shots" not in cut.values or _open(cut.values["shots"]):
        return None
    written = cut.values["shots"]
    if not isinstance(written, list):
        cut.wrong("shots", "a list", hint=f"write 'shots: [{written}]'" if isinstance(written, str) else "write 'shots: [dawn, surf]'")
        return None
    if not written:
        cut.note("the list of shots is empty", "shots", hint="name some, or leave 'shots' out for all video shots in order", code="empty")
        return None
    below = cut.below("shots", {}, cut.label)
    return tuple(entry for index, item in enumerate(written) if (entry := _entry(below, index, item)) is not None)


def _entry(shots: Section, index: int, item: Any) -> CutShotSpec | None:
    if isinstance(item, str) and item.strip():
        return CutShotSpec(shot=item, path=(*shots.path, index))
    if not isinstance(item, dict):
        hint = "write the id of a shot, or '{shot: dawn, trim: [0.5, 3.5]}'"
        shots.note(f"an entry of 'shots' is a shot, and this is {describe(item)}", index, hint=hint, code="type")
        return None
    entry = shots.below(index, item, f"{shots.label}, entry {index + 1}")
    entry.check_keys(CUT_SHOT)
    if "shot" not in item:
        if not any(CUT_SHOT.advice.get(key) == "write shot" for key in item):
            entry.note("it names no shot", hint="write '{shot: dawn, ...}'", code="cut")
        return None
    shot = entry.text("shot")
    hold = None if _open(item.get("hold")) else entry.seconds("hold", minimum=0)
    if hold == 0:
        entry.note("hold must be longer than 0 s", "hold", hint="write seconds, as in 'hold: 2'", code="cut")
    found = {"hold": hold or None, "trim": _trim(entry), "transition": _transition(entry, "transition")}
    return None if shot is None else CutShotSpec(shot=shot, path=(*entry.path, "shot"), **found)  # type: ignore[arg-type]


def _trim(entry: Section) -> tuple[float, float] | None:
    written = entry.values.get("trim")
    if "trim" not in entry.values or _open(written):
        return None
    hint = "write 'trim: [0.5, 3.5]': from where to where, in seconds of the clip"
    if not isinstance(written, list) or len(written) != 2:  # noqa: PLR2004 (a beginning and an end)
        entry.wrong("trim", "two times", hint=hint)
        return None
    times = entry.below("trim", {str(at): value for at, value in enumerate(written)}, entry.label)
    if any(_open(value) for value in written):
        return None
    for at, value in enumerate(written):
        if not is_number(value) or value < 0:
            times.note(f"a time of a trim is a number of seconds, 0 or more, and this is {describe(value)}", at, hint=hint, code="type")
            return None
    begin, end = written
    if end <= begin:
        entry.note(f"the trim ends at {end:g} s, and it begins at {begin:g} s", "trim", hint="write the earlier time first", code="cut")
        return None
    return float(begin), float(end)


def _transition(section: Section, key: str) -> TransitionSpec | None:
    """Read ``cut``, ``{crossfade: s}`` or ``{fade: s}``."""
    written = section.values.get(key)
    if key not in section.values or _open(written):
        return None
    if written == "cut":
        return TransitionSpec()
    if not isinstance(written, dict):
        known = isinstance(written, str) and written in TRANSITIONS
        section.wrong(key, "cut, a crossfade or a fade", hint=f"write '{key}: {{{written}: 0.5}}'" if known else _TRANSITION)
        return None
    below = section.below(key, written, section.label)
    for kind in written:
        if kind not in TRANSITIONS[1:]:
            close = did_you_mean(kind, TRANSITIONS[1:])
            below.note(f"there is no transition '{kind}'", kind, key=True, hint=close or _TRANSITION, code="unknown-key")
            return None
    if len(written) != 1:
        section.note("a transition is one of crossfade and fade", key, hint=_TRANSITION, code="cut")
        return None
    (kind, length), *_ = written.items()
    if _open(length):
        return None
    seconds = below.seconds(kind, minimum=0)
    return None if seconds is None else TransitionSpec(kind=kind, seconds=seconds) if seconds else TransitionSpec()


def _size(cut: Section) -> tuple[int, int] | None:
    written = cut.values.get("size")
    if "size" not in cut.values or _open(written):
        return None
    match = _SIZE.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        cut.wrong("size", "width and height in pixels", hint="write it as in 'size: 1920x1080'")
        return None
    width, height = int(match[1]), int(match[2])
    if min(width, height) < LEAST_PIXELS or max(width, height) > MOST_PIXELS:
        hint = f"use {LEAST_PIXELS} to {MOST_PIXELS} pixels each way"
        cut.note(f"no reel can be {width} by {height} pixels", "size", hint=hint, code="cut")
        return None
    if width % 2 or height % 2:
        even = f"{width + width % 2}x{height + height % 2}"
        cut.note(f"size {width}x{height}: video has an even number of pixels each way", "size", hint=f"write {even}", code="cut")
        return None
    return width, height


def _fps(cut: Section) -> Fraction | None:
    written = cut.values.get("fps")
    if "fps" not in cut.values or _open(written):
        return None
    fps = read_rate(written)
    if fps is None or not LEAST_FPS <= fps <= MOST_FPS:
        hint = "write it as in 'fps: 24', 'fps: 29.97' or 'fps: 30000/1001'"
        cut.wrong("fps", f"frames per second, {LEAST_FPS} to {MOST_FPS}", hint=hint)
        return None
    return fps


def read_rate(written: Any) -> Fraction | None:
    """Return the rate that a number or a text such as ``30000/1001`` stands for: 29.97 is 30000/1001. None where it is none."""
    if is_number(written) and written > 0:
        return exact_rate(float(written))
    match = _RATE.fullmatch(written) if isinstance(written, str) else None
    return Fraction(int(match[1]), int(match[2])) if match and int(match[2]) and int(match[1]) else None


def exact_rate(fps: float) -> Fraction:
    """Return the rate that a rounded number of frames per second stands for: 29.97 is 30000/1001, 23.976 is 24000/1001."""
    for candidate in (Fraction(round(fps)), round(fps / float(_THOUSAND_AND_ONE)) * _THOUSAND_AND_ONE):
        if candidate and abs(candidate - Fraction(fps)) < Fraction(1, 1000):
            return candidate
    return Fraction(fps).limit_denominator(1001)


def _captions(cut: Section) -> tuple[CaptionForm, ...] | None:
    if _open(cut.values.get("captions")):
        return None
    written = cut.texts("captions")
    if written is None:
        return None
    found: dict[CaptionForm, None] = {}
    for index, form in enumerate(written):
        known = next((each for each in CAPTION_FORMS if each == form), None)
        if known is not None:
            found[known] = None
        elif not _open(form):
            hint = did_you_mean(form, CAPTION_FORMS) or f"write some of {', '.join(CAPTION_FORMS)}"
            cut.note(f"captions are made as {', '.join(CAPTION_FORMS)}, and not as '{form}'", "captions", index, hint=hint, code="cut")
    return tuple(found)


def read_ratio(written: Any) -> Fraction | None:
    """Return width by height of a text such as ``16:9``; None where it is none."""
    match = _RATIO.fullmatch(written) if isinstance(written, str) else None
    if match is None or not Fraction(match[1]) or not Fraction(match[2]):
        return None
    return Fraction(match[1]) / Fraction(match[2])
