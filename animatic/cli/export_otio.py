"""``export --to otio``: writes the timelines of a run for editors, one file for each of its reels. Reads only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from animatic.cli.lookup import declared, destinations
from animatic.cli.output import print_json, say
from animatic.errors import UsageError

if TYPE_CHECKING:
    from animatic.cut.model import Cut
    from animatic.engine.history import PastRun


def export_timelines(
    name: str | None,
    run_id: str | None,
    files: tuple[Path, ...],
    deliver: str | None,
    out: Path | None,
    *,
    simulate: bool,
    bundle: bool,
    as_json: bool,
) -> None:
    """Write the timelines of a run: the newest of the pipeline ``name``, or that of the id. ``out`` is a file, or a folder for several."""
    run, written = asyncio.run(_export(name, run_id, files, deliver, out, simulate=simulate, bundle=bundle))
    if as_json:
        print_json({"run": run.plan.run_id, "pipeline": run.plan.pipeline, "format": "otioz" if bundle else "otio", "files": written})
    else:
        for file in written:
            print(file)


async def _export(
    name: str | None, run_id: str | None, files: tuple[Path, ...], deliver: str | None, out: Path | None, *, simulate: bool, bundle: bool
) -> tuple[PastRun, list[str]]:
    from animatic.engine.export_reel import export_timeline

    run = await _run_of(name, run_id, files, deliver, simulate=simulate)
    cuts = run.plan.cuts
    if not cuts:
        hint = "give the pipeline a cut, 'cut: {}' for all video shots in order, and run it; nothing is paid twice"
        raise UsageError(f"run {run.plan.run_id} has no reel", hint=hint)
    targets = _targets(run, cuts, out, ".otioz" if bundle else ".otio")
    for target in targets:
        if target.exists():
            raise UsageError(f"{target} is there already and was left alone", hint="write another file with --out")
        target.parent.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for cut, target in zip(cuts, targets, strict=True):
        gaps = await export_timeline(run, cut, target, bundle=bundle)
        if gaps:
            say(f"{target.name}: {gaps} of {len(cut.steps)} shots were not made and are gaps")
        written.append(str(target))
    simulated = run.destination.simulated
    say(f"the timelines are those of run {run.plan.run_id}{' (simulated)' if simulated else ''}")
    return run, written


def _targets(run: PastRun, cuts: tuple[Cut, ...], out: Path | None, suffix: str) -> list[Path]:
    """Return where each timeline goes: ``out`` where it names a file of that kind and there is one cut, else files in a folder."""
    if out is not None and out.suffix == suffix and not out.is_dir():
        if len(cuts) > 1:
            hint = f"name a folder: --out {out.with_suffix('')}"
            raise UsageError(f"the run has {len(cuts)} reels, and {out} is one file", hint=hint)
        return [out]
    if out is not None and out.suffix in {".otio", ".otioz"} and not out.is_dir():
        hint = f"write --out {out.with_suffix(suffix)}" + ("" if suffix == ".otio" else ", or leave --bundle out")
        raise UsageError(f"{out} would be {'a bundle' if suffix == '.otioz' else 'a timeline alone'}", hint=hint)
    folder = out or Path()
    names = ["-".join(filter(None, (run.plan.pipeline, cut.variant_name, cut.name))) for cut in cuts]
    return [folder / f"{name}{suffix}" for name in names]


async def _run_of(name: str | None, run_id: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> PastRun:
    """Return the run that is meant: by its id, or the newest of a pipeline. Raises UsageError."""
    from animatic.engine.history import find_run, past_runs
    from animatic.engine.plan_run import pipeline_named

    declaration = declared(files)
    where = destinations(files, deliver, simulate=simulate)
    if run_id is None and name is not None and name not in declaration.pipelines and name[:1].isdigit():
        run_id = name
    if run_id is not None:
        return await find_run(run_id, where)
    pipeline = pipeline_named(declaration, name).name
    found = await past_runs(where, pipeline=pipeline, limit=1)
    if not found:
        simulated = " --simulate" if simulate else ""
        raise UsageError(f"there is no run of {pipeline!r} yet", hint=f"`animatic run {pipeline}{simulated}` makes one")
    return found[0]
