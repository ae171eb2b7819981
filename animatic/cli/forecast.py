"""``forecast``: shows what the schedules will cost in the coming days, against the budgets. Reads only."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.lookup import declared, destinations
from animatic.cli.options import deliver_option, file_option, json_option, simulated_option
from animatic.cli.output import color_on, print_json, print_table, tell
from animatic.columns import Cell, Column, Style, paint
from animatic.errors import MoneyError
from animatic.money import dollars
from animatic.settings import default_home

if TYPE_CHECKING:
    from animatic.engine.forecast import BudgetOutlook, DueRun, Forecast

COLUMNS = (
    Column(title="PIPELINE", least=12),
    Column(title="SCHEDULE", least=12, drop=2),
    Column(title="RUNS", right=True, drop=4),
    Column(title="NEXT", drop=1),
    Column(title="IF UNCHANGED", right=True),
    Column(title="IF MADE ANEW", right=True),
    Column(title="", drop=3),
)


@click.command()
@click.option("--days", type=click.IntRange(1, 366), default=31, show_default=True, help="Look at the coming so many days.")
@file_option
@deliver_option
@simulated_option
@json_option
def forecast(days: int, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> int:
    """Show what the schedules will cost in the coming days.

    Per schedule: its runs, what they pay if nothing changes (takes that exist are reused, unless the schedule says fresh), and if all of
    it is made anew each time; below, the most that it may be where checks ask for further takes. The exit code is 3 where a budget would
    be exceeded if nothing changes.
    """
    found = asyncio.run(_forecast(days, files, deliver, simulate=simulate))
    if as_json:
        print_json(_facts(found, days))
    elif found.runs:
        print_table(COLUMNS, [*_rows(found), _total(found.runs)])
        worst, unchanged = _sum([run.worst_case_usd for run in found.runs]), _sum([run.usd for run in found.runs])
        if worst > unchanged:
            further = f"up to {dollars(worst)} instead of {dollars(unchanged)}, within the budgets"
            tell(f"if checks ask for further takes (`qc: retake`): {further}")
        for budget in found.budgets:
            tell(paint(_sentence(budget), "red" if budget.exceeded else "", color=color_on(sys.stdout)))
    else:
        tell(f"no schedule is due in the coming {days} days")
    return MoneyError.exit_code if found.exceeded else 0


async def _forecast(days: int, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> Forecast:
    from animatic.catalog import Catalog
    from animatic.engine.forecast import forecast as look_ahead

    there = destinations(files, deliver, simulate=simulate)
    ledgers = {found.deliver: found.ledger for found in there if found.simulated == simulate}
    return await look_ahead(declared(files), Catalog.load(default_home()), ledgers, days=days, now=datetime.now(UTC), deliver=deliver)


def _rows(found: Forecast) -> list[tuple[Cell, ...]]:
    by_schedule: dict[tuple[str, str], list[DueRun]] = {}
    for run in found.runs:
        by_schedule.setdefault((run.pipeline, run.schedule), []).append(run)
    return [
        _row(pipeline, _schedule(runs[0]), f"{runs[0].at:%Y-%m-%d %H:%M %Z}", runs) for (pipeline, _), runs in sorted(by_schedule.items())
    ]


def _schedule(run: DueRun) -> str:
    return run.rule if run.profile is None else f"{run.rule}, profile {run.profile}"


def _total(runs: Sequence[DueRun]) -> tuple[Cell, ...]:
    return _row("total", "", "", runs, style="bold")


def _row(pipeline: str, schedule: str, following: str, runs: Sequence[DueRun], *, style: Style = "") -> tuple[Cell, ...]:
    unpriced = sum(run.unpriced for run in runs)
    return (
        (pipeline, style),
        schedule,
        str(len(runs)),
        following,
        (dollars(_sum([run.usd for run in runs])), style),
        dollars(_sum([run.anew_usd for run in runs])),
        f"{unpriced} without a known price" if unpriced else "",
    )


def _sentence(budget: BudgetOutlook) -> str:
    """Return ``budget of $25.00 for a day: the dearest is $0.40 (2026-11-27)``."""
    most = f"the dearest is {dollars(budget.usd)} ({budget.at:%Y-%m-%d})"
    return f"budget of {dollars(budget.limit)} for {budget.what}: {most}" + (", which it would not hold" if budget.exceeded else "")


def _sum(amounts: Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _facts(found: Forecast, days: int) -> dict[str, Any]:
    return {
        "days": days,
        "unchanged_usd": float(_sum([run.usd for run in found.runs])),
        "worst_case_usd": float(_sum([run.worst_case_usd for run in found.runs])),
        "anew_usd": float(_sum([run.anew_usd for run in found.runs])),
        "runs": [
            {
                "pipeline": run.pipeline,
                "schedule": run.schedule,
                "rule": run.rule,
                "profile": run.profile,
                "at": run.at.isoformat(),
                "unchanged_usd": float(run.usd),
                "worst_case_usd": float(run.worst_case_usd),
                "anew_usd": float(run.anew_usd),
                "unpriced": run.unpriced,
            }
            for run in found.runs
        ],
        "exceeded": [
            {"budget": each.what, "limit_usd": float(each.limit), "usd": float(each.usd), "at": each.at.isoformat()}
            for each in found.exceeded
        ],
    }
