"""Finds the files of a plan again on the machine that takes it up, where they lie under another path than where it was made.

A plan holds absolute paths: of the folder of its pipelines file, which is another one for each clone, for each pulled version, and on
each machine.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from animatic.cut.model import Cut, Sound, SoundFile, SoundSource
from animatic.plan.model import FileInput, Input, Plan


def found_again(plan: Plan, file: Path) -> Plan:
    """Return the plan with files that are gone from where they were taken found below that of the pipelines ``file``, by what was written.

    Files that are there, and those that are in neither place, stay as they are. Whether the content is what was planned is seen when it
    is sent.
    """
    folder = file.absolute().parent
    steps = tuple(
        replace(
            step,
            requests=tuple(
                replace(request, inputs=tuple(_input(given, folder) for given in request.inputs)) if _files(request.inputs) else request
                for request in step.requests
            ),
        )
        if any(_files(request.inputs) for request in step.requests)
        else step
        for step in plan.steps
    )
    return replace(plan, steps=steps, cuts=tuple(_cut(cut, folder) for cut in plan.cuts))


def _files(inputs: tuple[Input, ...]) -> bool:
    return any(isinstance(given, FileInput) for given in inputs)


def _input(given: Input, folder: Path) -> Input:
    return replace(given, file=_place(given.file, given.written, folder)) if isinstance(given, FileInput) else given


def _cut(cut: Cut, folder: Path) -> Cut:
    sound = cut.sound
    bed = replace(sound.bed, source=_source(sound.bed.source, folder)) if sound.bed is not None else None
    voices = tuple(replace(voice, source=_source(voice.source, folder)) for voice in sound.voices)
    changed: Sound = replace(sound, bed=bed, voices=voices)
    return replace(cut, sound=changed)


def _source(source: SoundSource, folder: Path) -> SoundSource:
    return replace(source, file=_place(source.file, source.written, folder)) if isinstance(source, SoundFile) else source


def _place(file: str, written: str, folder: Path) -> str:
    here = folder / written
    return str(here) if not _is_there(Path(file)) and _is_there(here) else file


def _is_there(path: Path) -> bool:
    """Whether there is such a file as far as this user may see: the folder of the machine that planned may be somebody else's here."""
    try:
        return path.exists()
    except OSError:
        return False
