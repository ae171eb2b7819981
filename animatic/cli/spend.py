"""``spend``: sums up what was paid, from the ledger. Reads only."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.lookup import declared
from animatic.cli.options import deliver_option, file_option, json_option, simulated_option
from animatic.cli.output import print_json
from animatic.money import dollars

if TYPE_CHECKING:
    from animatic.ledger import Totals


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

    The amounts are those of the ledger, which all pipelines of a destination share.
    """
    found = asyncio.run(_spend(by, days, files, deliver, simulated=simulate))
    total = sum((totals.usd for totals in found.values()), Decimal(0))
    if as_json:
        rows = [
            {by: name, "submissions": t.submissions, "usd": float(t.usd), "open_usd": float(t.open_usd), "unpriced": t.unpriced}
            for name, t in found.items()
        ]
        print_json({"days": days, "total_usd": float(total), "rows": rows})
        return
    for name, totals in found.items():
        open_part = f"  ({dollars(totals.open_usd)} not settled yet)" if totals.open_usd else ""
        unknown = f"  and {totals.unpriced} without a known price" if totals.unpriced else ""
        print(f"{name:<36} {totals.submissions:>5} submissions {dollars(totals.usd):>10}{open_part}{unknown}")
    print(f"{'total':<36} {sum(t.submissions for t in found.values()):>5} submissions {dollars(total):>10}")


async def _spend(by: str, days: int, files: tuple[Path, ...], deliver: str | None, *, simulated: bool) -> dict[str, Totals]:
    from animatic.engine.history import open_destinations

    today = datetime.now(UTC).date()
    wanted = [today - timedelta(days=back) for back in range(days)]
    keys = {
        "day": lambda cost: cost.day.isoformat(),
        "pipeline": lambda cost: cost.line.pipeline,
        "model": lambda cost: cost.line.model,
        "shot": lambda cost: f"{cost.line.pipeline} · {cost.line.step}",
    }
    merged: dict[str, Totals] = {}
    for destination in open_destinations(declared(files), deliver):
        if destination.simulated == simulated:
            for name, totals in (await destination.ledger.spending.on(wanted)).by(keys[by]).items():
                merged[name] = _add(merged.get(name), totals)
    return dict(sorted(merged.items()))


def _add(one: Totals | None, other: Totals) -> Totals:
    if one is None:
        return other
    return type(other)(
        submissions=one.submissions + other.submissions,
        usd=one.usd + other.usd,
        open_usd=one.open_usd + other.open_usd,
        unpriced=one.unpriced + other.unpriced,
    )
