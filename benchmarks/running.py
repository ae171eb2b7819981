"""Measures what a run costs beyond the jobs themselves: ``animatic run`` against a local Prefect server that is up, and a simulator."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.declarations import write_declaration
from benchmarks.measure import CommandFailedError, Cost, command, middle
from benchmarks.services import jobs_of, krea
from benchmarks.tables import Results, Row
from benchmarks.validating import ANIMATIC
from benchmarks.ways import Prefect

JOB_SECONDS = 4.0
SHOTS = 40
MOST_ROUNDS = 2
IMPORT = (sys.executable, "-c", "import prefect")


def overhead(folder: Path, rounds: int) -> Results:
    """Forty independent shots of four-second jobs, from the start of the process to its end."""
    prefect = Prefect.up()
    home, server = prefect.home, prefect.server
    imported: list[Cost] = []
    parts: dict[str, list[Cost]] = {"start": [], "run": [], "posts": [], "end": [], "bare": []}
    for number in range(min(rounds, MOST_ROUNDS)):
        imported.append(command(IMPORT)())
        found, bare = _once(folder / f"round-{number}", home, server.api_url)
        parts["bare"].append(bare)
        for name, cost in found.items():
            parts[name].append(cost)
    middles = {name: middle(costs) for name, costs in parts.items()}
    return Results(
        title=f"A run: {SHOTS} independent shots, jobs of {JOB_SECONDS:g} s",
        limit='for the start: python -c "import prefect"; for the run: asyncio that submits, sleeps and looks, in a process of its own',
        rows=(
            Row(what="start to first submission", cost=middles["start"], limit=middle(imported), target="4 s"),
            Row(what="first submission to the end", cost=middles["run"], limit=middles["bare"], target="8 s (1.5 x 4 + 2)"),
            Row(what="  of that: until all are submitted", cost=middles["posts"], note="eight POSTs at a time, each recorded durably"),
            Row(what="  of that: after the last job ended", cost=middles["end"], note="fetch, prove, store, deliver, report"),
        ),
    )


def _once(folder: Path, home: Path, prefect_url: str) -> tuple[dict[str, Cost], Cost]:
    folder.mkdir()
    file = write_declaration(folder / "pipelines.yaml", SHOTS, chain=1, seconds=4)
    with krea(folder / "bare", job_seconds=JOB_SECONDS) as url:
        bare = subprocess.run(
            [sys.executable, "-m", "benchmarks.bare", url, str(SHOTS), str(JOB_SECONDS)], capture_output=True, text=True, check=True
        )
    with krea(folder / "krea", job_seconds=JOB_SECONDS) as url:
        env = {"ANIMATIC_HOME": str(home), "KREA_API_URL": url, "KREA_API_TOKEN": "bench", "PREFECT_API_URL": prefect_url}
        began = time.time()
        cost = command([*ANIMATIC, "run", "storyboard", "--file", str(file)], cwd=folder, env=env)()
        ended = began + cost.wall
        jobs = jobs_of(url)
    if jobs.count != SHOTS:
        raise CommandFailedError(f"{jobs.count} jobs were submitted for {SHOTS} shots")
    return {
        "start": Cost(wall=jobs.first - began, cpu=0.0),
        "run": Cost(wall=ended - jobs.first, cpu=cost.cpu),
        "posts": Cost(wall=jobs.last - jobs.first, cpu=0.0),
        "end": Cost(wall=ended - jobs.finished, cpu=0.0),
    }, Cost(wall=float(bare.stdout), cpu=0.0)
