"""Keeps the index of a destination: adds a run to the page of all runs once it has ended. Never fails a run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from animatic.errors import AnimaticError
from animatic.ledger import Ledger
from animatic.ledger.records import each
from animatic.manifest import Manifest, read_manifest
from animatic.manifest.index import IndexEntry, entries_in, entry_of, render_index
from animatic.storage import Storage

INDEX_KEY = "index.html"
MAX_READ = 200
"""Manifests that one run reads of others that the index does not have; the next run goes on with what is left."""
log = logging.getLogger(__name__)


async def write_index(storage: Storage, ledger: Ledger, ended: Manifest) -> None:
    """Write the page of all runs of a destination, with the run that has just ended.

    Runs that the page has not, or has as going on, are read from their manifests: two runs that end at once lose nothing for long.
    """
    try:
        page = await storage.read(INDEX_KEY)
        found = {entry.run_id: entry for entry in entries_in(page.decode("utf-8", "replace"))} if page else {}
        known = {run_id: entry for run_id, entry in found.items() if entry.finished_at}
        known[ended.run_id] = entry_of(ended)
        ids = sorted(await ledger.runs.ids(), reverse=True)
        unread = [run_id for run_id in ids if run_id not in known]
        for entry in await _read(storage, ledger, unread[:MAX_READ]):
            known[entry.run_id] = entry
        found |= known
        kept = [found[run_id] for run_id in ids if run_id in found]
        older = sum(run_id not in found for run_id in unread[MAX_READ:])
        text = await asyncio.to_thread(render_index, kept, older=older)
        await storage.write(INDEX_KEY, text.encode(), content_type="text/html; charset=utf-8")
    except AnimaticError as error:
        log.warning("the index of all runs could not be written: %s", error.message)


async def _read(storage: Storage, ledger: Ledger, run_ids: Iterable[str]) -> list[IndexEntry]:
    """Return the entries of runs whose manifests can be read."""

    async def one(run_id: str) -> IndexEntry | None:
        record = await ledger.runs.get(run_id)
        pipeline = record.get("pipeline") if record else None
        if not isinstance(pipeline, str):
            return None
        key = f"{pipeline}/{run_id}/manifest.json"
        data = await storage.read(key)
        try:
            return entry_of(read_manifest(data, key=key)) if data is not None else None
        except AnimaticError as error:  # a record that somebody has damaged is no reason to leave the others out
            log.warning("%s is left out of the index: %s", key, error.message)
            return None

    return [entry for entry in await each(one, list(run_ids)) if entry is not None]
