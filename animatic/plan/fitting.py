"""Tells whether what a shot makes, or a file holds, fits where media are due, and says in words why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from animatic.catalog.model import Media, Yield, field_name
from animatic.errors import KeyPath
from animatic.formats import Medium
from animatic.plan.files import LocalFile
from animatic.plan.model import Frame
from animatic.plan.request import ShotDraft


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSite:
    """Where a reference stands: ``path`` names the field (in messages and in the input), ``origin`` is its place in the document.

    The field need not be one of a request body: anything that takes media can be linked.
    """

    path: KeyPath
    media: Media
    origin: KeyPath
    hosted_only: bool = False
    """Whether its model refuses what Krea does not host."""
    member: str | None = None
    """Of the cast, where its picture fills the field: what is wrong is then said of the member, once for all shots that take it."""

    @property
    def name(self) -> str:
        """The field's name, of a member ``images``."""
        if self.member is not None:
            return field_name(self.origin[-2:] if isinstance(self.origin[-1], int) else self.origin[-1:])
        return field_name(self.path)


def misfit_of_shot(site: ReferenceSite, target: ShotDraft, frame: Frame | None) -> tuple[str, str] | None:
    """Return why a shot's take cannot be used in a field, and what to write instead; None where it fits."""
    name, shot, made = site.name, target.spec.id, target.yields
    assert made is not None
    if not _takes(site.media, made):
        return f"{name} takes {_due(site.media)}; shot {shot!r} {made_words(made)}", _instead(site, shot, made)
    if site.member is not None and made == "video" and frame is None:
        message = f"{name} names shot {shot!r}, which makes a clip; a member of the cast is shown by stills"
        return message, f"name an image shot, or one frame of the clip: {{shot: {shot}, frame: last}}"
    if frame is None:
        return None
    if made != "video":
        return f"{name} asks for a frame of shot {shot!r}, which {made_words(made)}", f"write {shot if site.member else f'{name}: {shot}'}"
    if site.media == "video":
        return f"{name} takes a clip, not a frame of one", f"write {name}: {shot}"
    length = target.requests[0].duration if target.requests else None
    if isinstance(frame, float) and length is not None and frame > length:
        return f"{name} asks for the frame at {frame:g} s; shot {shot!r} lasts {length:g} s", "write last, or an earlier time"
    return None


def _takes(due: Media, made: Yield) -> bool:
    """Tell whether a field of that media takes what a shot makes, or a frame of it."""
    match due:
        case "image" | "any":
            return made in {"image", "video"}
        case "video" | "audio":
            return made == due
        case _:
            assert_never(due)


def _instead(site: ReferenceSite, shot: str, made: Yield) -> str:
    """Return what to write where a shot makes something else than the field takes."""
    match site.media:
        case "video" if made == "image":
            return f"animate it first: a video shot with start_image: {shot}"
        case "audio":
            return "refer to a shot of kind audio, or write a file path or a URL"
        case "video":
            return "refer to a video shot, or write a file path or a URL"
        case "image" | "any":
            return "refer to an image or video shot, or write a file path or a URL"
        case _:
            assert_never(site.media)


def made_words(made: Yield) -> str:
    """Return what a shot is, after its name: ``is a still``."""
    match made:
        case "video":
            return "is a clip"
        case "image":
            return "is a still"
        case "audio":
            return "is sound"
        case "3d":
            return "is a mesh"
        case _:
            assert_never(made)


def _due(media: Media) -> str:
    match media:
        case "image":
            return "a picture"
        case "video":
            return "a clip"
        case "audio":
            return "sound"
        case "any":
            return "a picture or a clip"
        case _:
            assert_never(media)


def misfit_of_file(site: ReferenceSite, local: LocalFile, written: str) -> tuple[str, str] | None:
    """Return why a file cannot be used in a field, and what to write instead; None where it fits."""
    due, given = site.media, local.format.medium
    if due in ("any", given):
        return None
    return f"{site.name} takes {_an(due)}; {written} is {_file_of(given)} ({local.format.name})", _other_media(due, given)


def _an(media: Media) -> str:
    match media:
        case "image":
            return "an image"
        case "video":
            return "a video"
        case "audio":
            return "audio"
        case "any":
            return "any media"
        case _:
            assert_never(media)


def _file_of(medium: Medium) -> str:
    match medium:
        case "image" | "video" | "audio":
            return _an(medium)
        case "model":
            return "a mesh"
        case "document":
            return "a document"
        case _:
            assert_never(medium)


def _other_media(due: Media, given: Medium) -> str:
    if due == "image" and given == "video":
        return "save the frame that you mean as a PNG; frames are taken of shots only"
    return f"write {'an audio' if due == 'audio' else _an(due)} file, a URL or a shot"
