"""Finds the files that a declaration needs on another machine: itself, and what it names (reference pictures, clips, sounds).

A file travels where a text of the declaration is its path, and its first bytes are those of a picture, a video, a sound or a mesh: nothing
else that lies there does. Of a path that holds a template, every such file travels that the rest of the path fits, since only a run knows
which it takes.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatic.errors import UsageError
from animatic.formats import HEAD_BYTES, identify
from animatic.spec.model import Declaration
from animatic.spec.section import is_template

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_MEDIA = frozenset({"image", "video", "audio", "model"})
MAX_PATH_LENGTH = 4096
"""Longer texts are no paths."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedFiles:
    """Files by their names below a common folder, ``/``-separated."""

    start: str
    """Folder of the pipelines file below the common one: empty where they are the same."""
    files: Mapping[str, Path]
    declared: Mapping[str, str]
    """Hashes of the pipelines files among them, as they were read."""
    staying: tuple[str, ...] = ()
    """Absolute paths that the declaration names: they must be there on every machine."""


def carried_files(declaration: Declaration, path: Path, include: Sequence[str] = ()) -> CarriedFiles:
    """Return what travels with the declaration of a pipelines file, or a folder of them.

    ``include``: patterns of further files, relative to its folder, of any content. Raises UsageError for one that fits no file.
    """
    folder = path if path.is_dir() else path.parent
    named = {os.path.normpath(document.path.absolute()): document.path for document in declaration.documents}
    staying: dict[str, None] = {}
    texts = dict.fromkeys(text for document in declaration.documents for text in _texts(document.data))
    for text in texts:
        for found in _found(text, folder):
            if Path(text).is_absolute():
                staying[str(found)] = None
            else:
                named[os.path.normpath(folder.absolute() / found)] = folder / found
    for pattern in include:
        files = [folder / name for name in _matching(pattern, folder) if not Path(name).is_absolute() and (folder / name).is_file()]
        if not files:
            raise UsageError(
                f"--include {pattern}: no file below {folder} fits it", hint="write it relative to the pipelines file: 'refs/*'"
            )
        named |= {os.path.normpath(file.absolute()): file for file in files}
    start = os.path.normpath(folder.absolute())
    root = os.path.commonpath([start, *(str(Path(place).parent) for place in named)])
    return CarriedFiles(
        start="" if start == root else _below(root, start),
        files={_below(root, place): path for place, path in sorted(named.items())},
        declared={_below(root, os.path.normpath(document.path.absolute())): document.sha256 for document in declaration.documents},
        staying=tuple(staying),
    )


def _below(root: str, place: str) -> str:
    return Path(os.path.relpath(place, root)).as_posix()


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of a declaration."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _found(text: str, folder: Path) -> Iterable[Path]:
    """Return the media files that a text names, as it names them."""
    if not text.strip() or len(text) > MAX_PATH_LENGTH or "\n" in text or "\0" in text or "://" in text:
        return []
    if not is_template(text):
        return [Path(text)] if _is_media(folder / text) else []
    parts = _TEMPLATE.split(text)
    if not any(part.strip("/. ") for part in parts):
        return []  # what a param alone names is found where its values are written
    pattern = "*".join(glob.escape(part) for part in parts)
    return [Path(name) for name in _matching(pattern, folder) if _is_media(folder / name)]


def _matching(pattern: str, folder: Path) -> list[str]:
    return glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 (Path.glob raises for absolute patterns, and for some with ..)


def _is_media(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            found = identify(file.read(HEAD_BYTES))
    except (OSError, ValueError):
        return False
    return found is not None and found.medium in _MEDIA
