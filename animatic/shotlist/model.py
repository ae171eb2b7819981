"""A shot list as it was read: shots with the values of their fields, and where each of them stands in the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from animatic.errors import Place, Problem
from animatic.shotlist.grid import Cell

DEFAULT_MODELS: Mapping[str, str] = {"video": "xai/grok-video", "image": "google/nano-banana-pro", "audio": "elevenlabs/tts"}
"""Models of shots that name none, by kind."""
DEFAULT_FPS = Fraction(24)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListOptions:
    """How a list is to be read."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    """Header -> field."""
    fps: Fraction | None = None
    """Frames of a second in time codes; None: ``DEFAULT_FPS``, which is said then."""
    models: Mapping[str, str] = field(default_factory=lambda: DEFAULT_MODELS)
    cast: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Name of a member -> its images: shots of the list, files or URLs."""
    number: bool = False
    """Number the shots, whose list has no ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedShot:
    """One row: the shot that it declares."""

    id: str
    place: Place
    """Where its row begins."""
    values: Mapping[str, Any]
    """Keys of the shot and fields of its model, in the order in which they are written; texts are meant as they stand."""
    cells: Mapping[str, Cell]
    """Where each of these comes from, and the id."""
    remarks: tuple[tuple[str, str], ...] = ()
    """What is kept as comments: name and text."""
    kind: str = "video"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedMember:
    """Somebody or something in the shots of a list: its name in the cast, how the list calls it, what shows it, where it is first named."""

    name: str
    text: str
    images: tuple[str, ...]
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotList:
    """What a list declares, what is wrong with it, and what a person should know of how it was read."""

    shots: tuple[ListedShot, ...]
    cast: tuple[ListedMember, ...]
    problems: tuple[Problem, ...]
    guesses: Mapping[str, str]
    """Header -> field, where the two are spelled differently."""
    remarks: tuple[str, ...]
    """Headers of the columns that are kept as comments."""
    ignored: tuple[str, ...]
    """Headers of the columns that say how a run came out."""
    skipped: tuple[int, ...]
    """Lines of the rows that are empty."""
    notes: tuple[str, ...]
