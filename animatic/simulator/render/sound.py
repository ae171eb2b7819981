"""Renders simulated sound: bursts of tone that follow the words of a speech, syllable by syllable, or a simple tune for music.

It is meant to be heard as a stand-in, and to be as long and as loud as the real thing would be: lengths of cuts can be judged by it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from animatic.files import writing_whole
from animatic.simulator.render.recipe import Recipe

COMMENT = "simulated: tones by animatic, not made by any model"
RATE = 44_100
_LEVEL = 0.25
"""Of full scale: about as loud as speech is mixed."""
_VOWELS = re.compile(r"[aeiouy]+")
_PAUSES = {",": 1.0, ";": 1.5, ":": 1.5, ".": 2.0, "!": 2.0, "?": 2.0, "…": 2.5, "—": 1.0, "。": 2.0, "、": 1.0}
"""How long a pause is after a word that ends so, in syllables."""
_GAP = 0.35
"""Between words, in syllables."""
_SCALE = (0, 2, 4, 7, 9, 12, 14)
_BEAT = 0.5
_BLOCK = 1_152

Samples = npt.NDArray[np.float32]


def render_sound(recipe: Recipe, target: Path) -> None:
    """Write the sound whole or not at all, with a word in its metadata that it is simulated."""
    assert recipe.seconds is not None, "a sound has a length"
    samples = _speech(recipe) if recipe.spoken else _music(recipe)
    faded = np.minimum(1.0, np.minimum(np.arange(len(samples)), np.arange(len(samples))[::-1]) / (0.01 * RATE))
    with writing_whole(target) as part:
        _encode((samples * faded * 32_767).astype(np.int16), part, recipe.sound_format)


def _speech(recipe: Recipe) -> Samples:
    """Return a burst for every syllable; each word has its own pitch, and the whole fills the length."""
    count = _count(recipe)
    out = np.zeros(count, np.float32)
    parts = list(_syllables(recipe.text))
    total = sum(length for _, length in parts)
    at = 0.0
    for pitch, length in parts:
        begin, end = (round(place / total * count) for place in (at, at + length))
        at += length
        if pitch is not None and end > begin:
            out[begin:end] += _burst(pitch * _shift(recipe), end - begin)
    return out


def _syllables(text: str) -> Iterator[tuple[float | None, float]]:
    """Yield pitch in Hz (None: a pause) and length, in syllables, of what is said."""
    words = text.split() or ["hm"]
    for word in words:
        digest = hashlib.sha256(word.lower().encode("utf-8", "surrogatepass")).digest()
        for number in range(_syllables_in(word)):
            yield 110.0 * 2 ** ((digest[number % 32] % 12 - number) / 12), 1.0
        yield None, _GAP + _PAUSES.get(word[-1], 0.0)


def _syllables_in(word: str) -> int:
    """Return how many syllables a word has: by its vowels, accents aside; in other scripts every other letter counts as one."""
    plain = unicodedata.normalize("NFD", word.lower())
    return len(_VOWELS.findall(plain)) or max(1, sum(character.isalpha() for character in plain) // 2)


def _burst(pitch: float, count: int) -> Samples:
    time = np.arange(count, dtype=np.float32) / RATE
    tone = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in (1, 2, 3, 5))
    swell = np.sin(np.pi * np.arange(count, dtype=np.float32) / count) ** 0.6
    return np.asarray(_LEVEL * 0.7 * tone * swell, dtype=np.float32)


def _music(recipe: Recipe) -> Samples:
    """Return a tune of soft notes over a ground note, drawn from the words of the request."""
    count = _count(recipe)
    digest = hashlib.sha256(f"{recipe.text}\0{recipe.variation}".encode("utf-8", "surrogatepass")).digest()
    root = 110.0 * 2 ** (digest[0] % 12 / 12)
    time = np.arange(count, dtype=np.float32) / RATE
    out = np.asarray(_LEVEL * 0.35 * np.sin(2 * np.pi * root * time), dtype=np.float32)
    beat = round(_BEAT * RATE)
    for number, begin in enumerate(range(0, count, beat)):
        size = min(beat, count - begin)
        pitch = root * 2 ** (1 + _SCALE[digest[number % 32] % len(_SCALE)] / 12)
        within = np.arange(size, dtype=np.float32) / RATE
        note = (np.sin(2 * np.pi * pitch * within) + 0.3 * np.sin(4 * np.pi * pitch * within)) * np.exp(-4 * within)
        out[begin : begin + size] += np.asarray(_LEVEL * 0.8 * note, dtype=np.float32)
    return out


def _shift(recipe: Recipe) -> float:
    """Return what makes a further take of the same words sound different."""
    return float(2 ** (recipe.variation / 12))


def _count(recipe: Recipe) -> int:
    return max(1, round((recipe.seconds or 0.0) * RATE))


def _encode(samples: npt.NDArray[np.int16], target: Path, form: str) -> None:
    with av.open(str(target), "w", format=form) as output:
        output.metadata["comment"] = COMMENT
        stream = output.add_stream("pcm_s16le" if form == "wav" else "libmp3lame", rate=RATE, layout="mono")
        if form == "mp3":
            stream.bit_rate = 128_000
        for begin in range(0, len(samples), _BLOCK):
            block = np.ascontiguousarray(samples[begin : begin + _BLOCK]).reshape(1, -1)
            frame = AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, begin
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
