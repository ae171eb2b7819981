"""References linked to what they point to: kinds that fit, frames that exist, files that can be sent, and no shot that waits for itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from animatic.errors import KeyPath
from animatic.plan import references
from animatic.plan.drafts import RequestDraft, Shot
from animatic.plan.files import BadFileError, LocalFile, inspect
from animatic.plan.filling import MediaValue
from animatic.plan.model import FileInput, Input, ShotInput, UrlInput, field_name
from animatic.plan.references import BadReferenceError, FileReference, ShotReference, UrlReference
from animatic.plan.reporting import ProblemCollector
from animatic.plan.select import cycles


class ReferenceLinker:
    """Links the references of one pipeline's shots. ``hashing``: files are read whole for their hash, else only looked at."""

    def __init__(self, reporter: ProblemCollector, *, hashing: bool, certain: bool) -> None:
        self._reporter = reporter
        self._hashing = hashing
        self._certain = certain
        self._folder = Path(reporter.spec.document.path).absolute().parent
        self._ids = {shot.id: None for shot in reporter.spec.shots}
        self._files: dict[Path, LocalFile | BadFileError] = {}

    def link(self, shots: Mapping[str, Shot]) -> None:
        """Turn the media values of every draft into inputs; report what cannot be linked, then the cycles."""
        for shot in shots.values():
            for draft in shot.drafts:
                for media in draft.media:
                    linked = self._link(shot, draft, media, shots)
                    if linked is not None:
                        draft.inputs.append(linked)
        self._cycles(shots)

    def _link(self, shot: Shot, draft: RequestDraft, media: MediaValue, shots: Mapping[str, Shot]) -> Input | None:
        origin = draft.origin(media.path)
        try:
            reference = references.parse(media.value, shots=self._ids, folder=self._folder)
        except BadReferenceError as mistake:
            where = (*origin, *mistake.at)
            self._reporter.shot(
                shot.spec, f"{field_name(media.path)}: {mistake.message}", where, code="reference", hint=mistake.hint, key=mistake.key
            )
            return None
        match reference:
            case UrlReference():
                return UrlInput(path=media.path, media=media.media, url=reference.url)
            case FileReference():
                return self._file(shot, media, reference, origin)
            case ShotReference():
                return self._shot(shot, media, reference, origin, shots)

    def _file(self, shot: Shot, media: MediaValue, reference: FileReference, origin: KeyPath) -> FileInput | None:
        name = field_name(media.path)
        try:
            local = self._inspected(reference)
            sha256 = local.sha256 if self._hashing else ""
        except BadFileError as mistake:
            self._reporter.shot(shot.spec, f"{name}: {mistake.message}", origin, code="file", hint=mistake.hint)
            return None
        if "any" not in (media.media, local.media) and local.media != media.media:
            self._reporter.shot(
                shot.spec,
                f"{name} takes {_an(media.media)}; {reference.written} is {_an(local.media)} ({local.format.name})",
                origin,
                code="media",
                hint=_other_media(media.media, local.media),
            )
            return None
        return FileInput(
            path=media.path, media=media.media, written=reference.written, file=str(local.path), sha256=sha256, size=local.size
        )

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
        self, shot: Shot, media: MediaValue, reference: ShotReference, origin: KeyPath, shots: Mapping[str, Shot]
    ) -> ShotInput | None:
        name = field_name(media.path)
        if reference.note and reference.note not in shot.notes:
            shot.notes.append(reference.note)
        if reference.shot == shot.spec.id:
            self._reporter.shot(
                shot.spec, f"{name} refers to the shot itself", origin, code="cycle", hint="refer to another shot, a file or a URL"
            )
            return None
        target = shots[reference.shot]
        shot.needs.setdefault(target.spec.id, origin)
        if target.left_out and not shot.left_out:
            self._reporter.shot(
                shot.spec,
                f"{name} needs shot {target.spec.id!r}, which its `when` leaves out",
                origin,
                code="left-out",
                hint="give both shots the same `when`, or refer to a shot that is always there",
                severity="error" if self._certain else "warning",
                related=[((*target.spec.path, "when"), f"shot {target.spec.id!r} is left out here")],
            )
        return self._fitting(shot, media, reference, origin, target)

    def _fitting(self, shot: Shot, media: MediaValue, reference: ShotReference, origin: KeyPath, target: Shot) -> ShotInput | None:
        """Check that the target yields what the field takes, and find the frame that is meant."""
        if target.kit is None:
            return None
        name, made, frame = field_name(media.path), target.kit.yields, reference.frame
        at_frame = (*origin, "frame") if frame is not None else origin
        related = [((*target.spec.path, "id"), f"shot {target.spec.id!r} is made by {target.kit.model.name}")]
        wrong: tuple[str, str] | None = None
        if media.media == "audio":
            wrong = f"{name} takes audio; no shot makes audio", "write a file path or a URL"
        elif media.media == "video" and made == "image":
            wrong = (
                f"{name} takes a clip; shot {target.spec.id!r} is a still",
                f"animate it first: a video shot with start_image: {target.spec.id}",
            )
        elif media.media == "video" and frame is not None:
            wrong = f"{name} takes a clip, not a frame of one", f"write {name}: {target.spec.id}"
        elif made == "image" and frame is not None:
            wrong = f"{name} asks for a frame of shot {target.spec.id!r}, which is a still", f"write {name}: {target.spec.id}"
        elif isinstance(frame, float) and target.drafts and (length := target.drafts[0].duration) is not None and frame > length:
            wrong = (
                f"{name} asks for the frame at {frame:g} s; shot {target.spec.id!r} lasts {length:g} s",
                "write last, or an earlier time",
            )
        if wrong:
            self._reporter.shot(shot.spec, wrong[0], at_frame, code="media", hint=wrong[1], related=related)
            return None
        if frame is None and made == "video" and media.media == "image":
            frame = "last"
        return ShotInput(path=media.path, media=media.media, step=target.key, frame=frame)

    def _cycles(self, shots: Mapping[str, Shot]) -> None:
        edges = {name: [need for need in shot.needs if need in shots] for name, shot in shots.items()}
        for cycle in cycles(edges):
            first = shots[cycle[0]]
            places = [(shots[name].needs[need], f"{name} needs {need}") for name, need in zip(cycle, (*cycle[1:], cycle[0]), strict=True)]
            self._reporter.shot(
                first.spec,
                f"shots wait for each other: {' → '.join((*cycle, cycle[0]))}",
                places[0][0],
                code="cycle",
                hint="one of them has to start from something else",
                related=places[1:],
            )


def _an(media: str) -> str:
    return {"image": "an image", "video": "a video", "audio": "audio"}.get(media, media)


def _other_media(due: str, given: str) -> str:
    if due == "image" and given == "video":
        return "save the frame that you mean as a PNG; frames are taken of shots only"
    return f"write {_an(due)} file, a URL or a shot"
