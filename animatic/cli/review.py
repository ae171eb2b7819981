"""``review``: lists the shots that wait for a person's approval, with their takes and the price of what follows. Decides nothing."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.lookup import destinations, warn_of_damage
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, tell
from animatic.errors import ApprovalError, UsageError
from animatic.money import dollars
from animatic.settings import default_home

if TYPE_CHECKING:
    from animatic.engine.awaiting import Waiting


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--apply", "file", type=click.Path(path_type=Path), metavar="FILE", help="Apply the decisions of a review.json.")
@click.option("--dry-run", is_flag=True, help="With --apply: only say what would become of the decisions.")
@click.option("--log", "history", is_flag=True, help="Show the log of the shots instead: who said or did what, when and why.")
@click.option("--to", "form", type=click.Choice(["csv", "tsv"]), help="With --log: as a table for spreadsheets.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="With --to: write to this file, which must not be there yet.")
@file_option
@deliver_option
@only_simulated_option
@json_option
def review(
    run_id: str | None,
    file: Path | None,
    dry_run: bool,
    history: bool,
    form: str | None,
    out: Path | None,
    files: tuple[Path, ...],
    deliver: str | None,
    simulate: bool,
    as_json: bool,
) -> int:
    """List the shots that wait for approval.

    Each with its takes, where their files are, and what is paid once it is approved. The exit code is 5 if there are any. Approve one
    with `animatic approve`, or have another take of it made with `animatic reject`; --apply takes the decisions that were made on the page
    of a run, and exits with 4 if not all of them could be applied. RUN leaves out what other runs ask.
    """
    if not history and (form is not None or out is not None):
        raise UsageError("--to and --out go with --log", hint="write: `animatic review --log --to csv`")
    if file is not None and history:
        raise UsageError("--apply and --log cannot go together", hint="apply the file first, then look at the log")
    if dry_run and file is None:
        raise UsageError("--dry-run goes with --apply", hint="write: `animatic review --apply review.json --dry-run`")
    if file is not None:
        from animatic.cli.review_apply import apply_file

        return apply_file(file, run_id, files, deliver, simulate=simulate, dry_run=dry_run, as_json=as_json)
    if history:
        from animatic.cli.review_log import show_log

        show_log(run_id, form, out, files, deliver, simulate=simulate, as_json=as_json)
        return 0
    found = asyncio.run(_review(run_id, files, deliver, simulate=simulate))
    if as_json:
        print_json(found)
    elif found:
        tell("\n".join(line for one in found for line in _lines(one)))
    else:
        print("nothing waits for approval")
    return ApprovalError.exit_code if found else 0


async def _review(run_id: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> list[dict[str, Any]]:
    from animatic.catalog import Catalog
    from animatic.engine.awaiting import list_waiting
    from animatic.engine.history import find_run

    where = destinations(files, deliver, simulate=simulate)
    if run_id is not None:
        run_id = (await find_run(run_id, where)).plan.run_id
    found = [await _facts(one) for one in await list_waiting(where, Catalog.load(default_home()), run_id)]
    warn_of_damage(where)
    return found


async def _facts(one: Waiting) -> dict[str, Any]:
    from animatic.engine.approvals import deadline
    from animatic.engine.history import PastRun
    from animatic.plan import fingerprint_of

    storage, ledger = one.destination.storage, one.destination.ledger
    manifest = await PastRun(destination=one.destination, plan=one.plan).manifest_if_whole()
    takes = []
    for number in one.asked.offered:
        take = await ledger.takes.get(fingerprint_of(one.step.base, number))
        if take is not None:
            usd = None if take.usd is None else float(take.usd)
            picture = f"{storage.url}/{take.thumbnail}" if take.thumbnail else None
            clip = f"{storage.url}/{take.clip.key}"
            takes.append({"take": number, "job_id": take.job_id, "usd": usd, "clip": clip, "picture": picture})
    return {
        "run_id": one.plan.run_id,
        "pipeline": one.plan.pipeline,
        "shot": one.step.key,
        "title": one.step.title,
        "simulated": one.destination.simulated,
        "page": f"{storage.url}/{one.plan.pipeline}/{one.plan.run_id}/index.html",
        "deployment": manifest.prefect.deployment if manifest else None,
        "flow_run_url": manifest.prefect.url if manifest else None,
        "asked_at": one.asked.at.isoformat(),
        "until": one.asked.until.isoformat() if one.asked.until else None,
        "on_timeout": one.asked.on_timeout if one.asked.until else None,
        "takes": takes,
        "following": list(one.following.shots),
        "to_pay_usd": float(one.following.usd),
        "unpriced": one.following.unpriced,
        "says": f"{one.following.text}{deadline(one.asked)}",
    }


BY_ITSELF = "its deployment goes on by itself, also where the form is filled"


def _lines(one: dict[str, Any]) -> list[str]:
    """Return the lines about one shot; addresses are left whole, so that they can be opened."""
    simulated = " (simulated)" if one["simulated"] else ""
    title = f" · {_plain(one['title'])}" if one["title"] else ""
    run, shot = one["run_id"], shlex.quote(one["shot"])
    pick = " --take N" if len(one["takes"]) > 1 else ""
    return [
        f"{one['pipeline']} · {one['shot']}{title}{simulated}",
        f"  {one['says']}",
        *(f"  take {take['take']}  {dollars(take['usd'], unknown='price unknown')}  {take['clip']}" for take in one["takes"]),
        f"  page  {one['page']}",
        f"  approve: `animatic approve {run} {shot}{pick}`" + ("" if one["deployment"] else f", then `animatic resume {run}`"),
        *([f"  unless it was cancelled, {BY_ITSELF}: {one['flow_run_url']}"] if one["deployment"] else []),
        f"  none of them: `animatic reject {run} {shot}` makes another take (--prompt TEXT for another prompt)",
    ]


def _plain(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
