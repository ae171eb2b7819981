"""Builds the manifest while a run goes on: starts from the plan, notes what becomes of each shot, and can be written at any moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict, Unpack, assert_never

from animatic.catalog.model import field_name
from animatic.manifest.model import (
    SIMULATED,
    Clip,
    Cost,
    Doing,
    Input,
    Manifest,
    PageRules,
    PrefectRun,
    Provenance,
    Reel,
    RunState,
    Shot,
    ShotState,
    Source,
    StrayJob,
    TakeEntry,
)
from animatic.manifest.parts import Attempt, Choice, Decision, Failure, LogEntry, Quality
from animatic.plan.model import FileInput, Plan, ShotInput, Step, UrlInput, without_take
from animatic.plan.model import Input as PlanInput


class ShotChanges(TypedDict, total=False):
    """What becomes known of a shot as the run goes on."""

    state: ShotState
    doing: Doing | None
    set_aside_usd: Decimal | None
    note: str | None
    model: str
    request: Mapping[str, Any]
    fingerprint: str
    take: int
    attempts: Sequence[Attempt]
    job_id: str | None
    submitted_at: datetime | None
    completed_at: datetime | None
    usd: Decimal | None
    inputs: Sequence[Input]
    how: Literal["answer", "callback", "evidence", "person"] | None
    evidence: Mapping[str, Any] | None
    clip: Clip | None
    thumbnail: str | None
    qc: Quality | None
    continuity: float | None
    error: Failure | None
    decision: Decision | None
    choice: Choice | None


class ShotEntry:
    """One shot of the manifest. ``record`` is what is known of it now."""

    def __init__(self, record: Shot) -> None:
        self.record = record

    def update(self, **changes: Unpack[ShotChanges]) -> None:
        """Replace what is named. Raises TypeError for a name that the manifest does not have, ValueError for a value that cannot be."""
        if unknown := changes.keys() - ShotChanges.__annotations__.keys():
            raise TypeError(f"a shot of the manifest has no {', '.join(sorted(unknown))}")
        self.record = Shot.model_validate({**dict(self.record), **changes})


class ManifestBuilder:
    """The manifest of one run, while it goes on. Not shared between threads."""

    def __init__(
        self,
        plan: Plan,
        *,
        simulated: bool,
        started_at: datetime,
        animatic_version: str,
        prefect: PrefectRun | None = None,
        provenance: Provenance | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._plan = plan
        self._simulated = simulated
        self._started_at = started_at
        self._version = animatic_version
        self._prefect = prefect or PrefectRun()
        given = provenance or (SIMULATED if simulated else Provenance())
        self._provenance = given.model_copy(update={"c2pa": "signed", "notes": notes}) if plan.c2pa == "sign" else given
        keys = {step.key for step in plan.steps}
        self._shots = {step.key: ShotEntry(_first_record(step, keys)) for step in plan.steps}
        self._beside = _beside(plan)
        """Keys of the further takes of a shot, by the shot's."""
        self._reels: dict[str, Reel] = {}
        self.sheet: str | None = None
        """Key of the storyboard sheet."""
        self.logs: Mapping[str, tuple[LogEntry, ...]] = {}
        """What was said and done about shots, by step key."""
        self.stray_jobs: tuple[StrayJob, ...] = ()
        """Jobs that were paid and belong to no take."""

    def rearrange(self, plan: Plan, before: Mapping[str, str]) -> None:
        """Go on with another plan of the run. ``before``: of the takes that were in it, the key that each had."""
        known = {step.key: self._shots[before[step.key]].record for step in plan.steps if step.key in before}
        keys = {step.key for step in plan.steps}
        self._plan, self._beside = plan, _beside(plan)
        self._shots = {
            step.key: ShotEntry(known[step.key].model_copy(update={"key": step.key}) if step.key in known else _first_record(step, keys))
            for step in plan.steps
        }

    def shot(self, key: str) -> ShotEntry:
        """Return the entry of a step. Raises KeyError if the plan has none of that key."""
        return self._shots[key]

    def reel(self, reel: Reel) -> None:
        """Enter a reel; a second one of its name and variant replaces the first."""
        self._reels[repr((sorted(reel.variant.items()), reel.name))] = reel

    @property
    def state(self) -> RunState:
        """The run's state, as its shots add up to it."""
        records = ((step, self._shots[step.key].record.state) for step in self._plan.steps)
        # A shot is whole without the take that its checks have asked for beside the one that it has.
        states = [state for step, state in records if not step.spare or state in {"delivered", "reused", "in_doubt"}]
        delivered = sum(state in {"delivered", "reused"} for state in states)
        if any(state in {"in_doubt", "waiting"} for state in states):
            return "waiting"
        if delivered == len(states):
            return "completed"
        return "partial" if delivered else "failed"

    def manifest(self, *, finished_at: datetime | None = None, state: RunState | None = None) -> Manifest:
        """Return the manifest as of now; ``state`` overrides what the shots add up to (a run that was cancelled)."""
        plan, reels = self._plan, tuple(self._reels.values())
        return Manifest(
            run_id=plan.run_id,
            pipeline=plan.pipeline,
            title=plan.title,
            description=plan.description,
            params=dict(plan.params),
            simulated=self._simulated,
            state=state or self.state,
            started_at=self._started_at,
            finished_at=finished_at,
            animatic=self._version,
            prefect=self._prefect,
            source=Source(file=plan.source_file, sha256=plan.source_sha256),
            cost=_cost((step, self._shots[step.key].record) for step in plan.steps),
            shots=tuple(self._with_takes(step) for step in plan.shots),
            reel=reels[0] if reels else None,
            reels=reels,
            profile=plan.profile,
            sheet=self.sheet,
            stray_jobs=self.stray_jobs,
            provenance=self._provenance,
            page=PageRules(money=plan.shows_money),
        )

    def _with_takes(self, step: Step) -> Shot:
        """Return the record of a shot with its takes: that which counts, and those that were made beside it."""
        record = self._shots[step.key].record
        if step.key in self.logs:
            record = record.model_copy(update={"log": self.logs[step.key]})
        beside = [self._shots[key].record for key in self._beside.get(step.key, ())]
        if record.clip is None and not beside:
            return record
        takes = sorted([_take_entry(record, picked=True), *(_take_entry(one, picked=False) for one in beside)], key=lambda one: one.take)
        return record.model_copy(update={"takes": tuple(takes)})

    def to_json(self, *, finished_at: datetime | None = None, state: RunState | None = None) -> dict[str, Any]:
        """Return the manifest as JSON data."""
        return self.manifest(finished_at=finished_at, state=state).model_dump(mode="json", by_alias=True)


def _beside(plan: Plan) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in plan.steps:
        if step.further:
            found.setdefault(without_take(step.key), []).append(step.key)
    return found


def _take_entry(record: Shot, *, picked: bool) -> TakeEntry:
    return TakeEntry(
        take=record.take,
        fingerprint=record.fingerprint,
        state=record.state,
        job_id=record.job_id,
        usd=record.usd,
        clip=record.clip,
        thumbnail=record.thumbnail,
        picked=picked,
        qc=record.qc,
        continuity=record.continuity,
        note=record.error.message if record.error is not None else record.note,
        attempts=() if picked else record.attempts,
    )


def _first_record(step: Step, keys: Collection[str]) -> Shot:
    return Shot(
        id=step.shot,
        key=step.key,
        number=step.number,
        kind=step.kind,
        variant=dict(step.variant),
        scene=step.scene,
        title=step.title,
        line=step.line,
        cast=step.cast,
        model=step.request.model,
        request=dict(step.request.body),
        fingerprint=step.fingerprint,
        take=step.take,
        depends_on=step.depends_on or _referred(step, keys),
        locked=step.locked is not None,
        inputs=tuple(_first_input(item) for item in step.request.inputs),
    )


def _referred(step: Step, keys: Collection[str]) -> tuple[str, ...]:
    """Return the shots of the run that a locked one refers to: it needs none of them, but people follow them."""
    if step.locked is None:
        return ()
    named = (item.step for item in step.request.inputs if isinstance(item, ShotInput))
    return tuple(key for key in dict.fromkeys(named) if key in keys)


def _first_input(item: PlanInput) -> Input:
    name = field_name(item.path)
    match item:
        case ShotInput():
            return Input(field=name, origin="shot", shot=item.step, frame=item.frame, member=item.member)
        case FileInput():
            return Input(field=name, origin="file", path=item.written, sha256=item.sha256, member=item.member)
        case UrlInput():
            return Input(field=name, origin="url", url=item.url, sent_as=None if item.hosted else item.url, member=item.member)
        case _:
            assert_never(item)


def _cost(steps: Iterable[tuple[Step, Shot]]) -> Cost:
    """Add up by fingerprint: shots of several variants that share one are made, and paid, once.

    What another run bought is none of this run's bill, also where it waits for a person here or was not approved.
    """
    expected: dict[str, Decimal | None] = {}
    billed: dict[str, Decimal | None] = {}
    reused: dict[str, Decimal | None] = {}
    unpriced: set[str] = set()
    for step, shot in steps:
        if shot.state == "reused":
            reused[shot.fingerprint] = shot.usd
            continue
        bought = [attempt for attempt in shot.attempts if attempt.elsewhere and attempt.status == "completed"]
        if bought and all(attempt.elsewhere for attempt in shot.attempts):
            reused[shot.fingerprint] = _total(attempt.usd for attempt in bought)
            continue
        price = step.request.price.usd
        if not step.spare:
            expected[shot.fingerprint] = price
        own = [attempt for attempt in shot.attempts if not attempt.elsewhere]
        for attempt in own:
            if attempt.usd is not None or attempt.status == "completed":
                billed[attempt.job_id or f"{shot.fingerprint}/{attempt.attempt}"] = attempt.usd
        paid_unknown = any(attempt.status == "completed" and attempt.usd is None for attempt in own)
        if paid_unknown or (price is None and shot.state != "delivered" and not step.spare):
            unpriced.add(shot.fingerprint)
    return Cost(
        estimated_usd=_total(expected.values()),
        billed_usd=_total(billed.values()),
        reused_usd=_total(usd for fingerprint, usd in reused.items() if fingerprint not in expected),
        unpriced=len(unpriced),
    )


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = list(amounts)
    if known and all(amount is None for amount in known):
        return None
    return sum((amount for amount in known if amount is not None), Decimal(0))
