"""``import``: makes a pipelines file of a shot list that was kept in a spreadsheet."""

from __future__ import annotations

import shlex
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.options import json_option, parse_assignments
from animatic.cli.output import count, create_file, print_json, say, show_problems
from animatic.errors import UsageError
from animatic.settings import DEFAULT_FILE, SCHEMA_FILE, default_home

if TYPE_CHECKING:
    from animatic.shotlist.importing import Imported
    from animatic.shotlist.model import ShotList

_NAME = "shot-list"
"""Of a pipeline whose list has a file name of which nothing can be used."""
_MAX_FPS = 1000


@click.command("import")
@click.argument("shot_list", metavar="SHOTS.csv", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to this file, which must not be there yet.")
@click.option("--pipeline", metavar="NAME", help="Name of the pipeline (default: that of the list's file).")
@click.option("--map", "mapped", multiple=True, metavar="COLUMN=FIELD", help="Say which field a column is. Repeatable.")
@click.option("--cast", "cast", multiple=True, metavar="NAME=IMAGE", help="Show a member: a shot of the list, a file or URL. Repeatable.")
@click.option("--model", metavar="MODEL", help="Model of the video shots that name none (default: xai/grok-video).")
@click.option("--fps", metavar="N", help="Frames of a second in time codes, such as 25 or 30000/1001 (default: 24).")
@click.option("--number", is_flag=True, help="Number the shots 010, 020, ..., whatever ids the list has.")
@click.option("--encoding", metavar="NAME", help="Read this encoding, such as mac_roman; UTF-8, UTF-16 and Windows-1252 are recognized.")
@json_option
def import_(
    shot_list: Path,
    out: Path | None,
    pipeline: str | None,
    mapped: tuple[str, ...],
    cast: tuple[str, ...],
    model: str | None,
    fps: str | None,
    number: bool,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Make a pipelines file of a shot list (CSV or TSV).

    Columns are known by their names: id, prompt, duration, line, model, any field of a model. Names that are near are guessed and shown;
    other columns are kept as comments. Without --out the file is printed.
    """
    from animatic.catalog import Catalog
    from animatic.shotlist.decoding import read_text
    from animatic.shotlist.importing import import_list
    from animatic.shotlist.model import DEFAULT_MODELS, ListOptions
    from animatic.spec.shots import usable_name

    name = pipeline or usable_name(shot_list.stem)[:100] or _NAME
    if name != usable_name(name):
        raise UsageError(f"--pipeline: {name!r} cannot be the name of a pipeline", hint="use letters, digits, - and _: coast-teaser")
    if out is not None and out.exists():
        raise _is_there(out)
    catalog = Catalog.load(default_home())
    options = ListOptions(
        mapping=parse_assignments(mapped, option="--map", form="column=field"),
        fps=None if fps is None else _frames(fps),
        models={**DEFAULT_MODELS, "video": _known(model, catalog)} if model else DEFAULT_MODELS,
        cast=_images(cast),
        number=number,
    )
    target = out or DEFAULT_FILE
    schema = (target.parent / SCHEMA_FILE).exists()
    found = import_list(read_text(shot_list, encoding), name, options, catalog, target=target, schema=schema)
    if found.warnings:
        show_problems(found.warnings)
    _explain(found.shots)
    if out is not None and not create_file(out, found.text, "a pipelines file"):
        raise _is_there(out)
    _report(found, out, as_json=as_json)


def _known(model: str, catalog: object) -> str:
    from animatic.catalog import Catalog

    assert isinstance(catalog, Catalog)
    if catalog.listing(model) is None:
        close = catalog.nearest(model)
        hint = f"did you mean {' or '.join(close)}?" if close else "`animatic models` lists them"
        raise UsageError(f"--model: there is no model {model!r}", hint=hint)
    return model


def _images(given: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the images of each member."""
    found: dict[str, list[str]] = {}
    for item in given:
        name, equals, image = (part.strip() for part in item.partition("="))
        if not (name and equals and image):
            raise UsageError(f"--cast {item!r} is not of the form NAME=IMAGE", hint="such as --cast Mara=refs/mara.png")
        found.setdefault(name, []).append(image)
    return found


def _frames(text: str) -> Fraction:
    try:
        fps = Fraction(text)
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if not 0 < fps <= _MAX_FPS:
        raise UsageError(f"--fps {text!r} is no number of frames", hint="such as 24, 25, 23.976 or 30000/1001")
    return fps


def _is_there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already and was left alone", hint="write another file with --out")


def _explain(shots: ShotList) -> None:
    """Say how the list was understood, on standard error."""
    for header, field in shots.guesses.items():
        say(f"{header} -> {field}")
    if shots.remarks:
        say(f"kept as comments: {', '.join(shots.remarks)}")
    if shots.ignored:
        say(f"left out, they say how a run came out: {', '.join(shots.ignored)}")
    if shots.skipped:
        lines = ", ".join(str(line) for line in shots.skipped)
        say(f"skipped {count(len(shots.skipped), 'empty row')}: line {lines}")
    for note in shots.notes:
        say(note)


def _report(found: Imported, out: Path | None, *, as_json: bool) -> None:
    shots = found.shots
    if as_json:
        print_json(
            {
                "file": str(out) if out is not None else None,
                "pipeline": found.pipeline,
                "shots": [shot.id for shot in shots.shots],
                "guesses": dict(shots.guesses),
                "comments": list(shots.remarks),
                "left_out": list(shots.ignored),
                "skipped_lines": list(shots.skipped),
                "notes": list(shots.notes),
                **({"yaml": found.text} if out is None else {}),
            }
        )
    elif out is None:
        print(found.text, end="")
    if out is not None:
        file = "" if out == DEFAULT_FILE else f" --file {shlex.quote(str(out))}"
        say(f"wrote {out} with {count(len(shots.shots), 'shot')}; see what it costs: `animatic plan {found.pipeline}{file}`")
