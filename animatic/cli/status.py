"""``status``: shows one run shot by shot, from its manifest. Reads only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.execution import stray_lines
from animatic.cli.lookup import newest_or_named
from animatic.cli.options import deliver_option, file_option, json_option
from animatic.cli.output import print_json
from animatic.money import dollars

if TYPE_CHECKING:
    from animatic.manifest import Manifest
    from animatic.manifest.model import Shot


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@file_option
@deliver_option
@json_option
def status(run_id: str | None, files: tuple[Path, ...], deliver: str | None, as_json: bool) -> None:
    """Show the state of every shot of a run.

    RUN is its id, or the beginning of it (default: the newest run). With --json it is the manifest.
    """
    run, manifest = asyncio.run(newest_or_named(files, deliver, run_id))
    if as_json:
        print_json(manifest.model_dump(mode="json", by_alias=True))
        return
    print("\n".join(_lines(manifest, f"{run.destination.storage.url}/{run.plan.pipeline}/{run.plan.run_id}/index.html")))


def _lines(manifest: Manifest, page: str) -> list[str]:
    cost = manifest.cost
    lines = [f"{manifest.pipeline} {manifest.run_id}: {manifest.state}{' (simulated)' if manifest.simulated else ''}"]
    lines += [_shot_line(shot) for shot in manifest.shots]
    lines.append(f"  billed {dollars(cost.billed_usd or 0)}, reused {dollars(cost.reused_usd or 0)}, {cost.unpriced} without a known price")
    lines += stray_lines(manifest)
    lines.append(f"  {page}")
    if manifest.prefect.url:
        lines.append(f"  {manifest.prefect.url}")
    return lines


def _shot_line(shot: Shot) -> str:
    facts = [shot.state.replace("_", " ")]
    if shot.clip is not None:
        facts.append(shot.clip.file or shot.clip.key)
    if shot.usd is not None:
        facts.append(dollars(shot.usd))
    if shot.error is not None:
        facts.append(shot.error.message)
    return f"  {shot.key or shot.id:<20} " + "  ".join(facts)
