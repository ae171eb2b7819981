"""Makes a preview of a plan: a timed reel of slates with the cut's transitions, sound and captions, and the sheet. Pays nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from animatic import __version__
from animatic.catalog import Catalog
from animatic.cut.model import Cut, CutShot, SoundFile, SoundSource
from animatic.cut.timing import Layout
from animatic.engine.preview_slates import draw_slates
from animatic.engine.reel_prepare import Prepared, prepare
from animatic.engine.reel_render import timeline_of
from animatic.engine.results import clip_record
from animatic.engine.sheets import origin_words
from animatic.files import sha256_of
from animatic.krea import Download
from animatic.ledger import Take
from animatic.marks import Mark, write_marked
from animatic.media import measure, render, thumbnail
from animatic.plan import Plan, ShotInput, Step, params_text
from animatic.sheet import Paper, Sheet, SheetShot

SHEET = "sheet.pdf"
_STILL_WIDTH = 900
NOBODY = "preview"
"""Stands where a run or a job would be named."""


@dataclass(kw_only=True, slots=True)
class Preview:
    """What was written, below ``folder``."""

    folder: Path
    reels: list[Path] = field(default_factory=list)
    sheet: Path | None = None
    seconds: float = 0.0
    """Length of all reels together."""
    notes: list[str] = field(default_factory=list)


def make_preview(plan: Plan, catalog: Catalog, folder: Path, paper: Paper, now: datetime, drawn: Callable[[str], None]) -> Preview:
    """Write the reels and the sheet of a plan into a folder, over those of an earlier preview. ``drawn`` is told each shot that is drawn.

    Raises OSError, BadClipError for a sound or reference that does not decode.
    """
    from animatic.sheet.write import write_sheet  # noqa: PLC0415 - fonts and PDF take a while to load

    preview = Preview(folder=folder)
    cuts = plan.cuts or _whole(plan)
    if not cuts:
        preview.notes.append("no reel: no shot is a clip; a `cut` that names stills holds them")
    with tempfile.TemporaryDirectory(prefix="animatic-preview-") as name:
        shelf = Path(name)
        files = draw_slates(plan, catalog, shelf, drawn)
        takes = {step.key: _take(plan, step, files[step.key], now) for step in plan.steps}
        places: dict[str, tuple[float, float]] = {}
        for cut in cuts:
            prepared = prepare(cut, takes, {step.key: step for step in plan.steps})
            preview.reels.append(_reel(plan, prepared, files, shelf, folder))
            preview.seconds += prepared.layout.seconds(prepared.layout.frames)
            preview.notes += prepared.notes
            _note_places(prepared.layout, places)
        folder.mkdir(parents=True, exist_ok=True)
        preview.sheet = folder / SHEET
        write_sheet(_sheet(plan, takes, _pictures(files, shelf), places, now), preview.sheet, paper)
    return preview


def _whole(plan: Plan) -> tuple[Cut, ...]:
    """Return a reel of all clips of each variant, for a pipeline without a cut; none for one of stills alone."""
    variants: dict[str, list[Step]] = {}
    for step in plan.steps:
        if step.makes == "video":
            variants.setdefault(step.variant_name, []).append(step)
    return tuple(
        Cut(
            shots=tuple(CutShot(step=step.key) for step in sorted(steps, key=lambda step: step.number)),
            variant_name=name,
            variant=steps[0].variant,
        )
        for name, steps in variants.items()
    )


def _take(plan: Plan, step: Step, file: Path, now: datetime) -> Take:
    """Return the record that a take would have, of a slate: a cut is laid out by such."""
    clip = clip_record(file.name, Download(sha256=sha256_of(file), size=file.stat().st_size), measure(file))
    return Take(
        fingerprint=step.fingerprint,
        base=step.base,
        number=step.take,
        kind=step.kind,
        model=step.request.model,
        request=step.request.body,
        attempt=0,
        job_id=NOBODY,
        submitted_at=None,
        completed_at=None,
        usd=None,
        clip=clip,
        thumbnail=None,
        result_urls=(),
        inputs=(),
        pipeline=plan.pipeline,
        step=step.key,
        run_id=NOBODY,
        made_at=now,
    )


def _reel(plan: Plan, prepared: Prepared, files: Mapping[str, Path], shelf: Path, folder: Path) -> Path:
    cut = prepared.cut
    sounds: dict[SoundSource, Path] = {
        source: Path(source.file) if isinstance(source, SoundFile) else files[source.step] for source in cut.sound.sources
    }
    made = shelf / f"{cut.file('').replace('/', '-')}.mp4"
    rendered = render(timeline_of(prepared, {key: files[key] for key in cut.steps}, sounds, simulated=True), made)
    target = folder / cut.file()
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = Mark(run=NOBODY, pipeline=plan.pipeline, shot=cut.file(""), model="none", simulated=True, software=f"animatic {__version__}")
    write_marked(made, target, mark, rendered.facts.mime)
    return target


def _note_places(layout: Layout, places: dict[str, tuple[float, float]]) -> None:
    for placed in layout.placed:
        places.setdefault(placed.shot.step, (layout.seconds(placed.begin), layout.seconds(placed.end)))


def _pictures(files: Mapping[str, Path], shelf: Path) -> dict[str, Path]:
    """Return a picture of every shot that has one: the still itself, or a frame of its slate."""
    found: dict[str, Path] = {}
    for key, path in files.items():
        if path.suffix == ".mp4":
            found[key] = shelf / f"{path.stem}.jpg"
            if not found[key].exists():
                thumbnail(path, found[key], _STILL_WIDTH)
        elif path.suffix == ".png":
            found[key] = path
    return found


def _sheet(
    plan: Plan, takes: Mapping[str, Take], pictures: Mapping[str, Path], places: Mapping[str, tuple[float, float]], now: datetime
) -> Sheet:
    return Sheet(
        title=plan.title or plan.description or plan.pipeline,
        subtitle=params_text(plan.params),
        footer=f"preview of {plan.pipeline}",
        simulated=True,
        made_at=now,
        shots=tuple(_row(step, takes[step.key].clip.duration, pictures.get(step.key), places.get(step.key)) for step in plan.storyboard),
    )


def _row(step: Step, seconds: float | None, picture: Path | None, place: tuple[float, float] | None) -> SheetShot:
    body = step.request.body
    return SheetShot(
        number=step.numeral,
        name=step.key,
        scene=step.scene or "",
        title=step.title or "",
        action=str(body.get("prompt") or body.get("text") or ""),
        line=step.line or "",
        seconds=None if seconds is None else round(seconds, 1),
        begin=place[0] if place else None,
        end=place[1] if place else None,
        lineage=tuple(dict.fromkeys(origin_words(item.step, item.frame) for item in step.request.inputs if isinstance(item, ShotInput))),
        cast=step.cast,
        picture=picture,
    )
