"""Measures one process to its end: seconds, CPU, peak memory, and what it takes while others watch it wait (Linux: read from ``/proc``)."""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import CommandFailedError

SAMPLE_SECONDS = 0.5
LONGEST_SECONDS = 1_200.0
KIBIBYTE = 1024
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What a process had taken at a time: seconds since the epoch, seconds of CPU, bytes of memory."""

    at: float
    cpu: float
    memory: int
    peak: int
    """The most memory so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One run of a process: when it began and ended (seconds since the epoch), its CPU with its children's, its peak memory."""

    began: float
    ended: float
    cpu: float
    peak: int
    samples: Sequence[Sample]


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """What a process took in a span of its life: share of a core, most bytes of memory, the span's seconds."""

    core: float
    memory: int
    seconds: float


def live(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], until: Callable[[], bool] = lambda: False) -> Life:
    """Run a command to its end and sample it meanwhile; ``until`` ends it before, politely, once it is true.

    Raises CommandFailedError with its last messages where it fails (unless it was ended), or does not end.
    """
    with tempfile.TemporaryFile() as messages:
        began = time.time()
        process = subprocess.Popen(arguments, cwd=cwd, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=messages)
        samples: list[Sample] = []
        over, ended_early = threading.Event(), threading.Event()

        def watch() -> None:
            while not over.wait(SAMPLE_SECONDS):
                if (sample := sample_of(process.pid)) is not None:
                    samples.append(sample)
                if (until() or time.time() - began > LONGEST_SECONDS) and not ended_early.is_set():
                    ended_early.set()
                    process.terminate()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.time()
        over.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if (process.returncode and not ended_early.is_set()) or ended - began > LONGEST_SECONDS:
            messages.seek(0)
            said = messages.read().decode(errors="replace")[-2_000:]
            raise CommandFailedError(f"{' '.join(arguments)} ended with {process.returncode}:\n{said}")
    # Not `ru_maxrss`: a child begins with the memory of the process that started it.
    peak = max((sample.peak for sample in samples), default=0)
    return Life(began=began, ended=ended, cpu=usage.ru_utime + usage.ru_stime, peak=peak, samples=tuple(samples))


def sample_of(pid: int) -> Sample | None:
    """Return what a process has taken so far; None once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        memory = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        now, most = (int(memory[name].split()[0]) * KIBIBYTE for name in ("VmRSS", "VmHWM"))
    except (OSError, KeyError):  # the second: it has ended, and nobody has asked how
        return None
    return Sample(at=time.time(), cpu=(int(fields[11]) + int(fields[12])) / TICK, memory=now, peak=most)


def waiting(samples: Iterable[Sample], began: float, ended: float, *, least: float = 5.0) -> Waiting | None:
    """Return what a process took between two times; None where fewer than ``least`` seconds were sampled."""
    within = [sample for sample in samples if began <= sample.at <= ended]
    if len(within) < 2 or (seconds := within[-1].at - within[0].at) < least:  # noqa: PLR2004 (two ends of a span)
        return None
    core = (within[-1].cpu - within[0].cpu) / seconds
    return Waiting(core=core, memory=max(sample.memory for sample in within), seconds=seconds)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least ``share`` (above 0, to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]
