"""Gets the take of a step or the job that makes it; the one place that spends money, with at most one POST per take at a time.

The ledger decides. A take that exists is used; a job that was paid for is resumed; an intent that somebody holds is waited for; a
submission in doubt is resolved by reading; and only what nobody ever paid for is intended, sent and claimed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import TypeVar

from animatic.engine.crashpoints import crashpoint
from animatic.engine.doubt import STALE_INTENT, await_owner, resolve_doubt, resolve_left_behind
from animatic.engine.expectation import expectation_of
from animatic.engine.inputs import Resolved, passes_results_on, resolve_inputs, sent_with_failures
from animatic.engine.lost import check_given_up, check_lost_answers, confusable, resolve_lost, wait_for_answer
from animatic.engine.reach import out_of_reach
from animatic.engine.run import Run, stops_everything
from animatic.engine.search import Lost
from animatic.engine.second_look import look_again
from animatic.engine.state import SubmittedJob
from animatic.engine.windows import SENDING_SLACK_SECONDS
from animatic.errors import AnimaticError, InDoubtError, JobFailedError, RequestRefusedError, ShotError, StorageError
from animatic.krea import MODERATED, Job, LostAnswerError, NotSentError
from animatic.krea.callbacks import is_token
from animatic.ledger import Failure, Intent, Submission, Take
from animatic.plan import Request, Step, slate_of
from animatic.redact import redact_body

T = TypeVar("T")
ENDED_WITHOUT_A_TAKE = frozenset({"failed", "moderated", "cancelled"})


async def obtain(run: Run, step: Step, request: Request) -> Take | SubmittedJob:
    """Return the take of a step if there is one, else the job that will make it, submitting it if nobody has.

    Raises InDoubtError (a person must choose), MoneyError, KreaRefusedError (both stop the run), NotSentError (429 or no connection:
    nothing was accepted, try again later), and ShotError for what Krea refuses.
    """
    while True:
        take = await existing_take(run, step)
        if take is not None:
            return take
        submissions = await run.ledger.submissions.of(step.fingerprint)
        last = submissions[-1] if submissions else None
        if last is not None and not last.known:
            run.progress.change(step.key, "in doubt", "finding out what became of an earlier submission", attempt=last.number)
            if not await await_owner(run, last):
                await resolve_doubt(run, last, on_wait=partial(_tell_wait, run, step, last))
            continue
        awaited = next((submission for submission in reversed(submissions) if submission.waits_for_job), None)
        if awaited is not None:
            await _check_reach(run, step, awaited)
            if run.receiver is not None and is_token(awaited.intent.token):
                run.receiver.register(awaited.intent.token)  # whoever sent it may be gone; its callback still comes
            return _adopt(awaited)
        if await look_again(run, submissions, waits_for=step):
            continue
        run.check_open()
        run.budget.check_prices((request,))
        job = await _prepared(run, step, request, submissions)
        if job is not None:
            return job


async def _prepared(run: Run, step: Step, request: Request, submissions: tuple[Submission, ...]) -> SubmittedJob | None:
    """Fill the inputs of a request and submit it. None: the ledger says what is to be done now."""
    run.progress.change(step.key, "preparing", model=request.model)
    resolved = await resolve_inputs(run, request, refused=sent_with_failures(submissions))
    try:
        return await _submit(run, step, request, resolved, submissions[-1].number + 1 if submissions else 1)
    except RequestRefusedError as error:
        if error.code == MODERATED or not passes_results_on(run, resolved.inputs):
            raise
        # Krea need not take its own addresses back: once more with what lies at the destination in their place.
        run.progress.change(step.key, "preparing", f"{error.message}; again with the stored file instead of Krea's address of it")
        return None


async def _check_reach(run: Run, step: Step, submission: Submission) -> None:
    """Refuse to wait for a job that this run cannot see, lest it counts as lost. Raises InDoubtError."""
    reason = out_of_reach(run.client, submission.intent)
    job_id = submission.submitted.job_id if submission.submitted else ""
    if reason and await run.client.job(job_id) is None:
        raise InDoubtError(
            f"shot {step.key!r} was submitted as job {job_id}, which is not to be seen here: {reason}",
            hint="run again with the KREA_API_URL and KREA_API_TOKEN that it was sent with; "
            f"if they are gone, pay for a new one: `animatic retake {run.plan.pipeline} {step.key}`",
            candidates=(job_id,),
        )


def _tell_wait(run: Run, step: Step, last: Submission, seconds: float) -> None:
    text = f"Krea may still be working on an earlier submission: waiting up to {seconds:.0f} s for its job"
    run.progress.change(step.key, "in doubt", text, attempt=last.number)


async def existing_take(run: Run, step: Step) -> Take | None:
    """Return the recorded take of a step, provided that its file is still there and the same."""
    take = await run.ledger.takes.get(step.fingerprint)
    if take is None:
        return None
    digest = await run.storage.digest(take.clip.key)
    if digest != take.clip.sha256:
        raise ShotError(
            f"the clip of shot {step.key!r} was paid for, but {run.storage.location(take.clip.key)} is "
            f"{'gone' if digest is None else 'not what was delivered any more'}",
            hint=f"put the file back, or pay for a new take: `animatic retake {run.plan.pipeline} {step.key}`",
            code="clip_missing" if digest is None else "clip_changed",
        )
    return take


def _adopt(submission: Submission) -> SubmittedJob:
    assert submission.submitted is not None
    return SubmittedJob(
        fingerprint=submission.intent.fingerprint,
        attempt=submission.number,
        job_id=submission.submitted.job_id,
        model=submission.intent.model,
        submitted_at=submission.submitted.created_at or submission.intent.intended_at,
        usd=submission.intent.usd,
        request=submission.intent.request,
        inputs=submission.intent.inputs,
        adopted=True,
    )


async def _submit(run: Run, step: Step, request: Request, resolved: Resolved, number: int) -> SubmittedJob | None:
    """Send one POST. None: another worker holds this submission, or it never arrived; the ledger knows, so look again."""
    media_fields = frozenset(sent.field for sent in resolved.inputs)
    expected = expectation_of(request.endpoint, resolved.body, resolved.inputs)
    async with run.gates.left_behind:
        if not run.state.left_behind_resolved:
            await resolve_left_behind(run)
            run.state.left_behind_resolved = True
    with contextlib.ExitStack() as flight:
        while True:
            async with run.gates.post:
                await run.wait_for_posts()
                run.check_open()
                search = await confusable(run, request.model, media_fields, expected)
                if search is None:
                    if await check_lost_answers(run, step):
                        return None
                    # From the intent to the record of the answer nothing may be cut short: a cancelled run ends after this, not within.
                    sent = await _to_the_end(lambda: _spend(run, step, request, resolved, number, flight))
                    break
            run.progress.change(step.key, "preparing", f"waits for the lost answer of {search.submission.intent.step}", model=request.model)
            await wait_for_answer(run, search)
        if not isinstance(sent, Lost):
            return sent
        run.progress.change(step.key, "in doubt", sent.error.message, attempt=number)
        found = await resolve_lost(run, sent)
        return await _found_by_another(run, sent.intent) if found is None else _sent(found, sent.intent)


async def _found_by_another(run: Run, intent: Intent) -> SubmittedJob | None:
    """Return the job of a submission of this run that another run has found, while it runs; None where the ledger says what is to be done.

    Raises JobFailedError if that one has seen it fail, as this run would when waiting for it: it uses up a retry here.
    """
    found = await run.ledger.submissions.get(intent.fingerprint, intent.attempt)
    if found is None or found.submitted is None:
        return None
    if found.settled is None:
        return _adopt(found)
    if found.settled.outcome in ENDED_WITHOUT_A_TAKE:
        error = found.settled.error or Failure(code=found.settled.outcome, message="another run has seen its job fail")
        raise JobFailedError(error.message, code=error.code, repeatable=found.settled.outcome == "failed")
    return None


async def _spend(
    run: Run, step: Step, request: Request, resolved: Resolved, number: int, flight: contextlib.ExitStack
) -> SubmittedJob | Lost | None:
    before = await run.ledger.submissions.of(step.fingerprint) if number > 1 else ()
    if before and before[-1].waits_for_job:  # another worker has found the job of a submission that was given up
        return None
    if await check_given_up(run, before):
        return None
    began, losses = run.timing.monotonic(), run.gates.post.losses
    async with run.gates.reserve if run.budget.is_shared else contextlib.nullcontext():
        intent = await _intend(run, step, request, resolved, number)
        if intent is None:
            return None
        flight.enter_context(run.while_sending(intent.token))
        crashpoint("after-intended")
        run.progress.change(step.key, "submitting", attempt=number, usd=intent.usd)
        refused = await _confirm(run, step)
    if refused is not None:
        await _settle_unsent(run, step, intent, refused)
        raise refused
    try:
        # Both clocks: one does not count the time in which the machine slept, the other may step.
        if run.timing.now() - intent.intended_at > STALE_INTENT or run.timing.monotonic() - began > STALE_INTENT.total_seconds():
            raise NotSentError("the machine was asleep between the intent and the submission")  # others may have given it up
        webhook = run.receiver.register(intent.token) if run.receiver else None
        slate = slate_of(run.plan, step, request) if run.simulated else None
        job = await run.client.submit(request.endpoint, resolved.body, webhook=webhook, slate=slate)
    except LostAnswerError as error:
        run.gates.post.lost()
        return Lost(intent=intent, error=error, at=run.timing.monotonic())
    except AnimaticError as error:
        await _settle_unsent(run, step, intent, error)
        raise
    run.gates.post.answered(losses)
    crashpoint("after-answer")
    try:
        await run.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how="answer", type=job.type)
    except StorageError as error:  # its id is known here alone
        run.state.unrecorded[step.key] = job.id
        raise StorageError(f"{step.key} is job {job.id} at Krea, and that cannot be recorded: {error.message}", hint=error.hint) from error
    if (known := run.state.learned.get(request.model)) and not known[0].types:  # the first answer tells most
        del run.state.learned[request.model]
    crashpoint("after-submitted")
    # Noted at once: an interruption may come before anybody waits for it.
    run.state.running[step.key] = sent = _sent(job, intent)
    return sent


async def _intend(run: Run, step: Step, request: Request, resolved: Resolved, number: int) -> Intent | None:
    """Reserve the price and win the right to send the POST; None: another worker has it."""
    await run.budget.reserve(step, number, request)
    crashpoint("before-intended")
    intent = await run.ledger.submissions.intend(
        fingerprint=step.fingerprint,
        attempt=number,
        model=request.model,
        endpoint=request.endpoint,
        pipeline=run.plan.pipeline,
        step=step.key,
        run_id=run.plan.run_id,
        usd=request.price.usd,
        request=redact_body(resolved.body),
        inputs=resolved.inputs,
        deadline_seconds=run.settings.patience.post + SENDING_SLACK_SECONDS,
        clock_offset=lambda: run.client.clock_offset,
        clock_error=run.client.clock_error,
        origin="" if run.simulated else run.client.origin,
        account=(lambda _token: "") if run.simulated else run.client.account,
    )
    if intent is None:
        run.budget.release(step.fingerprint, number)
    return intent


async def _confirm(run: Run, step: Step) -> AnimaticError | None:
    """Look at the budgets again, now that the intent counts; returns why nothing may be sent."""
    try:
        await run.budget.confirm(step)
    except AnimaticError as error:
        return error
    return None


async def _settle_unsent(run: Run, step: Step, intent: Intent, error: AnimaticError) -> None:
    """Record that an intent was not sent, or was turned away."""
    run.budget.release(intent.fingerprint, intent.attempt)
    failure = Failure(code=error.code, message=error.message)
    await run.ledger.submissions.settle(intent.fingerprint, intent.attempt, "unsent", usd=Decimal(0), error=failure)
    if stops_everything(error) and not step.spare:
        run.stop(error)


def _sent(job: Job, intent: Intent) -> SubmittedJob:
    return SubmittedJob(
        fingerprint=intent.fingerprint,
        attempt=intent.attempt,
        job_id=job.id,
        model=intent.model,
        submitted_at=intent.intended_at,
        usd=intent.usd,
        request=intent.request,
        inputs=intent.inputs,
        adopted=False,
    )


async def _to_the_end(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end even when cancelled meanwhile, however often; the cancellation then takes effect."""
    task = asyncio.ensure_future(work())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
