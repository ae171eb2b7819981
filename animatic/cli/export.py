"""``export``: gives a pipeline back as a table for spreadsheets, with how each shot came out, or its reels as timelines. Reads only.

A further format is a line of ``FORMATS``, and a function that makes its text of what is exported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.lookup import declared, destinations
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option, param_option, parse_params
from animatic.cli.output import create_file, print_json, say
from animatic.errors import UsageError
from animatic.settings import default_home

if TYPE_CHECKING:
    from animatic.catalog import Catalog
    from animatic.engine.history import PastRun
    from animatic.manifest import Manifest
    from animatic.plan import Plan
    from animatic.shotlist.exporting import Outcome
    from animatic.spec import PipelineSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """What is exported: a pipeline, planned with its params, and the run that tells how it came out (None: none yet)."""

    spec: PipelineSpec
    plan: Plan
    catalog: Catalog
    run: PastRun | None
    manifest: Manifest | None


def _separated(source: Exported, delimiter: str) -> str:
    from animatic.shotlist.exporting import as_text, table

    return as_text(table(source.spec, source.plan, _outcomes(source), source.catalog), delimiter)


FORMATS: Mapping[str, Callable[[Exported], str]] = {
    "csv": lambda source: _separated(source, ","),
    "tsv": lambda source: _separated(source, "\t"),
}
"""Format -> the text that it makes."""
TIMELINE = "otio"
"""The format of a run's reels; see `animatic.cli.export_otio`."""


@click.command()
@click.argument("pipeline", metavar="[PIPELINE]", required=False)
@click.option("--to", "form", type=click.Choice([*FORMATS, TIMELINE]), default="csv", show_default=True, help="A table, or timelines.")
@click.option("--bundle", is_flag=True, help="With --to otio: write an .otioz, which holds all clips and sounds.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to this file, which must not be there yet.")
@click.option("--run", "run_id", metavar="RUN", help="Say how this run came out (default: the newest of the pipeline).")
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, by which Excel knows UTF-8.")
@param_option
@file_option
@deliver_option
@only_simulated_option
@json_option
def export(
    pipeline: str | None,
    form: str,
    bundle: bool,
    out: Path | None,
    run_id: str | None,
    bom: bool,
    params: tuple[str, ...],
    files: tuple[Path, ...],
    deliver: str | None,
    simulate: bool,
    as_json: bool,
) -> None:
    """Write a pipeline as a shot list, with state, take, price and file.

    PIPELINE is the file's first by default; each variant of its shots is a row. `import` reads the table again. With --to otio the reels of
    its newest run, or of the run that is named instead, are written as timelines for editors (OpenTimelineIO), one file each.
    """
    if form == TIMELINE:
        from animatic.cli.export_otio import export_timelines

        export_timelines(pipeline, run_id, files, deliver, out, simulate=simulate, bundle=bundle, as_json=as_json)
        return
    if bundle:
        raise UsageError("--bundle goes with --to otio", hint="a table holds no clips: leave it out")
    if out is not None and out.exists():
        raise _is_there(out)
    source = asyncio.run(_source(pipeline, run_id, parse_params(params), files, deliver, simulate=simulate))
    text = ("\ufeff" if bom else "") + FORMATS[form](source)
    if out is not None and not create_file(out, text, "the table"):
        raise _is_there(out)
    told = None if source.manifest is None else source.manifest.run_id
    if as_json:
        facts = {"pipeline": source.spec.name, "format": form, "run": told, "file": str(out) if out is not None else None}
        print_json({**facts, **({"text": text} if out is None else {})})
    elif out is None:
        print(text, end="")
    if source.manifest is not None:
        say(f"state, take, price and file are those of run {told}{' (simulated)' if source.manifest.simulated else ''}")
    if out is not None:
        say(f"wrote {out}")


def _is_there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already and was left alone", hint="write another file with --out")


async def _source(
    pipeline: str | None, run_id: str | None, params: Mapping[str, str], files: tuple[Path, ...], deliver: str | None, *, simulate: bool
) -> Exported:
    from animatic.catalog import Catalog
    from animatic.engine.history import find_run, past_runs
    from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_unread

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    catalog = Catalog.load(default_home())
    plan = plan_unread(declaration, spec, params, catalog, PlanOptions(deliver=deliver, simulated=simulate))
    where = destinations(files, deliver, simulate=simulate)
    if run_id is not None:
        run = await find_run(run_id, where)
        if run.plan.pipeline != spec.name:
            raise UsageError(f"run {run.plan.run_id} is one of {run.plan.pipeline!r}", hint=f"`animatic export {run.plan.pipeline}`")
        found = [run]
    else:
        found = await past_runs(where, pipeline=spec.name, limit=1)
    manifest = await found[0].manifest() if found else None
    return Exported(spec=spec, plan=plan, catalog=catalog, run=found[0] if found else None, manifest=manifest)


def _outcomes(source: Exported) -> dict[str, Outcome]:
    """Return how the shots of the run came out, by step key."""
    from animatic.engine.history import SIMULATED
    from animatic.shotlist.exporting import Outcome

    if source.manifest is None or source.run is None:
        return {}
    home = source.run.destination.storage.url
    found: dict[str, Outcome] = {}
    for shot in source.manifest.shots:
        key = shot.clip.key if shot.clip is not None else ""
        # Keys begin at the destination, and the simulated half of it is a place of its own.
        file = key if not key or "://" in key else f"{home}/{key.removeprefix(f'{SIMULATED}/')}"
        found[shot.key or shot.id] = Outcome(state=shot.state, take=shot.take, usd=shot.usd, file=file)
    return found
