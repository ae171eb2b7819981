"""A storm of schedules: many pipelines are due in the same minute, with two schedulers at work. Every run is made once, and none is lost.

Nobody does anything meanwhile. Each pipeline asks for a clip of its own, so that the bill of the simulator tells which were made, and
how often.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from animatic.simulator.settings import SimulatorSettings
from tests.cluster.looking import Found, Servers, all_jobs, keep_logs, manifests_of, most_at_once, starts, tell
from tests.cluster.topology import BUCKET, Cluster, billed, cluster

NOTICE = timedelta(minutes=4)
"""From the start of the cluster to the minute of the storm: it is up by then."""


def pipelines(count: int, due: datetime) -> str:
    """Return a pipelines file whose every pipeline is due in the same minute of the day (UTC)."""
    listed = "".join(
        f"""\
  film-{number}:
    schedule: {{cron: "{due.minute} {due.hour} * * *", timezone: UTC, late: run}}
    shots: [{{id: dawn, prompt: "Dawn {number}"}}]
"""
        for number in range(1, count + 1)
    )
    return f"""\
version: 1
deliver: s3://{BUCKET}/out
defaults: {{video: {{model: xai/grok-video, resolution: 480p, duration: 1}}}}
pipelines:
{listed}"""


def storm(*, workers: int, runs: int, max_jobs: int) -> int:
    """Let it come, and print what was found; exit code 1 where something does not hold."""
    due = (datetime.now(UTC) + NOTICE).replace(second=0, microsecond=0)
    krea = SimulatorSettings(anonymous=True, video_seconds=2.0, longest_side=96)
    with cluster(pipelines(runs, due), workers=workers, schedulers=2, simulator=krea, max_jobs=max_jobs, tell=tell) as made:
        api = Servers(made)
        left = (due - datetime.now(UTC)).total_seconds()
        if left <= 0:
            tell("the cluster took too long to start: the minute of the storm is over")
            return 1
        tell(f"{runs} runs are due at {due:%H:%M} UTC, in {left:.0f} s")
        time.sleep(left)
        ids = [run["id"] for run in due_at(api, due)]
        tell(f"{len(ids)} runs are there")
        api.wait_for(ids, runs)
        ended = time.monotonic()
        found = look(made, api, due, runs=runs, max_jobs=max_jobs)
        for item in found:
            print(item)
        took = (datetime.now(UTC) - due).total_seconds() - (time.monotonic() - ended)
        print(f"      the last one ended {took:.0f} s after the minute had begun; taken by {', '.join(_workers(made))}")
        if not all(item.good for item in found):
            keep_logs(made)
            return 1
    return 0


def due_at(api: Servers, due: datetime) -> list[dict[str, Any]]:
    """Return the flow runs, of all deployments, that were to begin then."""
    moment = {"after_": (due - timedelta(seconds=30)).isoformat(), "before_": (due + timedelta(seconds=30)).isoformat()}
    found: list[dict[str, Any]] = api.call("POST", "/flow_runs/filter", {"flow_runs": {"expected_start_time": moment}, "limit": 200})
    return found


def look(made: Cluster, api: Servers, due: datetime, *, runs: int, max_jobs: int) -> list[Found]:
    """Return what came of it."""
    there = due_at(api, due)
    bills = billed(made)
    _, manifests = manifests_of(made)
    names = {run["id"]: api.states(run["id"]) for run in there}
    per_deployment = Counter(run["deployment_id"] for run in there)
    return [
        Found("pipelines that had their run", runs, len(per_deployment)),
        Found("runs beside", 0, sum(per_deployment.values()) - len(per_deployment)),
        Found("runs that completed", runs, sum(run["state"]["type"] == "COMPLETED" for run in there)),
        Found("runs that were begun more than once", [], [key for key, states in names.items() if starts(states) != 1]),
        Found("manifests that say completed", runs, sum(manifest["state"] == "completed" for manifest in manifests)),
        Found("clips that were billed", runs, len(bills)),
        Found("clips that were paid twice", 0, sum(count - 1 for count in Counter(bill["prompt"] for bill in bills).values())),
        Found(f"jobs at once, at most {max_jobs}", True, most_at_once(all_jobs(made)) <= max_jobs),
    ]


def _workers(made: Cluster) -> Sequence[str]:
    """Return how many runs each worker took, by its log."""
    return [f"{worker.name} ({worker.log.read_text(errors='replace').count('submitting flow run')})" for worker in made.workers]
