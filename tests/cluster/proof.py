"""The proof: many runs share one limit, two workers lose their power, a server is restarted, and everything is delivered.

Nobody does anything meanwhile. What is said at the end was asked of those who cannot know what the product believes: the simulator (which
jobs ran when, and what it billed), the store (what lies there), and the Prefect servers (which states the runs went through).
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from animatic.simulator.settings import SimulatorSettings
from tests.cluster.processes import ClusterError
from tests.cluster.topology import BUCKET, TOKEN, Cluster, billed, cluster

SHOTS = 6
SILENCE_SECONDS = 60
"""After which a run counts as lost here; deployed is twice that."""
START_SECONDS = 150
DOWN_SECONDS = 5.0
"""For which a server is away."""
MOST_SECONDS = 45 * 60
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass(frozen=True)
class Found:
    """One thing that was looked at: what it should be, and what it is."""

    what: str
    wanted: object
    found: object

    @property
    def good(self) -> bool:
        """Whether it holds."""
        return self.wanted == self.found


def pipelines() -> str:
    """Return a pipelines file whose every run asks for clips of its own; the last shot begins where the first ends."""
    shots = "".join(f'      - {{id: s{n}, prompt: "Shot {n} of run {{{{ params.number }}}}"}}\n' for n in range(1, SHOTS))
    return f"""\
version: 1
deliver: s3://{BUCKET}/out
defaults: {{video: {{model: xai/grok-video, resolution: 480p, duration: 1}}}}
pipelines:
  film:
    params: {{number: {{type: integer, default: 0}}}}
    overlap: allow
    shots:
{shots}      - {{id: s{SHOTS}, prompt: "Shot {SHOTS} of run {{{{ params.number }}}}", start_image: s1}}
"""


def prove(*, workers: int, runs: int, max_jobs: int) -> int:
    """Prove it, and print what was found; exit code 1 where something does not hold."""
    krea = SimulatorSettings(anonymous=True, video_seconds=4.0, longest_side=96)
    with cluster(pipelines(), workers=workers, simulator=krea, max_jobs=max_jobs, tell=_tell) as made:
        began = time.monotonic()
        api = Servers(made)
        api.hasten_takeover()
        ids = [api.start(number) for number in range(runs)]
        _tell(f"{runs} runs of {SHOTS} shots are scheduled, {max_jobs} jobs at once")
        api.wait_for(ids, runs // 6)
        _tell("worker-1 loses its power")
        made.workers[0].kill()
        api.wait_for(ids, runs // 3)
        _tell("worker-2 loses its power, and server-1 is restarted")
        made.workers[1].kill()
        made.servers[0].stop()
        time.sleep(DOWN_SECONDS)
        made.start_server(0)
        api.wait_for(ids, runs)
        found = look(made, api, ids, max_jobs=max_jobs)
        for item in found:
            print(f"{'ok  ' if item.good else 'FAIL'}  {item.what}: {item.found}{'' if item.good else f' instead of {item.wanted}'}")
        print(f"      {time.monotonic() - began:.0f} s; runs that another worker took up: {api.taken_up(ids)}")
        if not all(item.good for item in found):
            _keep_logs(made)
            return 1
    return 0


class Servers:
    """The Prefect API as its UI uses it."""

    def __init__(self, made: Cluster) -> None:
        self._made = made
        self._http = httpx.Client(timeout=30, trust_env=False)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call it, again where the server that was asked has just gone. Raises ClusterError where none answers."""
        for _ in range(30):
            with contextlib.suppress(httpx.TransportError):
                answer = self._http.request(method, f"{self._made.api}{path}", json=body)
                if answer.status_code < 500:
                    answer.raise_for_status()
                    return answer.json() if answer.content else None
            time.sleep(1)
        raise ClusterError("no Prefect server answers")

    def hasten_takeover(self) -> None:
        """Have the automations that `animatic deploy` has made act sooner: a proof should not take as long."""
        seconds = {"animatic: take up runs of machines that are gone": SILENCE_SECONDS}
        for item in self.call("POST", "/automations/filter", {}):
            if item["name"].startswith("animatic: take up"):
                item["trigger"]["within"] = seconds.get(item["name"], START_SECONDS)
                kept = {key: item[key] for key in ("name", "description", "enabled", "trigger", "actions")}
                self.call("PUT", f"/automations/{item['id']}", kept)

    def start(self, number: int) -> str:
        """Schedule a run for now; returns its id."""
        deployment = self.call("GET", "/deployments/name/film/film")["id"]
        body = {"parameters": {"number": number}, "state": {"type": "SCHEDULED"}}
        return str(self.call("POST", f"/deployments/{deployment}/create_flow_run", body)["id"])

    def runs(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return flow runs."""
        found: list[dict[str, Any]] = self.call("POST", "/flow_runs/filter", {"flow_runs": {"id": {"any_": list(ids)}}})
        return found

    def wait_for(self, ids: Sequence[str], count: int) -> None:
        """Wait until so many have ended. Raises ClusterError where that takes too long."""
        deadline = time.monotonic() + MOST_SECONDS
        told = ""
        while True:
            states = Counter(run["state"]["type"] for run in self.runs(ids))
            now = ", ".join(f"{number} {kind.lower()}" for kind, number in sorted(states.items()))
            if now != told:
                _tell(f"  {now}")
                told = now
            if sum(states[kind] for kind in ENDED) >= count:
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"it takes too long: {now}")
            time.sleep(3)

    def states(self, run_id: str) -> list[str]:
        """Return the names of all states that a run went through."""
        found = self.call("GET", f"/flow_run_states/?flow_run_id={run_id}")
        return [state["name"] for state in sorted(found, key=lambda state: str(state["timestamp"]))]

    def taken_up(self, ids: Sequence[str]) -> int:
        """Return how many of the runs were scheduled again."""
        return sum("AwaitingRetry" in self.states(run_id) for run_id in ids)


def look(made: Cluster, api: Servers, ids: Sequence[str], *, max_jobs: int) -> list[Found]:
    """Return what came of it."""
    store, bills, jobs = made.bucket(), billed(made), all_jobs(made)
    keys = [item["Key"] for page in store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET) for item in page.get("Contents", ())]
    manifests = [json.loads(store.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys if key.endswith("/manifest.json")]
    shots = [shot for manifest in manifests for shot in manifest["shots"]]
    names = [api.states(run_id) for run_id in ids]
    lost = [run_id for run_id, states in zip(ids, names, strict=True) if starts(states) > 1 + states.count("AwaitingRetry")]
    total = len(ids) * SHOTS
    return [
        Found("runs that completed", len(ids), sum(run["state"]["type"] == "COMPLETED" for run in api.runs(ids))),
        Found("manifests that say so", len(ids), sum(manifest["state"] == "completed" for manifest in manifests)),
        Found("shots delivered", total, sum(shot["state"] in {"delivered", "reused"} for shot in shots)),
        Found("their clips in the store", total, len({shot["clip"]["key"] for shot in shots if shot["clip"]} & _addresses(keys))),
        Found("jobs that were billed", total, len(bills)),
        Found("shots that were paid twice", 0, sum(count - 1 for count in Counter(bill["prompt"] for bill in bills).values())),
        Found("paid beside", 0, sum(len(manifest["stray_jobs"]) for manifest in manifests)),
        Found(f"jobs at once, at most {max_jobs}", min(most_at_once(jobs), max_jobs), most_at_once(jobs)),
        Found("runs begun more often than they were scheduled", [], lost),
    ]


def starts(states: Sequence[str]) -> int:
    """Return how often a run was begun."""
    return sum(name in {"Running", "Retrying", "Rerunning"} for name in states)


def _addresses(keys: Sequence[str]) -> set[str]:
    return {f"s3://{BUCKET}/{key}" for key in keys}


def all_jobs(made: Cluster) -> list[tuple[float, float]]:
    """Return from when to when each job ran, in seconds, as the simulator has it."""
    found: list[tuple[float, float]] = []
    cursor = ""
    while True:
        address = f"{made.krea}/jobs?limit=1000{cursor}"
        page = httpx.get(address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60, trust_env=False).json()
        found += [(_seconds(job["created_at"]), _seconds(job["completed_at"])) for job in page["items"] if job["completed_at"]]
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def most_at_once(jobs: Sequence[tuple[float, float]]) -> int:
    """Return how many of the jobs ran at the same moment at most."""
    # At the same moment ends count before beginnings.
    changes = sorted([(began, 1) for began, _ in jobs] + [(ended, -1) for _, ended in jobs])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _keep_logs(made: Cluster) -> None:
    for member in (*made.servers, *made.workers, *made.others):
        print(f"--- {member.name}\n{member.last_lines(40)}", file=sys.stderr)


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
