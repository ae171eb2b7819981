"""Proves, before anything is paid, that the reference files of a run can be read: they are decoded, which planning does not do."""

from __future__ import annotations

import asyncio
from pathlib import Path

from animatic.cut.model import SoundFile
from animatic.errors import BadClipError, BadMediaError, UsageError
from animatic.media import sniff
from animatic.media.sound_source import RATE, Sound
from animatic.plan import FileInput, Plan

AT_ONCE = 2


async def prove_references(plan: Plan) -> None:
    """Decode a little of every reference file and sound of a cut, each once. Raises UsageError that names all which cannot be read."""
    users: dict[str, tuple[str, str]] = {}
    sounds = {source.file: source for cut in plan.cuts for source in cut.sound.sources if isinstance(source, SoundFile)}
    for step in plan.steps:
        for request in step.requests:
            for item in request.inputs:
                if isinstance(item, FileInput):
                    users.setdefault(item.file, (item.written, step.key))
    gate = asyncio.Semaphore(AT_ONCE)

    async def complaint(file: str, written: str, shot: str) -> str | None:
        async with gate:
            try:
                await asyncio.to_thread(sniff, Path(file))
            except BadMediaError as error:
                return f"{written} of shot {shot!r}: {error.message}"
        return None

    async def unheard(file: str, written: str) -> str | None:
        async with gate:
            try:
                return None if await asyncio.to_thread(_has_sound, Path(file)) else f"{written} of the cut holds no sound"
            except (BadMediaError, BadClipError) as error:
                return f"{written} of the cut: {error.message}"

    found = await asyncio.gather(
        *(complaint(file, *user) for file, user in users.items()), *(unheard(file, source.written) for file, source in sounds.items())
    )
    if complaints := [text for text in found if text is not None]:
        raise UsageError(
            f"{len(complaints)} of the reference files cannot be read: {'; '.join(complaints)}"
            if len(complaints) > 1
            else f"a reference file cannot be read: {complaints[0]}",
            hint="fetch or export it again; nothing was submitted",
            code="bad_media",
        )


def _has_sound(path: Path) -> bool:
    """Whether the first second of a file decodes as sound. Raises BadMediaError, BadClipError."""
    with Sound(path) as sound:
        return len(sound.read(RATE)) > 0
