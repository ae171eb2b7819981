"""Finds a font for every character: the one that comes with Pillow, those of the ``fonts`` extra, else whatever this machine has.

A font covers a character if it draws something else than its own sign for a missing one.
"""

from __future__ import annotations

import importlib.util
import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont, features

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
BUILT_IN = ""
"""Stands for the font that comes with Pillow, in the place of a path."""

_PACKAGES = (
    "fontpkg_noto_sans",
    "fontpkg_noto_sans_arabic",
    "fontpkg_heebo",
    "fontpkg_noto_sans_devanagari",
    "fontpkg_hind_siliguri",
    "fontpkg_noto_sans_tamil",
    "fontpkg_noto_sans_telugu",
    "fontpkg_noto_sans_thai",
    "fontpkg_noto_sans_khmer",
    "noto_cjk_sans_jp_regular",
)
_USUAL = ("DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
"""Found by name where the system keeps its fonts, before all others of the machine are tried."""
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
)
_SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
_UNSUITED = ("lastresort", "blank", "italic", "oblique", "bold", "black", "light", "thin", "condensed", "mono", "symbol")
_MAX_TRIED = 300
"""Fonts of the machine that are looked at; somebody who collects them has thousands."""
_PROBE_SIZE = 24
_MISSING = "\U0010fffe"
"""A character that no font has."""


@lru_cache(maxsize=256)
def font_for(size: int, path: str = BUILT_IN) -> Font:
    """Return a font in that size. Raises OSError for a file that is no font."""
    return ImageFont.load_default(size) if path == BUILT_IN else ImageFont.truetype(path, size)


@lru_cache(maxsize=8192)
def face_of(character: str) -> str | None:
    """Return the path of the first font that has the character, None if none of this machine does."""
    if character.isspace():
        return BUILT_IN
    return next((path for path in _faces() if covers(path, character)), None) or _discovered_for(character)


def usual_face() -> str | None:
    """Return the path of the first font of this machine that is a file, for documents that embed their fonts; None if it has none."""
    return next((path for path in _faces() if path != BUILT_IN), None)


def covers(path: str, character: str) -> bool:
    """Whether a font draws that character."""
    if not character.isprintable() or character.isspace():
        return True
    drawn = _ink(path, character)
    return drawn is not None and drawn not in (b"", _ink(path, _MISSING))


@lru_cache(maxsize=1)
def shapes_scripts() -> bool:
    """Whether Pillow can join letters (Arabic, Devanagari): it can where the system has FriBiDi."""
    return bool(features.check("raqm"))


@lru_cache(maxsize=1)
def _faces() -> tuple[str, ...]:
    return (BUILT_IN, *_packaged(), *_usual())


def _packaged() -> Iterator[str]:
    for name in _PACKAGES:
        found = importlib.util.find_spec(name)
        for folder in (found.submodule_search_locations or ()) if found else ():
            fonts = (path for path in sorted(Path(folder).rglob("*")) if path.suffix in _SUFFIXES)
            suited = [path for path in fonts if not any(word in path.name.lower() for word in _UNSUITED)]
            yield from map(str, suited[:1])


def _usual() -> Iterator[str]:
    for name in _USUAL:
        try:
            font = ImageFont.truetype(name, _PROBE_SIZE)
        except OSError:
            continue
        yield str(font.path)


def _discovered_for(character: str) -> str | None:
    if not unicodedata.name(character, ""):  # of private use or not assigned: whatever a font has there means something else
        return None
    return next((path for path in _discovered() if covers(path, character)), None)


@lru_cache(maxsize=1)
def _discovered() -> tuple[str, ...]:
    """Return the upright fonts of this machine, sans serif ones first."""
    found: list[Path] = []
    for folder in _FOLDERS:
        for root, _, names in os.walk(Path(folder).expanduser()):
            found += (Path(root) / name for name in names if Path(name).suffix.lower() in _SUFFIXES)
    suited = [path for path in found if not any(word in path.name.lower() for word in _UNSUITED)]
    suited.sort(key=lambda path: ("sans" not in path.name.lower(), path.name))
    return tuple(map(str, suited[:_MAX_TRIED]))


@lru_cache(maxsize=4096)
def _ink(path: str, character: str) -> bytes | None:
    """Return what a font draws for a character; None if it cannot be asked (bitmap fonts of one size)."""
    try:
        mask = font_for(_PROBE_SIZE, path).getmask(character)
    except (OSError, ValueError):
        return None
    return b"" if mask.getbbox() is None else bytes(mask)
