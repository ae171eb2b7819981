"""Whether what runs for weeks stays as it is: schedules fire every minute, and `animatic serve`, a worker and the servers are measured.

A day of schedules is some hundred runs; here they come within minutes. Memory, open files and threads of the processes that stay up are
compared between the second and the last quarter of the time: the first is for caches to fill. Of the runs, which are processes of their
own, it is the requests to the store that must not grow with what was made before.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from animatic.simulator.settings import SimulatorSettings
from tests.cluster.looking import Found, Servers, tell
from tests.cluster.processes import Member, measured
from tests.cluster.services import ANIMATIC
from tests.cluster.topology import BUCKET, Cluster, cluster

POOLED, SERVED = 5, 3
"""Pipelines that a worker renders, and that `animatic serve` renders: each has a run every minute."""
SAMPLE_SECONDS = 5.0
MEMORY_SLACK = 1.10
"""Of the last quarter to the second: Python gives memory back in large pieces or not at all."""
COUNT_SLACK = 4
"""Open files and threads that may come and go: connections, pools."""
REQUESTS_SLACK = 1.5
SERVER_SLACK = 1.25
"""Of Prefect's own processes: its worker keeps more the more runs are late, and a server what it has read."""
MOST_WAIT_SECONDS = 300.0
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class Samples:
    """What was measured of one process: seconds since the beginning, MB, open files, threads."""

    rows: list[tuple[float, float, int, int]] = field(default_factory=list)

    def add(self, at: float, member: Member) -> None:
        """Measure once."""
        if member.process is not None and (row := measured(member.process.pid)) is not None:
            self.rows.append((at, *row))

    def quarter(self, number: int, column: int) -> float:
        """Return the median of a column in one quarter of the time (0 to 3)."""
        whole = self.rows[-1][0]
        part = [row[column] for row in self.rows if whole * number / 4 <= row[0] <= whole * (number + 1) / 4]
        return statistics.median(part)


def pipelines(kind: str, count: int) -> str:
    """Return a pipelines file whose every pipeline makes one new clip every minute."""
    listed = "".join(
        f"""\
  {kind}-{number}:
    schedule: {{cron: "* * * * *", fresh: true, late: run}}
    shots: [{{id: dawn, prompt: "Dawn {number} of the {kind}"}}]
"""
        for number in range(1, count + 1)
    )
    return f"""\
version: 1
deliver: s3://{BUCKET}/{kind}
defaults: {{video: {{model: xai/grok-video, resolution: 480p, duration: 1}}}}
pipelines:
{listed}"""


def endure(*, minutes: float) -> int:
    """Let schedules fire for so long, and print what has grown; exit code 1 where something has."""
    krea = SimulatorSettings(anonymous=True, video_seconds=1.0, longest_side=96)
    with cluster(pipelines("pooled", POOLED), workers=1, servers=1, simulator=krea, max_jobs=8, tell=tell) as made:
        serving = start_serving(made)
        watched = {"serve": serving, "worker": made.workers[0], "server": made.servers[0], "services": made.others[0]}
        samples = {name: Samples() for name in watched}
        asked: list[tuple[float, int]] = []
        began = time.monotonic()
        told = began
        while (passed := time.monotonic() - began) < minutes * 60:
            for name, member in watched.items():
                samples[name].add(passed, member)
            asked.append((time.time(), made.store.requests))
            if time.monotonic() - told > 60:
                told = time.monotonic()
                tell(f"{passed / 60:.0f} min: " + "; ".join(f"{name} {_row(samples[name])}" for name in watched))
            time.sleep(SAMPLE_SECONDS)
        api = Servers(made)
        stop_schedules(api)
        found = [*grown(samples), *look_at_runs(api, asked)]
        for item in found:
            print(item)
        return 0 if all(item.good for item in found) else 1


def start_serving(made: Cluster) -> Member:
    """Start `animatic serve` beside the workers, for pipelines of its own."""
    folder = made.folder / "serving"
    folder.mkdir()
    file = folder / "pipelines.yaml"
    file.write_text(pipelines("served", SERVED), encoding="utf-8")
    own = {"PREFECT_API_URL": made.api, "ANIMATIC_FILE": str(file), "ANIMATIC_HOME": str(folder / "home")}
    command = [*ANIMATIC, "serve", "--limit", "2", "--no-prune", "--no-take-over"]
    member = Member("serve", command, made.environment | own, made.folder / "serve.log", folder).start()
    made.others.append(member)
    member.wait_until(lambda: "Serving" in member.log.read_text())
    return member


def stop_schedules(api: Servers) -> None:
    """Let no further run begin, and wait for those that have."""
    for deployment in api.call("POST", "/deployments/filter", {}):
        for schedule in deployment["schedules"]:
            api.call("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": False})
    deadline = time.monotonic() + MOST_WAIT_SECONDS
    while any(run["state"]["type"] in {"PENDING", "RUNNING"} for run in all_runs(api)) and time.monotonic() < deadline:
        time.sleep(3)


def all_runs(api: Servers) -> list[dict[str, Any]]:
    """Return all flow runs that were begun or ended, in the order in which they were due."""
    found: list[dict[str, Any]] = []
    wanted = {"flow_runs": {"state": {"type": {"any_": [*ENDED, "PENDING", "RUNNING"]}}}, "sort": "EXPECTED_START_TIME_ASC"}
    while page := api.call("POST", "/flow_runs/filter", {**wanted, "limit": 200, "offset": len(found)}):
        found += page
    return found


def grown(samples: Mapping[str, Samples]) -> list[Found]:
    """Return what the processes that stay up have grown by from the second to the last quarter."""
    found: list[Found] = []
    for name, taken in samples.items():
        slack = MEMORY_SLACK if name == "serve" else SERVER_SLACK
        before, after = (taken.quarter(number, 1) for number in (1, 3))
        found.append(Found(f"memory of {name}, {before:.0f} MB -> {after:.0f} MB", True, after <= before * slack))
        for column, what in ((2, "open files"), (3, "threads")):
            before, after = (taken.quarter(number, column) for number in (1, 3))
            found.append(Found(f"{what} of {name}, {before:g} -> {after:g}", True, after <= before + COUNT_SLACK))
    return found


def look_at_runs(api: Servers, asked: Sequence[tuple[float, int]]) -> list[Found]:
    """Return how the runs ended, and whether late ones ask the store more often than early ones.

    ``asked``: how many requests the store had answered, and when. Times of runs would prove nothing on a machine that does other things.
    """
    runs = all_runs(api)
    others = Counter(f"{run['state']['name']}: {run['state']['message']}" for run in runs if run["state"]["name"] != "Completed")
    ends = [datetime.fromisoformat(run["end_time"]).timestamp() for run in runs if run["end_time"]]
    before, after = (requests_of_a_run(asked, ends, number) for number in (1, 3))
    return [
        Found(f"runs that did not complete, of {len(runs)}", {}, dict(others)),
        Found(f"requests of a run to the store, {before:.0f} -> {after:.0f}", True, after <= before * REQUESTS_SLACK),
    ]


def requests_of_a_run(asked: Sequence[tuple[float, int]], ends: Sequence[float], quarter: int) -> float:
    """Return the requests to the store in a quarter of the time (0 to 3) for each run that ended in it."""
    first, last = asked[0][0], asked[-1][0]
    since, until = (first + (last - first) * part / 4 for part in (quarter, quarter + 1))
    within = [count for at, count in asked if since <= at <= until]
    return (within[-1] - within[0]) / max(1, sum(since <= end < until for end in ends))


def _row(samples: Samples, show: Callable[[float], str] = "{:.0f}".format) -> str:
    if not samples.rows:
        return "gone"
    _, memory, files, threads = samples.rows[-1]
    return f"{show(memory)} MB, {files} files, {threads} threads"
