"""``python -m tests.cluster``: brings the cluster up until Ctrl-C; actions ``prove``, ``storm`` and ``endure`` prove what holds on it."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from animatic.simulator.settings import SimulatorSettings
from tests.cluster.endurance import endure
from tests.cluster.processes import ClusterError
from tests.cluster.proof import prove
from tests.cluster.storm import storm
from tests.cluster.topology import BUCKET, Cluster, cluster

PIPELINES = """\
version: 1
deliver: s3://{bucket}/out
defaults: {{video: {{model: xai/grok-video, resolution: 480p, duration: 2}}}}
pipelines:
  coast:
    description: Three shots of a town by the sea.
    params: {{city: {{type: string, default: Lisbon}}}}
    overlap: allow
    shots:
      - {{id: dawn, prompt: "{{{{ params.city }}}} at dawn"}}
      - {{id: surf, prompt: Surf at the wall, start_image: dawn}}
      - {{id: dusk, prompt: "{{{{ params.city }}}} at dusk"}}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run it; exit code 1 where something does not start, or does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("action", choices=("up", "prove", "storm", "endure"), nargs="?", default="up")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--max-jobs", type=int, default=5)
    parser.add_argument("--runs", type=int, help="of the proof and the storm")
    parser.add_argument("--minutes", type=float, default=15.0, help="of endure")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.action == "prove":
            return prove(workers=options.workers, runs=options.runs or 30, max_jobs=options.max_jobs)
        if options.action == "storm":
            return storm(workers=options.workers, runs=options.runs or 20, max_jobs=options.max_jobs)
        if options.action == "endure":
            return endure(minutes=options.minutes)
        return up(workers=options.workers, max_jobs=options.max_jobs)
    except ClusterError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def up(*, workers: int, max_jobs: int) -> int:
    """Bring the cluster up, print who is where, and wait for Ctrl-C."""
    pipelines = PIPELINES.format(bucket=BUCKET)
    with cluster(pipelines, workers=workers, simulator=SimulatorSettings(anonymous=True), max_jobs=max_jobs, tell=_say) as made:
        _print_addresses(made)
        try:
            signal.pause()
        except KeyboardInterrupt:
            _say("Ending ...")
    return 0


def _print_addresses(made: Cluster) -> None:
    rows = [
        ("Prefect", f"{made.api}  (PREFECT_API_URL: whichever server is there)"),
        *((server.name, f"{api.removesuffix('/api')}  (UI)") for server, api in zip(made.servers, made.apis, strict=True)),
        ("Krea", f"{made.krea}  (the simulator)"),
        ("callbacks", made.receiver),
        ("S3", f"{made.s3}  (moto; bucket {BUCKET})"),
        *((worker.name, str(Path(worker.log))) for worker in made.workers),
    ]
    for name, where in rows:
        print(f"{name:<10}  {where}", flush=True)
    print("Everything is up: start a run in the UI under Deployments. Ctrl-C ends all of it.", flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
