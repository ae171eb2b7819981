"""Decode the sound of a cut: the clips' own, a bed below all of it, voices at their places, and how loud the whole is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from animatic.spec.cut_model import CLIP_SOUND, BedSpec, SoundSpec, VoiceSpec
from animatic.spec.keys import BED, SOUND, VOICE
from animatic.spec.section import Section, is_template
from animatic.spec.values import is_number

MIXED_LOUDNESS = -16.0
"""LUFS of a reel with a bed or a voice whose cut says nothing of it."""
LEAST_LOUDNESS, MOST_LOUDNESS = -70.0, -5.0
LEAST_GAIN, MOST_GAIN = -96.0, 36.0
"""dB: beyond them nothing is heard, or nothing but clipping."""
_VOICE = "write 'voice: [{audio: voice/one.mp3, at: dawn}]'"


def decode_sound(cut: Section) -> SoundSpec:
    """Read ``sound`` of a cut, or ``audio``, which is short for a bed alone."""
    short = _bed_from(cut, "audio")
    values = cut.mapping("sound", hint="write 'sound: {bed: music/bed.mp3}'")
    if values is None:
        return SoundSpec(bed=short, loudness=None if short is None else MIXED_LOUDNESS)
    sound = cut.below("sound", values, f"{cut.label}, sound")
    sound.check_keys(SOUND)
    if "audio" in cut.values and "bed" in values:
        cut.note("'audio' is short for 'sound: {bed: ...}', and both are there", "audio", key=True, hint="take one of them out", code="cut")
    own = _bed_from(sound, "bed")
    bed = short or own
    voices = tuple(_voices(sound))
    clips = None if _open(values.get("clips")) else sound.choice("clips", CLIP_SOUND)
    return SoundSpec(
        clips=clips or "keep", bed=bed, voices=voices, loudness=_loudness(sound, default=MIXED_LOUDNESS if bed or voices else None)
    )


def _open(value: Any) -> bool:
    return isinstance(value, str) and is_template(value)


def _bed_from(section: Section, key: str) -> BedSpec | None:
    """Read a bed: a reference alone, or a mapping that holds one as ``audio``."""
    written = section.values.get(key)
    if key not in section.values:
        return None
    named = {"shot", "file", "url"} & written.keys() if isinstance(written, dict) else set()
    if not isinstance(written, dict) or (named and not written.keys() & {*BED.known}):
        audio = _reference(section, key)
        return None if audio is None else BedSpec(audio=audio, path=(*section.path, key))
    bed = section.below(key, written, f"{section.label}, {key}")
    bed.check_keys(BED)
    if "audio" not in written and not named:
        bed.note("it names no sound", hint="write 'audio: music/bed.mp3', or the id of an audio shot", code="cut")
    audio = _reference(bed, "audio") if "audio" in written else None
    found = BedSpec(
        audio=audio,
        path=(*bed.path, "audio"),
        gain_db=_gain(bed),
        fade_in=0.0 if _open(written.get("fade_in")) else bed.seconds("fade_in", minimum=0) or 0.0,
        fade_out=0.0 if _open(written.get("fade_out")) else bed.seconds("fade_out", minimum=0) or 0.0,
        duck=False if _open(written.get("duck")) else bed.boolean("duck", default=False),
    )
    return None if audio is None else found


def _voices(sound: Section) -> Iterator[VoiceSpec]:
    if _open(sound.values.get("voice")):
        return
    for index, values in sound.mappings("voice", hint=_VOICE):
        below = sound.below("voice", {}, sound.label)
        voice = below.below(index, values, f"{sound.label}, voice {index + 1}")
        voice.check_keys(VOICE)
        if "audio" not in values:
            voice.note("it names no sound", hint="write 'audio: voice/one.mp3', or the id of an audio shot", code="cut")
            continue
        audio, at, gain = _reference(voice, "audio"), _at(voice), _gain(voice)
        if audio is not None and at is not None:
            yield VoiceSpec(audio=audio, path=(*voice.path, "audio"), at=at, gain_db=gain)


def _at(voice: Section) -> str | float | None:
    """Return the shot, or the second of the reel, at which a voice begins."""
    written = voice.values.get("at", 0.0)
    if isinstance(written, str) and written.strip():
        return written
    if is_number(written) and written >= 0:
        return float(written)
    voice.wrong("at", "a shot of the cut, or seconds of the reel", hint="write 'at: dawn' or 'at: 7.5'")
    return None


def _reference(section: Section, key: str) -> Any:
    """Return a reference as it is written, None where it cannot be one."""
    written = section.values.get(key)
    if (isinstance(written, str) and written.strip()) or isinstance(written, dict):
        return written
    section.wrong(key, "a sound", hint=f"write '{key}: music/bed.mp3', or the id of an audio shot")
    return None


def _gain(section: Section) -> float:
    return _decibels(section, "gain_db", LEAST_GAIN, MOST_GAIN, "dB", default=0.0) or 0.0


def _loudness(sound: Section, *, default: float | None) -> float | None:
    if sound.values.get("loudness", 0) is None and sound.document.written((*sound.path, "loudness")) != "":
        return None
    return _decibels(sound, "loudness", LEAST_LOUDNESS, MOST_LOUDNESS, "LUFS", default=default)


def _decibels(section: Section, key: str, least: float, most: float, unit: str, *, default: float | None) -> float | None:
    if key not in section.values or _open(section.values[key]):
        return default
    value = section.values[key]
    if not is_number(value):
        section.wrong(key, f"a number of {unit}", hint=f"write '{key}: -14', without the unit")
    elif not least <= value <= most:
        section.note(f"{key} {value:g} {unit} is out of range", key, hint=f"use {least:g} to {most:g}", code="cut")
    else:
        return float(value)
    return default
