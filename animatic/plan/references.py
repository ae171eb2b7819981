"""Parses what was written in a media field: another shot, a local file or a URL. Whether it fits is decided in `linking`.

Written short, a shot's id wins over a file of the same name; ``{shot: ...}``, ``{file: ...}`` and ``{url: ...}`` say which is meant.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from animatic.plan.model import Frame
from animatic.suggest import nearest

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{256,}={0,2}\s*")
_FRAMES = ("first", "last")
_FORMS = "write a shot id, {shot: ID, frame: first}, a file path, or a URL"
_OTHER_WORDS = {"path": "file", "id": "shot", "step": "shot", "clip": "shot", "uri": "url", "href": "url", "time": "frame", "at": "frame"}
_UPLOAD = "save it as a file and write its path: it is uploaded to Krea once"


class BadReferenceError(Exception):
    """A value that is no reference; ``at`` leads from the value to the part that is wrong (``key``: to its key)."""

    def __init__(self, message: str, hint: str | None = None, at: tuple[str, ...] = (), *, key: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at
        self.key = key


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotReference:
    """Another shot of the pipeline, and which frame of its clip if one is named."""

    shot: str
    frame: Frame | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReference:
    """A local file that exists; ``path`` is absolute."""

    written: str
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class UrlReference:
    """A URL, passed on as it is."""

    url: str


Reference = ShotReference | FileReference | UrlReference


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseFolder:
    """The folder of the pipelines file, where file references start; ``names`` are the names in it, read once for many references."""

    path: Path
    names: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> BaseFolder:
        """Look into a folder; one that is not there has no names."""
        return cls(path=path, names=frozenset(_names_in(path)))


def parse(value: Any, *, shots: Collection[str], folder: BaseFolder) -> Reference:
    """Read what was written in a media field. Raises BadReferenceError."""
    if isinstance(value, str):
        return _text(value, shots, folder)
    if isinstance(value, dict):
        return _mapping(value, shots, folder.path)
    raise BadReferenceError(f"{_shown(value)} is not a reference", _FORMS)


def _text(text: str, shots: Collection[str], folder: BaseFolder) -> Reference:
    if not text.strip():
        raise BadReferenceError("the reference is empty", _FORMS)
    if text in shots:
        note = (
            f"{text!r} is a shot and also a file; the shot is meant (for the file write {{file: {text}}})"
            if text in folder.names and _exists(folder.path / text)
            else None
        )
        return ShotReference(shot=text, note=note)
    if _SCHEME.match(text):
        return _url(text)
    return _file(text, folder.path, shots)


def _mapping(value: dict[Any, Any], shots: Collection[str], folder: Path) -> Reference:
    forms = [key for key in ("shot", "file", "url") if key in value]
    allowed = {"shot", "frame"} if forms == ["shot"] else set(forms)
    extra = [key for key in value if key not in allowed]
    if len(forms) != 1 or extra:
        odd = next((key for key in extra if key not in ("shot", "file", "url")), None)
        if odd == "frame":
            raise BadReferenceError("only a shot has frames: 'frame' goes with 'shot'", "write {shot: ID, frame: last}", ("frame",))
        if odd is not None:
            meant = _OTHER_WORDS.get(str(odd)) or next(iter(nearest(str(odd), ("shot", "frame", "file", "url"))), None)
            hint = f"did you mean {meant!r}?" if meant else _FORMS
            raise BadReferenceError(f"unknown key {odd!r} in a reference", hint, (str(odd),), key=True)
        raise BadReferenceError("a reference holds exactly one of shot, file and url", _FORMS)
    target = value[forms[0]]
    if not isinstance(target, str) or not target.strip():
        raise BadReferenceError(f"{forms[0]} takes text, not {_shown(target)}", _FORMS, (forms[0],))
    if forms == ["file"]:
        return _file(target, folder, ())
    if forms == ["url"]:
        return _url(target)
    if target not in shots:
        raise BadReferenceError(f"there is no shot {target!r} in this pipeline", _nearest_shots(target, shots), ("shot",))
    return ShotReference(shot=target, frame=_frame(value["frame"]) if value.get("frame") is not None else None)


def _frame(value: Any) -> Frame:
    if value == "first":
        return "first"
    if value == "last":
        return "last"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value) and value >= 0:
            return float(value)
        raise BadReferenceError(f"frame {value} is not a time in the clip", "count seconds from the clip's start: 0, 2.5, ...", ("frame",))
    close = nearest(str(value), _FRAMES)
    raise BadReferenceError(
        f"frame {_shown(value)} is not a frame", f"did you mean {close[0]}?" if close else "write first, last, or seconds (2.5)", ("frame",)
    )


def _url(text: str) -> UrlReference:
    if text[:5].lower() == "data:":
        raise BadReferenceError("data: URIs are not sent; most models refuse them for their length", _UPLOAD)
    try:
        parts = urlsplit(text)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:
        raise BadReferenceError(f"{_shown(text)} is not a URL", _FORMS) from None
    if scheme == "file":
        raise BadReferenceError("Krea cannot read file: URLs", "write the path alone: the file is uploaded to Krea once")
    if not scheme:
        raise BadReferenceError(f"{_shown(text)} is not a URL", "write it whole: https://host/path.png; a local file is {file: ...}")
    if scheme not in {"http", "https"}:
        raise BadReferenceError(f"Krea cannot read {scheme}: URLs", "use an https URL (a presigned one for S3), or a local file")
    if not host or any(character.isspace() for character in text):
        raise BadReferenceError(f"{_shown(text)} is not a URL", "write it whole, without spaces: https://host/path.png")
    return UrlReference(url=text)


def _file(text: str, folder: Path, shots: Collection[str]) -> FileReference:
    path = folder / text
    if _exists(path):
        return FileReference(written=text, path=path)
    if _BASE64.fullmatch(text):
        raise BadReferenceError("this looks like base64; it is not sent", _UPLOAD)
    if shots and re.fullmatch(r"[\w-]+", text):
        raise BadReferenceError(
            f"{text!r} is neither a shot of this pipeline nor a file", f"{_nearest_shots(text, shots)}; looked for {path}"
        )
    names = _names_in(path.parent)
    if path.name in {unicodedata.normalize("NFC", name) for name in names} | {unicodedata.normalize("NFD", name) for name in names}:
        hint = "there is one whose name looks the same, in another form of Unicode (letters and accents apart): rename it, or copy its name"
    else:
        close = nearest(path.name, names)
        hint = f"did you mean {(Path(text).parent / close[0]).as_posix()}?" if close else f"looked for {path}"
    raise BadReferenceError(f"there is no file {text!r}", hint)


def _nearest_shots(text: str, shots: Collection[str]) -> str:
    close = nearest(text, shots)
    if close:
        return f"did you mean {' or '.join(close)}?"
    listed = ", ".join(list(shots)[:8])
    return f"the shots are {listed}{', ...' if len(shots) > 8 else ''}"  # noqa: PLR2004


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except (OSError, ValueError):
        return []


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _shown(value: Any) -> str:
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004
