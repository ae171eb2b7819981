"""Links references to what they point to: media that fit, frames that exist, files that can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from animatic.cut.model import SoundFile
from animatic.errors import KeyPath
from animatic.plan.files import BadFileError, LocalFile, inspect, inspect_sound
from animatic.plan.fitting import ReferenceSite, misfit_of_file, misfit_of_shot
from animatic.plan.model import FileInput, Input, ShotInput, UrlInput
from animatic.plan.problems import ProblemCollector
from animatic.plan.references import BadReferenceError, BaseFolder, FileReference, ShotReference, UrlReference, parse
from animatic.plan.request import RequestDraft, ShotDraft
from animatic.plan.urls import doubt_about, is_at_krea
from animatic.redact import bare_url
from animatic.spec.model import PipelineSpec


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
                origin = draft.origins.of(media.path)
                hosted = draft.model.hosted_only
                site = ReferenceSite(path=media.path, media=media.media, origin=origin, hosted_only=hosted, member=media.member)
                theirs = ours if media.member is None else problems.for_member(media.member)
                link = self.link(media.value, site, shots, theirs, owner=shot)
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
            hint = _of_another(written, problems.spec) or mistake.hint
            problems.add(f"{site.name}: {mistake.message}", where, code="reference", hint=hint, key=mistake.key)
            return Link()
        match reference:
            case UrlReference():
                if doubt := doubt_about(reference.url, site.media):
                    problems.add(f"{site.name}: {doubt[0]}", site.origin, code="url", hint=doubt[1], severity="warning")
                return _url(reference, site)
            case FileReference():
                return self._file(reference, site, problems)
            case ShotReference():
                return self._shot(reference, site, shots[reference.shot], problems, owner)
            case _:
                assert_never(reference)

    def sound(self, written: Any, shots: Mapping[str, ShotDraft]) -> SoundFile | ShotReference:
        """Return what a reference of a cut leads to. Raises BadReferenceError, BadFileError."""
        reference = parse(written, shots=shots, folder=self._folder)
        match reference:
            case UrlReference():
                hint = "download it, and write the file's path"
                raise BadReferenceError("a cut takes no URL: what it is made from must stay as it is", hint)
            case ShotReference():
                return reference
            case FileReference():
                local = inspect_sound(reference.path, reference.written)
                digest = local.sha256 if self._hashing else ""
                return SoundFile(written=reference.written, file=str(local.path), sha256=digest)
            case _:
                assert_never(reference)

    def _file(self, reference: FileReference, site: ReferenceSite, problems: ProblemCollector) -> Link:
        try:
            local = self._inspected(reference)
            sha256 = local.sha256 if self._hashing else ""
        except BadFileError as mistake:
            problems.add(f"{site.name}: {mistake.message}", site.origin, code="file", hint=mistake.hint)
            return Link()
        misfit = misfit_of_file(site, local, reference.written)
        if misfit is not None:
            problems.add(misfit[0], site.origin, code="media", hint=misfit[1])
            return Link()
        found = FileInput(
            path=site.path,
            media=site.media,
            written=reference.written,
            file=str(local.path),
            sha256=sha256,
            size=local.size,
            member=site.member,
        )
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
            message, hint = f"{site.name} refers to the shot itself", "refer to another shot, a file or a URL"
            if site.member is not None:
                message = f"shot {owner.spec.id!r} makes the picture and takes the member: it would wait for itself"
                hint = "write 'cast: null' on that shot, or name the others alone"
            problems.add(message, site.origin, code="cycle", hint=hint)
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


def _url(reference: UrlReference, site: ReferenceSite) -> Link:
    """Pass a URL on; where its model takes only what Krea hosts, what lies there is uploaded first."""
    hosted = site.hosted_only and not is_at_krea(reference.url)
    shown = bare_url(reference.url)
    note = f"{site.name}: the model refuses what Krea does not host, so {shown} is fetched and uploaded to Krea once" if hosted else None
    return Link(input=UrlInput(path=site.path, media=site.media, url=reference.url, hosted=hosted, member=site.member), note=note)


def _fitting(reference: ShotReference, site: ReferenceSite, target: ShotDraft, problems: ProblemCollector) -> ShotInput | None:
    """Return the input where the target yields what the field takes, with the frame that is meant; else report."""
    if target.model is None or target.yields is None:
        return None
    frame = reference.frame
    misfit = misfit_of_shot(site, target, frame)
    if misfit is not None:
        message, hint = misfit
        where = (*site.origin, "frame") if frame is not None else site.origin
        related = [((*target.spec.path, "id"), f"shot {target.spec.id!r} is made by {target.model.name}")]
        problems.add(message, where, code="media", hint=hint, related=related)
        return None
    if frame is None and target.yields == "video" and site.media == "image":
        frame = "last"
    return ShotInput(path=site.path, media=site.media, step=target.key, frame=frame, member=site.member)


def _of_another(written: Any, spec: PipelineSpec) -> str | None:
    """Return the hint for what names a shot of another pipeline of the file, as ``dawn`` or ``teaser.dawn``; None where it does not."""
    name = written.get("shot") if isinstance(written, dict) else written
    pipelines = spec.document.data.get("pipelines")
    if not isinstance(name, str) or not isinstance(pipelines, dict):
        return None
    for other, declared in pipelines.items():
        shots = declared.get("shots") if isinstance(declared, dict) and other != spec.name else None
        for shot in shots if isinstance(shots, list) else ():
            identity = shot.get("id") if isinstance(shot, dict) else None
            if isinstance(identity, str) and name in {identity, f"{other}.{identity}", f"{other}/{identity}"}:
                return f"{identity!r} is a shot of {other!r}, and references stay within a pipeline: name a file that was delivered"
    return None
