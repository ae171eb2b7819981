"""Real processes against a real simulator: started, killed, started again; and what Krea billed in the end."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from animatic.simulator import SimulatorSettings
from animatic.simulator.launch import Running, start
from animatic.storage import Storage, open_storage
from tests.isolation import python_path

ROOT = Path(__file__).parents[2]
DRIVER = ("-m", "tests.faults.driver")
QUICK = {
    "ANIMATIC_GRACE_SECONDS": "1.5",
    "ANIMATIC_POLL_SECONDS": "0.1",
    "ANIMATIC_POST_SECONDS": "6",
    "ANIMATIC_GET_SECONDS": "10",
    "ANIMATIC_OUTAGE_SECONDS": "20",
}
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code (negative: the signal), and what it printed."""

    code: int
    output: str
    errors: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    @property
    def run_id(self) -> str | None:
        return next((line["run_id"] for line in self.lines if "run_id" in line), None)


@dataclass(kw_only=True)
class Processes(ABC):
    """A pipelines file, a destination, and processes that render the one into the other through a Krea that outlives them."""

    folder: Path
    deliver: str
    environment: dict[str, str] = field(default_factory=dict)
    quick: bool = True
    """Whether the times that the product waits are short, unless the environment says others."""
    kills: int = 0
    longest: float = 100.0
    """Seconds after which a process counts as one that hangs."""

    @property
    @abstractmethod
    def krea_url(self) -> str:
        """Where that Krea answers."""

    @property
    def file(self) -> Path:
        return self.folder / "pipelines.yaml"

    @property
    def storage(self) -> Storage:
        return open_storage(self.deliver)

    def declare(self, pipeline: str) -> None:
        self.file.write_text(
            f"version: 1\ndeliver: {self.deliver}\n"
            "defaults: {video: {model: xai/grok-video, resolution: 480p}, image: {model: google/nano-banana-pro}}\n"
            f"pipelines:\n{pipeline}"
        )

    def start(self, *options: str, crash_at: str | None = None, command: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("KREA_", "ANIMATIC_"))}
        env |= (QUICK if self.quick else {}) | {
            "KREA_API_URL": self.krea_url,
            "KREA_API_TOKEN": "test",
            "ANIMATIC_HOME": str(self.folder / "home"),
            "PYTHONPATH": python_path(ROOT),
        }
        env |= self.environment | environment
        if crash_at:
            env["ANIMATIC_CRASH_AT"] = crash_at
        return subprocess.Popen(
            command or [sys.executable, *DRIVER, str(self.file), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            cwd=self.folder,
            start_new_session=True,
        )

    def render(self, *options: str, timeout: float | None = None, **more: Any) -> Ended:
        return finish(self.start(*options, **more), timeout=timeout or self.longest)

    def cli(self, *arguments: str, timeout: float | None = None, **more: Any) -> Ended:
        """Run ``animatic`` itself."""
        command = [sys.executable, "-m", "animatic", *arguments]
        return finish(self.start(command=command, **more), timeout=timeout or self.longest)

    def kill_at(self, point: str, *options: str) -> Ended:
        ended = self.render(*options, crash_at=point)
        self.kills += ended.code == KILLED
        return ended

    def kill_after(self, seconds: float, *options: str) -> Ended:
        return self.end_within(self.start(*options), seconds)

    def end_within(self, process: subprocess.Popen[str], seconds: float) -> Ended:
        """Kill a process that has not ended by itself after so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.005)
        if process.poll() is None:
            process.kill()
        ended = finish(process, timeout=self.longest)
        self.kills += ended.code == KILLED
        return ended


@dataclass(kw_only=True)
class Set(Processes):
    """The same with a simulator."""

    simulator: Running

    @property
    def krea_url(self) -> str:
        return self.simulator.url

    def billing(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = httpx.get(f"{self.simulator.url}/_simulator/billing", trust_env=False).json()["items"]
        return items

    def change(self, settings: Mapping[str, Any]) -> None:
        httpx.post(f"{self.simulator.url}/_simulator/settings", json=dict(settings), trust_env=False).raise_for_status()

    def await_idle(self) -> None:
        """Wait until every accepted job has ended: only then the bill is complete."""
        headers = {"Authorization": "Bearer test"}
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            jobs = httpx.get(f"{self.simulator.url}/jobs?limit=1000", headers=headers, trust_env=False)
            if jobs.status_code == 200 and all(job["status"] in {"completed", "failed", "cancelled"} for job in jobs.json()["items"]):
                return
            time.sleep(0.1)
        raise AssertionError("jobs of the simulator did not end")

    def decide(self, prompt_of: Callable[[str], str]) -> int:
        """Answer every question as a person would who has seen the clips; returns how many there were. ``prompt_of``: a shot's prompt."""
        self.await_idle()
        made = {item["job_id"]: item["prompt"] for item in self.billing()}
        asked = [doubt for doubt in json.loads(self.cli("doubts", "--json").output) if doubt["kind"] == "lost_answer"]
        for doubt in asked:
            offered = [candidate["job_id"] for candidate in doubt["candidates"]]
            right = [job_id for job_id in offered if made.get(job_id) == prompt_of(doubt["shot"])]
            take = doubt["fingerprint"][:16]
            ended = self.cli("adopt", take, right[0]) if right else self.cli("resubmit", take)
            assert ended.code == 0, ended
        return len(asked)

    def billed_twice(self) -> dict[str, int]:
        """Requests that were billed more than once, by hash. In the harness every shot's request is its own."""
        self.await_idle()
        counts = Counter(item["request"] for item in self.billing())
        return {request: count for request, count in counts.items() if count > 1}


def finish(process: subprocess.Popen[str], *, timeout: float = 100) -> Ended:
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"a process hung:\n{output}\n{errors}") from None
    return Ended(process.returncode, output, errors)


def start_simulator(folder: Path, **settings: Any) -> Running:
    """Start a simulator that stands for the real Krea, and so does not say who it is."""
    return start(
        folder / "krea",
        settings=SimulatorSettings.from_json({"anonymous": True, "job_seconds": 0.25, "longest_side": 64, **settings}),
        log=folder / "krea.log",
    )


async def lost_clips(storage: Storage, run_prefix: str) -> list[str]:
    """Shots of a run whose delivered bytes are not what the manifest says."""
    data = await storage.read(f"{run_prefix}/manifest.json")
    assert data is not None, "the run has no manifest"
    manifest = json.loads(data)
    lost = []
    for shot in manifest["shots"]:
        clip = shot.get("clip")
        found = None if clip is None else await storage.read(f"{run_prefix}/{clip['file']}")
        if found is None or hashlib.sha256(found).hexdigest() != clip["sha256"]:
            lost.append(shot["id"])
    return lost


def spread(seed: int, count: int, longest: float) -> list[float]:
    """Random moments, the same for the same seed."""
    dice = random.Random(seed)
    return [dice.uniform(0.0, longest) for _ in range(count)]
