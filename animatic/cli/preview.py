"""``preview``: a timed reel of slates and the storyboard sheet, for free: without account, engine or simulator process."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from animatic.cli.lookup import declared
from animatic.cli.options import (
    Asked,
    asked_options,
    file_option,
    joined,
    json_option,
    only_option,
)
from animatic.cli.output import print_json, say, show_problems, tell
from animatic.plan import counted

FOLDER = Path("preview")
ABOUT_MONEY = frozenset({"old-price", "unknown-price"})
"""Warnings that say nothing to somebody who pays nothing."""


@click.command()
@click.argument("pipeline", required=False)
@asked_options
@file_option
@only_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Write here (default: preview/PIPELINE).")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True, help="Size of the sheet's pages.")
@json_option
def preview(
    pipeline: str | None,
    asked: Asked,
    files: tuple[Path, ...],
    only: tuple[str, ...],
    out: Path | None,
    paper: str,
    as_json: bool,
) -> None:
    """Show a storyboard for free: a timed reel of slates, and the sheet to print.

    Without PIPELINE it is the first of the file. Nobody is asked, nothing is paid; an earlier preview is replaced.
    """
    from animatic.catalog import Catalog
    from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_unread
    from animatic.engine.preview import make_preview
    from animatic.engine.timing import utc_now
    from animatic.errors import UsageError
    from animatic.settings import default_home
    from animatic.sheet import PAPERS

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    catalog = Catalog.load(default_home())
    values = asked.values(spec)
    plan = plan_unread(declaration, spec, values, catalog, PlanOptions(only=joined(only), profile=asked.profile))
    if warnings := [problem for problem in plan.warnings if problem.code not in ABOUT_MONEY]:
        show_problems(warnings, declaration.documents)
    done: list[str] = []

    def drawn(key: str) -> None:
        done.append(key)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[Kdrawn {len(done)} of {len(plan.steps)}")
            sys.stderr.flush()

    folder = out or FOLDER / plan.pipeline
    try:
        made = make_preview(plan, catalog, folder, next(size for size in PAPERS if size == paper), utc_now(), drawn)
    except OSError as error:
        raise UsageError(f"cannot write the preview to {folder}: {error.strerror or error}") from None
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    if as_json:
        print_json(
            {
                "pipeline": plan.pipeline,
                "reels": [str(path) for path in made.reels],
                "sheet": str(made.sheet),
                "seconds": round(made.seconds, 3),
                "shots": len(plan.steps),
                "notes": made.notes,
            }
        )
        return
    for note in made.notes:
        say(note)
    tell(f"{plan.pipeline}: {counted([step.key for step in plan.steps])}, {made.seconds:.1f} s; nothing was paid")
    for path in made.reels:
        print(f"  reel   {path.absolute()}")
    print(f"  sheet  {made.sheet.absolute() if made.sheet else ''}")
