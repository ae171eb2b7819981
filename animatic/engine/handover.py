"""Hands a reel over to an editor: gathers what its timeline refers to, and delivers the sounds that only this machine has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

from animatic.cut.model import Cut, SoundFile, SoundSource
from animatic.cut.otio import ShotMedia, SoundMedia, TakeMedia, as_otio
from animatic.cut.timing import Layout, footage_of, seconds_of
from animatic.engine.deliver import file_name
from animatic.ledger import Ledger, Take
from animatic.plan import Plan, Step, fingerprint_of, without_take
from animatic.redact import redact_body

_OURS = frozenset({"model", "job_id", "usd", "seed", "fingerprint", "prompt", "file"})
"""What a client does not see."""
MAX_OTHER_TAKES = 50
"""Of a shot that a timeline offers as alternatives, the latest: a shot that is made anew every night has hundreds."""


async def timeline_of(
    plan: Plan,
    cut: Cut,
    layout: Layout,
    takes: Mapping[str, Take],
    ledger: Ledger,
    *,
    heard: Collection[str] = (),
    lengths: Mapping[SoundSource, Fraction] | None = None,
    notes: tuple[str, ...] = (),
    for_client: bool = False,
) -> str:
    """Return the ``.otio`` text of a reel.

    ``takes`` by step key: those that are missing become gaps. ``heard``: the steps whose clips have sound; ``lengths`` of local sounds in
    seconds; ``notes`` that begin with a shot's name become markers. ``for_client``: without prompts, models, jobs and prices, and without
    other takes. Raises StorageError.
    """
    hidden = _OURS if for_client else frozenset()
    steps = {step.key: step for step in plan.steps}
    folder, beside = f"{plan.pipeline}/{plan.run_id}/{cut.folder}", defaultdict[str, list[Step]](list)
    for step in plan.steps:
        beside[without_take(step.key)].append(step)
    shots: dict[str, ShotMedia] = {}
    for key in dict.fromkeys(cut.steps):
        step = steps[key]
        own = tuple(note.removeprefix(f"{step.shot}: ") for note in notes if note.startswith(f"{step.shot}: "))
        shots[key] = ShotMedia(
            name=step.shot,
            takes=await _takes(step, takes.get(key), beside[key], None if for_client else ledger, hidden, folder),
            line=step.line,
            notes=own,
            has_audio=key in heard,
            metadata=_told(step, takes.get(key), hidden),
        )
    metadata = {"pipeline": plan.pipeline, "run": plan.run_id, "cut": cut.name, **({} if for_client else {"variant": dict(cut.variant)})}
    sounds = _Sounds(cut=cut, layout=layout, steps=steps, takes=takes, lengths=lengths or {}, hidden=hidden).all()
    return as_otio(cut.name, layout, shots, clips_heard=cut.sound.clips == "keep", sounds=sounds, metadata=metadata)


async def _takes(
    step: Step, chosen: Take | None, beside: Collection[Step], ledger: Ledger | None, hidden: Collection[str], folder: str
) -> tuple[TakeMedia, ...]:
    """Return the take that is seen, by its delivered file, then the others. ``beside``: their steps in this run."""
    if chosen is None:
        return ()
    own = _media(step, chosen, PurePosixPath(file_name(step, PurePosixPath(chosen.clip.key).suffix)).name, hidden)
    if ledger is None:
        return (own,)
    highest = max(await ledger.selections.highest_take(step.base), chosen.number, *(other.take for other in beside))
    latest = range(max(1, highest - MAX_OTHER_TAKES + 1), highest + 1)
    others = await ledger.takes.get_many(fingerprint_of(step.base, number) for number in latest)
    up = "../" * folder.strip("/").count("/") + "../"
    ordered = sorted(others.values(), key=lambda each: each.number)
    here = {other.take: other for other in beside if other.further}

    def path_of(take: Take) -> str:
        """Return where a take lies: beside the one that is seen, where this run has it, else in the ledger."""
        if (delivered := here.get(take.number)) is None:
            return up + take.clip.key
        return file_name(delivered, PurePosixPath(take.clip.key).suffix).removeprefix(f"{step.variant_name}/" if step.variant_name else "")

    return (own, *(_media(step, take, path_of(take), hidden) for take in ordered if take.fingerprint != chosen.fingerprint))


def _media(step: Step, take: Take, path: str, hidden: Collection[str]) -> TakeMedia:
    clip = take.clip
    footage = footage_of(width=clip.width or 0, height=clip.height or 0, fps=clip.fps, duration=clip.duration, frames=clip.frames)
    return TakeMedia(number=take.number, path=path, seconds=footage.seconds, rate=footage.rate, metadata=_told(step, take, hidden))


def _told(step: Step, take: Take | None, hidden: Collection[str]) -> Mapping[str, Any]:
    """Return what an editor may want to know of a shot or take."""
    request = redact_body(dict(take.request if take else step.request.body))
    told = {
        "shot": step.key,
        "scene": step.scene,
        "title": step.title,
        "line": step.line,
        "prompt": request.get("prompt"),
        "seed": request.get("seed"),
        "model": take.model if take else step.request.model,
        "job_id": take.job_id if take else None,
        "usd": float(take.usd) if take and take.usd is not None else None,
        "take": take.number if take else None,
        "fingerprint": take.fingerprint if take else None,
        "sha256": take.clip.sha256 if take else None,
    }
    return {key: value for key, value in told.items() if value is not None and key not in hidden}


def sound_file(source: SoundFile) -> str:
    """Return the name under which a local sound lies in the run's folder: by its content, so that two of one name never meet."""
    return f"sound/{source.sha256[:8]}-{Path(source.file).name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sounds:
    """Finds the bed and the voices of a cut as an editor takes them."""

    cut: Cut
    layout: Layout
    steps: Mapping[str, Step]
    takes: Mapping[str, Take]
    lengths: Mapping[SoundSource, Fraction]
    hidden: Collection[str]

    def all(self) -> list[SoundMedia]:
        """Return them, the bed first; those that were not made are left out."""
        found: list[SoundMedia | None] = []
        begins = {placed.shot.step: placed.begin / self.layout.rate for placed in reversed(self.layout.placed)}
        if (bed := self.cut.sound.bed) is not None:
            told = {"gain_db": bed.gain_db, "fade_in": bed.fade_in, "fade_out": bed.fade_out, "duck": bed.duck}
            found.append(self._sound("bed", bed.source, Fraction(0), told))
        for number, voice in enumerate(self.cut.sound.voices, start=1):
            at = begins[voice.at] if isinstance(voice.at, str) else seconds_of(voice.at)
            found.append(self._sound(f"voice {number}", voice.source, at, {"gain_db": voice.gain_db}))
        return [sound for sound in found if sound is not None]

    def _sound(self, name: str, source: SoundSource, at: Fraction, told: Mapping[str, Any]) -> SoundMedia | None:
        if isinstance(source, SoundFile):
            path = ("../" if self.cut.folder else "") + sound_file(source)
            written = {} if "file" in self.hidden else {"file": source.written}
            return SoundMedia(name=name, path=path, at=at, seconds=self.lengths.get(source), metadata={**told, **written})
        take = self.takes.get(source.step)
        if take is None:
            return None
        step = self.steps[source.step]
        path = PurePosixPath(file_name(step, PurePosixPath(take.clip.key).suffix)).name
        seconds = seconds_of(take.clip.duration) if take.clip.duration else None
        return SoundMedia(name=name, path=path, at=at, seconds=seconds, metadata={**told, **_told(step, take, self.hidden)})
