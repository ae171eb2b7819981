"""Measures what a run costs beside its jobs, and how that grows: one storyboard in four ways, from one shot to two thousand.

The ways take turns (`benchmarks.ways`). The larger a storyboard, the fewer ways and answers it is measured with in `growth`, for time's
sake; `thousands` is all ways at the largest two.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import Cell, Grid
from benchmarks.ways import WAYS, Measured, Prefect, Setting, Way, run_once

SMALL = 40
ROUNDS_OF_SMALL = 3
"""Storyboards up to that size are measured once for each so many rounds that are asked for, larger ones once: seconds of waiting add up."""
ALONE: tuple[Way, ...] = ("animatic",)
PREFECT: tuple[Way, ...] = ("animatic", "tasks", "by hand")
HEADINGS = (
    "storyboard",
    "way",
    "start s",
    "jobs x",
    "over s",
    "CPU s",
    "CPU/shot",
    "MB",
    "Krea/job",
    "Prefect/shot",
    "server CPU/shot",
    "lost",
    "wanted",
)
NOTE = """\
storyboard: shots, seconds of their jobs, when Krea answers a submission. start: from the start of the process to its first
submission at Krea (wanted: 3 s). jobs x: from there until the last job was done, beside the jobs alone. over: from the first
submission to the end of the process, less the jobs. CPU/shot: of the process, beyond what one shot costs (wanted: 0.045 s); last,
how many times as much in the largest storyboard. MB: its peak memory. Krea/job, Prefect/shot: requests; the states of tasks go to
Prefect through a websocket, which is one. lost: tasks that the Prefect server never saw complete. asyncio and both Prefect flows
keep the clips as they come: nothing is looked at or recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One storyboard and the ways in which it is measured; ``wanted``: how much longer than its jobs all may take."""

    setting: Setting
    ways: Sequence[Way] = WAYS
    wanted: str = ""


CASES = (
    Case(setting=Setting(shots=1, job_seconds=2.0)),
    Case(setting=Setting(shots=1, job_seconds=2.0, answer_seconds=0.5)),
    Case(setting=Setting(shots=40, job_seconds=10.0), wanted="1.06"),
    Case(setting=Setting(shots=40, job_seconds=10.0, answer_seconds=0.5)),
    Case(setting=Setting(shots=200, job_seconds=30.0), ways=ALONE, wanted="1.08"),
    Case(setting=Setting(shots=200, job_seconds=30.0, answer_seconds=0.5), ways=PREFECT),
    Case(setting=Setting(shots=1_000, job_seconds=60.0), ways=ALONE, wanted="1.25"),
    Case(setting=Setting(shots=2_000, job_seconds=30.0), ways=ALONE),
    Case(setting=Setting(shots=20, job_seconds=1.0, chained=True), ways=ALONE),
)
THOUSANDS = tuple(
    Case(setting=Setting(shots=shots, job_seconds=60.0, answer_seconds=answer), wanted="1.25" if shots == 1_000 else "")  # noqa: PLR2004
    for shots in (1_000, 2_000)
    for answer in (0.0, 0.5)
)


def growth(folder: Path, rounds: int) -> Grid:
    """From one shot to two thousand, and a chain of twenty."""
    return _measured(folder, rounds, CASES, "Growth: what a run costs beside its jobs")


def thousands(folder: Path, rounds: int) -> Grid:
    """All ways at a thousand and two thousand shots, once. It takes most of an hour."""
    del rounds
    first = Case(setting=Setting(shots=1, job_seconds=2.0))
    return _measured(folder, 1, (first, *THOUSANDS), "Thousands: all ways at the largest storyboards")


def _measured(folder: Path, rounds: int, cases: Iterable[Case], title: str) -> Grid:
    prefect = Prefect.up()
    found: dict[tuple[Setting, Way], list[Measured]] = {}
    rows: list[Sequence[Cell]] = []
    for place, case in enumerate(cases):
        for number in range(max(1, rounds // ROUNDS_OF_SMALL) if case.setting.shots <= SMALL else 1):
            for way in case.ways:
                measured = run_once(folder / f"{place}-{number}-{way}", case.setting, way, prefect)
                found.setdefault((case.setting, way), []).append(measured)
        rows += [row(case, way, found[case.setting, way], _first(found, way)) for way in case.ways]
    return Grid(title=title, note=NOTE, headings=HEADINGS, rows=(*rows, *grown(found)))


def row(case: Case, way: Way, taken: Sequence[Measured], first: float) -> Sequence[Cell]:
    """Return the medians of a way; ``first``: seconds of CPU that a single shot costs this way."""
    setting, middle = case.setting, statistics.median
    return (
        setting.name,
        way,
        middle(one.start for one in taken),
        middle(one.jobs for one in taken) / setting.ideal,
        middle(one.wall for one in taken) - setting.ideal,
        middle(one.life.cpu for one in taken),
        _per_shot(taken, first, setting.shots),
        round(middle(one.life.peak for one in taken) / 1e6),
        middle(one.krea_requests for one in taken) / setting.shots,
        middle(one.prefect_requests for one in taken) / setting.shots,
        middle(one.server_cpu for one in taken) / setting.shots,
        max(one.lost for one in taken),
        case.wanted if way == "animatic" else "",
    )


def _per_shot(taken: Sequence[Measured], first: float, shots: int) -> float | None:
    return (statistics.median(one.life.cpu for one in taken) - first) / (shots - 1) if shots > 1 else None


def _first(found: dict[tuple[Setting, Way], list[Measured]], way: Way) -> float:
    """Return the CPU of a single shot, however quick its answers."""
    return statistics.median(one.life.cpu for (setting, of), taken in found.items() if of == way and setting.shots == 1 for one in taken)


def grown(found: dict[tuple[Setting, Way], list[Measured]]) -> Iterator[Sequence[Cell]]:
    """Yield how many times as much a shot costs in the largest storyboard as in the one of forty, for each way that has both."""
    blank: tuple[Cell, ...] = (None,) * (len(HEADINGS) - 7)
    for way in WAYS:
        measured = [setting for (setting, of) in found if of == way and not setting.chained]
        if not measured:
            continue
        largest = max(measured, key=lambda setting: setting.shots)
        small = [one for one in measured if one.shots == SMALL and one.answer_seconds == largest.answer_seconds]
        if small and largest.shots > SMALL:
            costs = [_per_shot(found[one, way], _first(found, way), one.shots) or 0.0 for one in (largest, small[0])]
            yield f"growth: {largest.shots:,} shots / {SMALL}", way, None, None, None, None, costs[0] / costs[1], *blank
