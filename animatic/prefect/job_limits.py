"""Makes and changes the limits of jobs that all machines of a Prefect server share: its global concurrency limits.

Each is there twice, with the same number: for Krea's jobs, and for the simulator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from animatic.catalog.model import KINDS, Kind
from animatic.flows.job_limits import limit_name

LimitChange = Literal["new", "changed", "unchanged", "gone"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitDifference:
    """What deploying would do to the limit of one kind of jobs (None: of all that have none of their own). ``most`` None: it goes."""

    kind: Kind | None
    change: LimitChange
    most: int | None
    detail: str

    @property
    def name(self) -> str:
        """The limit's name on the server."""
        return limit_name(self.kind, simulated=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitNow:
    """A limit that the server has, and how many jobs hold a slot of it."""

    kind: Kind | None
    most: int
    running: int


async def compare_limits(client: PrefectClient, wanted: Mapping[Kind | None, int | None]) -> tuple[LimitDifference, ...]:
    """Return what deploying would change about the limits that are named; those of other kinds stay as they are."""
    return tuple([await _difference(client, kind, most) for kind, most in wanted.items()])


async def _difference(client: PrefectClient, kind: Kind | None, most: int | None) -> LimitDifference:
    both = [await _read(client, limit_name(kind, simulated=simulated)) for simulated in (False, True)]
    there = [found.limit if found.active else None for found in both if found is not None]
    if most is None:
        return LimitDifference(kind=kind, most=most, change="gone" if there else "unchanged", detail="no limit")
    detail = f"at most {_jobs(most, kind)} at once"
    if not there:
        return LimitDifference(kind=kind, most=most, change="new", detail=detail)
    if there == [most, most]:
        return LimitDifference(kind=kind, most=most, change="unchanged", detail=detail)
    before = "switched off" if there[0] is None else str(there[0])
    return LimitDifference(kind=kind, most=most, change="changed", detail=f"{detail} (was {before})")


async def apply_limits(client: PrefectClient, differences: tuple[LimitDifference, ...]) -> None:
    """Write what differs. Jobs that run keep their slots: where there are more than the new limit, nothing new starts until they end."""
    for item in differences:
        if item.change == "unchanged":
            continue
        for simulated in (False, True):
            name = limit_name(item.kind, simulated=simulated)
            if item.most is None:
                await _remove(client, name)
            else:
                await _write(client, name, item.most)


async def limits_now(client: PrefectClient) -> tuple[LimitNow, ...]:
    """Return the limits of Krea's jobs that are there and switched on, that of all kinds first."""
    kinds: tuple[Kind | None, ...] = (None, *KINDS)
    found = [(kind, await _read(client, limit_name(kind, simulated=False))) for kind in kinds]
    return tuple(
        LimitNow(kind=kind, most=limit.limit, running=limit.active_slots) for kind, limit in found if limit is not None and limit.active
    )


def limits_text(limits: tuple[LimitNow, ...]) -> str:
    """Return ``at most 12 jobs at once (3 run), 20 image jobs (0 run)``."""
    return "at most " + ", ".join(
        f"{_jobs(limit.most, limit.kind)}{' at once' if not place else ''} ({limit.running} run)" for place, limit in enumerate(limits)
    )


def _jobs(count: int, kind: Kind | None) -> str:
    """Return ``12 jobs``, ``1 image job``."""
    return f"{count} {f'{kind} ' if kind else ''}{'job' if count == 1 else 'jobs'}"


async def _read(client: PrefectClient, name: str) -> GlobalConcurrencyLimitResponse | None:
    try:
        return await client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return None


async def _write(client: PrefectClient, name: str, most: int) -> None:
    try:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=most, slot_decay_per_second=0))
    except ObjectAlreadyExists:
        await client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=most, active=True, slot_decay_per_second=0))


async def _remove(client: PrefectClient, name: str) -> None:
    try:
        await client.delete_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        pass
