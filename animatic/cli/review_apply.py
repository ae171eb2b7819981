"""``review --apply``: applies a file of decisions that was made on the page of a run; says what became of each, and what going on pays."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animatic.cli.advice import completed
from animatic.cli.handing import facts, hand_over_decided, told
from animatic.cli.lookup import destinations
from animatic.cli.output import print_json, say, tell
from animatic.errors import ShotError
from animatic.money import dollars
from animatic.settings import default_home

if TYPE_CHECKING:
    from animatic.engine.review_file import ReviewFile
    from animatic.engine.reviewing import Applied
    from animatic.prefect.suspended import Resumed

NOT_ALL = ShotError.exit_code
"""Exit code where some decisions were not applied: the others are, as of a run whose other shots are delivered."""


def apply_file(
    path: Path, run_id: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool, dry_run: bool, as_json: bool
) -> int:
    """Apply a file, print what became of it, and return the exit code."""
    from animatic.engine.review_file import read_review

    review = read_review(path)
    found, resumed = asyncio.run(_applied(review, run_id, files, deliver, simulate=simulate, dry=dry_run))
    if as_json:
        print_json(_facts(path, found, dry=dry_run) | {"flow_run": facts(resumed)})
    else:
        tell("\n".join([*_lines(found, resumed=resumed is not None), *([told(resumed, review.run_id)] if resumed else [])]))
        if dry_run:
            say("nothing was recorded: this was --dry-run")
    return NOT_ALL if any(outcome.result == "refused" for outcome in found.outcomes) else 0


async def _applied(
    review: ReviewFile, run_id: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool, dry: bool
) -> tuple[Applied, Resumed | None]:
    from animatic.catalog import Catalog
    from animatic.engine.reviewing import apply_review
    from animatic.ledger.owner import person

    where = destinations(files, deliver, simulate=simulate)
    found = await apply_review(review, where, Catalog.load(default_home()), person=person(), run_id=run_id, dry=dry)
    return found, await hand_over_decided(found.run, found.decided) if found.decided and not dry else None


def _lines(found: Applied, *, resumed: bool) -> list[str]:
    run = found.run.plan.run_id
    if not found.outcomes:
        return ["the file holds no decisions"]
    lines = []
    for outcome in found.outcomes:
        what = "not applied: " if outcome.result == "refused" else ""
        lines.append(f"{outcome.step}: {what}{outcome.says}")
        lines += [f"  {outcome.hint}"] if outcome.hint else []
    if found.waiting:
        lines.append(f"waits for a person still: {', '.join(found.waiting)}")
    if found.goes_on:
        lines.append(f"going on pays {_price(found)}" + ("" if resumed else f": `animatic resume {shlex.quote(run)}`"))
    return lines


def _price(found: Applied) -> str:
    unknown = f" and {found.unpriced} without a known price" if found.unpriced else ""
    shots = f" ({', '.join(step.key for step in found.to_pay)})" if found.to_pay else ""
    return f"{dollars(found.usd)}{unknown}{shots}"


def _facts(path: Path, found: Applied, *, dry: bool) -> dict[str, Any]:
    plan = found.run.plan
    return {
        "file": str(path),
        "run_id": plan.run_id,
        "pipeline": plan.pipeline,
        "simulated": found.run.destination.simulated,
        "dry_run": dry,
        "decisions": [
            {
                "shot": outcome.step,
                "decision": outcome.decision.decision,
                "take": outcome.decision.take,
                "result": outcome.result,
                "says": completed(outcome.says),
                "hint": completed(outcome.hint) if outcome.hint else None,
            }
            for outcome in found.outcomes
        ],
        "waiting": list(found.waiting),
        "to_pay_usd": float(found.usd),
        "unpriced": found.unpriced,
        "shots": [step.key for step in found.to_pay],
        "command": completed(f"`animatic resume {plan.run_id}`").strip("`") if found.goes_on else None,
    }
