"""Records how each shot ended, and keeps the manifest at the destination up to date."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from decimal import Decimal
from typing import Any, Self, assert_never

from pydantic import TypeAdapter

from animatic import manifest
from animatic.catalog.model import field_name
from animatic.engine.attempts import attempt_of, billed_for, left_at_krea, left_by_interruption
from animatic.engine.crashpoints import crashpoint
from animatic.engine.deliver import Delivered
from animatic.engine.index_writer import write_index
from animatic.engine.progress import ShotProgress, doing_of, state_of_record
from animatic.engine.quality import quality_of
from animatic.engine.run import Run
from animatic.engine.sheets import deliver_sheet
from animatic.engine.shot_logs import note_logs
from animatic.engine.strays import note_strays, report_strays
from animatic.errors import (
    UPSTREAM,
    AnimaticError,
    InDoubtError,
    ShotError,
    StorageError,
)
from animatic.krea import TURNED_AWAY
from animatic.ledger import SentInput, Submission, Take
from animatic.ledger.approvals import Approval
from animatic.ledger.model import Grounds
from animatic.manifest import Choice, Decision, Failure, Input, ShotChanges, render_page
from animatic.manifest.model import ShotState
from animatic.manifest.wording import ASKED
from animatic.plan import Step, without_take

log = logging.getLogger(__name__)
NOT_STARTED = frozenset({UPSTREAM, "stopped"})


async def record_end(
    run: Run,
    step: Step,
    *,
    take: Take | None = None,
    delivered: Delivered | None = None,
    error: AnimaticError | None = None,
    waits: AnimaticError | None = None,
    approval: Approval | None = None,
) -> None:
    """Note the end of a step: delivered, reused, failed, skipped or in doubt; or delivered, and ``waits`` for a person."""
    submissions: tuple[Submission, ...] = ()
    state = _state(run, step, take, error)
    changes = ShotChanges(state=state, doing=None, set_aside_usd=None)
    try:
        submissions = await run.ledger.submissions.of(step.fingerprint)
        named = [submission for submission in submissions if _belongs_in_manifest(run, submission)]
        changes |= ShotChanges(attempts=[attempt_of(submission, run.plan.run_id, take) for submission in named])
    except StorageError as unread:
        # How the shot ended is known all the same; a destination that stays away shows when the record is written.
        log.warning("the submissions of %s could not be read: %s", step.key, unread.message)
    note_strays(run, submissions, take)
    if take is not None and delivered is not None:
        members = _members(step, take.model)
        changes |= ShotChanges(
            clip=delivered.clip,
            thumbnail=delivered.thumbnail,
            model=take.model,
            request=take.request,
            inputs=[_input(sent, members.get(sent.field)) for sent in take.inputs],
            job_id=take.job_id,
            submitted_at=take.submitted_at,
            completed_at=take.completed_at,
            usd=take.usd,
            qc=quality_of(take) if step.qc != "off" else None,
            continuity=take.continuity if step.qc != "off" else None,
            error=None,
        )
        changes |= _origin_of(take, submissions)
        if delivered.note is not None:
            changes["note"] = "; ".join(filter(None, (changes.get("note"), delivered.note)))
    if error is not None:
        if not step.spare or isinstance(error, InDoubtError):  # a shot is whole without the take that its checks have asked for
            run.state.errors[step.key] = error
        last = next((submission.submitted for submission in reversed(submissions) if submission.submitted is not None), None)
        job_id = take.job_id if take else last.job_id if last else None
        usd = take.usd if take else billed_for(submissions, job_id)
        changes |= ShotChanges(error=Failure(code=error.code, message=error.message), note=error.hint, job_id=job_id, usd=usd)
        changes |= left_at_krea(submissions[-1] if submissions else None)
    if waits is not None:
        run.state.errors[step.key] = waits
        changes |= ShotChanges(state="waiting", doing=ASKED, note=f"{ASKED} before what depends on it is made")
    if (choice := run.state.choices.get(step.key)) is not None:
        changes |= ShotChanges(choice=Choice(take=choice.take, among=choice.among, why=choice.why))
    if approval is not None:
        changes |= ShotChanges(decision=Decision(by=approval.by, at=approval.at, take=approval.take, note=approval.note))
    run.manifest.shot(step.key).update(**changes)
    run.progress.change(
        step.key,
        state_of_record(state) if waits is None else "waiting",
        error.message if error else ASKED if waits is not None else choice.why if choice is not None else "",
        job_id=take.job_id if take else None,
        usd=take.usd if take else None,
        aside=changes.get("set_aside_usd"),
        billed=_billed(run, submissions) if state != "reused" else None if waits is None else Decimal(0),
    )


def _billed(run: Run, submissions: tuple[Submission, ...]) -> Decimal | None:
    """Return what this run was billed for a shot, None where nothing of it is settled."""
    ours = [found.ending.usd for found in submissions if found.ending and found.intent.run_id == run.plan.run_id]
    known = [usd for usd in ours if usd is not None]
    return sum(known, Decimal(0)) if known else None


def _origin_of(take: Take, submissions: tuple[Submission, ...]) -> ShotChanges:
    """Return how the job of a take became known, with a note where Krea did not say so itself."""
    submitted = next((found.submitted for found in submissions if found.submitted and found.submitted.job_id == take.job_id), None)
    if submitted is None:
        return ShotChanges()
    match submitted.how:
        case "answer" | "callback" | "person" as how:
            return ShotChanges(how=how, evidence=None)
        case "listed" | "evidence":
            said = TypeAdapter(Grounds).dump_python(submitted.evidence, mode="json") if submitted.evidence else None
            note = f"Krea's answer was lost: job {take.job_id} was taken for it, the only one that fits; check that it is the right one"
            return ShotChanges(how="evidence", evidence=said, note=note)
        case _:
            assert_never(submitted.how)


def _state(run: Run, step: Step, take: Take | None, error: AnimaticError | None) -> ShotState:
    if take is not None and error is None:
        made_for = (take.run_id, without_take(take.step))  # which of several takes counts may have changed since
        return "delivered" if made_for == (run.plan.run_id, without_take(step.key)) else "reused"
    if isinstance(error, InDoubtError):
        return "in_doubt"
    return "skipped" if isinstance(error, ShotError) and error.code in NOT_STARTED else "failed"


def _belongs_in_manifest(run: Run, submission: Submission) -> bool:
    """Whether the manifest of this run should name a submission: not those that were turned away, and of other runs what was bought."""
    settled = submission.ending
    if settled and settled.outcome == "unsent" and settled.error and settled.error.code in TURNED_AWAY:
        return False
    return submission.intent.run_id == run.plan.run_id or settled is None or settled.outcome in {"completed", "empty"}


def _members(step: Step, model: str) -> dict[str, str | None]:
    """Return the members of the cast by the fields that their pictures fill, in the request for that model."""
    requests = [request for request in step.requests if request.model == model]
    return {field_name(item.path): item.member for request in requests for item in request.inputs}


def _input(sent: SentInput, member: str | None) -> Input:
    return Input(
        member=member,
        field=sent.field,
        origin=sent.origin,
        shot=sent.shot,
        path=sent.path,
        url=sent.url,
        frame=sent.frame,
        sha256=sent.sha256,
        sent_as=sent.sent_as,
    )


def record_reel(run: Run, *, reel: manifest.Reel | None = None, error: AnimaticError | None = None) -> None:
    """Note a reel, or why there is none."""
    if error is not None:
        run.state.errors.setdefault("reel", error)
    if reel is not None:
        run.manifest.reel(reel)


WRITE_SECONDS = 2.0
"""Between two writes while shots are moving: one object, however many shots there are."""
PAGE_SECONDS = 10.0
"""Between two writes of the page, from the first clip on: whoever watches it has it read again as often."""
BYTES_PER_SECOND = 1_000_000
"""A manifest of thousands of shots has megabytes: it is written more rarely, so that all writes together cost no more per shot."""
PAGE_BYTES_PER_SECOND = 100_000
"""The same for the page, of which each byte costs more."""


class ManifestWriter:
    """Async context manager around the making of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._dirty = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._page_due = 0.0

    @property
    def manifest_location(self) -> str:
        """Where the manifest is, as people open it."""
        return self._run.address("manifest.json")

    @property
    def page_location(self) -> str:
        """Where the page is, as people open it."""
        return self._run.address("index.html")

    async def __aenter__(self) -> Self:
        self._run.progress.listeners.append(self._listen)
        self._dirty.set()
        self._writer = asyncio.create_task(self._keep_writing())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._run.progress.listeners.remove(self._listen)
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    def _listen(self, shot: ShotProgress) -> None:
        """Note what a waiting shot is doing, and have it written."""
        entry = self._run.manifest.shot(shot.key)
        doing = doing_of(shot.state)
        if entry.record.state == "waiting" and doing is not None:
            aside = shot.usd if doing in {"submitted", "running"} else None
            entry.update(doing=doing, set_aside_usd=aside, job_id=shot.job_id if doing in {"running", "fetching"} else None)
        self._dirty.set()

    async def _note_open(self) -> None:
        """Note of every shot that an interruption left how far it came, as the ledger has it."""
        run = self._run
        for step in run.plan.steps:
            entry = run.manifest.shot(step.key)
            if entry.record.state != "waiting" or entry.record.doing == "waits for approval":
                continue
            begun = run.progress.shots[step.key].state not in {"pending", "preparing"}
            submissions = await run.ledger.submissions.of(step.fingerprint) if begun else ()
            entry.update(**left_by_interruption(submissions, run.plan.run_id))

    async def finish(self, *, cancelled: bool) -> manifest.Manifest:
        """Write the final manifest and the page; returns the manifest. Raises StorageError."""
        run = self._run
        if cancelled:
            await self._note_open()
        await report_strays(run, cancelled=cancelled)
        await note_logs(run)
        if not cancelled:  # whoever interrupts a run waits for nothing that is not needed
            run.manifest.sheet = await deliver_sheet(run, run.manifest.manifest(finished_at=run.timing.now()))
        final = run.manifest.manifest(finished_at=run.timing.now(), state="cancelled" if cancelled else None)
        crashpoint("before-manifest")
        await self._write(final)
        await self._write_page(final.model_dump(mode="json", by_alias=True))
        crashpoint("after-manifest")
        await write_index(run.storage, run.ledger, final)
        return final

    async def _keep_writing(self) -> None:
        await note_logs(self._run)
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            size = 0
            try:
                size = await self._write(self._run.manifest.manifest())
                if self._run.takes and self._run.timing.monotonic() >= self._page_due:
                    await self._write_page(self._run.manifest.to_json())
            except StorageError as error:
                # The shots go on; the final write is the one that must succeed.
                log.warning("the manifest could not be updated: %s", error.message)
                self._dirty.set()
            await self._run.timing.sleep(max(WRITE_SECONDS, size / BYTES_PER_SECOND))

    async def _write_page(self, record: dict[str, Any]) -> None:
        data = (await asyncio.to_thread(render_page, record)).encode()
        await self._run.storage.write(f"{self._run.prefix}/index.html", data, content_type="text/html; charset=utf-8")
        self._page_due = self._run.timing.monotonic() + max(PAGE_SECONDS, len(data) / PAGE_BYTES_PER_SECOND)

    async def _write(self, record: manifest.Manifest) -> int:
        """Write the manifest; returns its bytes."""
        data = record.model_dump_json(by_alias=True, indent=2).encode()
        await self._run.storage.write(f"{self._run.prefix}/manifest.json", data, content_type="application/json")
        return len(data)
