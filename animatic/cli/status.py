"""``status``: shows one run shot by shot, from its manifest. Reads only."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import click

from animatic.cli.ending import state_of_run, state_word, stray_lines, waiting_lines
from animatic.cli.lookup import newest_or_named
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, print_table, tell, terminal_width
from animatic.columns import Cell, Column, Style, few, wrapped
from animatic.errors import UPSTREAM
from animatic.money import dollars
from animatic.plan import pipeline_text

if TYPE_CHECKING:
    from animatic.manifest import Manifest
    from animatic.manifest.model import Shot

COLUMNS = (
    Column(title="#", right=True),
    Column(title="SHOT", least=10, keep_end=True),
    Column(title="TITLE", least=10, drop=2),
    Column(title="STATE"),
    Column(title="TAKE", right=True, drop=1),
    Column(title="SECONDS", right=True, drop=4),
    Column(title="USD", right=True),
    Column(title="FILE", least=16, drop=5, keep_end=True),
)

MAX_NAMED = 8
"""Shots that a line names."""


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@file_option
@deliver_option
@only_simulated_option
@json_option
def status(run_id: str | None, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> None:
    """Show the state of every shot of a run.

    RUN is its id, or the beginning of it (default: the newest run). With --json it is the manifest.
    """
    run, manifest = asyncio.run(newest_or_named(files, deliver, run_id, simulate=simulate))
    if as_json:
        print_json(manifest.model_dump(mode="json", by_alias=True))
        return
    show(manifest, f"{run.destination.storage.url}/{run.plan.pipeline}/{run.plan.run_id}/index.html")


def show(manifest: Manifest, page: str) -> None:
    """Print a run for people: its shots as a table that fits the terminal, why shots failed, the money, where its page is."""
    what = pipeline_text(manifest.pipeline, manifest.params, manifest.profile)
    head = f"{what} {manifest.run_id}: {state_of_run(manifest)}"
    tell(f"{head}{' (simulated)' if manifest.simulated else ''}")
    if manifest.shots:
        print_table(COLUMNS, [_row(shot) for shot in manifest.shots], indent=2)
    else:
        from animatic.manifest.wording import NO_SHOTS

        tell(f"  {NO_SHOTS}")
    for line in (*_failures(manifest), *_end(manifest)):
        tell("\n".join(wrapped(line, terminal_width(sys.stdout), indent="  ", hanging="    ")))
    print(f"  {page}")
    if manifest.prefect.url:
        print(f"  {manifest.prefect.url}")


def _row(shot: Shot) -> tuple[Cell, ...]:
    took = (shot.completed_at - shot.submitted_at).total_seconds() if shot.completed_at and shot.submitted_at else None
    return (
        str(shot.number),
        shot.key or shot.id,
        shot.title or "",
        (state_word(shot), _style(shot)),
        f"{shot.take} locked" if shot.locked else str(shot.take) if shot.take > 1 else "",
        "" if took is None or shot.state == "reused" else f"{took:.0f}",
        _money(shot),
        (shot.clip.file or shot.clip.key) if shot.clip is not None else "",
    )


def _money(shot: Shot) -> str:
    """Return what a shot cost; in brackets what is set aside for it, or was paid by an earlier run."""
    if shot.set_aside_usd is not None:
        return f"({dollars(shot.set_aside_usd)})"
    if shot.usd is None:
        return ""
    return f"({dollars(shot.usd)})" if shot.state == "reused" else dollars(shot.usd)


def _style(shot: Shot) -> Style:
    match shot.state:
        case "delivered":
            return "green"
        case "reused":
            return "cyan"
        case "failed":
            return "red"
        case "in_doubt":
            return "yellow"
        case "skipped" | "waiting":
            return "dim"
        case _:
            assert_never(shot.state)


def _failures(manifest: Manifest) -> list[str]:
    """Return why shots are missing, each reason once; what only waits for others is counted behind them."""
    failed = [(shot.key or shot.id, shot.error) for shot in manifest.shots if shot.error is not None]
    waiting = [name for name, error in failed if error.code == UPSTREAM]
    told: dict[str, list[str]] = {}
    for name, error in failed:
        if error.code != UPSTREAM or len(waiting) == 1:
            told.setdefault(" ".join(error.message.split()), []).append(name)
    lines = [f"{few(names, MAX_NAMED)}: {reason}" for reason, names in told.items()]
    return lines + ([f"{few(waiting, MAX_NAMED)}: not made, because what they start from is missing"] if len(waiting) > 1 else [])


def _end(manifest: Manifest) -> list[str]:
    """Return the money of the run, and what its waiting shots are doing."""
    cost = manifest.cost
    parts = [f"billed {dollars(cost.billed_usd)}"]
    parts += [f"{dollars(cost.reused_usd)} of clips reused"] if cost.reused_usd else []
    parts += [f"{cost.unpriced} without a known price"] if cost.unpriced else []
    return [*waiting_lines(manifest), ", ".join(parts), *stray_lines(manifest)]
