"""Measures how fast a storyboard is with Krea: from the arrival of its first submission there until its last job is done.

Beside ``animatic run`` stands the same by hand (`benchmarks.peer`). Krea is the stand-in of the crash tests: it answers after a set time,
knows no limit of jobs at once, and notes when each submission came.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from animatic.prefect.server import ensure, stop
from benchmarks.declarations import write_declaration
from benchmarks.measure import CommandFailedError, Cost, command
from benchmarks.tables import Results, Row
from benchmarks.validating import ANIMATIC
from tests.faults.krea_jobs import Answer, Course
from tests.faults.krea_server import StandIn, serve

MOST_ROUNDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """So many independent shots, the seconds of their jobs and of each answer, and how much longer than one job all may take."""

    shots: int
    job_seconds: float
    answer_seconds: float
    limit: float

    @property
    def name(self) -> str:
        """What the row says."""
        answers = f"after {self.answer_seconds:g} s" if self.answer_seconds else "at once"
        return f"{self.shots} shots, jobs of {self.job_seconds:g} s, answers {answers}"


SETTINGS = (
    Setting(shots=40, job_seconds=10.0, answer_seconds=0.5, limit=1.15),
    Setting(shots=40, job_seconds=10.0, answer_seconds=0.0, limit=1.08),
    Setting(shots=200, job_seconds=30.0, answer_seconds=0.5, limit=1.12),
)


def speed(folder: Path, rounds: int) -> Results:
    """All settings, both ways in turns."""
    home = folder / "home"
    server = ensure(home)
    rows: list[Row] = []
    try:
        for place, setting in enumerate(SETTINGS):
            taken: dict[str, list[tuple[Cost, Cost]]] = {"animatic": [], "by hand": []}
            for number in range(1 if setting.shots > SETTINGS[0].shots else min(rounds, MOST_ROUNDS)):
                for way, found in taken.items():
                    found.append(_once(folder / f"{place}-{number}-{way[:2]}", setting, way, home, server.api_url))
            rows += _rows(setting, taken)
    finally:
        stop(home)
    return Results(
        title="Submitting: first submission at Krea until the last job is done",
        limit="one job alone: nothing can be faster",
        rows=tuple(rows),
    )


def _rows(setting: Setting, taken: Mapping[str, list[tuple[Cost, Cost]]]) -> list[Row]:
    ideal = Cost(wall=setting.job_seconds, cpu=0.0)
    rows = []
    for way, found in taken.items():
        wall = statistics.median(cost.wall for cost, _ in found)
        cpu = statistics.median(cost.cpu for cost, _ in found)
        posts = statistics.median(until.wall for _, until in found)
        rows.append(
            Row(
                what=f"{setting.name}: {way}",
                cost=Cost(wall=wall, cpu=cpu),
                limit=ideal,
                target=f"{setting.limit:g}" if way == "animatic" else "",
                note=f"{posts:.1f} s until the last submission came",
            )
        )
    return rows


def _once(folder: Path, setting: Setting, way: str, home: Path, prefect_url: str) -> tuple[Cost, Cost]:
    """Return what it took in all (with the CPU of the process, its start included), and until the last submission came."""
    folder.mkdir()
    answer = Answer(after=setting.answer_seconds, job_after=0.0)
    with serve(StandIn(answer=answer, course=Course(seconds=setting.job_seconds))) as krea:
        file = write_declaration(folder / "pipelines.yaml", setting.shots, chained=False, seconds=4)
        env = {"ANIMATIC_HOME": str(home), "KREA_API_URL": krea.url, "KREA_API_TOKEN": "bench", "PREFECT_API_URL": prefect_url}
        if way == "animatic":
            measured = command([*ANIMATIC, "run", "storyboard", "--file", str(file)], cwd=folder, env=env)
        else:
            hand = [sys.executable, "-m", "benchmarks.peer", krea.url, str(setting.shots), str(folder)]
            measured = command(hand, env=env | {"PREFECT_LOGGING_LEVEL": "ERROR"})
        cpu = measured().cpu
        jobs, posts = krea.ours(), [post.at for post in krea.posts]
    if len(jobs) != setting.shots or len(posts) != setting.shots:
        raise CommandFailedError(f"{len(posts)} submissions and {len(jobs)} jobs for {setting.shots} shots")
    return Cost(wall=max(job.ends for job in jobs) - posts[0], cpu=cpu), Cost(wall=posts[-1] - posts[0], cpu=0.0)
