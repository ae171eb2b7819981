"""Links references to what they point to: media that fit, frames that exist, files that can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from animatic.catalog.model import Media, field_name
from animatic.errors import KeyPath
from animatic.plan.files import BadFileError, LocalFile, inspect
from animatic.plan.model import FileInput, Frame, Input, ShotInput, UrlInput
from animatic.plan.problems import ProblemCollector
from animatic.plan.references import BadReferenceError, BaseFolder, FileReference, ShotReference, UrlReference, parse
from animatic.plan.request import RequestDraft, ShotDraft
from animatic.plan.urls import doubt_about
from animatic.spec.model import PipelineSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSite:
    """Where a reference stands: ``path`` names the field (in messages and in the input), ``origin`` is its place in the document.

    The field need not be one of a request body: anything that takes media can be linked.
    """

    path: KeyPath
    media: Media
    origin: KeyPath

    @property
    def name(self) -> str:
        """The field's name."""
        return field_name(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What a reference leads to.

    ``input`` is None where it cannot be used (reported), ``shot`` is the id of the shot that it needs, ``note`` what people should know.
    """

    input: Input | None = None
    shot: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedRequest:
    """A request with its inputs; only without errors are they complete."""

    draft: RequestDraft
    inputs: tuple[Input, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedShot:
    """A shot with its references linked. ``needs`` are the ids of the shots that it refers to, with the place of the first reference."""

    draft: ShotDraft
    requests: tuple[LinkedRequest, ...]
    needs: Mapping[str, KeyPath]
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key of its step."""
        return self.draft.key


class ReferenceLinker:
    """Links the references of one pipeline.

    ``hashing``: files are read whole for their hash, else only looked at. ``certain``: what `when` yields is what a run will find, so
    that a needed shot that is left out is an error and not only a warning. Keeps nothing but the files that it has looked at.
    """

    def __init__(self, spec: PipelineSpec, *, hashing: bool, certain: bool) -> None:
        self._hashing = hashing
        self._certain = certain
        self._folder = BaseFolder.read(Path(spec.document.path).absolute().parent)
        self._files: dict[Path, LocalFile | BadFileError] = {}

    def link_shot(self, shot: ShotDraft, shots: Mapping[str, ShotDraft], problems: ProblemCollector) -> LinkedShot:
        """Link the references of one shot; ``shots`` are all of its variant by id."""
        needs: dict[str, KeyPath] = {}
        notes = [note for draft in shot.requests for note in draft.notes]
        requests: list[LinkedRequest] = []
        ours = problems.for_shot(shot.spec)
        for draft in shot.requests:
            inputs: list[Input] = []
            for media in draft.media:
                site = ReferenceSite(path=media.path, media=media.media, origin=draft.origins.of(media.path))
                link = self.link(media.value, site, shots, ours, owner=shot)
                if link.input is not None:
                    inputs.append(link.input)
                if link.shot is not None:
                    needs.setdefault(link.shot, site.origin)
                if link.note is not None and link.note not in notes:
                    notes.append(link.note)
            requests.append(LinkedRequest(draft=draft, inputs=tuple(inputs)))
        return LinkedShot(draft=shot, requests=tuple(requests), needs=needs, notes=tuple(notes))

    def link(
        self,
        written: Any,
        site: ReferenceSite,
        shots: Mapping[str, ShotDraft],
        problems: ProblemCollector,
        *,
        owner: ShotDraft | None = None,
    ) -> Link:
        """Link one reference as it was written; ``owner`` is the shot that it belongs to, if it is a shot's."""
        try:
            reference = parse(written, shots=shots, folder=self._folder)
        except BadReferenceError as mistake:
            where = (*site.origin, *mistake.at)
            problems.add(f"{site.name}: {mistake.message}", where, code="reference", hint=mistake.hint, key=mistake.key)
            return Link()
        match reference:
            case UrlReference():
                if doubt := doubt_about(reference.url, site.media):
                    problems.add(f"{site.name}: {doubt[0]}", site.origin, code="url", hint=doubt[1], severity="warning")
                return Link(input=UrlInput(path=site.path, media=site.media, url=reference.url))
            case FileReference():
                return self._file(reference, site, problems)
            case ShotReference():
                return self._shot(reference, site, shots[reference.shot], problems, owner)
            case _:
                assert_never(reference)

    def _file(self, reference: FileReference, site: ReferenceSite, problems: ProblemCollector) -> Link:
        try:
            local = self._inspected(reference)
            sha256 = local.sha256 if self._hashing else ""
        except BadFileError as mistake:
            problems.add(f"{site.name}: {mistake.message}", site.origin, code="file", hint=mistake.hint)
            return Link()
        due, given = site.media, local.media
        if "any" not in (due, given) and given != due:
            message = f"{site.name} takes {_an(due)}; {reference.written} is {_an(given)} ({local.format.name})"
            problems.add(message, site.origin, code="media", hint=_other_media(due, given))
            return Link()
        found = FileInput(path=site.path, media=due, written=reference.written, file=str(local.path), sha256=sha256, size=local.size)
        return Link(input=found, note=local.note(reference.written))

    def _inspected(self, reference: FileReference) -> LocalFile:
        found = self._files.get(reference.path)
        if found is None:
            try:
                found = inspect(reference.path, reference.written)
            except BadFileError as mistake:
                found = mistake
            self._files[reference.path] = found
        if isinstance(found, BadFileError):
            raise found
        return found

    def _shot(
        self, reference: ShotReference, site: ReferenceSite, target: ShotDraft, problems: ProblemCollector, owner: ShotDraft | None
    ) -> Link:
        if owner is not None and target.spec.id == owner.spec.id:
            message = f"{site.name} refers to the shot itself"
            problems.add(message, site.origin, code="cycle", hint="refer to another shot, a file or a URL")
            return Link(note=reference.note)
        if target.left_out and not (owner is not None and owner.left_out):
            problems.add(
                f"{site.name} needs shot {target.spec.id!r}, which its `when` leaves out",
                site.origin,
                code="left-out",
                hint="give both shots the same `when`, or refer to a shot that is always there",
                severity="error" if self._certain else "warning",
                related=[((*target.spec.path, "when"), f"shot {target.spec.id!r} is left out here")],
            )
        return Link(input=_fitting(reference, site, target, problems), shot=target.spec.id, note=reference.note)


def _fitting(reference: ShotReference, site: ReferenceSite, target: ShotDraft, problems: ProblemCollector) -> ShotInput | None:
    """Return the input where the target yields what the field takes, with the frame that is meant; else report."""
    if target.model is None or target.yields is None:
        return None
    frame = reference.frame
    misfit = _misfit(site, target, frame)
    if misfit is not None:
        message, hint = misfit
        where = (*site.origin, "frame") if frame is not None else site.origin
        related = [((*target.spec.path, "id"), f"shot {target.spec.id!r} is made by {target.model.name}")]
        problems.add(message, where, code="media", hint=hint, related=related)
        return None
    if frame is None and target.yields == "video" and site.media == "image":
        frame = "last"
    return ShotInput(path=site.path, media=site.media, step=target.key, frame=frame)


def _misfit(site: ReferenceSite, target: ShotDraft, frame: Frame | None) -> tuple[str, str] | None:
    """Return why a shot's take cannot be used in a field, and what to write instead; None where it fits."""
    name, shot = site.name, target.spec.id
    match site.media:
        case "audio":
            return f"{name} takes audio; no shot makes audio", "write a file path or a URL"
        case "video" if target.yields == "image":
            return f"{name} takes a clip; shot {shot!r} is a still", f"animate it first: a video shot with start_image: {shot}"
        case "video" if frame is not None:
            return f"{name} takes a clip, not a frame of one", f"write {name}: {shot}"
        case "video" | "image" | "any":
            pass
        case _:
            assert_never(site.media)
    if target.yields == "image" and frame is not None:
        return f"{name} asks for a frame of shot {shot!r}, which is a still", f"write {name}: {shot}"
    length = target.requests[0].duration if target.requests else None
    if isinstance(frame, float) and length is not None and frame > length:
        return f"{name} asks for the frame at {frame:g} s; shot {shot!r} lasts {length:g} s", "write last, or an earlier time"
    return None


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


def _other_media(due: Media, given: Media) -> str:
    if due == "image" and given == "video":
        return "save the frame that you mean as a PNG; frames are taken of shots only"
    return f"write {_an(due)} file, a URL or a shot"
