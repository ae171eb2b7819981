"""Where a line may end inside a word: in scripts that need no spaces, and never before a sign that closes or behind one that opens."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_WIDE = frozenset({"W", "F"})
_CLOSING = frozenset(")]}»”’」』】）》〉、。，．！？：；ー々ゝっゃゅょッャュョ%")  # noqa: RUF001 (these are the signs that are meant)
"""Signs that never begin a line."""
_OPENING = frozenset("([{«“‘「『【（《〈¿¡")  # noqa: RUF001 (these are the signs that are meant)
"""Signs that never end one."""
_UNSPACED = ("THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "JAVANESE")
"""Scripts that are written without spaces between words: lines may break between their syllables."""
_JOINER = "\u200d"


def extends(before: str, character: str) -> bool:
    """Whether a character belongs to the one before it: a mark, a selector, or what a joiner binds."""
    return bool(unicodedata.combining(character)) or unicodedata.category(character) in {"Mn", "Me", "Mc", "Cf", "Sk"} or before == _JOINER


def needs_no_space(character: str) -> bool:
    """Whether lines may end beside a character though no space is there."""
    if unicodedata.east_asian_width(character) in _WIDE:
        return not 0xAC00 <= ord(character) <= 0xD7A3  # noqa: PLR2004 (Korean has spaces)
    return unicodedata.name(character, "").startswith(_UNSPACED)


def may_part(before: str, after: str) -> bool:
    """Whether a line may end between two characters, where it has to end somewhere about them."""
    # Thai and Lao vowels that are written first belong to the consonant behind them, others to the one before.
    return not (after in _CLOSING or before in _OPENING or before in "เแโใไເແໂໃໄ" or after in "ะาๅำๆฯະາຳໆ")


def parts(word: str) -> Iterator[str]:
    """Yield the parts of a word between which a line may end: single signs of scripts that need no spaces, else the whole."""
    if word.isascii():
        yield word
        return
    part = ""
    for character in word:
        if (
            part
            and not extends(part[-1], character)
            and (needs_no_space(part[-1]) or needs_no_space(character))
            and may_part(part[-1], character)
        ):
            yield part
            part = ""
        part += character
    if part:
        yield part
