"""Defines what stands on a storyboard sheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

Paper = Literal["a4", "letter"]
PAPERS: tuple[Paper, ...] = get_args(Paper)


@dataclass(frozen=True, kw_only=True, slots=True)
class SheetShot:
    """One frame of the sheet and what stands under it. Times in seconds."""

    number: str
    name: str
    """The shot's id, behind its variant's name where there are several."""
    scene: str = ""
    title: str = ""
    action: str = ""
    """What happens: the prompt."""
    line: str = ""
    """What is spoken or written over it."""
    seconds: float | None = None
    begin: float | None = None
    end: float | None = None
    """Its place in the reel; None where it is in none, or its length is not known yet."""
    lineage: tuple[str, ...] = ()
    """What it starts from, in words: ``from dawn, last frame``."""
    cast: tuple[str, ...] = ()
    picture: Path | None = None
    """JPEG, PNG or WebP; None: an empty frame to draw in."""
    note: str = ""
    """Why there is no picture, or what was said of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A storyboard as a director prints it."""

    title: str
    subtitle: str = ""
    footer: str = ""
    """Which run, or which plan: what tells two prints apart."""
    simulated: bool = False
    made_at: datetime
    shots: tuple[SheetShot, ...]
