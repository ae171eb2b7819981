"""Finds what a command line names: the pipelines files, the step of a shot, a past run, a submission in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from animatic.errors import DeclarationError, UsageError
from animatic.settings import Settings, default_home, pipelines_file

if TYPE_CHECKING:
    from animatic.cli.options import Asked
    from animatic.engine.decisions import OpenDoubt
    from animatic.engine.history import OpenDestination, PastRun
    from animatic.krea import KreaClient
    from animatic.ledger import Ledger
    from animatic.manifest import Manifest
    from animatic.plan import Plan, Step
    from animatic.spec import Declaration


def declared(files: tuple[Path, ...]) -> Declaration:
    """Read the pipelines files (none named: the default one). Raises DeclarationError with every problem that `validate` would report."""
    from animatic.spec import load_declaration

    declaration = load_declaration(files or (pipelines_file(),))
    if any(problem.severity == "error" for problem in declaration.problems):
        from animatic.catalog import Catalog
        from animatic.plan import examine

        found = examine(declaration, Catalog.load(default_home()))
        raise DeclarationError(found.problems, texts={document.name: document.text for document in declaration.documents})
    return declaration


def require_token(settings: Settings, declaration: Declaration, pipeline: str) -> None:
    """Raise UsageError where there is no token, DeclarationError where the pipeline has mistakes besides: they are mended first."""
    if settings.krea_token is None:
        from animatic.catalog import Catalog
        from animatic.plan import check_declaration

        problems = check_declaration(declaration, Catalog.load(settings.home), pipeline=pipeline)
        if any(problem.severity == "error" for problem in problems):
            raise DeclarationError(problems, texts={document.name: document.text for document in declaration.documents})
    settings.require_token()


def deployable(path: Path) -> Declaration:
    """Read a pipelines file and check every pipeline: what would fail in every run is not deployed. Raises DeclarationError."""
    from animatic.catalog import Catalog
    from animatic.cli.output import show_problems
    from animatic.plan import check_declaration

    declaration = declared((path,))
    problems = check_declaration(declaration, Catalog.load(default_home()))
    if any(problem.severity == "error" for problem in problems):
        raise DeclarationError(problems)
    if problems:
        show_problems(problems)
    return declaration


def warn_of_damage(destinations: Iterable[OpenDestination]) -> None:
    """Name the records that were left out of what a verb shows, because they are damaged."""
    from animatic.cli.output import warn

    for destination in destinations:
        for error in destination.ledger.left_out:
            warn(f"left out: {error}")


def pipeline_and_shot(words: Sequence[str], usage: str, files: tuple[Path, ...]) -> tuple[str, str]:
    """Return the pipeline and the shot that ``[PIPELINE] SHOT`` names; the pipeline may be left out where only one has such a shot."""
    match words:
        case [pipeline, shot]:
            return pipeline, shot
        case [shot]:
            from animatic.plan import shot_of

            name = shot_of(shot)
            homes = [spec.name for spec in declared(files).pipelines.values() if any(found.id == name for found in spec.shots)]
        case _:
            raise UsageError("name a shot, and at most a pipeline before it", hint=f"animatic {usage}")
    if len(homes) == 1:
        return homes[0], shot
    if homes:
        raise UsageError(f"several pipelines have a shot {shot!r}", hint=f"name one of {', '.join(homes)} before it: animatic {usage}")
    raise UsageError(
        f"no pipeline has a shot {shot!r}",
        hint="ids are as the pipelines file writes them; `animatic plan PIPELINE` lists a pipeline's shots",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedStep:
    """The step of a shot as a run would plan it, the whole plan, and the ledger of its destination."""

    step: Step
    plan: Plan
    ledger: Ledger


async def planned_step(
    pipeline: str, shot: str, asked: Asked, files: tuple[Path, ...], deliver: str | None, *, simulated: bool
) -> PlannedStep:
    """Plan a pipeline and find the step of a shot (its key, or its id where only one variant has it). Raises UsageError."""
    from animatic.catalog import Catalog
    from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here, step_named

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    options = PlanOptions(deliver=deliver, simulated=simulated, profile=asked.profile)
    plan, ledger = await plan_here(declaration, spec, asked.values(spec), Catalog.load(default_home()), options)
    return PlannedStep(step=step_named(plan, shot), plan=plan, ledger=ledger)


def destinations(files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> tuple[OpenDestination, ...]:
    """Return the destinations to look at: both halves of each, or with ``--simulate`` the simulated ones alone."""
    from animatic.engine.history import open_destinations

    return tuple(found for found in open_destinations(declared(files), deliver) if found.simulated or not simulate)


async def newest_or_named(
    files: tuple[Path, ...], deliver: str | None, run_id: str | None, *, simulate: bool = False
) -> tuple[PastRun, Manifest]:
    """Return a run (None: the newest) and its manifest. Raises UsageError where there is none, or it ended before it wrote its manifest."""
    from animatic.engine.history import find_run, past_runs

    where = destinations(files, deliver, simulate=simulate)
    if run_id is not None:
        run = await find_run(run_id, where)
    else:
        newest = await past_runs(where, limit=1)
        if not newest:
            raise no_runs()
        run = newest[0]
    manifest = await run.manifest()
    if manifest is None:
        raise UsageError(
            f"run {run.plan.run_id} ended before it wrote a manifest", hint=f"continue it: `animatic resume {run.plan.run_id}`"
        )
    return run, manifest


def no_runs() -> UsageError:
    """Return the error for where nothing was ever run."""
    return UsageError("there are no runs yet", hint="start one: `animatic run --simulate`")


async def doubt_of(shot: str, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> OpenDoubt:
    """Return the doubt about a shot. Raises UsageError unless there is exactly one."""
    from animatic.engine.decisions import find_doubt, list_doubts

    return find_doubt(await list_doubts(destinations(files, deliver, simulate=simulate)), shot)


def krea_client(settings: Settings) -> KreaClient:
    """Return a client of Krea; use it with ``async with``."""
    from animatic.krea import KreaClient

    return KreaClient(settings.krea_url, settings.krea_token, patience=settings.patience)
