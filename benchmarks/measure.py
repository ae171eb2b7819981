"""Measures wall and CPU time of commands and calls, in turns, so that other load on the machine hits all sides alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Seconds that passed, and seconds of CPU (user and system)."""

    wall: float
    cpu: float


Measure = Callable[[], Cost]


class CommandFailedError(Exception):
    """A measured command did not end well, so its time means nothing."""


def command(arguments: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Measure:
    """Return a measure of one run of a command, children it waited for included. CommandFailedError with its messages if it fails."""

    def run() -> Cost:
        began = time.perf_counter()
        process = subprocess.Popen(
            arguments, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        messages = process.stderr.read()
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise CommandFailedError(f"{' '.join(arguments)} ended with {process.returncode}:\n{messages[-2000:]}")
        return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime)

    return run


def call(function: Callable[[], object]) -> Measure:
    """Return a measure of one call in this process, its threads included."""

    def run() -> Cost:
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        return Cost(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)

    return run


def in_turns(rounds: int, measures: Mapping[str, Measure]) -> dict[str, Cost]:
    """Take every measure once, then all of them again, ``rounds`` times; return medians. A first, untimed round fills the caches."""
    taken: dict[str, list[Cost]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            cost = measure()
            if number:
                taken[name].append(cost)
    return {name: middle(costs) for name, costs in taken.items()}


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median wall and the median CPU time."""
    return Cost(wall=statistics.median(cost.wall for cost in costs), cpu=statistics.median(cost.cpu for cost in costs))
