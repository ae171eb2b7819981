"""Types of a declared cut: its shots, transitions, size, rate, sound and captions, before templates and references are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

from animatic.errors import KeyPath

TransitionKind = Literal["cut", "crossfade", "fade"]
TRANSITIONS: tuple[TransitionKind, ...] = get_args(TransitionKind)
Fit = Literal["letterbox", "crop"]
FITS: tuple[Fit, ...] = get_args(Fit)
ClipSound = Literal["keep", "mute"]
CLIP_SOUND: tuple[ClipSound, ...] = get_args(ClipSound)
CaptionForm = Literal["srt", "vtt", "burn"]
CAPTION_FORMS: tuple[CaptionForm, ...] = get_args(CaptionForm)


@dataclass(frozen=True, kw_only=True, slots=True)
class TransitionSpec:
    """How a shot comes in: at once, over the end of the one before, or through black. Seconds; 0 for a cut."""

    kind: TransitionKind = "cut"
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CutShotSpec:
    """One entry of a cut's list of shots. Seconds; None where nothing is said."""

    shot: str
    path: KeyPath
    """Of the id: the entry itself where it is written short."""
    hold: float | None = None
    trim: tuple[float, float] | None = None
    transition: TransitionSpec | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BedSpec:
    """The sound below a whole reel: a reference to a file or an audio shot, its gain in dB, fades in seconds."""

    audio: Any
    path: KeyPath
    """Of the reference."""
    gain_db: float = 0.0
    fade_in: float = 0.0
    fade_out: float = 0.0
    duck: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceSpec:
    """A sound at one place of a reel: where a shot begins, or at a second of the reel."""

    audio: Any
    path: KeyPath
    at: str | float = 0.0
    gain_db: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundSpec:
    """What is heard. ``loudness`` in LUFS; None leaves it as it is."""

    clips: ClipSound = "keep"
    bed: BedSpec | None = None
    voices: tuple[VoiceSpec, ...] = ()
    loudness: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CutSpec:
    """A reel as it is declared. What a template will give is as if it were not written, until that is filled in."""

    name: str
    """Of its files: ``reel`` for ``cut``."""
    path: KeyPath
    values: Mapping[str, Any] = field(default_factory=dict)
    """As they were written."""
    shots: tuple[CutShotSpec, ...] | None = None
    """None: all video shots in order."""
    transition: TransitionSpec = TransitionSpec()
    size: tuple[int, int] | None = None
    """Pixels; None: that of the first clip."""
    fps: Fraction | None = None
    """Frames per second; None: that of the first clip."""
    fit: Fit = "letterbox"
    sound: SoundSpec = SoundSpec()
    captions: tuple[CaptionForm, ...] | None = None
    """None: SRT where any shot has a line."""
