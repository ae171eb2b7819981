"""``approve``: records that a person approves a shot's take, so that what hangs on it may be paid for. Starts nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """What was said about a shot of a run. Others may share the take, and one of them may have asked: the answer is in the asker's name."""

    run_id: str
    shot: str
    said: Approval
    following: Following
    resumed: Resumed | None


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
    done = asyncio.run(_approve(run_id, shot, take, text_of(note), files, deliver, simulate=simulate))
    if as_json:
        print_json(_facts(done))
    else:
        tell(f"take {done.said.take} of {shot} is approved; {done.following.text.replace('approving pays', 'going on pays')}")
        tell(f"  {told(done.resumed, done.run_id)}" if done.resumed else f"  go on with `animatic resume {done.run_id}`")


async def _approve(
    run_id: str, shot: str, take: int | None, note: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool
) -> Approved:
    from animatic.catalog import Catalog
    from animatic.engine import approvals
    from animatic.engine.decided import as_it_goes_on, with_decisions
    from animatic.engine.history import find_run
    from animatic.engine.plan_run import step_named
    from animatic.ledger.owner import person

    past = await find_run(run_id, destinations(files, deliver, simulate=simulate))
    ledger, catalog = past.destination.ledger, Catalog.load(default_home())
    plan = await as_it_goes_on(past.plan, ledger, catalog)
    step = step_named(plan, shot)
    said = await approvals.approve(plan, ledger, step.key, take=take, by=person(), note=note)
    plan = await with_decisions(past.plan, ledger, catalog)
    following = await approvals.following_of(plan, step_named(plan, shot), ledger)
    resumed = await hand_over_decided(past, {step.base})
    return Approved(run_id=past.plan.run_id, shot=step.key, said=said, following=following, resumed=resumed)


def _facts(done: Approved) -> dict[str, Any]:
    return {
        "run_id": done.run_id,
        "shot": done.shot,
        "take": done.said.take,
        "by": done.said.by,
        "at": done.said.at.isoformat(),
        "note": done.said.note,
        "following": list(done.following.shots),
        "to_pay_usd": float(done.following.usd),
        "unpriced": done.following.unpriced,
        "flow_run": facts(done.resumed),
    }
