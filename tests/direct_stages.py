"""The stages of a step without an engine around them: the same domain code that the flow wraps in tasks."""

from __future__ import annotations

from animatic.engine.deliver import Delivered, deliver_take
from animatic.engine.fetch import fetch_take
from animatic.engine.manifest_writer import ManifestWriter, record_reel
from animatic.engine.outcome import outcome
from animatic.engine.reel import deliver_reel, missing_from
from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.engine.steps import make_all
from animatic.engine.submit import obtain
from animatic.engine.wait import await_job
from animatic.errors import AnimaticError
from animatic.krea import Job
from animatic.ledger import Take
from animatic.plan import Request, Step

FETCHES = 5


class DirectStages:
    """What `animatic.engine.steps.make_all` calls. ``upload`` is tried again as the task is, without its pauses."""

    def __init__(self, run: Run) -> None:
        self.run = run

    async def generate(self, step: Step, request: Request) -> Take | SubmittedJob:
        return await obtain(self.run, step, request)

    async def wait(self, step: Step, submission: SubmittedJob) -> Job:
        return await await_job(self.run, step, submission)

    async def upload(self, step: Step, source: Take | tuple[SubmittedJob, Job]) -> tuple[Take, Delivered]:
        for left in reversed(range(FETCHES)):
            try:
                take = source if isinstance(source, Take) else await fetch_take(self.run, step, *source)
                return take, await deliver_take(self.run, step, take)
            except AnimaticError as error:
                if not error.retryable or not left:
                    raise
        raise AssertionError


async def execute_run(run: Run) -> AnimaticError | None:
    """Make everything that the plan wants, reels and manifest included; returns what the run as a whole ended with."""
    reporter = ManifestWriter(run)
    async with reporter:
        await make_all(run, DirectStages(run))
        for cut in run.plan.cuts:
            if not missing_from(run, cut):
                reel = await deliver_reel(run, cut)
                record_reel(run, reel=reel)
    await reporter.finish(cancelled=False)
    return outcome(run)
