"""Limits how many jobs run at once: those of this run, and those of all runs that share Krea's limits.

A slot is held from the submission to the end of its job. Whose jobs the others wait for longest comes first. The shared limits spare Krea
and us refusals, and nothing more: no money hangs on them, so a run goes on where nobody can be asked for a slot.
"""

from __future__ import annotations

import asyncio
import itertools
from bisect import insort
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from animatic.backoff import Backoff
from animatic.catalog.model import Kind
from animatic.engine.timing import Timing
from animatic.krea.pace import set_within
from animatic.plan import Plan, expected_minutes

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 3.0
"""Between two questions for a shared slot. One shot of a run asks at a time, and no sooner where the run has given one back."""
CONTENDED_SECONDS = 10.0
"""After a question that was answered with no: so long a run takes one slot at a time, with a pause before the next. A run of a thousand
shots would let no other have any."""

Rank = tuple[float, int]
"""What comes first is smaller: minutes until the end of all that hangs on a step, negative; then its place in the plan."""


class SharedSlot(Protocol):
    """One slot of the shared limits."""

    def give_back(self) -> None:
        """Let others have it, before long."""
        ...

    def leave(self) -> None:
        """Hold it no longer, and let it run out by itself: its job may run on, and nobody here waits for it any more."""
        ...


class SharedSlots(Protocol):
    """The limits that runs of all machines share. Nothing here raises, and nothing takes longer than a question that is not answered."""

    async def limits(self, kind: Kind) -> bool:
        """Return whether jobs of this kind are limited."""
        ...

    async def take(self, kind: Kind) -> SharedSlot | None:
        """Return a slot, None where there is none at the moment."""
        ...

    def owe(self, kind: Kind) -> SharedSlot:
        """Return a slot for a job that runs already: it is counted as soon as one is free."""
        ...


class _Unlimited:
    """Shared limits where there are none, and the one slot of them that everybody has."""

    async def limits(self, kind: Kind) -> bool:
        del kind
        return False

    async def take(self, kind: Kind) -> SharedSlot:
        return self.owe(kind)

    def owe(self, kind: Kind) -> SharedSlot:
        del kind
        return self

    def give_back(self) -> None:
        """There is nothing to give back."""

    def leave(self) -> None:
        """There is nothing to leave."""


UNLIMITED: SharedSlots = _Unlimited()


@dataclass(order=True)
class _Waiter:
    rank: Rank
    number: int
    woken: asyncio.Event = field(compare=False, default_factory=asyncio.Event)
    slot: SharedSlot | None = field(compare=False, default=None)
    """What another has asked for and left to this one, who came meanwhile and goes first."""


class SlotGate:
    """Hands out slots to the steps of one run, in one event loop. ``most``: jobs of this run at once; None: as many as there are."""

    def __init__(self, most: int | None, shared: SharedSlots, timing: Timing) -> None:
        self._most = most
        self._shared = shared
        self._timing = timing
        self._used = 0
        self._waiting: defaultdict[Kind, list[_Waiter]] = defaultdict(list)
        self._numbers = itertools.count()
        self._asking: set[Kind] = set()
        """Kinds for which a shared slot is just asked for."""
        self._refused_at: dict[Kind, float] = {}
        """When there was no shared slot, by kind (monotonic)."""

    async def limits(self, kind: Kind) -> bool:
        """Return whether jobs of this kind need a slot at all."""
        return self._most is not None or await self._shared.limits(kind)

    @asynccontextmanager
    async def fresh(
        self,
        kind: Kind,
        rank: Rank,
        *,
        check: Callable[[], None],
        on_wait: Callable[[], None],
        runs_on: Callable[[], bool],
    ) -> AsyncIterator[None]:
        """Hold a slot for a job that is submitted within; wait for it first, behind steps of a smaller rank.

        ``check`` raises why nothing is to start any more; ``on_wait`` is called once where it has to wait; ``runs_on`` says, where the
        body is cancelled, whether a job of it goes on at Krea.
        """
        slot = await self._first_free(kind, rank, check, on_wait)
        async with self._held(slot, runs_on):
            yield

    @asynccontextmanager
    async def running(self, kind: Kind, *, runs_on: Callable[[], bool]) -> AsyncIterator[None]:
        """Hold a slot for a job that runs already: nothing waits, and what is submitted now has one slot less."""
        self._used += 1
        async with self._held(self._shared.owe(kind), runs_on):
            yield

    @asynccontextmanager
    async def _held(self, slot: SharedSlot, runs_on: Callable[[], bool]) -> AsyncIterator[None]:
        left = False
        try:
            yield
        except asyncio.CancelledError:
            left = runs_on()
            raise
        finally:
            self._used -= 1
            if left:
                slot.leave()
            else:
                slot.give_back()
            self._wake_others()

    async def _first_free(self, kind: Kind, rank: Rank, check: Callable[[], None], on_wait: Callable[[], None]) -> SharedSlot:
        waiter = _Waiter(rank, next(self._numbers))
        queue = self._waiting[kind]
        insort(queue, waiter)
        pauses, waited = Backoff(first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS, randomness=self._timing.randomness), False
        try:
            while True:
                check()
                pause = None
                waiter.woken.clear()
                if waiter.slot is not None:
                    slot, waiter.slot = waiter.slot, None
                    return slot
                if queue[0] is not waiter:
                    pauses.tries = 0  # somebody has come in front: when it is its turn again, others have their chance before it
                elif kind not in self._asking:
                    if self._is_free() and (pauses.tries or not self._contended(kind)) and await self._ask(kind, waiter):
                        continue
                    pause = pauses.next() if self._is_free() or self._asking else None
                if not waited:
                    on_wait()
                    waited = True
                if pause is None:
                    await waiter.woken.wait()
                else:
                    await set_within(waiter.woken, pause)
        finally:
            queue.remove(waiter)
            if waiter.slot is not None:  # stopped in the very moment
                self._used -= 1
                waiter.slot.give_back()
            if queue:
                queue[0].woken.set()

    def _is_free(self) -> bool:
        return self._most is None or self._used < self._most

    async def _ask(self, kind: Kind, waiter: _Waiter) -> bool:
        """Ask for a shared slot with one of our own in hand, and leave it to whoever is first when it comes; False where there is none."""
        self._used += 1
        self._asking.add(kind)
        slot = None
        try:
            slot = await self._shared.take(kind)
        finally:
            self._asking.discard(kind)
            if slot is None:
                self._used -= 1
                self._refused_at[kind] = self._timing.monotonic()
        first = self._waiting[kind][0]
        first.slot = slot
        if slot is not None or first is not waiter:  # who came meanwhile has not asked yet
            first.woken.set()
        return slot is not None

    def _contended(self, kind: Kind) -> bool:
        """Return whether others may be waiting for such slots as well."""
        refused = self._refused_at.get(kind)
        return refused is not None and self._timing.monotonic() - refused < CONTENDED_SECONDS

    def _wake_others(self) -> None:
        """Let those who are first in the lines look again, where slots of our own are what they wait for."""
        if self._most is None:
            return
        for queue in self._waiting.values():
            if queue:
                queue[0].woken.set()


def ranks_of(plan: Plan) -> dict[str, Rank]:
    """Return which steps come first, by key: those whose end the longest chain of others waits for, then in the order of the plan."""
    behind: defaultdict[str, float] = defaultdict(float)
    ranks: dict[str, Rank] = {}
    for place, step in reversed(list(enumerate(plan.steps))):  # steps come after what they depend on
        minutes = expected_minutes(step) + behind[step.key]
        ranks[step.key] = (-minutes, place)
        for key in step.depends_on:
            behind[key] = max(behind[key], minutes)
    return ranks
