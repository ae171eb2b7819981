"""Processes that create the same objects at the same moment: one winner each, in a folder and in a bucket."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.present import present

pytest_plugins = ["tests.s3server"]

KEYS = 40
RACER = f"""
import asyncio, json, sys
from animatic.storage import open_storage

async def race():
    home = open_storage(sys.argv[1])
    await home.read("warm-up")
    print("ready", flush=True)
    sys.stdin.readline()
    won = await asyncio.gather(*(home.create(f"race/{{n}}", sys.argv[2].encode()) for n in range({KEYS})))
    print(json.dumps(won))

asyncio.run(race())
"""


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "out") if request.param == "folder" else request.getfixturevalue("s3").url


def test_of_several_processes_exactly_one_creates_each_object(url: str) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, url, f"racer {n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(3)
    ]
    try:
        for racer in racers:
            assert present(racer.stdout).readline() == "ready\n"
        for racer in racers:
            start = present(racer.stdin)
            start.write("go\n")
            start.flush()
        results = [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert [sum(result[n] for result in results) for n in range(KEYS)] == [1] * KEYS
