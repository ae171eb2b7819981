"""Holds a run's slots under Krea's limits as leases of Prefect's global concurrency limits, which all machines of a server share.

A limit is there if somebody made it (`animatic deploy --max-jobs`). Leases are renewed by one task of the run; a process that dies renews
none, and the server takes its slots back. Nothing here fails a run: where the server does not answer, jobs run without a slot, and are
counted as soon as it does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.exceptions import PrefectHTTPStatusError

from animatic.catalog.model import Kind
from animatic.flows.job_limits import REQUEST_SECONDS, JobLimits

LEASE_SECONDS = 90.0
"""After which the slots of a process that died are free again. Prefect allows no less than 60."""
RENEW_SECONDS = 20.0
"""Three renewals in a row may be lost without losing a slot."""
AWAY_SECONDS = 30.0
"""How long nothing is submitted because the server does not say whether there is a slot."""
CLOSE_SECONDS = 5.0
RENEWALS_AT_ONCE = 8
log = logging.getLogger(__name__)

T = TypeVar("T")
Answer = Literal["taken", "full", "no limit", "away"]


class PrefectSlots:
    """The shared limits of one run (`animatic.engine.slots.SharedSlots`).

    ``tell`` takes what people should know; ``clock`` and ``sleep`` are for tests.
    """

    def __init__(
        self,
        client: PrefectClient,
        *,
        simulated: bool,
        holder: UUID | None,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._holder = None if holder is None else ConcurrencyLeaseHolder(type="flow_run", id=holder)
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self._held: set[_Slot] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._limits = JobLimits(client, simulated=simulated, missed=self._not_told, clock=clock)
        self._away_since: float | None = None
        self._told = False

    async def limits(self, kind: Kind) -> bool:
        """See `SharedSlots`."""
        return await self._limits.of(kind) is not None

    async def take(self, kind: Kind) -> _Slot | None:
        """See `SharedSlots`."""
        name = await self._limits.of(kind)
        slot = _Slot(self, name)
        if name is None:
            return slot
        match await self._to_the_end(self._ask(slot), slot):
            case "taken" | "no limit":
                self._held.add(slot)
                return slot
            case "full":
                return None
            case "away":
                return self.owe(kind) if self._given_up() else None

    def owe(self, kind: Kind) -> _Slot:
        """See `SharedSlots`."""
        slot = _Slot(self, self._limits.known(kind))
        if slot.name is not None:
            self._held.add(slot)
            self._spawn(self._renew(slot))
        return slot

    async def keep(self) -> None:
        """Renew what is held, again and again, and get slots for jobs that run without."""
        gate = asyncio.Semaphore(RENEWALS_AT_ONCE)

        async def renew(slot: _Slot) -> None:
            async with gate:
                await self._renew(slot)

        while True:
            await self._sleep(RENEW_SECONDS)
            await asyncio.gather(*(renew(slot) for slot in list(self._held)))

    async def close(self) -> None:
        """Wait a moment for what is just being given back."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()

    def give_back(self, slot: _Slot) -> None:
        """Let others have a slot."""
        self._held.discard(slot)
        lease, slot.lease = slot.lease, None
        if lease is not None:
            self._spawn(self._release(lease))

    def leave(self, slot: _Slot) -> None:
        """Renew a slot no longer."""
        self._held.discard(slot)

    async def _ask(self, slot: _Slot) -> Answer:
        """Ask for a lease, which the slot then has."""
        assert slot.name is not None
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                response = await self._client.increment_concurrency_slots_with_lease(
                    names=[slot.name], slots=1, mode="concurrency", lease_duration=LEASE_SECONDS, holder=self._holder
                )
            answer = response.json()
            if not answer["limits"]:
                self._limits.forget(slot.name)
                self._answered()
                return "no limit"
            slot.lease = UUID(answer["lease_id"])
        except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
            if _says_full(error):
                self._answered()
                return "full"
            self._missed(error)
            return "away"
        self._answered()
        return "taken"

    async def _renew(self, slot: _Slot) -> None:
        """Renew a slot's lease; where it has none, or has lost it, try to get one."""
        if slot.asking:
            return
        slot.asking = True
        try:
            await self._renew_or_ask(slot)
        finally:
            slot.asking = False
        if slot not in self._held:  # its job has ended meanwhile
            self.give_back(slot)

    async def _renew_or_ask(self, slot: _Slot) -> None:
        if slot.lease is not None:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._client.renew_concurrency_lease(slot.lease, LEASE_SECONDS)
            except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
                if _status(error) not in {httpx.codes.GONE, httpx.codes.NOT_FOUND}:
                    self._missed(error)
                    return
                slot.lease = None  # it ran out while the server was away
            else:
                self._answered()
                return
        await self._ask(slot)

    async def _release(self, lease: UUID) -> None:
        """Give a lease back; one that cannot be given back runs out."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._client.release_concurrency_slots_with_lease(lease)
        except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
            log.debug("a slot could not be given back, and runs out: %s", type(error).__name__)

    async def _to_the_end(self, question: Coroutine[Any, Any, T], slot: _Slot) -> T:
        """Ask to the end even when cancelled meanwhile: a slot that nobody knows of would be lost until it runs out."""
        task = self._spawn(question)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda _: self.give_back(slot))
            raise

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _missed(self, error: Exception) -> None:
        """Note that the server did not answer."""
        log.debug("the shared limits of jobs do not answer: %s", type(error).__name__)
        if self._away_since is None:
            self._away_since = self._clock()

    def _given_up(self) -> bool:
        """Return whether the server has been away for too long to wait for it; says so once."""
        if self._away_since is None or self._clock() - self._away_since < AWAY_SECONDS:
            return False
        self._tell_once(f"the shared limit of jobs has not answered for {AWAY_SECONDS:.0f} s: going on without it")
        return True

    def _tell_once(self, message: str) -> None:
        if not self._told:
            self._told = True
            self._tell(message)

    def _not_told(self, error: Exception) -> None:
        self._missed(error)
        self._tell_once("the server does not say whether jobs are limited: going on without a shared limit")

    def _answered(self) -> None:
        """Note that the server answers."""
        self._away_since = None
        if self._told:
            self._told = False
            self._tell("the shared limit of jobs answers again")


class _Slot:
    """One slot: its limit, and its lease where it has one. Without a limit it is nobody's."""

    def __init__(self, slots: PrefectSlots, name: str | None) -> None:
        self.name = name
        self.lease: UUID | None = None
        self.asking = False
        self._slots = slots

    def give_back(self) -> None:
        """See `animatic.engine.slots.SharedSlot`."""
        self._slots.give_back(self)

    def leave(self) -> None:
        """See `animatic.engine.slots.SharedSlot`."""
        self._slots.leave(self)


def _says_full(error: Exception) -> bool:
    """Return whether the server says that all slots are taken; or that the limit is 0, as somebody has set it to halt what is new."""
    return _status(error) == httpx.codes.LOCKED or (
        isinstance(error, PrefectHTTPStatusError) and "greater than the limit" in error.response.text
    )


def _status(error: Exception) -> int | None:
    return error.response.status_code if isinstance(error, PrefectHTTPStatusError) else None


@asynccontextmanager
async def shared_slots(*, simulated: bool, holder: UUID | None, tell: Callable[[str], None]) -> AsyncIterator[PrefectSlots]:
    """Open the shared limits of the server for one run, whose flow run holds the slots."""
    async with get_client() as client:
        slots = PrefectSlots(client, simulated=simulated, holder=holder, tell=tell)
        keeping = asyncio.create_task(slots.keep())
        try:
            yield slots
        finally:
            keeping.cancel()
            await slots.close()
