"""Brings damaged clips of a run's folder back from their takes, byte for byte, signatures included. Reels are not repaired."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from animatic.engine.history import PastRun
from animatic.engine.origin import mark_of_take
from animatic.engine.signed_takes import signed_again
from animatic.engine.verify import Finding, Verified, clips_of_takes, readable
from animatic.files import sha256_of
from animatic.ledger import Take
from animatic.manifest import Clip, Manifest
from animatic.marks import write_marked

DAMAGED = frozenset({"missing", "hash", "size", "mark", "simulated"})
"""What a copy of the take mends; and what is said against the signature of a file whose bytes are not those that were delivered."""


async def restore(run: PastRun, manifest: Manifest, found: Verified) -> None:
    """Copy takes whose delivered clips are damaged, further takes included, into the run's folder again, and note that with the findings.

    A file whose take is damaged as well, or gives other bytes than the manifest says, is left as it is. Raises StorageError.
    """
    damaged = {finding.file for finding in found.findings if finding.check in DAMAGED and finding.shot is not None}
    mended = set()
    for _, fingerprint, clip in clips_of_takes(manifest):
        if (name := _name(clip)) in damaged:
            take = await run.destination.ledger.takes.get(fingerprint)
            if take is not None and await _copy_again(run, manifest, clip, take):
                mended.add(name)
    found.findings[:] = [_noted(finding, mended) for finding in found.findings]


def _noted(finding: Finding, mended: set[str]) -> Finding:
    of_bytes = finding.shot is not None and finding.check in {*DAMAGED, "signature"}
    return replace(finding, restored=True) if of_bytes and finding.file in mended else finding


def _name(clip: Clip) -> str:
    return clip.file or clip.key.rpartition("/")[2]


async def _copy_again(run: PastRun, manifest: Manifest, clip: Clip, take: Take) -> bool:
    storage = run.destination.storage
    mark = mark_of_take(take, simulated=manifest.simulated, software=f"animatic {manifest.animatic}")
    with tempfile.TemporaryDirectory(prefix="animatic-restore-") as folder:
        copy = Path(folder) / "marked"
        async with readable(storage, take.clip.key) as source:
            if source is None or await asyncio.to_thread(sha256_of, source) != take.clip.sha256:
                return False
            marked = await asyncio.to_thread(write_marked, source, copy, mark, clip.mime, over_credentials=clip.origin == "signed")
        if clip.origin == "signed":
            signatures = await run.destination.ledger.signatures.of(take.fingerprint)
            record = next((one for one in signatures if one.sha256 == clip.sha256), None)
            signed = Path(folder) / "signed"
            again = await asyncio.to_thread(signed_again, record, copy, signed) if record is not None else None
            if again is None:
                return False
            marked, copy = again, signed
        if marked.sha256 != clip.sha256:
            return False
        key = f"{run.plan.pipeline}/{run.plan.run_id}/{_name(clip)}"
        await storage.delete(key)
        return await storage.store(key, copy, content_type=clip.mime, sha256=marked.sha256)
