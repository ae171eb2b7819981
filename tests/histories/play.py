"""Plays one history: starts its processes, does to them what the scenario says, lets all faults cease, and takes stock."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from animatic.engine.outcome import outcome
from animatic.engine.run import SENDING_HERE, open_run
from animatic.engine.steps import make_all
from animatic.engine.wait import cancel_running
from animatic.errors import AnimaticError
from animatic.krea import KreaClient
from animatic.settings import Patience, Secret, Settings
from tests.direct_stages import DirectStages
from tests.histories import patches, person
from tests.histories.history import History, Ran, set_up
from tests.histories.krea import BASE, Post
from tests.histories.loop import EndlessError, Process
from tests.histories.plans import TYPES, plan_of
from tests.histories.scenario import NEVER, Foreign, Scenario, Start, Stop
from tests.histories.stock import take_stock

MAX_RUN_SECONDS = 6 * 3600.0
"""A run that has not ended by then never will."""
QUIET_SECONDS = 1800.0
"""Between the last fault and the last runs: whatever Krea was still at work on has happened."""
OTHER_ROUTE = "/generate/video/other/model"


def play(scenario: Scenario) -> History:
    """Play a history to its end. `tests.histories.patches.in_place` must be."""
    patches.PROCESSES.clear()
    SENDING_HERE.clear()
    home = Path(tempfile.mkdtemp(prefix="history-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    history = set_up(scenario, home)
    loop = history.loop
    try:
        try:
            loop.run_until_complete(_Director(history).direct())
        except EndlessError as error:
            history.broken.append(f"endless: {error}")
        history.network.closed = history.storage.closed = True
        loop.clean_up()
    finally:
        loop.close()
        shutil.rmtree(home, ignore_errors=True)
    return history


class _Director:
    """Starts and stops processes as the scenario says."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.loop = history.loop
        self.scenario = history.scenario
        self.counts: dict[tuple[str, str], int] = {}
        self.stops: dict[str, list[Stop]] = {}
        self.processes: dict[str, Process] = {}
        self.first_run: str | None = None
        self.rng = random.Random(f"answers {history.scenario.seed}")
        history.network.on_post = self._post_arrived
        history.network.on_answer = lambda _post, process: self._count("answer", process)
        history.storage.written = self._written

    async def direct(self) -> None:
        scenario, history = self.scenario, self.history
        for foreign in scenario.foreign:
            self.loop.later(foreign.at, self._make_foreign, foreign)
        for at, host, seconds in scenario.clock_steps:
            self.loop.later(at, self._step_clock, host, seconds)
        for generation, gap in zip(scenario.generations, scenario.gaps, strict=True):
            somebody = asyncio.create_task(self._answers(generation)) if scenario.person else None
            await asyncio.gather(*(self._process(start) for start in generation))
            await asyncio.sleep(gap)
            if somebody:
                await somebody
        history.tell("world", "all faults cease")
        history.network.quiet = True
        await self._settle_down()
        accounts = dict.fromkeys(start.account for generation in reversed(scenario.generations) for start in reversed(generation))
        for account in (*accounts, *list(accounts)[:1]):
            await self._process(Start(after=0.0, host="anna", account=account), quiet=True)
            await self._settle_down()
            if scenario.person:
                await person.answer(history, account, self.rng)
        await take_stock(history, tuple(accounts))

    async def _answers(self, generation: tuple[Start, ...]) -> None:
        """Look in a few times while processes run, and once when they have ended."""
        for start in (*generation, generation[-1]):
            await asyncio.sleep(self.rng.choice([0.0, self.rng.uniform(0, 30), self.rng.uniform(0, 200)]))
            await person.answer(self.history, start.account, self.rng)

    async def _settle_down(self) -> None:
        """Let everything that Krea is at work on end, and as much time pass as anybody waits for anything."""
        await asyncio.sleep(max(0.0, self.history.network.last_creation - self.loop.elapsed) + 1.0)
        ends = max((job.ends + job.fate.shape_after for job in self.history.krea.jobs), default=0.0)
        await asyncio.sleep(max(0.0, ends - self.loop.elapsed) + QUIET_SECONDS)

    async def _process(self, start: Start, *, quiet: bool = False) -> None:
        await asyncio.sleep(start.after)
        number = len(self.processes) + 1
        process = Process(name=f"p{number}@{start.host}", host=start.host, pid=100 + number)
        process.stopped = lambda seconds: self._stopped(process, seconds)
        self.processes[process.name] = process
        patches.PROCESSES[process.host, process.pid] = process
        self.stops[process.name] = list(start.stops)
        for stop in start.stops:
            if stop.trigger == "time":
                self.loop.later(stop.at, self.loop.halt, process, stop.seconds)
        runs = [self._begin(start, process, number, index, quiet=quiet) for index in range(start.runs)]
        process.died = ended = asyncio.Event()
        for _, task in runs:
            task.add_done_callback(lambda _task: None if any(not task.done() for _, task in runs) else ended.set(), context=self.loop.world)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), MAX_RUN_SECONDS)
        for ran, task in runs:
            if not process.alive and not task.done():
                ran.end = "killed"
            elif not task.done():
                ran.end = "endless"
                self.loop.halt(process)
            ran.ended = self.loop.elapsed
        process.alive = False

    def _begin(self, start: Start, process: Process, number: int, index: int, *, quiet: bool) -> tuple[Ran, asyncio.Task[None]]:
        wall = self.history.wall(start.host)
        resumes = start.resumes and self.first_run is not None and index == 0
        run_id = f"{wall:%Y%m%dT%H%M%SZ}-{number:03x}{index:03x}" if not resumes or self.first_run is None else self.first_run
        self.first_run = self.first_run or run_id
        ran = Ran(run_id=run_id, process=process, account=start.account, began=self.loop.elapsed, quiet=quiet)
        self.history.runs.append(ran)
        what = "goes on with" if resumes else "begins"
        self.history.tell(process.name, f"{what} run {run_id} with account {start.account!r}")
        task = self.loop.spawn(process, self._run(ran, start))
        if start.interrupted_after < NEVER:
            self.loop.later(start.interrupted_after, self._interrupt, ran, task)
        return ran, task

    async def _run(self, ran: Ran, start: Start) -> None:
        history = self.history
        settings = Settings(krea_url=BASE, krea_token=Secret(start.account), home=history.home, patience=self.scenario.patience)
        plan = plan_of(self.scenario, ran.run_id)

        def connect(_url: str, _token: Secret | None, _patience: Patience, _simulator: bool) -> KreaClient:
            return history.client(ran.process, ran.run_id, ran.account)

        try:
            async with open_run(plan, settings, timing=history.timing(ran.process), connect=connect) as run:
                try:
                    await make_all(run, DirectStages(run))
                except asyncio.CancelledError:
                    if start.cancels_jobs:
                        await cancel_running(run)
                    raise
                ran.error = outcome(run)
            ran.end = "error" if ran.error else "well"
        except asyncio.CancelledError:
            ran.end = ran.end or "interrupted"
        except AnimaticError as error:
            ran.end, ran.error = "error", error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            if ran.process.alive:  # what a killed process says while its coroutines are taken apart happens to nobody
                ran.end, ran.error = "unexpected", error
        if not self.loop.ending:
            ran.ended = self.loop.elapsed
            why = f" ({type(ran.error).__name__}: {ran.error})" if ran.error else ""
            history.tell(ran.process.name, f"run {ran.run_id} ends: {ran.end}{why}")

    def _interrupt(self, ran: Ran, task: asyncio.Task[None]) -> None:
        if not task.done() and ran.process.alive and not ran.process.paused:
            self.history.tell(ran.process.name, "is interrupted (Ctrl-C)")
            task.cancel()

    def _stopped(self, process: Process, seconds: float) -> None:
        self.history.tell(process.name, "is killed" if seconds == NEVER else f"is stopped for {seconds:.1f} s")
        if seconds == NEVER and process.died:
            process.died.set()

    def _step_clock(self, host: str, seconds: float) -> None:
        self.history.offsets[host] = self.history.offsets.get(host, 0.0) + seconds
        self.history.tell(host, f"has its clock set by {seconds:+.0f} s")

    def _make_foreign(self, foreign: Foreign) -> None:
        history = self.history
        if history.network.quiet:
            return
        route, type_ = next(iter(TYPES.items())) if foreign.kind == "same" else (OTHER_ROUTE, "other-video")
        type_known = None if foreign.kind == "untyped" or "untyped" in self.scenario.faults else type_
        job = history.krea.create(self.loop.elapsed, foreign.account, route, type_known, replace(foreign.fate), None)
        history.tell("stranger", f"makes {job.id} on account {job.account!r}, type {job.type}")

    def _post_arrived(self, post: Post, process: Process) -> None:
        history = self.history
        post.attempt = history.reader.latest(history.plan, post.prompt)
        history.tell(process.name, f"POST {post.number} for {post.prompt!r}, attempt {post.attempt[1]}: {post.fault or 'healthy'}")
        history.broken += history.reader.over_budget(history.scenario, post, history.krea.posts)
        self._count("post", process)

    def _written(self, key: str, process: Process | None) -> None:
        name = key.removeprefix(".animatic/")
        kind = "claims" if name.startswith("claims/") else name.rpartition("/")[2].removesuffix(".json")
        if (
            process is not None
            and process.name in self.processes
            and kind in {"intended", "claims", "submitted", "settled", "corrected", "take", "doubt", "withdrawn"}
        ):
            self.history.tell(process.name, f"writes {self.history.reader.said(key)}")
            if kind == "doubt" and self._is_about_jobs(key) and self.history.reader.read(f"{key.removesuffix('doubt.json')}submitted.json"):
                self.history.doubted_although_known.append((process.name, key))
            self._count(kind, process)

    def _is_about_jobs(self, key: str) -> bool:
        """Whether a doubt asks about jobs. One about another account remains for whoever has that one's token, job or not."""
        doubt = self.history.reader.read(key)
        return doubt is not None and bool(doubt["candidates"])

    def _count(self, trigger: str, process: Process) -> None:
        self.counts[process.name, trigger] = count = self.counts.get((process.name, trigger), 0) + 1
        for stop in self.stops[process.name]:
            if stop.trigger == trigger and stop.nth == count:
                process.stops[process.steps + stop.steps] = stop.seconds
