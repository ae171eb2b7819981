"""Gathers what was said and done about shots: for the manifest of a run, and for people who ask for the log of a destination."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from animatic.engine.history import OpenDestination
from animatic.engine.run import Run
from animatic.errors import StorageError
from animatic.ledger.shot_log import Remark
from animatic.manifest import LogEntry

log = logging.getLogger(__name__)
MAX_ENTRIES = 100
"""Of one shot in a manifest; the ledger has all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """An entry of a log, and the half of the destination that it is of."""

    remark: Remark
    destination: OpenDestination


async def note_logs(run: Run) -> None:
    """Put the logs of the run's shots into its manifest. A log that cannot be read fails no run."""
    try:
        logs = await run.ledger.shot_log.of(run.plan.pipeline)
    except StorageError as error:
        log.warning("the log of the shots could not be read: %s", error.message)
        return
    run.manifest.logs = {step: tuple(map(_entry, entries[-MAX_ENTRIES:])) for step, entries in logs.items()}


async def all_logs(destinations: Iterable[OpenDestination], pipelines: Sequence[str]) -> list[Logged]:
    """Return the logs of all shots of these pipelines, the first entry first. Raises StorageError."""
    found: list[Logged] = []
    for destination in destinations:
        for pipeline in pipelines:
            for remarks in (await destination.ledger.shot_log.of(pipeline)).values():
                found += [Logged(remark=remark, destination=destination) for remark in remarks]
    return sorted(found, key=lambda logged: logged.remark.at)


def _entry(remark: Remark) -> LogEntry:
    return LogEntry(
        at=remark.at,
        by=remark.by,
        what=remark.what,
        take=remark.take,
        note=remark.note,
        issue=remark.issue,
        priority=remark.priority,
        time_code=remark.time_code,
        run_id=remark.run_id,
        entered_by=remark.entered_by,
        changes=remark.changes,
    )
