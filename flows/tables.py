"""What the artifacts of a run say: pure text from a plan, a board and a manifest. Cells of a table may hold Markdown links."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image

from animatic.engine.deliver import file_name
from animatic.engine.progress import FINAL, PerState, ProgressTracker, ShotProgress
from animatic.engine.run import Run
from animatic.media import contact_sheet
from animatic.plan import as_svg

MOST_ROWS = 1000
"""Beyond that a table would take the browser seconds; what needs attention is shown first then."""
ATTENTION = PerState(
    pending=5,
    preparing=2,
    submitting=1,
    in_doubt=0,
    running=2,
    fetching=1,
    delivered=4,
    reused=4,
    failed=0,
    skipped=3,
)
Address = Callable[[str], str | None]


def shot_rows(board: ProgressTracker, files: Mapping[str, str], address: Address) -> list[dict[str, Any]]:
    """Return the live table. ``files`` are the delivered ones by step key, ``address`` tells where a browser finds a file."""
    shots = list(board.shots.values())
    if len(shots) > MOST_ROWS:
        shots = sorted(shots, key=lambda shot: ATTENTION[shot.state])[:MOST_ROWS]
    now = board.clock()
    return [_row(shot, files.get(shot.key), address, now) for shot in shots]


def _row(shot: ShotProgress, file: str | None, address: Address, now: float) -> dict[str, Any]:
    elapsed = shot.elapsed(now)
    return {
        "shot": shot.key,
        "state": shot.state,
        "clip": link(file, address),
        "usd": money(shot),
        "seconds": "" if elapsed is None else f"{elapsed:.0f}",
        "model": shot.model,
        "detail": shot.detail,
        "job": shot.job_id or "",
    }


def money(shot: ShotProgress) -> str:
    """Return what a shot costs: ``0.22``, ``paid before``, ``unknown`` once it was submitted without a known price."""
    if shot.state == "reused":
        return "paid before"
    if shot.usd is not None:
        return f"{shot.usd.normalize():f}"
    return "unknown" if shot.job_id and shot.state != "failed" else ""


def link(file: str | None, address: Address) -> str:
    """Return a Markdown link to a delivered file, or its name where no browser can reach it."""
    if file is None:
        return ""
    url = address(file)
    return file if url is None else f"[{file}]({url})"


def progress_of(board: ProgressTracker) -> float:
    """Return percent of shots that have ended."""
    shots = board.shots.values()
    return 100.0 * sum(shot.state in FINAL for shot in shots) / max(1, len(shots))


def headline(board: ProgressTracker) -> str:
    """Return ``3 of 6 shots: 2 running, 1 failed; 0.66 USD``."""
    shots = list(board.shots.values())
    counts = {state: sum(shot.state == state for shot in shots) for state in dict.fromkeys(shot.state for shot in shots)}
    spent = sum((shot.usd or Decimal(0) for shot in shots if shot.state not in {"reused", "failed"}), Decimal(0))
    ended = sum(shot.state in FINAL for shot in shots)
    return f"{ended} of {len(shots)} shots: {', '.join(f'{number} {state}' for state, number in counts.items())}; {spent:.2f} USD"


def end_markdown(manifest: Mapping[str, Any], *, address: Address, location: Callable[[str], str]) -> str:
    """Return the account of a run that has ended: what came of it, what it cost, where the record lies, what failed."""
    cost = manifest["cost"]
    simulated = " (simulated)" if manifest["simulated"] else ""
    lines = [
        f"# {manifest['pipeline']}: {manifest['state']}{simulated}",
        f"Run `{manifest['run_id']}`: billed **{_usd(cost['billed_usd'])}**, reused {_usd(cost['reused_usd'])}, unpriced: {cost['unpriced']}.",
        "",
        *(f"- {what}: {_place(name, address, location)}" for what, name in (("page", "index.html"), ("manifest", "manifest.json"))),
        *(f"- reel: {_place(reel['file'], address, location)}" for reel in manifest.get("reels") or ()),
    ]
    failed = [shot for shot in manifest["shots"] if shot.get("error")]
    if failed:
        lines += ["", "## Not delivered", ""]
        lines += [f"- **{shot['key'] or shot['id']}**: {' '.join(shot['error']['message'].split())}" for shot in failed[:MOST_ROWS]]
    return "\n".join(lines)


def _place(name: str, address: Address, location: Callable[[str], str]) -> str:
    url = address(name)
    return f"`{location(name)}`" if url is None else f"[{name}]({url}) (`{location(name)}`)"


def _usd(value: float | None) -> str:
    return "an unknown amount" if value is None else f"{value:.2f} USD"


def fenced(lines: Iterable[str]) -> str:
    """Return text as a block that Markdown leaves as it is."""
    return "\n".join(["````", *lines, "````"])


MOST_PICTURES = 48
WIDTH = 1200
"""Pixels: a storyboard of twelve shots is then about 100 kB."""
MOST_STEPS_DRAWN = 150


def graph_picture(run: Run) -> str | None:
    """Return the plan's graph as a data URI; None where it would be too large to read."""
    if len(run.plan.steps) > MOST_STEPS_DRAWN:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(as_svg(run.plan).encode()).decode()}"


async def storyboard_picture(run: Run) -> str | None:
    """Return the stills of all delivered shots on one sheet as a data URI; None where nothing was delivered."""
    folder = run.workdir / "stills"
    paths: list[Path] = []
    for step in run.plan.steps:
        take = run.takes.get(step.key)
        if take is None or take.thumbnail is None or len(paths) == MOST_PICTURES:
            continue
        path = folder / file_name(step, ".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        data = await run.storage.read(take.thumbnail)
        if data is not None:
            path.write_bytes(data)
            paths.append(path)
    if not paths:
        return None
    async with run.gates.media:
        return await asyncio.to_thread(_sheet, paths, run.workdir / "storyboard.jpg")


def _sheet(paths: list[Path], target: Path) -> str:
    contact_sheet(paths, target)
    with Image.open(target) as sheet:
        sheet.thumbnail((WIDTH, WIDTH * 4))
        small = io.BytesIO()
        sheet.save(small, "JPEG", quality=80, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
