"""A resolved cut, as plans hold it: steps in order, with everything that makes one reel of them. Frozen; seconds as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from animatic.spec.cut_model import CaptionForm, ClipSound, Fit, TransitionKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """How a shot comes in. Seconds; 0 for a cut."""

    kind: TransitionKind = "cut"
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CutShot:
    """One shot in a cut: the key of its step, and which part of its take is seen."""

    step: str
    still: bool = False
    """Whether a picture is held; else a clip is shown."""
    hold: float | None = None
    """Seconds that a still stays."""
    trim: tuple[float, float] | None = None
    """Seconds of the clip; None: all of it."""
    enter: Transition = Transition()


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundFile:
    """A sound in a local file; ``written`` as the user wrote it, ``file`` absolute."""

    written: str
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundShot:
    """A sound that a step makes."""

    step: str


SoundSource = SoundFile | SoundShot


@dataclass(frozen=True, kw_only=True, slots=True)
class BedSound:
    """The sound below the whole reel. Gain in dB, fades in seconds; ``duck``: softer while something else is heard."""

    source: SoundSource
    gain_db: float = 0.0
    fade_in: float = 0.0
    fade_out: float = 0.0
    duck: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceSound:
    """A sound at one place: where a step's shot begins (its first place in the reel), or at seconds of the reel."""

    source: SoundSource
    at: str | float = 0.0
    gain_db: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """What is heard. ``loudness`` in LUFS; None leaves it as it is."""

    clips: ClipSound = "keep"
    bed: BedSound | None = None
    voices: tuple[VoiceSound, ...] = ()
    loudness: float | None = None

    @property
    def sources(self) -> tuple[SoundSource, ...]:
        """Bed and voices, as far as there are any."""
        return (*([self.bed.source] if self.bed else []), *(voice.source for voice in self.voices))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """One reel of one variant."""

    shots: tuple[CutShot, ...]
    variant_name: str
    variant: Mapping[str, Any]
    name: str = "reel"
    size: tuple[int, int] | None = None
    """Pixels; None: that of the first clip."""
    aspect: Fraction | None = None
    """Width by height where no size is written and the pipeline has a shape of its own."""
    fps: Fraction | None = None
    """None: that of the first clip."""
    fit: Fit = "letterbox"
    sound: Sound = Sound()
    captions: tuple[CaptionForm, ...] | None = None
    """None: SRT where any shot has a line."""
    label: str | None = None
    """Burnt into a corner all the time: that a model made it."""

    @property
    def steps(self) -> tuple[str, ...]:
        """Keys of the steps that are seen, in order; one that is seen twice stands here twice."""
        return tuple(shot.step for shot in self.shots)

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of all steps that the reel is made from, each once: those that are seen, then those that are heard."""
        heard = (source.step for source in self.sound.sources if isinstance(source, SoundShot))
        return tuple(dict.fromkeys((*self.steps, *heard)))

    @property
    def folder(self) -> str:
        """Where the reel lies in the run's folder: ``VARIANT/``, or nothing."""
        return f"{self.variant_name}/" if self.variant_name else ""

    def file(self, suffix: str = ".mp4") -> str:
        """Return the name of the reel, or of a file beside it, in the run's folder: ``[VARIANT/]NAME.mp4``."""
        return f"{self.folder}{self.name}{suffix}"
