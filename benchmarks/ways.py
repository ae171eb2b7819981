"""Runs the same storyboard in four ways against a stand-in for Krea and a Prefect server of this machine, and measures each.

The ways: ``animatic run``; plain asyncio (`benchmarks.bare`); bare Prefect tasks and a flow as people write it (`benchmarks.peer`). Krea is
the stand-in of the crash tests: it answers after a set time, knows no limit of jobs at once, and notes what came when.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import httpx

from animatic.prefect.server import LocalServer, ensure, stop
from benchmarks.counting import counting
from benchmarks.declarations import write_declaration
from benchmarks.measure import CommandFailedError
from benchmarks.process import Life, live, sample_of
from benchmarks.validating import ANIMATIC
from tests.faults.krea_jobs import Answer, Course
from tests.faults.krea_server import StandIn, serve

Way = Literal["animatic", "asyncio", "tasks", "by hand"]
WAYS: tuple[Way, ...] = get_args(Way)
TASKS_OF_A_SHOT: Mapping[Way, int] = {"animatic": 3, "asyncio": 0, "tasks": 3, "by hand": 1}
REPOSITORY = Path(__file__).parents[1]
HOME = "BENCHMARKS_HOME"
"""Where the Prefect server of all subjects keeps its data: its first start takes long, so they share one."""
SETTLING_SECONDS = 60.0
"""For the server to learn of all states, once a run has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """So many shots, the seconds of their jobs and of each answer; ``chained``: each begins with the end of the one before."""

    shots: int
    job_seconds: float
    answer_seconds: float = 0.0
    chained: bool = False

    @property
    def name(self) -> str:
        """What a row says."""
        answers = f"after {self.answer_seconds:g} s" if self.answer_seconds else "at once"
        shots = "1 shot" if self.shots == 1 else f"{self.shots:,} shots{' in a row' if self.chained else ''}"
        return f"{shots} of {self.job_seconds:g} s, {answers}"

    @property
    def ideal(self) -> float:
        """Seconds that nothing can be faster than: the jobs alone, at the same time or one after the other."""
        return self.job_seconds * (self.shots if self.chained else 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One way once. Seconds count from the start of the process, or from its first submission at Krea."""

    life: Life
    start: float
    """From the start of the process until its first submission came."""
    posts: float
    """From the first submission until the last."""
    jobs: float
    """From the first submission until the last job was done."""
    wall: float
    """From the first submission until the process had ended."""
    krea_requests: int
    prefect_requests: int
    server_cpu: float
    lost: int
    """Tasks of which the Prefect server did not learn that they had completed."""
    settled: float
    """Seconds from the end of the process until the server knew what it knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefect:
    """A Prefect server of this machine that is up."""

    home: Path
    server: LocalServer

    @classmethod
    def up(cls) -> Prefect:
        """Take that of these benchmarks, started if need be; whoever runs them ends it (`put_down`)."""
        home = Path(os.environ.get(HOME) or tempfile.mkdtemp(prefix="animatic-bench-home-"))
        os.environ[HOME] = str(home)
        return cls(home=home, server=ensure(home))

    @staticmethod
    def put_down() -> None:
        """End it, if there is one, and remove what it kept."""
        if home := os.environ.pop(HOME, None):
            stop(Path(home))
            shutil.rmtree(home, ignore_errors=True)

    def cpu(self) -> float:
        """Return its seconds of CPU so far."""
        sample = sample_of(self.server.pid)
        return sample.cpu if sample else 0.0

    def await_states(self, tasks: int) -> tuple[int, float]:
        """Return how many of so many tasks of the last flow run did not complete for the server, and the seconds until it knew."""
        began = time.monotonic()
        run = self._ask("flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]["id"]
        wanted = {"flow_runs": {"id": {"any_": [run]}}, "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        while True:
            lost = tasks - int(self._ask("task_runs/count", wanted))
            waited = time.monotonic() - began
            if lost <= 0 or waited > SETTLING_SECONDS:
                return max(0, lost), waited
            time.sleep(0.25)

    def _ask(self, path: str, body: Mapping[str, Any]) -> Any:
        return httpx.post(f"{self.server.api_url}/{path}", json=body, timeout=60).raise_for_status().json()


def run_once(folder: Path, setting: Setting, way: Way, prefect: Prefect) -> Measured:
    """Run one way to its end. Raises CommandFailedError where it fails, or did not make each shot once."""
    folder.mkdir(parents=True)
    answer = Answer(after=setting.answer_seconds, job_after=0.0)
    port = urlsplit(prefect.server.api_url).port
    assert port is not None
    with serve(StandIn(answer=answer, course=Course(seconds=setting.job_seconds))) as krea, counting(port) as counter:
        env = environment(prefect, krea) | {"PREFECT_API_URL": counter.url}
        before = prefect.cpu()
        life = live(_command(folder, setting, way, krea), cwd=folder if way == "animatic" else REPOSITORY, env=env)
        requests = counter.requests()
        due = TASKS_OF_A_SHOT[way] * setting.shots
        lost, settled = prefect.await_states(due) if due else (0, 0.0)
        jobs, posts = krea.ours(), [post.at for post in krea.posts]
        if len(jobs) != setting.shots or len(posts) != setting.shots:
            raise CommandFailedError(f"{way}: {len(posts)} submissions and {len(jobs)} jobs for {setting.shots} shots")
        return Measured(
            life=life,
            start=posts[0] - life.began,
            posts=posts[-1] - posts[0],
            jobs=max(job.ends for job in jobs) - posts[0],
            wall=life.ended - posts[0],
            krea_requests=krea.asked.total(),
            prefect_requests=requests,
            server_cpu=prefect.cpu() - before,
            lost=lost,
            settled=settled,
        )


def run_until(folder: Path, setting: Setting, prefect: Prefect, until: Callable[[StandIn], bool]) -> tuple[Life, StandIn]:
    """Run ``animatic run`` until something is true of Krea, and interrupt it then."""
    folder.mkdir(parents=True)
    answer = Answer(after=setting.answer_seconds, job_after=0.0)
    with serve(StandIn(answer=answer, course=Course(seconds=setting.job_seconds))) as krea:
        command = _command(folder, setting, "animatic", krea)
        return live(command, cwd=folder, env=environment(prefect, krea), until=lambda: until(krea)), krea


def environment(prefect: Prefect, krea: StandIn) -> dict[str, str]:
    """Return what a process needs to reach both services."""
    return {
        "ANIMATIC_HOME": str(prefect.home),
        "KREA_API_URL": krea.url,
        "KREA_API_TOKEN": "bench",
        "PREFECT_API_URL": prefect.server.api_url,
    }


def _command(folder: Path, setting: Setting, way: Way, krea: StandIn) -> Sequence[str]:
    shots, seconds = str(setting.shots), str(setting.job_seconds)
    match way:
        case "animatic":
            chain = setting.shots if setting.chained else 1
            file = write_declaration(folder / "pipelines.yaml", setting.shots, chain=chain, seconds=4)
            return [*ANIMATIC, "run", "storyboard", "--file", str(file)]
        case "asyncio":
            return [sys.executable, "-m", "benchmarks.bare", krea.url, shots, seconds, str(folder)]
        case "tasks" | "by hand":
            form = "chain" if setting.chained else "tasks" if way == "tasks" else "hand"
            return [
                "env",
                "PREFECT_LOGGING_LEVEL=ERROR",
                sys.executable,
                "-m",
                "benchmarks.peer",
                form,
                krea.url,
                shots,
                seconds,
                str(folder),
            ]
