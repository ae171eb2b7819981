"""Makes every step of a plan: waits for what it depends on, makes the take, delivers it, or records why not.

Stages (generate, wait, upload) are given from outside: the flow wraps them in Prefect tasks. Attempts and fallbacks are decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from animatic.backoff import Backoff
from animatic.engine.approvals import ApprovalTimeoutError, approval_of
from animatic.engine.choosing import Choosing
from animatic.engine.deliver import Delivered
from animatic.engine.manifest_writer import record_end
from animatic.engine.run import Run, stops_everything
from animatic.engine.state import SubmittedJob
from animatic.engine.unclear import found_unusable, is_unusable
from animatic.errors import (
    UPSTREAM,
    AnimaticError,
    ApprovalError,
    InDoubtError,
    JobFailedError,
    JobTimeoutError,
    ModelGoneError,
    PlanRequiredError,
    RequestRefusedError,
    ShotError,
)
from animatic.krea import Job, NotSentError
from animatic.ledger import Take
from animatic.plan import Request, Step

STARTS_AT_ONCE = 16
"""Bursts of starting tasks lose states at the Prefect server. No fewer than may be submitted at once."""
FIRST_PAUSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 45.0
"""Between two tries of the same request, after a failed job or a submission that was turned away."""


REFUSED_OUTPUTS_TRIED_AGAIN = 1
"""How often a request is sent again because moderation refused what came of it, which is left to chance; `retries` holds as well."""


class Stages(Protocol):
    """What is done to a step. Each may be repeated by its engine: the ledger, not the engine, knows what was submitted and delivered."""

    async def generate(self, step: Step, request: Request) -> Take | SubmittedJob:
        """Return the take if there is one, else the job that makes it, submitted if need be."""
        ...

    async def wait(self, step: Step, submitted: SubmittedJob) -> Job:
        """Wait for the job's end; raises what went wrong."""
        ...

    async def upload(self, step: Step, source: Take | tuple[SubmittedJob, Job]) -> tuple[Take, Delivered]:
        """Fetch a finished job where that is still due, and deliver; returns the take and what the manifest says of it."""
        ...


async def make_all(run: Run, stages: Stages) -> None:
    """Walk every step of the plan. Never raises for a shot that fails: manifest and progress say how each ended."""
    starts = asyncio.Semaphore(max(STARTS_AT_ONCE, run.settings.submit_at_once))
    made: dict[str, asyncio.Task[None]] = {}
    shots: dict[str, asyncio.Task[bool]] = {}
    choosing = Choosing(run=run, make=lambda step: _walk(run, step, stages, [], starts), place=lambda step: _place(run, step, stages))

    async def make(key: str) -> None:
        needs = run.steps[key].depends_on
        upstream = await asyncio.gather(*(shots[need] for need in needs))
        missing = [need for need, there in zip(needs, upstream, strict=True) if not there]
        # Only now: another take of what it starts from may count than was planned.
        await asyncio.gather(*(_walk(run, step, stages, missing, starts) for step in run.takes_of[key]))

    async def one(key: str) -> bool:
        await made[key]
        if choosing.is_due(key):
            await asyncio.gather(*(made[other] for other in run.equals[run.steps[key].base]))
            await choosing.choose(key)
        return await _end(run, run.steps[key])

    # Shots come after what they depend on, so every task that one awaits exists before it runs.
    async with asyncio.TaskGroup() as group:
        for step in run.plan.shots:
            made[step.key] = group.create_task(make(step.key))
            shots[step.key] = group.create_task(one(step.key))


async def _end(run: Run, step: Step) -> bool:
    """Ask a person about a shot where that is due, and record what was chosen; True if what depends on it may be made."""
    take, delivered = run.state.takes.get(step.key), run.state.delivered.get(step.key)
    if take is None or delivered is None or step.key in run.state.undecided:
        return False
    if not step.approve:
        if step.key in run.state.choices:
            await record_end(run, step, take=take, delivered=delivered)
        return True
    try:
        approval = await approval_of(run, step)
    except ApprovalTimeoutError as error:
        await record_end(run, step, take=take, delivered=delivered, error=error)
        return False
    except AnimaticError as error:
        await record_end(run, step, take=take, delivered=delivered, waits=error)
        return False
    await record_end(run, step, take=take, delivered=delivered, approval=approval)
    return True


async def _place(run: Run, step: Step, stages: Stages) -> None:
    """Deliver a take again, which lies elsewhere now: beside the one that counts, or in its place."""
    try:
        take, delivered = await stages.upload(step, run.state.takes[step.key])
    except AnimaticError as error:
        del run.state.takes[step.key]
        await record_end(run, step, error=error)
        return
    run.state.delivered[step.key] = delivered
    await record_end(run, step, take=take, delivered=delivered)


async def _walk(run: Run, step: Step, stages: Stages, missing: list[str], starts: asyncio.Semaphore) -> None:
    """Make the take of one step, and record how it ended."""
    try:
        if open_ := [run.state.undecided[key] for key in missing if key in run.state.undecided]:
            raise ShotError(f"not made yet: {'; '.join(open_)}", code=UPSTREAM)
        if waiting := [key for key in missing if isinstance(run.state.errors.get(key), ApprovalError)]:
            raise ShotError(f"not made yet: {', '.join(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for approval", code=UPSTREAM)
        if late := [key for key in missing if isinstance(run.state.errors.get(key), ApprovalTimeoutError)]:
            raise ShotError(f"not made: {', '.join(late)} {'was' if len(late) == 1 else 'were'} not approved in time", code=UPSTREAM)
        if missing:
            raise ShotError(f"not made, because {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing", code=UPSTREAM)
        async with run.gates.fingerprints[step.fingerprint]:
            _check_not_tried(run, step)
            take, delivered = await _make(run, step, stages, starts)
    except AnimaticError as error:
        if not step.spare and (stops_everything(error) or (run.plan.on_failure == "stop" and not isinstance(error, InDoubtError))):
            run.stop(error)
        await record_end(run, step, error=error)
        return
    run.state.takes[step.key] = take
    run.state.delivered[step.key] = delivered
    await record_end(run, step, take=take, delivered=delivered)


def _check_not_tried(run: Run, step: Step) -> None:
    """Refuse to try once more what failed as the shot of another variant: `retries` are those of the take, not of each variant."""
    tried = run.state.tried.get(step.fingerprint)
    if tried is not None and _asked(tried[0]) == _asked(step):
        other, error = tried
        raise ShotError(f"the same request failed for {other.key}: {error.message}", hint=error.hint, code=error.code)


def _asked(step: Step) -> list[tuple[str, Mapping[str, Any]]]:
    return [(request.model, request.body) for request in step.requests]


async def _make(run: Run, step: Step, stages: Stages, starts: asyncio.Semaphore) -> tuple[Take, Delivered]:
    failure: AnimaticError | None = None
    for request in step.requests:
        run.state.failures[step.fingerprint] = 0
        failures, refused, backoff = 0, 0, _backoff(run)
        lost_before = _lost(run, step)
        while True:
            try:
                return await _attempt(run, step, request, stages, starts)
            except (ModelGoneError, PlanRequiredError, RequestRefusedError, JobTimeoutError) as error:
                failure = failure or error
                break
            except JobFailedError as error:
                failure = failure or error
                failures += 1
                refused += error.output_refused
                if error.code == "cancelled":
                    raise
                run.state.failures[step.fingerprint] = failures
                # An answer that was lost may have been a job as well: each POST counts once.
                used_up = failures + _lost(run, step) - lost_before > step.retries or refused > REFUSED_OUTPUTS_TRIED_AGAIN
                if not error.repeatable or used_up:
                    break
                run.progress.change(step.key, "preparing", f"attempt {failures} failed: {error.message}; trying again")
                await run.timing.sleep(backoff.next())
    assert failure is not None
    if not isinstance(failure, JobTimeoutError):  # a job that took too long lives on, and may be waited for again
        run.state.tried[step.fingerprint] = step, failure
    raise failure


async def _attempt(run: Run, step: Step, request: Request, stages: Stages, starts: asyncio.Semaphore) -> tuple[Take, Delivered]:
    # A slot is held from the submission to the end of the job, and given back before the download.
    async with await _slot_for(run, step, request):
        found = await _begin(run, step, request, stages, starts)
    try:
        return await stages.upload(step, found)
    except ShotError as error:
        if isinstance(found, Take) or not is_unusable(error):
            raise
        raise await found_unusable(run, step, found[0], error) from error


async def _slot_for(run: Run, step: Step, request: Request) -> AbstractAsyncContextManager[None]:
    """Return what holds the slot that making a take needs: none for one that is there, one at once for a job that runs already."""
    gate = run.gates.slots
    if not await gate.limits(request.kind) or await run.ledger.takes.get(step.fingerprint) is not None:
        return contextlib.nullcontext()

    def runs_on() -> bool:
        return step.key in run.state.running

    submissions = await run.ledger.submissions.of(step.fingerprint)
    if any(submission.waits_for_job for submission in submissions):
        return gate.running(request.kind, runs_on=runs_on)
    in_doubt = bool(submissions) and not submissions[-1].known

    def check() -> None:
        if not in_doubt:  # what became of that is found out, whatever else has stopped
            run.check_open()

    def tell() -> None:
        run.progress.change(step.key, "pending", "waiting for a slot: as many jobs as may are running")

    return gate.fresh(request.kind, run.gates.ranks[step.key], check=check, on_wait=tell, runs_on=runs_on)


async def _begin(run: Run, step: Step, request: Request, stages: Stages, starts: asyncio.Semaphore) -> Take | tuple[SubmittedJob, Job]:
    backoff, now = _backoff(run), run.timing.monotonic
    deadline = now() + step.timeout
    unheard_since: float | None = None
    while True:
        try:
            async with starts:
                found = await stages.generate(step, request)
        except NotSentError as error:
            pause = backoff.next(error.retry_after)
            unheard_since = None if error.busy else unheard_since or now()
            patience = deadline if unheard_since is None else min(deadline, unheard_since + run.settings.patience.outage)
            if now() + pause > patience:
                raise
            run.progress.change(step.key, "preparing", f"{error.message}; again in {pause:.0f} s")
            run.hold_posts(pause)
            await run.timing.sleep(pause)
            continue
        return found if isinstance(found, Take) else (found, await stages.wait(step, found))


def _lost(run: Run, step: Step) -> int:
    lost = run.state.lost_answers.get(step.fingerprint)
    return 0 if lost is None else len(lost.intents)


def _backoff(run: Run) -> Backoff:
    return Backoff(first=FIRST_PAUSE_SECONDS, longest=MAX_PAUSE_SECONDS, randomness=run.timing.randomness)
