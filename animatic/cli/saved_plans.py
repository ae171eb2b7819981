"""Plans in files: what ``plan --out`` writes is all that ``run --plan`` needs, and it runs exactly that or refuses with the difference."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animatic.cli.output import write_file
from animatic.engine.plan_run import PlanOptions
from animatic.errors import UsageError

if TYPE_CHECKING:
    from animatic.plan import Plan

MAX_DIFFERENCES = 20
"""Sentences that a refusal shows."""
_ASKED = "asked"
"""Key of a plan file that holds what its command line asked for, beside the plan itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a plan was asked for: everything that planning it again needs."""

    files: tuple[Path, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    options: PlanOptions = field(default_factory=PlanOptions)


def write_plan(path: Path, plan: Plan, request: Request) -> None:
    """Write a plan with what it was asked for. Files are kept relative to the plan's folder, so that both may be moved together."""
    from animatic.plan import plan_to_json
    from animatic.settings import pipelines_file

    folder = path.absolute().parent
    asked = {
        "files": [os.path.relpath(file.absolute(), folder) for file in request.files or (pipelines_file(),)],
        "params": dict(request.params),
        "only": request.options.only,
        "fresh": request.options.fresh,
        "profile": request.options.profile,
        "deliver": plan.deliver if request.options.deliver is not None else None,
        "simulated": request.options.simulated,
    }
    write_file(path, json.dumps({**plan_to_json(plan), _ASKED: asked}, indent=1, ensure_ascii=False) + "\n", "the plan")


def read_plan(path: Path) -> tuple[Plan, Request]:
    """Return a written plan and what it was asked for. Raises UsageError for what is no plan."""
    from animatic.plan import plan_from_json

    hint = "write one with `animatic plan --out plan.json`"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}", hint=hint) from None
    except ValueError as error:
        raise UsageError(f"{path} is not a plan: {error}", hint=hint) from None
    asked = data.pop(_ASKED, None) if isinstance(data, dict) else None
    try:
        plan = plan_from_json(data)
        return plan, _request(asked, path.absolute().parent)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UsageError(f"{path} does not say what it was asked for: an older animatic wrote it", hint=hint) from None


def refuse_beside(option: str, path: Path, pipeline: str | None, given: Mapping[str, object]) -> None:
    """Raise UsageError where a saved plan is named by ``option`` and something else is asked for, too."""
    beside = [f"pipeline {pipeline!r}"] if pipeline is not None else []
    beside += [name for name, value in given.items() if value]
    if beside:
        raise UsageError(
            f"{option} takes everything from {path}, and {', '.join(beside)} {'is' if len(beside) == 1 else 'are'} given, too",
            hint=f"run the plan as it is with `animatic run --plan {shlex.quote(str(path))}`, or plan again",
        )


def _request(asked: Any, folder: Path) -> Request:
    files = tuple(_from_here(folder / str(name)) for name in asked["files"])
    options = PlanOptions(
        only=asked["only"],
        fresh=bool(asked["fresh"]),
        deliver=asked["deliver"],
        simulated=bool(asked["simulated"]),
        profile=asked.get("profile"),
    )
    return Request(files=files, params=dict(asked["params"].items()), options=options)


def _from_here(path: Path) -> Path:
    """Return a path as a person in this folder would write it: messages name it."""
    whole = Path(os.path.normpath(path))
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole


def require_same(path: Path, wanted: Plan, now: Plan) -> None:
    """Raise UsageError, with what differs, unless the written plan is what would run now."""
    from animatic.plan import diff_plans

    # What a selection leaves out differs in nothing that is made.
    difference = diff_plans(wanted, replace(now, run_id=wanted.run_id))
    if not difference:
        return
    more = [f"and {len(difference) - MAX_DIFFERENCES} more"] if len(difference) > MAX_DIFFERENCES else []
    raise UsageError(
        "\n".join([f"the plan in {path} is not what would run now:", *difference[:MAX_DIFFERENCES], *more]),
        hint="nothing was sent; look at it and plan again",
    )
