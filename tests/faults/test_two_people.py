"""People who decide at the same moment: one answer to each question counts, one lock of each shot, and no word is lost."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from animatic.ledger import Ledger
from animatic.storage import open_storage
from tests.present import present

pytest_plugins = ["tests.s3server"]

SHOTS = 12
PIPES: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
PEOPLE = ("anna", "ben", "carl")
PERSON = f"""
import asyncio, json, sys
from datetime import UTC, datetime
from animatic.ledger import Ledger
from animatic.ledger.approvals import NotOpenError
from animatic.ledger.locks import Lock
from animatic.ledger.shot_log import Remark
from animatic.storage import open_storage

async def answer(ledger, me, shot):
    base = f"base-{{shot}}"
    try:
        if me == "ben":
            said = await ledger.approvals.reject(base, by=me, note=None)
        else:
            said = await ledger.approvals.approve(base, None, by=me, note=None)
    except NotOpenError as closed:
        return [closed.last.kind, closed.last.by]
    return [said.kind, said.by]

async def lock(ledger, me, shot):
    now = datetime.now(UTC)
    wanted = Lock(kind="locked", pipeline="coast", step=f"shot-{{shot}}", profile=None, base="b", take=1, fingerprint="f", beside=(),
                  makes="video", run_id="r", plan={{}}, by=me, note=None, at=now)
    return (await ledger.locks.lock(wanted)).by

async def comment(ledger, me, shot):
    await ledger.shot_log.add(Remark(what="comment", pipeline="coast", step="one", at=datetime.now(UTC), by=me, note=str(shot)))

async def decide():
    ledger = Ledger(open_storage(sys.argv[1]), clock=lambda: datetime.now(UTC))
    me = sys.argv[2]
    await ledger.approvals.current("base-0")
    print("ready", flush=True)
    sys.stdin.readline()
    answers = await asyncio.gather(*(answer(ledger, me, shot) for shot in range({SHOTS})))
    locks = await asyncio.gather(*(lock(ledger, me, shot) for shot in range({SHOTS})))
    await asyncio.gather(*(comment(ledger, me, shot) for shot in range({SHOTS})))
    print(json.dumps({{"answers": answers, "locks": locks}}))

asyncio.run(decide())
"""


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """A destination, and what a process needs to reach it."""
    if request.param == "folder":
        return str(tmp_path / "out"), {}
    s3 = request.getfixturevalue("s3")
    return s3.url, s3.environment


def ledger_of(url: str) -> Ledger:
    return Ledger(open_storage(url), clock=lambda: datetime.now(UTC))


async def asked(url: str) -> None:
    ledger = ledger_of(url)
    for shot in range(SHOTS):
        await ledger.approvals.ask(f"base-{shot}", take=1, offered=(1, 2), run_id="run", step=f"shot-{shot}")


async def recorded(url: str) -> tuple[list[list[tuple[str, ...]]], dict[str, str], int]:
    """What the ledger holds: the entries about each question, who locked each shot, and how many comments."""
    ledger = ledger_of(url)
    answers: list[list[tuple[str, ...]]]
    answers = [[(said.kind, str(said.by)) for said in await ledger.approvals.all(f"base-{shot}")] for shot in range(SHOTS)]
    locks = {step: lock.by for step, lock in (await ledger.locks.of("coast", None)).items()}
    return answers, locks, len((await ledger.shot_log.of("coast"))["one"])


def test_of_people_who_decide_at_once_one_counts_and_all_are_heard(
    place: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, environment = place
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    asyncio.run(asked(url))
    people = {name: subprocess.Popen([sys.executable, "-c", PERSON, url, name], **PIPES, env=os.environ | environment) for name in PEOPLE}
    try:
        for person in people.values():
            assert present(person.stdout).readline() == "ready\n"
        for person in people.values():
            start = present(person.stdin)
            start.write("go\n")
            start.flush()
        told: dict[str, Any] = {name: json.loads(person.communicate(timeout=90)[0]) for name, person in people.items()}
    finally:
        for person in people.values():
            person.kill()
            person.communicate()
    answers, locks, comments = asyncio.run(recorded(url))
    assert comments == SHOTS * len(PEOPLE)
    for shot in range(SHOTS):
        question, *decided = answers[shot]
        assert question[0] == "asked"
        assert len(decided) == 1, "of several answers one is recorded"
        assert {tuple(said["answers"][shot]) for said in told.values()} == set(decided), "and everybody is told which"
        assert {said["locks"][shot] for said in told.values()} == {locks[f"shot-{shot}"]}
