"""The proof: many runs share one limit, two workers lose their power, a server is restarted, and everything is delivered.

Nobody does anything meanwhile. What is said at the end was asked of those who cannot know what the product believes: the simulator (which
jobs ran when, and what it billed), the store (what lies there), and the Prefect servers (which states the runs went through).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from animatic.simulator.settings import SimulatorSettings
from tests.cluster.looking import Found, Servers, all_jobs, keep_logs, manifests_of, most_at_once, starts, tell
from tests.cluster.topology import BUCKET, Cluster, billed, cluster

SHOTS = 6
DOWN_SECONDS = 5.0
"""For which a server is away."""


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
    with cluster(pipelines(), workers=workers, simulator=krea, max_jobs=max_jobs, tell=tell) as made:
        began = time.monotonic()
        api = Servers(made)
        api.hasten_takeover()
        ids = [api.start(number) for number in range(runs)]
        tell(f"{runs} runs of {SHOTS} shots are scheduled, {max_jobs} jobs at once")
        api.wait_for(ids, runs // 6)
        tell("worker-1 loses its power")
        made.workers[0].kill()
        api.wait_for(ids, runs // 3)
        tell("worker-2 loses its power, and server-1 is restarted")
        made.workers[1].kill()
        made.servers[0].stop()
        time.sleep(DOWN_SECONDS)
        made.start_server(0)
        api.wait_for(ids, runs)
        found = look(made, api, ids, max_jobs=max_jobs)
        for item in found:
            print(item)
        print(f"      {time.monotonic() - began:.0f} s; runs that another worker took up: {api.taken_up(ids)}")
        if not all(item.good for item in found):
            keep_logs(made)
            return 1
    return 0


def look(made: Cluster, api: Servers, ids: Sequence[str], *, max_jobs: int) -> list[Found]:
    """Return what came of it."""
    bills, jobs = billed(made), all_jobs(made)
    keys, manifests = manifests_of(made)
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


def _addresses(keys: Sequence[str]) -> set[str]:
    return {f"s3://{BUCKET}/{key}" for key in keys}
