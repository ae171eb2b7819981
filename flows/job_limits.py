"""Which limits of jobs there are on the Prefect server: one for each kind of Krea's jobs that has its own, and one for all others.

People make them (`animatic deploy --max-jobs`, or the UI), change and delete them while runs go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from animatic.catalog.model import Kind

LIMIT = "krea-jobs"
LOOK_SECONDS = 30.0
"""For which is known which limits there are."""
REQUEST_SECONDS = 20.0
"""For one question to the server; Prefect's own client would repeat it for a minute."""


def limit_name(kind: Kind | None, *, simulated: bool) -> str:
    """Return the name of a limit: that of a kind of jobs, or (None) of all kinds that have none of their own.

    Jobs of the simulator are counted apart: a rehearsal takes nothing from real runs.
    """
    name = LIMIT if kind is None else f"{LIMIT}-{kind}"
    return f"simulated-{name}" if simulated else name


class JobLimits:
    """The limits that jobs of one run count under. ``missed`` is told where the server never said whether there is one."""

    def __init__(
        self, client: PrefectClient, *, simulated: bool, missed: Callable[[Exception], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._simulated = simulated
        self._missed = missed
        self._clock = clock
        self._looking = asyncio.Lock()
        self._found: dict[str, tuple[bool, float]] = {}
        """Whether there is one, and when that was asked, by name."""

    async def of(self, kind: Kind) -> str | None:
        """Return the name of the limit that jobs of this kind count under, None where there is none."""
        async with self._looking:  # all shots of a run ask at once
            for name in self._names(kind):
                await self._look(name)
                if self._is_there(name):
                    return name
        return None

    def known(self, kind: Kind) -> str | None:
        """Return the same as of the last look, without another."""
        return next(filter(self._is_there, self._names(kind)), None)

    def forget(self, name: str) -> None:
        """Have the next look ask again, as the limit has just proved to be gone."""
        self._found.pop(name, None)

    def _names(self, kind: Kind) -> tuple[str, str]:
        return limit_name(kind, simulated=self._simulated), limit_name(None, simulated=self._simulated)

    def _is_there(self, name: str) -> bool:
        return self._found.get(name, (False, 0.0))[0]

    async def _look(self, name: str) -> None:
        """Ask whether there is such a limit, unless that was asked a moment ago. A server that is away changes nothing."""
        known = self._found.get(name)
        if known is not None and self._clock() - known[1] < LOOK_SECONDS:
            return
        there = known is not None and known[0]
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                there = (await self._client.read_global_concurrency_limit_by_name(name)).active
        except ObjectNotFound:
            there = False
        except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
            if known is None:
                self._missed(error)
        self._found[name] = (there, self._clock())
