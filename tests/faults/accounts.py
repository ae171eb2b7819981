"""The account that is settled when all processes have ended: what Krea billed against what the product says, both seen from outside."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.harness import Ended, Processes
from tests.faults.krea_jobs import Job
from tests.faults.krea_server import StandIn

ASKS_A_PERSON = 5
DELIVERED = frozenset({"delivered", "reused"})


@dataclass(kw_only=True)
class Desk(Processes):
    """Processes that render through a stand-in for Krea, and the person who is asked now and then."""

    krea: StandIn
    questions: int = 0
    """Submissions that somebody had to decide."""

    @property
    def krea_url(self) -> str:
        return self.krea.url

    def doubts(self, **environment: Any) -> list[dict[str, Any]]:
        """What ``animatic doubts --json`` lists; its exit code tells whether somebody has to decide. Strays wait for nobody."""
        ended = self.cli("doubts", "--json", **environment)
        assert ended.output, ended
        found: list[dict[str, Any]] = json.loads(ended.output)
        assert ended.code == (ASKS_A_PERSON if any(doubt["kind"] != "stray" for doubt in found) else 0), ended
        return found

    def decide(self) -> list[str]:
        """Answer every question as a person would who knows Krea's bill. Returns what was wrong with the questions."""
        wrong = []
        asked = [doubt for doubt in self.doubts() if doubt["kind"] != "stray"]
        # What is decided of a take holds for all of its attempts.
        for take in dict.fromkeys(doubt["fingerprint"] for doubt in asked):
            about = [doubt for doubt in asked if doubt["fingerprint"] == take]
            self.questions += len(about)
            offered = {candidate["job_id"] for doubt in about for candidate in doubt["candidates"] or ()}
            right = [job.id for job in self.krea.jobs if job.post and job.id in offered and job.prompt == _prompt_of(about[0])]
            verb = ["adopt", take[:16], right[0]] if right else ["resubmit", take[:16]]
            ended = self.cli(*verb)
            if ended.code:
                wrong.append(f"{' '.join(verb)}: {ended.code} {ended.errors} {about}")
        return wrong

    def render_to_the_end(self, *options: str, tries: int = 12) -> Ended:
        """Run, decide what is asked, and run again, until the run ends well."""
        for _ in range(tries):
            ended = self.render(*options)
            if ended.code != ASKS_A_PERSON:
                break
            assert self.decide() == [], ended
        assert ended.code == 0, ended
        return ended


def prompt(pipeline: str, shot: str) -> str:
    """The prompt by which tests name their shots: no two shots have the same."""
    return f"{pipeline} / {shot}"


def _prompt_of(doubt: Mapping[str, Any]) -> str:
    return prompt(doubt["pipeline"], doubt["shot"])


@dataclass
class Statement:
    """What the product says of every job that was billed, and what is wrong with that."""

    doubts: list[dict[str, Any]]
    takes: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """Shots of the manifests, by the job that they say they are; one that several runs delivered or reused counts once."""
    wrong: list[str] = field(default_factory=list)
    """Empty: all that was billed is in exactly one take or named to a person, and every take is its own shot's clip."""

    @property
    def named(self) -> set[str]:
        """The jobs that a person is told of."""
        found = {doubt["job_id"] for doubt in self.doubts if doubt["job_id"]}
        return found | {candidate["job_id"] for doubt in self.doubts for candidate in doubt["candidates"] or ()}

    @property
    def kinds(self) -> list[str]:
        """Of what kinds the doubts are."""
        return sorted(doubt["kind"] for doubt in self.doubts)


async def manifests(desk: Processes) -> list[dict[str, Any]]:
    """Every run's manifest, the oldest first."""
    keys = [entry.key for entry in await desk.storage.list("") if entry.key.endswith("/manifest.json") and entry.key[0] != "."]
    found = [await desk.storage.read(key) for key in keys]
    return sorted((json.loads(data) for data in found if data), key=lambda manifest: str(manifest["run_id"]))


async def manifest_of(desk: Processes, run_id: str | None = None) -> dict[str, Any]:
    """The manifest of a run, or of the last one."""
    found = [manifest for manifest in await manifests(desk) if run_id in {None, manifest["run_id"]}]
    return found[-1]


async def statement(desk: Desk) -> Statement:
    """Wait until every job has ended, read manifests and doubts, and compare with Krea's bill."""
    desk.krea.await_idle()
    said = Statement(doubts=desk.doubts())
    for manifest in await manifests(desk):
        for shot in manifest["shots"]:
            if shot["state"] in DELIVERED and shot["fingerprint"] not in {other["fingerprint"] for other in said.takes[shot["job_id"]]}:
                said.takes[shot["job_id"]].append({**shot, "pipeline": manifest["pipeline"], "run_id": manifest["run_id"]})
    for job in desk.krea.ours():
        takes = said.takes.get(job.id, [])
        if len(takes) > 1:
            said.wrong.append(f"{_told(job)} is in several takes: {[take['key'] for take in takes]}")
        if not takes and job.id not in said.named:
            said.wrong.append(f"{_told(job)} was billed and is in no take and in no doubt")
    for job_id, takes in said.takes.items():
        for take in takes:
            said.wrong += await _wrong_clip(desk, job_id, take)
    return said


async def _wrong_clip(desk: Desk, job_id: str, take: Mapping[str, Any]) -> list[str]:
    job, name = desk.krea.find(job_id), prompt(take["pipeline"], take["id"])
    wrong = []
    if await desk.storage.read(f"{take['pipeline']}/{take['run_id']}/{take['clip']['file']}") is None:
        wrong.append(f"the file of {name} is not there")
    # What is delivered bears marks of its origin; what came from Krea lies with the take.
    record = json.loads(await desk.storage.read(f".animatic/takes/{take['fingerprint'][:2]}/{take['fingerprint']}/take.json") or b"{}")
    data = await desk.storage.read(record["clip"]["key"]) if record else None
    if data is None or not data.endswith(job.id.encode()):
        wrong.append(f"the clip of {name} is not that of job {job.id}")
    if job.prompt != name and (job.post is not None or take["how"] != "evidence"):
        wrong.append(f"{name} is {_told(job)} ({take['how']})")
    return wrong


def _told(job: Job) -> str:
    return f"job {job.id} ({job.prompt!r}{'' if job.post else ', of another program'})"


def spent(desk: Desk, **environment: Any) -> float:
    """What ``animatic spend`` says in all."""
    ended = desk.cli("spend", "--json", **environment)
    assert ended.code == 0, ended
    return float(json.loads(ended.output)["total_usd"])


def billed(desk: Desk) -> float:
    """What Krea bills for what was sent by us."""
    return sum(job.usd for job in desk.krea.ours())
