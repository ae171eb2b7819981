"""Writes what the artifacts of a run show: the live table of shots, its headline, the account of the end, pictures of the storyboard."""

from __future__ import annotations

import asyncio
import base64
import html
import io
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import assert_never

from PIL import Image

from animatic.engine.deliver import file_name
from animatic.engine.progress import FINAL, ProgressTracker, ShotProgress, State
from animatic.engine.run import Run
from animatic.manifest import Manifest
from animatic.media import contact_sheet
from animatic.money import dollars
from animatic.plan import as_svg

MAX_ROWS = 1000
"""Beyond that a table would take the browser seconds; what needs attention is shown first then."""
MAX_PICTURES = 48
MAX_STEPS_DRAWN = 150
_MARKUP = re.compile(r"[\\`*_{}\[\]()|~]")
_BACKTICKS = re.compile(r"`+")
SHEET_WIDTH = 1200
"""Pixels: a storyboard of twelve shots is then about 100 kB."""
Address = Callable[[str], str | None]
"""Returns where a browser finds a file of the run; None where none can reach it."""


def shot_rows(progress: ProgressTracker, files: Mapping[str, str], address: Address) -> list[dict[str, str]]:
    """Return the live table. ``files`` are the delivered ones by step key.

    The clip's cell may hold a Markdown link; `animatic watch` reads the others back.
    """
    shots = list(progress.shots.values())
    if len(shots) > MAX_ROWS:
        shots = sorted(shots, key=lambda shot: _place_in_table(shot.state))[:MAX_ROWS]
    now = progress.clock()
    return [_row(shot, files.get(shot.key), address, now) for shot in shots]


def _row(shot: ShotProgress, file: str | None, address: Address, now: float) -> dict[str, str]:
    elapsed = shot.elapsed(now)
    return {
        "shot": shot.key,
        "state": shot.state,
        "clip": _link(file, address),
        "usd": _usd(shot),
        "seconds": "" if elapsed is None else f"{elapsed:.0f}",
        "model": shot.model,
        "detail": _without_links(shot.detail),
        "job": _without_links(shot.job_id or ""),
    }


def _place_in_table(state: State) -> int:
    """Return where a shot stands in a table that is too long: the lower, the more it needs attention."""
    match state:
        case "failed" | "in doubt":
            return 0
        case "submitting" | "fetching":
            return 1
        case "running" | "preparing":
            return 2
        case "skipped":
            return 3
        case "delivered" | "reused":
            return 4
        case "pending":
            return 5
        case _:
            assert_never(state)


def _usd(shot: ShotProgress) -> str:
    """Return what a shot costs: ``0.22``, ``paid before``, ``unknown`` once it was submitted without a known price."""
    if shot.state == "reused":
        return "paid before"
    if shot.usd is not None:
        return f"{shot.usd.normalize():f}"
    return "unknown" if shot.job_id and shot.state != "failed" else ""


def _link(file: str | None, address: Address) -> str:
    """Return a Markdown link to a delivered file, or its name where no browser can reach it."""
    if file is None:
        return ""
    url = address(file)
    return file if url is None else f"[{file}]({url})"


def percent_ended(progress: ProgressTracker) -> float:
    """Return percent of shots that have ended."""
    shots = progress.shots.values()
    return 100.0 * sum(shot.state in FINAL for shot in shots) / max(1, len(shots))


def headline(progress: ProgressTracker) -> str:
    """Return ``3 of 6 shots: 2 running, 1 failed; billed $0.66, $0.28 set aside``."""
    shots = list(progress.shots.values())
    counts = {state: sum(shot.state == state for shot in shots) for state in dict.fromkeys(shot.state for shot in shots)}
    money = progress.money()
    spent = f"billed {dollars(money.billed)}" + (f", {dollars(money.set_aside)} set aside" if money.set_aside else "")
    ended = sum(shot.state in FINAL for shot in shots)
    return f"{ended} of {len(shots)} shots: {', '.join(f'{number} {state}' for state, number in counts.items())}; {spent}"


def end_markdown(manifest: Manifest, *, address: Address, location: Callable[[str], str]) -> str:
    """Return the account of a run that has ended: what came of it, what it cost, where the record lies, what failed.

    ``location`` returns where a file of the run is, as people open it: a path or an ``s3://`` URL.
    """
    cost = manifest.cost
    billed, reused = (dollars(amount, unknown="an unknown amount") for amount in (cost.billed_usd, cost.reused_usd))
    files = [("page", "index.html"), ("manifest", "manifest.json"), *(("reel", reel.file) for reel in manifest.reels if reel.file)]
    lines = [
        f"# {manifest.pipeline}: {manifest.state}{' (simulated)' if manifest.simulated else ''}",
        f"Run `{manifest.run_id}`: billed **{billed}**, reused {reused}, unpriced: {cost.unpriced}.",
        "",
        *(f"- {what}: {_place(name, address, location)}" for what, name in files),
    ]
    failed = [(shot.key or shot.id, shot.error.message) for shot in manifest.shots if shot.error is not None]
    if failed:
        lines += ["", "## Not delivered", ""]
        lines += [f"- **{literal(name)}**: {literal(message)}" for name, message in failed[:MAX_ROWS]]
    return "\n".join(lines)


def _place(name: str, address: Address, location: Callable[[str], str]) -> str:
    url = address(name)
    return f"`{location(name)}`" if url is None else f"[{name}]({url}) (`{location(name)}`)"


def fenced(lines: Iterable[str]) -> str:
    """Return text as a block that Markdown leaves as it is."""
    lines = list(lines)
    longest = max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(4, longest + 1)
    return "\n".join([fence, *lines, fence])


def literal(text: str) -> str:
    """Return text of others (Krea's, a gateway's) so that Markdown shows it as it was written: no link, no HTML, one line."""
    return html.escape(_MARKUP.sub(r"\\\g<0>", " ".join(text.split())), quote=False)


def _without_links(text: str) -> str:
    """Return the text of a table's cell: the UI makes links of Markdown's there, and of nothing else."""
    return text.replace("](", "] (")


def graph_picture(run: Run) -> str | None:
    """Return the plan's graph as a data URI; None where it would be too large to read."""
    if len(run.plan.steps) > MAX_STEPS_DRAWN:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(as_svg(run.plan).encode()).decode()}"


async def storyboard_picture(run: Run) -> str | None:
    """Return the stills of the first delivered shots on one sheet as a data URI; None where nothing was delivered."""
    folder = run.workdir / "stills"
    paths: list[Path] = []
    for step in run.plan.steps:
        take = run.takes.get(step.key)
        if take is None or take.thumbnail is None or len(paths) == MAX_PICTURES:
            continue
        data = await run.storage.read(take.thumbnail)
        if data is not None:
            path = folder / file_name(step, ".jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            paths.append(path)
    if not paths:
        return None
    async with run.gates.media:
        return await asyncio.to_thread(_sheet, paths, run.workdir / "storyboard.jpg")


def _sheet(paths: list[Path], target: Path) -> str:
    contact_sheet(paths, target)
    with Image.open(target) as sheet:
        sheet.thumbnail((SHEET_WIDTH, SHEET_WIDTH * 4))
        small = io.BytesIO()
        sheet.save(small, "JPEG", quality=80, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
