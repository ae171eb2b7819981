"""Looks at a cluster from outside: the Prefect API as its UI uses it, and what the simulator and the store know."""

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

from tests.cluster.processes import ClusterError
from tests.cluster.topology import BUCKET, TOKEN, Cluster

SILENCE_SECONDS = 60
"""After which a run counts as lost here; deployed is twice that."""
START_SECONDS = 150
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

    def __str__(self) -> str:
        return f"{'ok  ' if self.good else 'FAIL'}  {self.what}: {self.found}{'' if self.good else f' instead of {self.wanted}'}"


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
                tell(f"  {now}")
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


def starts(states: Sequence[str]) -> int:
    """Return how often a run was begun."""
    return sum(name in {"Running", "Retrying", "Rerunning"} for name in states)


def manifests_of(made: Cluster) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the keys of all that lies in the store, and what the manifests among it say."""
    store = made.bucket()
    keys = [item["Key"] for page in store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET) for item in page.get("Contents", ())]
    return keys, [json.loads(store.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys if key.endswith("/manifest.json")]


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


def keep_logs(made: Cluster) -> None:
    for member in (*made.servers, *made.workers, *made.others):
        print(f"--- {member.name}\n{member.last_lines(40)}", file=sys.stderr)


def tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
