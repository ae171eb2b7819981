"""The verbs for what a person decides: ``doubts``, ``adopt``, ``resubmit``, ``takes``, ``use``; and ``spend``, which shows the money."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.options import deliver_option, file_option, json_option, param_option, parse_params, simulate_option
from animatic.cli.sources import declared
from animatic.errors import UsageError
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.krea import KreaClient
    from animatic.ledger import Attempt, Ledger, Totals
    from animatic.plan import Step
    from animatic.takes.history import Place

WAITS_FOR_A_PERSON = 5


@click.command()
@file_option
@deliver_option
@json_option
def doubts(files: tuple[Path, ...], deliver: str | None, as_json: bool) -> int:
    """Show submissions that Krea may or may not have accepted, and the jobs that they may have become."""
    found = asyncio.run(_doubts(files, deliver))
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("nothing is in doubt")
    for doubt in [] if as_json else found:
        print(f"{doubt['pipeline']} · {doubt['shot']}  sent {doubt['intended_at']}  {doubt['model']}  take {doubt['fingerprint'][:12]}")
        for job in doubt["candidates"] or []:
            print(f"  {job['job_id']}  {job['status']:<12} {job['created_at']}  {job['url'] or ''}")
        if not doubt["candidates"]:
            print(
                "  no job of that time is unclaimed" if doubt["candidates"] is not None else "  candidates: set KREA_API_TOKEN to see them"
            )
        print(f"  decide: animatic adopt {doubt['shot']} JOB   or, if it is none of them:   animatic resubmit {doubt['shot']}")
    return WAITS_FOR_A_PERSON if found else 0


async def _doubts(files: tuple[Path, ...], deliver: str | None) -> list[dict[str, Any]]:
    from animatic.redact import bare_url
    from animatic.takes.deciding import candidates_of, doubtful
    from animatic.takes.history import places

    settings = Settings.from_environment()
    told = []
    for place, attempt in await doubtful(places(declared(files), deliver)):
        jobs = None
        if settings.krea_token is not None and not place.simulated:
            async with _client(settings) as client:
                jobs = await candidates_of(client, place, attempt)
        told.append(
            {
                "pipeline": attempt.intent.pipeline,
                "shot": attempt.intent.step,
                "fingerprint": attempt.intent.fingerprint,
                "attempt": attempt.number,
                "model": attempt.intent.model,
                "intended_at": attempt.intent.intended_at.isoformat(timespec="seconds"),
                "simulated": place.simulated,
                "candidates": None
                if jobs is None
                else [
                    {
                        "job_id": job.id,
                        "status": job.status,
                        "created_at": job.created_at.isoformat(),
                        "url": bare_url(job.urls[0]) if job.urls else None,
                    }
                    for job in jobs
                ],
            }
        )
    return told


@click.command()
@click.argument("shot")
@click.argument("job_id", metavar="JOB")
@file_option
@deliver_option
def adopt(shot: str, job_id: str, files: tuple[Path, ...], deliver: str | None) -> None:
    """Say that the doubtful submission of SHOT became JOB: the next run or resume delivers it."""
    asyncio.run(_adopt(shot, job_id, files, deliver))
    print(f"{shot} is job {job_id} now; `animatic run` or `animatic resume` delivers it")


async def _adopt(shot: str, job_id: str, files: tuple[Path, ...], deliver: str | None) -> None:
    from animatic.takes import deciding

    settings = Settings.from_environment()
    place, attempt = await _the_doubtful(shot, files, deliver)
    if settings.krea_token is None:
        raise UsageError("no Krea token: KREA_API_TOKEN is not set", hint="the job is read from Krea before it is adopted")
    async with _client(settings) as client:
        job = await client.job(job_id)
    if job is None:
        raise UsageError(f"Krea knows no job {job_id}", hint="`animatic doubts` shows the candidates")
    await deciding.adopt(place, attempt, job)


@click.command()
@click.argument("shot")
@file_option
@deliver_option
def resubmit(shot: str, files: tuple[Path, ...], deliver: str | None) -> None:
    """Say that Krea has no job for the doubtful submission of SHOT: the next run or resume sends it again, and pays for it."""
    asyncio.run(_withdraw(shot, files, deliver))
    print(f"{shot} will be submitted again by the next `animatic run` or `animatic resume`")


async def _withdraw(shot: str, files: tuple[Path, ...], deliver: str | None) -> None:
    from animatic.takes.deciding import withdraw

    await withdraw(*await _the_doubtful(shot, files, deliver))


async def _the_doubtful(shot: str, files: tuple[Path, ...], deliver: str | None) -> tuple[Place, Attempt]:
    from animatic.takes.deciding import doubtful, named
    from animatic.takes.history import places

    return named(await doubtful(places(declared(files), deliver)), shot)


def _client(settings: Settings) -> KreaClient:
    from animatic.krea import KreaClient

    return KreaClient(settings.krea_url, settings.krea_token, patience=settings.patience)


@click.command()
@click.argument("pipeline")
@click.argument("shot")
@param_option
@file_option
@deliver_option
@simulate_option
@json_option
def takes(
    pipeline: str, shot: str, params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool
) -> None:
    """List the takes of a SHOT, and which one counts."""
    from animatic.takes.deciding import takes_of

    async def look() -> list[dict[str, Any]]:
        step, ledger = await _step(pipeline, shot, params, files, deliver, simulated=simulate)
        return [
            {
                "take": known.number,
                "current": known.current,
                "fingerprint": known.fingerprint,
                "run_id": known.take.run_id if known.take else None,
                "model": known.take.model if known.take else None,
                "usd": None if known.take is None or known.take.usd is None else float(known.take.usd),
                "prompt": known.take.request.get("prompt") if known.take else None,
                "clip": known.take.clip.key if known.take else None,
            }
            for known in await takes_of(ledger, step)
        ]

    found = asyncio.run(look())
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        print(f"{shot} has no take yet")
    for take in found:
        mark = "*" if take["current"] else " "
        money = "" if take["usd"] is None else f"{take['usd']:.2f} USD"
        print(f"{mark} take {take['take']}  {take['run_id'] or 'not delivered'}  {take['model'] or ''}  {money}  {take['prompt'] or ''}")


@click.command()
@click.argument("pipeline")
@click.argument("shot")
@click.argument("take", type=click.IntRange(1))
@param_option
@file_option
@deliver_option
@simulate_option
def use(pipeline: str, shot: str, take: int, params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, simulate: bool) -> None:
    """Make TAKE the one of SHOT that counts from now on; what hangs on it follows with the next run."""
    from animatic.takes.deciding import choose

    async def decide() -> None:
        step, ledger = await _step(pipeline, shot, params, files, deliver, simulated=simulate)
        await choose(ledger, step, take)

    asyncio.run(decide())
    print(f"take {take} of {shot} counts from now on")


async def _step(
    pipeline: str, shot: str, params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, *, simulated: bool
) -> tuple[Step, Ledger]:
    from animatic.catalog import Catalog
    from animatic.takes.planning import Wish, pipeline_named, plan_here

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    catalog = Catalog.load(Settings.from_environment().home)
    plan, ledger = await plan_here(declaration, spec, parse_params(params), catalog, Wish(deliver=deliver, simulated=simulated))
    for step in plan.steps:
        if shot in {step.key, step.shot}:
            return step, ledger
    raise UsageError(f"{pipeline!r} has no shot {shot!r}", hint=f"its shots: {', '.join(step.key for step in plan.steps)}")


@click.command()
@click.option("--by", type=click.Choice(["day", "pipeline", "model", "shot"]), default="day", show_default=True)
@click.option("--days", type=click.IntRange(1, 366), default=31, show_default=True, help="How far back.")
@file_option
@deliver_option
@simulate_option
@json_option
def spend(by: str, days: int, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> None:
    """Show what was paid, from the ledger: by day, pipeline, model or shot."""
    found = asyncio.run(_spend(by, days, files, deliver, simulated=simulate))
    total = sum((totals.usd for totals in found.values()), Decimal(0))
    if as_json:
        rows = [
            {by: name, "submissions": t.submissions, "usd": float(t.usd), "open_usd": float(t.open_usd), "unpriced": t.unpriced}
            for name, t in found.items()
        ]
        print(json.dumps({"days": days, "total_usd": float(total), "rows": rows}, indent=2))
        return
    for name, totals in found.items():
        unknown = f"  and {totals.unpriced} without a known price" if totals.unpriced else ""
        running = f"  ({totals.open_usd:.2f} not settled yet)" if totals.open_usd else ""
        print(f"{name:<36} {totals.submissions:>5} submissions {totals.usd:>10.2f} USD{running}{unknown}")
    print(f"{'total':<36} {sum(t.submissions for t in found.values()):>5} submissions {total:>10.2f} USD")


async def _spend(by: str, days: int, files: tuple[Path, ...], deliver: str | None, *, simulated: bool) -> dict[str, Totals]:
    from animatic.takes.history import places

    today = datetime.now(UTC).date()
    wanted = [today - timedelta(days=back) for back in range(days)]
    keys = {
        "day": lambda cost: cost.day.isoformat(),
        "pipeline": lambda cost: cost.line.pipeline,
        "model": lambda cost: cost.line.model,
        "shot": lambda cost: f"{cost.line.pipeline} · {cost.line.step}",
    }
    merged: dict[str, Totals] = {}
    for place in places(declared(files), deliver):
        if place.simulated == simulated:
            for name, totals in (await place.ledger.spending(wanted)).by(keys[by]).items():
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
