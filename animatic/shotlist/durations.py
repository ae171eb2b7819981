"""The length of a listed shot as its model takes it: the same where it can be, else the next longer one, with what was listed beside it."""

from __future__ import annotations

import math
from fractions import Fraction

from animatic.catalog import Model
from animatic.catalog.types import accepts
from animatic.errors import Place, Problem
from animatic.shotlist.lengths import FORMS, LengthError, plain, seconds_of
from animatic.shotlist.model import DEFAULT_FPS, ListOptions

DURATION = "duration"
MUSIC_LENGTH = "music_length_ms"
"""The field by which models of music take a length, in thousandths of a second."""
LENGTH_AS_LISTED = "length as listed"
_LONGEST = 120
"""Seconds up to which a longer length is looked for: beyond what any model makes."""


def listed_length(
    text: str, model: Model | None, options: ListOptions, place: Place, problems: list[Problem]
) -> tuple[str, int | float | str | None, list[tuple[str, str]]]:
    """Return the field of the length, what to ask the model for, and what is to be kept as a comment.

    What is no length becomes a problem.
    """
    try:
        seconds = seconds_of(text, options.fps or DEFAULT_FPS)
    except LengthError as error:
        problems.append(Problem(f"the length {error}", place, hint=FORMS, code="length"))
        return DURATION, None, []
    written = plain(seconds)
    if model is not None and DURATION not in model.fields and MUSIC_LENGTH in model.fields:
        return MUSIC_LENGTH, round(seconds * 1000), []
    field = model.fields.get(DURATION) if model is not None else None
    if field is None or accepts(field, written):
        return DURATION, written, []
    if accepts(field, str(written)):
        return DURATION, str(written), []
    longer = next((value for value in _longer(seconds) if accepts(field, value)), None)
    if longer is None:
        return DURATION, written, []  # longer than anything that the model makes: the check of the whole says so
    return DURATION, longer, [(LENGTH_AS_LISTED, f"{written} s")]


def _longer(seconds: Fraction) -> range:
    return range(max(1, math.ceil(seconds)), _LONGEST)
