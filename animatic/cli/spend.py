"""``spend``: sums up what was paid, from the ledger; Krea is asked only for jobs of submissions that were given up of late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.lookup import declared, krea_client, warn_of_damage
from animatic.cli.options import deliver_option, file_option, json_option, simulated_option
from animatic.cli.output import print_json, print_table, tell, warn
from animatic.columns import Cell, Column, Style, sorted_naturally
from animatic.errors import ServiceError
from animatic.money import dollars
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.engine.history import OpenDestination
    from animatic.ledger import Totals

COLUMNS = (
    Column(title="SUBMISSIONS", right=True, drop=1),
    Column(title="BILLED", right=True, drop=3),
    Column(title="NOT SETTLED", right=True),
    Column(title="TOTAL", right=True),
    Column(title="", drop=2),
)


@click.command()
@click.option(
    "--by", type=click.Choice(["day", "pipeline", "model", "shot"]), default="day", show_default=True, help="Group the amounts by this."
)
@click.option("--days", type=click.IntRange(1, 366), default=31, show_default=True, help="Count the last so many days, in UTC.")
@file_option
@deliver_option
@simulated_option
@json_option
def spend(by: str, days: int, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> None:
    """Show what was paid, by day, pipeline, model or shot.

    The amounts are those of the ledger, which all pipelines of a destination share. Where Krea lost answers in the last two days, it is
    asked for jobs that came too late: as many of those submissions count, as not settled, as there are jobs that may be theirs.
    """
    found, elsewhere = asyncio.run(_spend(by, days, files, deliver, simulated=simulate))
    total = sum((totals.usd for totals in found.values()), Decimal(0))
    if as_json:
        listed = [
            {by: name, "submissions": t.submissions, "usd": float(t.usd), "open_usd": float(t.open_usd), "unpriced": t.unpriced}
            for name, t in found.items()
        ]
        print_json({"days": days, "total_usd": float(total), "rows": listed})
        return
    rows = [_row(name, totals) for name, totals in found.items()]
    columns = (Column(title=by.upper(), least=16, keep_end=by == "shot"), *COLUMNS)
    print_table(columns, [*rows, _row("total", _sum(found.values()), style="bold")])
    if not found and elsewhere:
        tell("nothing was paid; `animatic spend --simulate` shows what simulated runs would have cost")


def _row(name: str, totals: Totals, *, style: Style = "") -> tuple[Cell, ...]:
    settled = totals.usd - totals.open_usd
    aside = dollars(totals.open_usd) if totals.open_usd else ""
    unknown = f"{totals.unpriced} without a known price" if totals.unpriced else ""
    return (name, style), str(totals.submissions), dollars(settled), aside, (dollars(totals.usd), style), unknown


async def _spend(by: str, days: int, files: tuple[Path, ...], deliver: str | None, *, simulated: bool) -> tuple[dict[str, Totals], bool]:
    """Return the sums by name, and whether the other half of a destination has any."""
    from animatic.engine.history import open_destinations

    today = datetime.now(UTC).date()
    first = today - timedelta(days=days - 1)
    keys = {
        "day": lambda cost: cost.day.isoformat(),
        "pipeline": lambda cost: cost.line.pipeline,
        "model": lambda cost: cost.line.model,
        "shot": lambda cost: f"{cost.line.pipeline} · {cost.line.step}",
    }
    merged: dict[str, list[Totals]] = {}
    elsewhere = False
    where = open_destinations(declared(files), deliver)
    await _ask_krea(destination for destination in where if not destination.simulated and not simulated)
    for destination in where:
        report = await destination.ledger.spending.on(await destination.ledger.days_since(first))
        if destination.simulated != simulated:
            elsewhere = elsewhere or bool(report.costs)
            continue
        for name, totals in report.by(keys[by]).items():
            merged.setdefault(name, []).append(totals)
    warn_of_damage(where)
    return {name: _sum(merged[name]) for name in sorted_naturally(merged)}, elsewhere


async def _ask_krea(destinations: Iterable[OpenDestination]) -> None:
    """Have jobs that came too late recorded, as far as Krea can be asked."""
    from animatic.engine.late_jobs import ask_for_late_jobs

    settings = Settings.from_environment()
    if settings.krea_token is None:
        return
    async with krea_client(settings) as client:
        for destination in destinations:
            try:
                await ask_for_late_jobs(client, destination.ledger, datetime.now(UTC))
            except ServiceError as error:
                warn(f"Krea was not asked for jobs that came too late: {error}")
                return


def _sum(totals: Iterable[Totals]) -> Totals:
    from animatic.ledger import Totals

    known = list(totals)
    return Totals(
        submissions=sum(one.submissions for one in known),
        usd=sum((one.usd for one in known), Decimal(0)),
        open_usd=sum((one.open_usd for one in known), Decimal(0)),
        unpriced=sum(one.unpriced for one in known),
    )
