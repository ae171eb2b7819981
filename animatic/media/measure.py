"""Measures whatever Krea may deliver: clips, stills, sound, meshes; by its bytes, whatever its name says."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from animatic import formats
from animatic.catalog.model import Yield
from animatic.errors import BadClipError
from animatic.media.container import identify, moving_picture, opened
from animatic.media.facts import Facts, probe
from animatic.media.frames import thumbnail
from animatic.media.mesh import MeshFacts, probe_mesh
from animatic.media.sound import SoundFacts, probe_sound, waveform

AnyFacts = Facts | SoundFacts | MeshFacts


def measure(path: Path) -> AnyFacts:
    """Return the facts of a file. Raises BadClipError where it is none of these, is cut, or does not decode."""
    if _head(path).startswith(b"glTF"):
        return probe_mesh(path)
    mime = identify(path)
    if mime.startswith("audio/"):
        return probe_sound(path)
    try:
        return probe(path)
    except BadClipError:  # most are clips, and opening one twice would cost as much as decoding some of its frames
        if mime.startswith("video/") and not _shows(path, mime):
            return probe_sound(path)
        raise


def kind_of(facts: AnyFacts) -> Yield:
    """Return what a measured file is."""
    match facts:
        case SoundFacts():
            return "audio"
        case MeshFacts():
            return "3d"
        case Facts():
            return "video" if facts.mime.startswith("video/") else "image"
        case _:
            assert_never(facts)


def draw(path: Path, target: Path) -> AnyFacts:
    """Write a JPEG of a file: a frame of a clip, a still, a sound's waveform; returns its facts. BadClipError for what shows nothing."""
    facts = measure(path)
    match facts:
        case Facts():
            thumbnail(path, target)
        case SoundFacts():
            waveform(path, target)
        case MeshFacts():
            raise BadClipError(f"{path.name} is a mesh, which is not drawn here", code="no_picture")
        case _:
            assert_never(facts)
    return facts


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(formats.HEAD_BYTES)
    except OSError as error:
        raise BadClipError(f"{path.name} cannot be read: {error.strerror}", hint="see that the file exists and may be read") from error


def _shows(path: Path, mime: str) -> bool:
    """Tell whether a container holds a moving picture, or nothing that can be heard either: then `probe` says what is wrong with it."""
    try:
        with opened(path, mime) as container:
            return moving_picture(container) is not None or not container.streams.audio
    except BadClipError:
        return True
