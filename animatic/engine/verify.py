"""Proves that what a run delivered is what it made: bytes, marks, takes, and nothing beside them. Reads each file once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from animatic.engine.history import PastRun
from animatic.errors import UsageError
from animatic.files import sha256_of
from animatic.ledger import Take
from animatic.manifest import Clip, Manifest, Shot
from animatic.marks import Mark, read_mark
from animatic.marks.credentials import has_credentials
from animatic.marks.reading import NO_ANCHORS, SIGNING, Anchors, credentials_of
from animatic.marks.revocation import Revocations
from animatic.storage import Storage

Check = Literal["missing", "hash", "size", "mark", "simulated", "take", "unnamed", "manifest", "signature"]
WRITTEN_BESIDE = frozenset({"manifest.json", "index.html"})
"""Files of a run's folder that the manifest does not name: itself, and the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is not as it was delivered. ``file``: its name in the run's folder, or its key elsewhere."""

    check: Check
    file: str
    detail: str
    shot: str | None = None
    """The step whose clip it is, where a take may bring it back."""
    restored: bool = False


@dataclass(kw_only=True, slots=True)
class Verified:
    """What was looked at, and what was found."""

    run_id: str
    pipeline: str
    simulated: bool
    files: int = 0
    size: int = 0
    """Bytes that were read."""
    marked: int = 0
    """Delivered files that carry a mark of origin, or credentials of their maker."""
    signed: int = 0
    """Files whose content credentials were read."""
    signers: dict[str, bool] = field(default_factory=dict)
    """Who signed them, and whether under a certificate that is trusted here."""
    stamped: int = 0
    """Of those, how many are time-stamped."""
    stampers: dict[str, bool] = field(default_factory=dict)
    """Who stamped them, and whether that is trusted here."""
    notes: list[str] = field(default_factory=list)
    """What could not be found out, or is worth knowing, and is no finding."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is as it was delivered, now."""
        return all(finding.restored for finding in self.findings)


@asynccontextmanager
async def readable(storage: Storage, key: str) -> AsyncIterator[Path | None]:
    """Yield the object as a local file: in place, or fetched for the moment; None if it is not there."""
    here = storage.on_this_machine(key)
    if here is not None:
        yield here if here.is_file() else None
        return
    with tempfile.TemporaryDirectory(prefix="animatic-verify-") as folder:
        target = Path(folder) / Path(key).name
        yield target if await storage.fetch(key, target) else None


async def verify_run(
    run: PastRun,
    manifest: Manifest,
    progress: Callable[[str], None] = lambda _: None,
    *,
    anchors: Anchors = NO_ANCHORS,
    revocations: Revocations | None = None,
) -> Verified:
    """Check everything that a run delivered; ``progress`` is told each file before it is read.

    ``anchors``: certificates under which signatures and time stamps are trusted; ``revocations`` asks whether theirs were revoked.
    Raises StorageError.
    """
    storage, ledger = run.destination.storage, run.destination.ledger
    found = Verified(run_id=run.plan.run_id, pipeline=run.plan.pipeline, simulated=run.destination.simulated)
    prefix = f"{run.plan.pipeline}/{run.plan.run_id}/"
    found.findings += _contradictions(run, manifest)
    made = clips_of_takes(manifest)
    takes = await ledger.takes.get_many(fingerprint for _, fingerprint, _ in made)
    steps = {clip.key: step for step, _, clip in made}
    expected = {shot.clip.key: (shot, takes.get(shot.fingerprint)) for shot in manifest.shots if shot.clip is not None}
    owners = {item["sha256"]: item["key"] for item in named_files(manifest)}
    keys = {storage.location(entry.key): entry.key for entry in await storage.list(prefix)}
    for item in named_files(manifest):
        name = item.get("file") or item["key"].rpartition("/")[2]
        key = keys.get(item["key"], f"{prefix}{name}")  # by name where the whole destination was moved
        progress(name)
        async with readable(storage, key) as path:
            await asyncio.to_thread(_look_at, found, manifest, path, name, item, expected.get(item["key"], (None, None)), steps, owners)
            if path is not None and plan_keeps_credentials(run, item):
                await asyncio.to_thread(_look_at_signature, found, path, name, item, anchors, revocations)
    for fingerprint, take in sorted(takes.items(), key=lambda entry: entry[1].step):
        progress(f"take of {take.step}")
        async with readable(storage, take.clip.key) as path:
            await asyncio.to_thread(_look_at_take, found, path, take, fingerprint)
    found.findings += _unnamed(manifest, keys, prefix)
    return found


def clips_of_takes(manifest: Manifest) -> list[tuple[str, str, Clip]]:
    """Return the clips that were delivered of takes, further takes last, each once: key of the step, fingerprint of the take, clip."""
    found: dict[str, tuple[str, str, Clip]] = {}
    mains = [(shot.key or shot.id, shot.fingerprint, shot.clip) for shot in manifest.shots]
    more = [(shot.key or shot.id, take.fingerprint, take.clip) for shot in manifest.shots for take in shot.takes]
    for step, fingerprint, clip in (*mains, *more):
        if clip is not None and fingerprint is not None:
            found.setdefault(clip.key, (step, fingerprint, clip))
    return list(found.values())


def named_files(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Yield every file of the manifest that it has a hash of, once: clips, further takes, reels and whatever a newer version adds."""
    seen: set[str] = set()

    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            is_file = isinstance(value.get("key"), str) and isinstance(value.get("sha256"), str) and "size" in value
            if is_file and value["key"] not in seen:
                seen.add(value["key"])
                yield value
            for part in value.values():
                yield from walk(part)
        elif isinstance(value, list | tuple):
            for part in value:
                yield from walk(part)

    return walk(manifest.model_dump(mode="json", by_alias=True, include={"shots", "reel", "reels"}))


def _contradictions(run: PastRun, manifest: Manifest) -> Iterator[Finding]:
    """Find what the manifest says of the run, and the ledger's record of its plan does not."""
    plan = run.plan
    if manifest.simulated != run.destination.simulated:
        where = "simulated" if run.destination.simulated else "real"
        yield Finding(check="simulated", file="manifest.json", detail=f"it lies among {where} runs and says that it is not one")
    for what, said, known in (("run", manifest.run_id, plan.run_id), ("pipeline", manifest.pipeline, plan.pipeline)):
        if said != known:
            yield Finding(check="manifest", file="manifest.json", detail=f"it is of {what} {said!r}, and the ledger says {known!r}")
    strangers = {shot.key or shot.id for shot in manifest.shots} - {step.key for step in plan.steps}
    for key in sorted(strangers):
        yield Finding(check="manifest", file="manifest.json", detail=f"the plan of the run has no shot {key!r}")


Expectation = tuple[Shot | None, Take | None]


def _look_at(
    found: Verified,
    manifest: Manifest,
    path: Path | None,
    name: str,
    item: dict[str, Any],
    expectation: Expectation,
    steps: Mapping[str, str],
    owners: dict[str, str],
) -> None:
    """Check one file of the manifest: its bytes, its mark, and that its take is the ledger's. ``steps``: by key of the file."""
    shot, take = expectation

    def note(check: Check, detail: str) -> None:
        found.findings.append(Finding(check=check, file=name, detail=detail, shot=steps.get(item["key"])))

    if shot is not None:
        for detail in _other_than_taken(item, shot, take):
            note("take", detail)
    if path is None:
        note("missing", "it is gone")
        return
    size, digest = path.stat().st_size, sha256_of(path)
    found.files, found.size = found.files + 1, found.size + size
    if size != item["size"]:
        note("size", f"it has {size:,} bytes, and was delivered with {item['size']:,}")
    if digest != item["sha256"]:
        other = owners.get(digest)
        note("hash", f"it is the file that was delivered as {other}" if other else "its bytes are not those that were delivered")
    mark = read_mark(path, item["mime"])
    if mark is not None or has_credentials(path, item["mime"]):
        found.marked += 1
    for check, detail in _of_mark(mark, manifest, item, shot, take):
        note(check, detail)


def _of_mark(
    mark: Mark | None, manifest: Manifest, item: dict[str, Any], shot: Shot | None, take: Take | None
) -> Iterator[tuple[Check, str]]:
    if mark is None:
        if item.get("origin") in {"marked", "signed"}:
            yield "mark", "its mark of origin is gone"
        return
    if mark.simulated != manifest.simulated:
        yield "simulated", f"its mark says that it is {'simulated' if mark.simulated else 'real'}, and the manifest says the opposite"
    if shot is not None and mark.model != shot.model:
        yield "mark", f"its mark names {mark.model}, and the manifest {shot.model}"
    if take is not None and (mark.run, mark.shot) != (take.run_id, take.step):
        yield "mark", f"its mark is that of {mark.shot}, run {mark.run}; the take was made for {take.step}, run {take.run_id}"
    if shot is None and "shots" in item and mark.run != manifest.run_id:
        yield "mark", f"its mark is of run {mark.run}"


def plan_keeps_credentials(run: PastRun, item: dict[str, Any]) -> bool:
    """Whether the credentials of a file are looked at: those that the run signed, and those of providers unless it says otherwise."""
    return item.get("origin") == "signed" or (item.get("origin") == "credentials" and run.plan.c2pa != "off")


def _look_at_signature(
    found: Verified, path: Path, name: str, item: dict[str, Any], anchors: Anchors, revocations: Revocations | None
) -> None:
    """Check the credentials of a file: that they are there and hold, are stamped as was said, and that a reel names all its clips."""
    # What the same bytes say again after a repair is no damage of them.
    damaged = {finding.shot for finding in found.findings if finding.file == name and finding.check in {"hash", "size"}}
    step = next(iter(damaged), None)

    def note(detail: str, shot: str | None = step) -> None:
        found.findings.append(Finding(check="signature", file=name, detail=detail, shot=shot))

    if not has_credentials(path, item["mime"]):
        note("its signature is gone")
        return
    try:
        credentials = credentials_of(path, item["mime"], anchors, revocations, ours=item.get("origin") == "signed")
    except UsageError as error:
        note(f"not checked: {error.message}; {error.hint or ''}".rstrip("; "))
        return
    found.signed += 1
    found.signers |= {credentials.signer or "somebody without a name": credentials.trusted}
    for problem in credentials.problems:
        note(problem, None if problem in credentials.of_certificate else step)
    if item.get("origin") == "signed" and anchors.signing is not None and not credentials.trusted and not credentials.problems:
        note(f"it is signed by {credentials.signer}, and no certificate of {SIGNING} vouches for that", None)
    found.notes += [said for said in credentials.notes if said not in found.notes]
    if credentials.stamp is not None:
        found.stamped += 1
        found.stampers |= {credentials.stamp.authority: credentials.stamp.trusted}
    elif item.get("time_stamped"):
        note("its time stamp is gone")
    elif item.get("time_stamped") is False:
        found.notes.append(f"{name} is signed without a time stamp: it was asked for, and the service gave none")
    shots = {place["shot"] for place in item.get("shots", ())}
    if item.get("origin") == "signed" and credentials.ingredients < len(shots):
        note(f"it is signed with {credentials.ingredients} ingredients, and shows {len(shots)} shots")


def _other_than_taken(item: dict[str, Any], shot: Shot, take: Take | None) -> Iterator[str]:
    if take is None:
        yield f"the ledger has no take {shot.fingerprint[:12]}"
        return
    if take.job_id != shot.job_id:
        yield f"it is said to be of job {shot.job_id}, and the ledger's take is of job {take.job_id}"
    if item.get("original_sha256") not in {None, take.clip.sha256}:
        yield "it is said to be made from other bytes than the ledger's take"


def _look_at_take(found: Verified, path: Path | None, take: Take, fingerprint: str) -> None:
    """Check the file of a take, which later runs reuse and damaged clips are restored from."""
    name = take.clip.key
    if path is None:
        found.findings.append(Finding(check="take", file=name, detail=f"the take {fingerprint[:12]} of {take.step} is gone"))
        return
    found.files, found.size = found.files + 1, found.size + path.stat().st_size
    if sha256_of(path) != take.clip.sha256:
        found.findings.append(Finding(check="take", file=name, detail=f"the take of {take.step} is not what Krea sent"))


def _unnamed(manifest: Manifest, keys: dict[str, str], prefix: str) -> Iterator[Finding]:
    """Find files of the run's folder that no text of the manifest is the name of."""
    names: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, str):
            names.add(value)
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(part)

    walk(manifest.model_dump(mode="json", by_alias=True))
    for location, key in keys.items():
        name = key.removeprefix(prefix)
        if location not in names and name not in names and name not in WRITTEN_BESIDE:
            yield Finding(check="unnamed", file=name, detail="the manifest does not name it")
