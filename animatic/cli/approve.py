"""``approve``: records that a person approves a shot's take, so that what hangs on it may be paid for. Starts nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.handing import facts, hand_over_decided, told
from animatic.cli.lookup import destinations
from animatic.cli.options import deliver_option, file_option, json_option, note_option, only_simulated_option, text_of
from animatic.cli.output import print_json, tell
from animatic.settings import default_home

if TYPE_CHECKING:
    from animatic.engine.approvals import Following
    from animatic.ledger.approvals import Approval
    from animatic.prefect.suspended import Resumed


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("shot")
@click.option("--take", type=click.IntRange(min=1), help="Number of the take to pick, where the shot has several. [default: the first]")
@note_option
@file_option
@deliver_option
@only_simulated_option
@json_option
def approve(
    run_id: str, shot: str, take: int | None, note: str | None, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool
) -> None:
    """Approve a shot that waits, or pick one of its takes.

    RUN and SHOT are those of `animatic review`. Nothing is paid now: `animatic resume RUN` goes on. A run of a deployment, which is
    suspended, is resumed at once. The first approval counts; variants that share the take need no other one.
    """
    said, following, resumed = asyncio.run(_approve(run_id, shot, take, text_of(note), files, deliver, simulate=simulate))
    if as_json:
        print_json(_facts(said, following) | {"flow_run": facts(resumed)})
    else:
        tell(f"take {said.take} of {said.step} is approved; {following.text.replace('approving pays', 'going on pays')}")
        tell(f"  {told(resumed, said.run_id)}" if resumed else f"  go on with `animatic resume {said.run_id}`")


async def _approve(
    run_id: str, shot: str, take: int | None, note: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool
) -> tuple[Approval, Following, Resumed | None]:
    from animatic.catalog import Catalog
    from animatic.engine import approvals
    from animatic.engine.decided import as_it_goes_on, with_decisions
    from animatic.engine.history import find_run
    from animatic.engine.plan_run import step_named
    from animatic.ledger.owner import person

    past = await find_run(run_id, destinations(files, deliver, simulate=simulate))
    ledger, catalog = past.destination.ledger, Catalog.load(default_home())
    plan = await as_it_goes_on(past.plan, ledger, catalog)
    said = await approvals.approve(plan, ledger, shot, take=take, by=person(), note=note)
    plan = await with_decisions(past.plan, ledger, catalog)
    following = await approvals.following_of(plan, step_named(plan, shot), ledger)
    return said, following, await hand_over_decided(past)


def _facts(said: Approval, following: Following) -> dict[str, Any]:
    return {
        "run_id": said.run_id,
        "shot": said.step,
        "take": said.take,
        "by": said.by,
        "at": said.at.isoformat(),
        "note": said.note,
        "following": list(following.shots),
        "to_pay_usd": float(following.usd),
        "unpriced": following.unpriced,
    }
