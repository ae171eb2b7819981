"""Where each shot of a run is, for whoever watches: the terminal, the artifacts, the events. Observing never changes the run.

`State` is the closed set of what a shot may be doing. What depends on the state is a `PerState` table: a new state needs a value in each of
them, and mypy names those that lack it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, assert_never, get_args

if TYPE_CHECKING:
    from animatic.manifest.model import Doing, ShotState

State = Literal[
    "pending", "preparing", "submitting", "in doubt", "running", "fetching", "delivered", "waiting", "reused", "failed", "skipped"
]
STATES: tuple[State, ...] = get_args(State)
"""``waiting``: it is made, and waits for a person to approve it."""

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class PerState(Generic[T_co]):
    """A value for every state, e.g. ``MARKS[shot.state]``."""

    pending: T_co
    preparing: T_co
    submitting: T_co
    in_doubt: T_co
    running: T_co
    fetching: T_co
    delivered: T_co
    waiting: T_co
    reused: T_co
    failed: T_co
    skipped: T_co

    def __getitem__(self, state: State) -> T_co:
        match state:
            case "in doubt":
                return self.in_doubt
            case (
                "pending" | "preparing" | "submitting" | "running" | "fetching" | "delivered" | "waiting" | "reused" | "failed" | "skipped"
            ):
                value: T_co = getattr(self, state)
                return value
            case _:
                assert_never(state)


IS_FINAL = PerState(
    pending=False,
    preparing=False,
    submitting=False,
    in_doubt=True,
    running=False,
    fetching=False,
    delivered=True,
    waiting=True,
    reused=True,
    failed=True,
    skipped=True,
)
FINAL = frozenset(state for state in STATES if IS_FINAL[state])


def state_of_record(recorded: ShotState) -> State:
    """Return the state that the manifest's word for a shot means. What it calls waiting may be anything before the end."""
    match recorded:
        case "delivered" | "reused" | "failed" | "skipped":
            return recorded
        case "in_doubt":
            return "in doubt"
        case "waiting":
            return "pending"
        case _:
            assert_never(recorded)


def doing_of(state: State) -> Doing | None:
    """Return the manifest's word for what a waiting shot is doing; None where it has ended."""
    match state:
        case "pending":
            return "not started"
        case "submitting":
            return "submitted"
        case "preparing" | "running" | "fetching":
            return state
        case "in doubt" | "delivered" | "waiting" | "reused" | "failed" | "skipped":
            return None
        case _:
            assert_never(state)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMoney:
    """Money of a run or a shot at a moment: what is settled, and what is set aside for submissions that may still be billed."""

    billed: Decimal
    set_aside: Decimal


@dataclass(kw_only=True, slots=True)
class ShotProgress:
    """One shot, now. ``detail`` is Krea's status while it runs, and the reason once it has failed."""

    key: str
    model: str
    state: State = "pending"
    detail: str = ""
    job_id: str | None = None
    attempt: int = 0
    usd: Decimal | None = None
    """What its job costs, or its take had cost."""
    billed: Decimal | None = None
    """What this run was billed for it, once that is settled."""
    aside: Decimal | None = None
    """What it may be billed yet although it has ended: an answer was lost, or its job goes on."""
    began: float | None = None
    ended: float | None = None

    def elapsed(self, now: float) -> float | None:
        """Seconds since the shot began, or that it took."""
        return None if self.began is None else (self.ended or now) - self.began

    def money(self) -> RunMoney:
        """Return its part in the run's money."""
        nothing, price = Decimal(0), self.usd or Decimal(0)
        if self.aside is not None:
            return RunMoney(billed=self.billed or nothing, set_aside=self.aside)
        if self.billed is not None:
            return RunMoney(billed=self.billed, set_aside=nothing)
        if self.state in {"fetching", "delivered", "waiting"}:
            return RunMoney(billed=price, set_aside=nothing)
        return RunMoney(billed=nothing, set_aside=price if self.state in {"submitting", "in doubt", "running"} else nothing)


Listener = Callable[[ShotProgress], None]


@dataclass(kw_only=True, slots=True)
class ProgressTracker:
    """All shots of a run in storyboard order, and who wants to hear of changes."""

    shots: dict[str, ShotProgress]
    listeners: list[Listener] = field(default_factory=list)
    reels: dict[str, float] = field(default_factory=dict)
    """Reels that are being made, by file name: how much of each is done, 0 to 1."""
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, models: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic) -> ProgressTracker:
        """Start with every step (key -> model) pending."""
        return cls(shots={key: ShotProgress(key=key, model=model) for key, model in models.items()}, clock=clock)

    def rearrange(self, models: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Go on with other steps (key -> model, in order). ``before``: of those that were there, the key that each had."""
        known = dict(self.shots)
        self.shots.clear()
        for key, model in models.items():
            shot = known.get(before.get(key, ""))
            self.shots[key] = ShotProgress(key=key, model=model) if shot is None else shot
            self.shots[key].key = key

    def change(
        self,
        key: str,
        state: State,
        detail: str = "",
        *,
        job_id: str | None = None,
        attempt: int | None = None,
        usd: Decimal | None = None,
        model: str | None = None,
        billed: Decimal | None = None,
        aside: Decimal | None = None,
        took: float | None = None,
    ) -> None:
        """Note a change and tell the listeners, unless nothing differs. ``took``: its seconds, where somebody else has measured them."""
        shot = self.shots[key]
        seen_first = shot.began is None
        before = (shot.state, shot.detail, shot.job_id, shot.attempt)
        shot.state, shot.detail = state, detail
        shot.job_id = job_id or shot.job_id
        shot.attempt = attempt or shot.attempt
        shot.usd = usd if usd is not None else shot.usd
        shot.model = model or shot.model
        shot.billed = billed if billed is not None else shot.billed
        shot.aside = aside
        now = self.clock()
        if shot.began is None and state != "pending":
            shot.began = now
        shot.ended = (shot.ended if before[0] == state and shot.ended is not None else now) if IS_FINAL[state] else None
        if took is not None and (seen_first or shot.ended is not None):
            shot.began = (now if shot.ended is None else shot.ended) - took
        if before != (shot.state, shot.detail, shot.job_id, shot.attempt):
            for listener in self.listeners:
                listener(shot)

    def money(self) -> RunMoney:
        """Return what this run was billed so far, and what is set aside for jobs whose end is not known. Reused takes are in neither."""
        each = [shot.money() for shot in self.shots.values()]
        return RunMoney(
            billed=sum((money.billed for money in each), Decimal(0)), set_aside=sum((money.set_aside for money in each), Decimal(0))
        )
