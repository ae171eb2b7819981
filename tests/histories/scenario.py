"""Draws a history from its seed: who runs when, what is done to them, and how Krea behaves. Everything follows from one integer."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from animatic.settings import Patience
from tests.histories.krea import Cancelling, End, JobFate, Shape

POST_FAULTS = (
    "error-before",  # 500, 502 or 503, and no job is made
    "error-after",  # the same, and a job was made
    "error-late",  # the same, and a job is made up to 100 s later
    "gateway-before",
    "gateway-after",
    "gateway-late",
    "drop-before",
    "drop-after",
    "drop-late",
    "timeout-before",  # no answer within the client's patience
    "timeout-after",
    "timeout-late",
    "torn",
    "no-id",
    "slow",
    "connect",  # nothing listens
    "429",
    "402",
    "400",
    "410",
    "302",
    "302-after",  # a job was made all the same: a proxy between
    "429-after",
)
JOB_FAULTS = (
    "listed-late",
    "long",
    "failed",
    "moderated",
    "cancelled",
    "cancel-ignored",
    "cancel-loses",
    "cancel-slow",
    "shape-late",
    "shape-nested",
    "shape-several",
    "shape-none",
    "shape-odd",
)
READ_FAULTS = ("reads-fail", "reads-slow")
ACCOUNT_FAULTS = ("foreign-same", "foreign-other", "foreign-untyped", "untyped", "two-accounts")
PROCESS_FAULTS = ("kill", "pause", "interrupt", "clock", "twins", "same-process", "resume", "slow-storage")
LIES = ("reads-swapped", "called-failed")
"""What a sound Krea never does: it answers about another job, calls one failed that goes on. Only in histories that are made for it."""
PERSON = "person"
"""Somebody answers what is asked: no fault, and yet something that may happen."""
FAULTS = POST_FAULTS + JOB_FAULTS + READ_FAULTS + ACCOUNT_FAULTS + PROCESS_FAULTS

PlanName = Literal["one", "two", "three", "mixed", "chain", "fallback", "twins"]
PLANS: tuple[PlanName, ...] = ("one", "two", "three", "mixed", "chain", "fallback", "twins")
Trigger = Literal["time", "post", "answer", "intended", "claims", "submitted", "settled", "take"]
"""What a stop of a process is counted from: a time, a POST that reaches Krea, its answer, or a record that is created."""
TRIGGERS: tuple[Trigger, ...] = ("time", "post", "answer", "intended", "claims", "submitted", "settled", "take")
NEVER = float("inf")
CANCELLING: dict[str, Cancelling] = {"ignored": "ignored", "loses": "loses", "slow": "slow"}
SHAPES: dict[str, Shape] = {"late": "late", "nested": "nested", "several": "several", "none": "none", "odd": "odd"}
ENDS: dict[str, End] = {"failed": "failed", "moderated": "moderated", "cancelled": "cancelled"}


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A process is stopped (``seconds``; infinity: killed) some steps after the n-th time that the trigger happens to it."""

    trigger: Trigger
    nth: int
    steps: int
    at: float
    """Seconds after its start, for the trigger ``time``."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Start:
    """One process: when it starts, where, with which token, and what is done to it."""

    after: float
    host: str
    account: str
    runs: int = 1
    """Runs of the same plan in this process at once."""
    resumes: bool = False
    """Whether it goes on with the run of the first process instead of beginning one."""
    stops: tuple[Stop, ...] = ()
    interrupted_after: float = NEVER
    cancels_jobs: bool = False


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A job of another program on an account."""

    at: float
    account: str
    kind: Literal["same", "other", "untyped"]
    fate: JobFate


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is drawn before the history begins; Krea's behaviour to each POST is drawn when it arrives, from ``krea_seed``."""

    seed: int
    plan: PlanName
    patience: Patience
    retries: int
    timeout: float
    budget: Decimal | None
    per_day: Decimal | None
    concurrency: int | None
    faults: frozenset[str]
    intensity: float
    """Share of POSTs, jobs and reads to which something is done."""
    generations: tuple[tuple[Start, ...], ...]
    """Processes that overlap; the next ones start when the last of these has ended."""
    gaps: tuple[float, ...]
    foreign: tuple[Foreign, ...]
    clock_steps: tuple[tuple[float, str, float], ...] = ()
    """When, on which host, by how many seconds."""
    offsets: dict[str, float] = field(default_factory=dict)
    skew: float = 0.0
    """Of Krea's clock."""
    slow_storage: float = 0.0
    person: bool = False
    """Whether somebody answers what is asked."""


def draw(seed: int, allowed: frozenset[str] = frozenset(FAULTS), forced: frozenset[str] = frozenset()) -> Scenario:
    """Return the scenario of a seed.

    Only faults that are allowed occur in it; where some are forced, those and no others.
    """
    rng = random.Random(f"scenario {seed}")
    swarm = {name for name in FAULTS if rng.random() < 0.3}
    # A POST that is lost is what all this is about: one kind at least.
    swarm.add(rng.choice(POST_FAULTS))
    faults = forced or frozenset(swarm & allowed)
    price = Decimal("0.20")
    offsets = {"anna": 0.0, "berta": rng.choice([0.0, 0.7, -90.0, 240.0]) if "clock" in faults else 0.0}
    generations = tuple(_generation(rng, faults, first=number == 0) for number in range(rng.choice([1, 1, 2, 2, 3])))
    steps = [(rng.uniform(0, 200), rng.choice(list(offsets)), rng.choice([-600.0, -120.0, -7.0, 7.0, 120.0, 600.0]))]
    return Scenario(
        seed=seed,
        plan=rng.choice(PLANS),
        patience=Patience(
            grace=rng.choice([3.0, 15.0, 15.0]),
            poll=rng.choice([2.0, 5.0]),
            post=rng.choice([20.0, 120.0]),
            get=30.0,
            outage=rng.choice([30.0, 120.0]),
        ),
        retries=rng.choice([0, 1, 2, 2]),
        timeout=rng.choice([40.0, 300.0, 300.0]),
        budget=rng.choice([None, None, price, 2 * price, 3 * price]),
        per_day=rng.choice([None, None, None, price, 2 * price, 4 * price]),
        concurrency=rng.choice([None, None, 1]),
        faults=faults,
        intensity=rng.choice([0.15, 0.4, 0.7, 1.0]),
        generations=generations,
        gaps=tuple(rng.choice([0.0, 1.0, rng.uniform(1, 60), rng.uniform(60, 400)]) for _ in generations),
        foreign=_foreign(rng, faults),
        clock_steps=tuple(steps * rng.choice([1, 2])) if "clock" in faults else (),
        offsets=offsets,
        skew=rng.choice([0.0, 0.4, 30.0, -45.0]),
        slow_storage=rng.choice([0.02, 0.3]) if "slow-storage" in faults else 0.0,
        # Drawn apart, so that the histories in which nobody answers stay as they are.
        person=PERSON in allowed and random.Random(f"person {seed}").random() < 0.5,
    )


def _generation(rng: random.Random, faults: frozenset[str], *, first: bool) -> tuple[Start, ...]:
    count = rng.choice([1, 2, 3]) if "twins" in faults else 1
    return tuple(_start(rng, faults, number, first=first and number == 0) for number in range(count))


def _start(rng: random.Random, faults: frozenset[str], number: int, *, first: bool) -> Start:
    stops = []
    if "kill" in faults and rng.random() < 0.7:
        stops.append(_stop(rng, NEVER))
    if "pause" in faults and rng.random() < 0.7:
        stops.append(_stop(rng, rng.choice([1.0, 15.0, rng.uniform(15, 90), rng.uniform(90, 900)])))
    return Start(
        after=0.0 if number == 0 else rng.choice([0.0, 0.01, rng.uniform(0, 3), rng.uniform(0, 100)]),
        host=rng.choice(["anna", "anna", "berta"]),
        account="second" if "two-accounts" in faults and rng.random() < 0.4 else "first",
        runs=rng.choice([1, 2]) if "same-process" in faults else 1,
        resumes="resume" in faults and not first and rng.random() < 0.5,
        stops=tuple(stops),
        interrupted_after=rng.uniform(0, 150) if "interrupt" in faults and rng.random() < 0.6 else NEVER,
        cancels_jobs=rng.random() < 0.5,
    )


def _stop(rng: random.Random, seconds: float) -> Stop:
    return Stop(
        trigger=rng.choice(TRIGGERS),
        nth=rng.choice([1, 1, 1, 2, 3]),
        steps=rng.choice([1, 2, rng.randrange(1, 10), rng.randrange(1, 60), rng.randrange(1, 400)]),
        at=rng.choice([rng.uniform(0, 3), rng.uniform(0, 60), rng.uniform(0, 200)]),
        seconds=seconds,
    )


def _foreign(rng: random.Random, faults: frozenset[str]) -> tuple[Foreign, ...]:
    kinds: list[Literal["same", "other", "untyped"]] = []
    if "foreign-same" in faults:
        kinds.append("same")
    if "foreign-other" in faults:
        kinds.append("other")
    if "foreign-untyped" in faults:
        kinds.append("untyped")
    if not kinds:
        return ()
    return tuple(
        Foreign(
            at=rng.choice([rng.uniform(0, 20), rng.uniform(0, 300)]),
            account=rng.choice(["first", "first", "second"]),
            kind=rng.choice(kinds),
            fate=JobFate(duration=rng.uniform(1, 60), listed_after=rng.choice([0.0, 0.0, rng.uniform(0, 20)])),
        )
        for _ in range(rng.choice([1, 2, 5]))
    )


def job_fate(rng: random.Random, scenario: Scenario, *, quiet: bool) -> JobFate:
    """Draw what becomes of a job of ours."""
    fate = JobFate(duration=rng.uniform(1, 20))
    chosen = [name for name in (*JOB_FAULTS, "called-failed") if name in scenario.faults and not quiet]
    if not chosen or rng.random() > scenario.intensity:
        return fate
    for name in dict.fromkeys((rng.choice(chosen), rng.choice(chosen))):
        _change(fate, name, rng)
    return fate


def _change(fate: JobFate, name: str, rng: random.Random) -> None:
    match name.partition("-"):
        case "listed", _, _:
            fate.listed_after = rng.choice([rng.uniform(0, 2), rng.uniform(2, 14), rng.uniform(14, 60)])
        case "called", _, _:
            fate.called_failed, fate.duration = True, fate.duration + rng.uniform(5, 60)
        case "long", _, _:
            fate.duration = rng.choice([rng.uniform(30, 120), rng.uniform(300, 2000)])
        case "cancel", _, cancelling:
            fate.cancelling, fate.duration = CANCELLING[cancelling], fate.duration + 60.0
        case "shape", _, shape:
            fate.shape, fate.shape_after = SHAPES[shape], rng.choice([rng.uniform(0, 10), rng.uniform(10, 100)])
        case _:
            fate.end = ENDS[name]


def post_fault(rng: random.Random, scenario: Scenario, *, quiet: bool) -> str:
    """Draw what is done to a POST; empty: nothing."""
    chosen = [name for name in POST_FAULTS if name in scenario.faults and not quiet]
    return rng.choice(chosen) if chosen and rng.random() < scenario.intensity else ""
