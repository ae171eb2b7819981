"""Resolves the cuts of one variant: templates filled in, shots and sounds found, what cannot be told at its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from animatic.cut.model import BedSound, Cut, CutShot, Sound, SoundShot, SoundSource, Transition, VoiceSound
from animatic.errors import KeyPath, Problem
from animatic.plan.cut_checks import check_captions, check_lengths, check_voice
from animatic.plan.files import BadFileError
from animatic.plan.fitting import made_words
from animatic.plan.linking import LinkedShot, ReferenceLinker
from animatic.plan.matrix import Variant
from animatic.plan.problems import ProblemCollector
from animatic.plan.references import BadReferenceError, ShotReference
from animatic.plan.scopes import TemplateError
from animatic.plan.templates import TemplateContext
from animatic.spec.cut import decode_cut, read_ratio
from animatic.spec.cut_model import CutShotSpec, CutSpec, TransitionSpec
from animatic.spec.model import PipelineSpec
from animatic.spec.section import Section, is_template
from animatic.suggest import nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class CutResolver:
    """Resolves the cuts of a pipeline, one variant after the other."""

    spec: PipelineSpec
    linker: ReferenceLinker
    certain: bool
    """What `when` yields is what a run will find, so that a needed shot that is left out is an error."""

    def resolve(
        self, variant: Variant, shots: Mapping[str, LinkedShot], context: TemplateContext, problems: ProblemCollector
    ) -> tuple[Cut, ...]:
        """Return the cuts of one variant; ``shots`` are all of its shots by id. A cut without a shot is left out."""
        aspect = self._aspect(variant, context)
        label = self._label(context, problems.for_pipeline())
        found: list[Cut] = []
        for declared in self.spec.cuts:
            spec = self._filled(declared, context, problems)
            ours = problems.for_pipeline()
            entries = self._entries(spec, shots, ours)
            seen = [(entry, shots[entry.shot]) for entry in entries if not shots[entry.shot].draft.left_out]
            if entries and not seen:
                where = (*spec.path, "shots") if spec.shots is not None else spec.path
                hint = "give one of them a `when` that comes out true"
                ours.add("no reel: `when` leaves out every shot of the cut", where, code="cut", hint=hint, severity="warning")
            cut_shots = tuple(_cut_shot(entry, shot, spec, first=not at) for at, (entry, shot) in enumerate(seen))
            check_lengths(spec, cut_shots, seen, shots, ours)
            sound = self._sound(spec, seen, shots, ours)
            check_captions(spec, seen, sound, shots, ours)
            if cut_shots:
                found.append(
                    Cut(
                        shots=cut_shots,
                        variant_name=variant.name,
                        variant=variant.values,
                        name=spec.name,
                        size=spec.size,
                        aspect=None if spec.size else aspect,
                        fps=spec.fps,
                        fit=spec.fit,
                        sound=sound,
                        captions=spec.captions,
                        label=label,
                    )
                )
        return tuple(found)

    def _aspect(self, variant: Variant, context: TemplateContext) -> Fraction | None:
        """Return the shape that the pipeline gives its clips: by its defaults, else by an axis of its matrix."""
        written = [defaults.by_kind.get("video", {}).get("aspect_ratio") for defaults in reversed(self.spec.defaults)]
        for value in (*written, variant.values.get("aspect_ratio")):
            try:
                ratio = read_ratio(context.render(value).value if isinstance(value, str) else None)
            except TemplateError:
                continue  # told where the shots are made from it
            if ratio is not None:
                return ratio
        return None

    def _label(self, context: TemplateContext, problems: ProblemCollector) -> str | None:
        """Return the text for the corner of the reels, in the words of this variant."""
        written = self.spec.provenance
        if written.label is None or not is_template(written.label):
            return written.label
        try:
            return str(context.render(written.label).value)
        except TemplateError as mistake:
            problems.add(f"provenance: {mistake.message}", (*written.path, "label"), code="template", hint=mistake.hint)
            return None

    def _filled(self, spec: CutSpec, context: TemplateContext, problems: ProblemCollector) -> CutSpec:
        """Return the cut with its templates filled in; the mistakes of what comes out are told as if it had been written."""
        if not _has_template(spec.values):
            return spec
        values = self._rendered(spec.values, spec.path, context, problems.for_pipeline())
        found: list[Problem] = []
        label = f"pipeline '{self.spec.name}', cut" + ("" if spec.path[-1] == "cut" else f" '{spec.name}'")
        filled = decode_cut(Section(self.spec.document, values, spec.path, label, found), spec.name)
        for problem in found:
            problems.include(problem)
        return filled

    def _rendered(self, value: Any, path: KeyPath, context: TemplateContext, problems: ProblemCollector) -> Any:
        if isinstance(value, Mapping):
            return {key: self._rendered(item, (*path, key), context, problems) for key, item in value.items()}
        if isinstance(value, list):
            return [self._rendered(item, (*path, index), context, problems) for index, item in enumerate(value)]
        if not isinstance(value, str) or not is_template(value):
            return value
        try:
            rendered = context.render(value)
        except TemplateError as mistake:
            problems.add(f"cut: {mistake.message}", path, code="template", hint=mistake.hint)
            return value
        return rendered.value if rendered.known else value

    def _entries(self, spec: CutSpec, shots: Mapping[str, LinkedShot], problems: ProblemCollector) -> tuple[CutShotSpec, ...]:
        if spec.shots is not None:
            return tuple(_named(spec, shots, problems))
        if isinstance(spec.values.get("shots"), str):
            return ()  # a template that only a run can fill in
        clips = tuple(CutShotSpec(shot=name, path=spec.path) for name, shot in shots.items() if shot.draft.yields == "video")
        if not clips and all(shot.draft.model for shot in shots.values()):
            hint = "name the stills to show: 'shots: [{shot: ID, hold: 3}]', or take the cut out"
            problems.add("there is no video shot to cut a reel from", spec.path, code="cut", hint=hint)
        return clips

    def _sound(
        self, spec: CutSpec, seen: list[tuple[CutShotSpec, LinkedShot]], shots: Mapping[str, LinkedShot], problems: ProblemCollector
    ) -> Sound:
        declared = spec.sound
        bed = None
        if declared.bed is not None and (source := self._source(declared.bed.audio, declared.bed.path, shots, problems)) is not None:
            written = declared.bed
            bed = BedSound(source=source, gain_db=written.gain_db, fade_in=written.fade_in, fade_out=written.fade_out, duck=written.duck)
        voices: list[VoiceSound] = []
        for voice in declared.voices:
            at = check_voice(voice, spec, seen, shots, problems)
            source = self._source(voice.audio, voice.path, shots, problems)
            if at is not None and source is not None:
                voices.append(VoiceSound(source=source, at=at, gain_db=voice.gain_db))
        return Sound(clips=declared.clips, bed=bed, voices=tuple(voices), loudness=declared.loudness)

    def _source(self, written: Any, path: KeyPath, shots: Mapping[str, LinkedShot], problems: ProblemCollector) -> SoundSource | None:
        """Return where a sound comes from; None where that is wrong, or only a run can tell."""
        if isinstance(written, str) and is_template(written):
            return None
        try:
            found = self.linker.sound(written, {name: shot.draft for name, shot in shots.items()})
        except BadReferenceError as mistake:
            problems.add(f"cut: {mistake.message}", (*path, *mistake.at), code="reference", hint=mistake.hint, key=mistake.key)
            return None
        except BadFileError as mistake:
            problems.add(f"cut: {mistake.message}", path, code="file", hint=mistake.hint)
            return None
        if not isinstance(found, ShotReference):
            return found
        draft = shots[found.shot].draft
        if draft.yields not in {None, "audio"} and draft.model is not None:
            related = [((*draft.spec.path, "id"), f"shot {found.shot!r} is made by {draft.model.name}")]
            hint = "name an audio shot or a file"
            problems.add(f"cut: shot {found.shot!r} makes no sound to mix in", path, code="cut", hint=hint, related=related)
            return None
        if draft.left_out:
            related = [((*draft.spec.path, "when"), f"shot {found.shot!r} is left out here")]
            hint = "take its `when` out, or use a file"
            message = f"cut: it needs shot {found.shot!r}, which its `when` leaves out"
            severity = "error" if self.certain else "warning"
            problems.add(message, path, code="left-out", hint=hint, related=related, severity=severity)  # type: ignore[arg-type]
            return None
        return SoundShot(step=draft.key)


def _has_template(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_template, value.values()))
    return any(map(_has_template, value)) if isinstance(value, list) else isinstance(value, str) and is_template(value)


def _named(spec: CutSpec, shots: Mapping[str, LinkedShot], problems: ProblemCollector) -> Iterator[CutShotSpec]:
    """Yield the entries that the cut lists, as far as there are such shots, and they make pictures."""
    for entry in spec.shots or ():
        if is_template(entry.shot):
            continue
        shot = shots.get(entry.shot)
        if shot is None:
            close = nearest(entry.shot, shots)
            hint = f"did you mean {close[0]}?" if close else f"the shots are {', '.join(list(shots)[:8])}"
            problems.add(f"cut names {entry.shot!r}, which is no shot", entry.path, code="cut", hint=hint)
            continue
        draft = shot.draft
        made = draft.yields
        if made not in {None, "video", "image"} and made is not None and draft.model is not None:
            related = [((*draft.spec.path, "id"), f"shot {entry.shot!r} is made by {draft.model.name}")]
            hint = "a reel is cut from clips and stills" + ("; a sound goes below 'sound'" if made == "audio" else "")
            message = f"cut names {entry.shot!r}, which {made_words(made)} and makes no picture"
            problems.add(message, entry.path, code="cut", hint=hint, related=related)
            continue
        yield entry


def _cut_shot(entry: CutShotSpec, shot: LinkedShot, spec: CutSpec, *, first: bool) -> CutShot:
    """Return an entry as the plan holds it: the cut's transition is that between shots, so that it has no effect before the first."""
    declared = entry.transition or (TransitionSpec() if first else spec.transition)
    if first and declared.kind == "crossfade":
        declared = replace(declared, kind="cut", seconds=0.0)
    return CutShot(
        step=shot.key,
        still=shot.draft.yields == "image",
        hold=entry.hold,
        trim=entry.trim,
        enter=Transition(kind=declared.kind, seconds=declared.seconds),
    )
