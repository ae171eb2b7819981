"""The cluster as a whole: who is there, how they find each other, and how they start and end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from animatic.simulator import launch
from animatic.simulator.settings import SimulatorSettings
from tests.cluster.processes import ClusterError, Member, free_port
from tests.cluster.proxy import proxy
from tests.cluster.services import ANIMATIC, PREFECT, answers, server_settings, start_postgres, start_redis
from tests.s3server import OneAtATime, moto, s3_environment, serving_s3

BUCKET = "cluster"
POOL = "animatic"
TOKEN = "cluster-token"
RUNS_PER_WORKER = 2
INHERITED = ("PATH", "HOME", "LANG", "TERM", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONWARNINGS")


@dataclass(kw_only=True)
class Cluster:
    """A cluster that is up. ``servers`` and ``workers`` may be killed and started again; ``api`` is that of whichever server is there."""

    folder: Path
    pipelines: Path
    krea: str
    s3: str
    store: OneAtATime
    """Who answers at ``s3``: it counts the requests."""
    receiver: str
    environment: dict[str, str]
    """Of a run anywhere in it, without the Prefect server that it asks."""
    servers: list[Member] = field(default_factory=list)
    apis: list[str] = field(default_factory=list)
    """Of each server."""
    api: str = ""
    workers: list[Member] = field(default_factory=list)
    others: list[Member] = field(default_factory=list)

    def animatic(self, *arguments: str) -> str:
        """Run the command as somebody who works with the cluster does; returns what it printed. Raises ClusterError where it fails."""
        done = subprocess.run(
            [*ANIMATIC, *arguments],
            cwd=self.folder,
            env=self.environment | {"PREFECT_API_URL": self.api},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"animatic {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def add_worker(self) -> Member:
        """Start one more worker."""
        name = f"worker-{len(self.workers) + 1}"
        home = self.folder / name
        home.mkdir()
        environment = self.environment | {"PREFECT_API_URL": self.api, "PREFECT_HOME": str(home), "ANIMATIC_HOME": str(home / "animatic")}
        command = [*PREFECT, "worker", "start", "--pool", POOL, "--type", "process", "--name", name]
        worker = Member(name, [*command, "--limit", str(RUNS_PER_WORKER)], environment, self.folder / f"{name}.log", home).start()
        self.workers.append(worker)
        return worker

    def start_server(self, number: int) -> None:
        """Start a Prefect server and wait until it answers; one that was ended before keeps its port."""
        self.servers[number].start()
        self.servers[number].wait_until(lambda: answers(f"{self.apis[number]}/health"))

    def bucket(self) -> Any:
        """Return a client of the store, to look at it from outside."""
        return boto3.client(
            "s3", endpoint_url=self.s3, region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )  # fmt: skip


@contextlib.contextmanager
def cluster(
    pipelines: str,
    *,
    workers: int = 3,
    servers: int = 2,
    schedulers: int = 1,
    simulator: SimulatorSettings,
    max_jobs: int,
    tell: Callable[[str], None],
) -> Iterator[Cluster]:
    """Bring a cluster up that serves these pipelines, and take it down at the end of the block. Its folder goes with it.

    ``simulator``: it stands for the real Krea, and does not say who it is; all that comes of it lies in a store that goes as well.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="animatic-cluster-", ignore_cleanup_errors=True)))
        folder.chmod(0o711)  # Postgres runs as another user
        tell("Postgres and Redis")
        postgres = start_postgres(folder / "postgres")
        stack.callback(postgres.member.stop, 2)  # SIGINT: its fast shutdown
        redis, redis_port = start_redis(folder / "redis")
        stack.callback(redis.stop)
        store = moto()
        s3 = stack.enter_context(serving_s3(store))
        krea = stack.enter_context(launch.start(folder / "krea", settings=simulator))
        made = Cluster(
            folder=folder,
            pipelines=folder / "pipelines.yaml",
            krea=krea.url,
            s3=s3,
            store=store,
            receiver=f"http://127.0.0.1:{free_port()}",
            environment={},
        )
        made.pipelines.write_text(pipelines, encoding="utf-8")
        made.environment = _environment(made)
        made.bucket().create_bucket(Bucket=BUCKET)
        stack.callback(_stop_all, made)
        settings = server_settings(postgres.url, redis_port)
        _start_servers(made, settings, servers, tell)
        _start_schedulers(made, settings, schedulers)
        ports = [int(api.rpartition(":")[2].removesuffix("/api")) for api in made.apis]
        made.api = f"http://127.0.0.1:{stack.enter_context(proxy(ports))}/api"
        _start_receiver(made)
        tell("deployments")
        made.animatic("deploy", "--max-jobs", str(max_jobs), "--no-prune", "--no-take-over")
        tell(f"{workers} workers")
        for _ in range(workers):
            made.add_worker()
        yield made


def _environment(made: Cluster) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        **inherited,
        **s3_environment(made.s3),
        "KREA_API_URL": made.krea,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_WEBHOOK_URL": made.receiver,
        "ANIMATIC_HOME": str(made.folder / "home"),
        "ANIMATIC_POLL_SECONDS": "1",
        "ANIMATIC_FILE": str(made.pipelines),
        "PREFECT_HOME": str(made.folder / "prefect"),
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "127.0.0.1",
    }


def _start_servers(made: Cluster, settings: dict[str, str], count: int, tell: Callable[[str], None]) -> None:
    tell("tables of the Prefect servers")
    settings = made.environment | settings
    upgrade = [*PREFECT, "server", "database", "upgrade", "--yes"]
    done = subprocess.run(upgrade, env=settings, cwd=made.folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"prefect server database upgrade: {done.stderr}")
    tell(f"{count} Prefect servers and their services")
    for number in range(count):
        name, port = f"server-{number + 1}", free_port()
        home = made.folder / name
        home.mkdir()
        own = {"PREFECT_HOME": str(home), "PREFECT_SERVER_API_PORT": str(port)}
        command = [*PREFECT, "server", "start", "--no-services"]
        made.servers.append(Member(name, command, settings | own, made.folder / f"{name}.log", home))
        made.apis.append(f"http://127.0.0.1:{port}/api")
    for number in range(count):
        made.start_server(number)


def _start_schedulers(made: Cluster, settings: dict[str, str], count: int) -> None:
    """Start the services of the servers: the scheduler, and what looks after leases and automations."""
    command = [*PREFECT, "server", "services", "start"]
    for number in range(count):
        name = f"services-{number + 1}"
        home = made.folder / name
        home.mkdir()
        environment = made.environment | settings | {"PREFECT_HOME": str(home)}
        made.others.append(Member(name, command, environment, made.folder / f"{name}.log", home).start())


def _start_receiver(made: Cluster) -> None:
    port = made.receiver.rpartition(":")[2]
    log = made.folder / "webhook.log"
    receiver = Member("webhook", [*ANIMATIC, "webhook", "--port", port], made.environment, log, made.folder).start()
    made.others.append(receiver)
    receiver.wait_until(lambda: "Webhook receiver" in log.read_text())


def _stop_all(made: Cluster) -> None:
    for member in (*made.workers, *made.others, *made.servers):
        member.stop()


def billed(made: Cluster) -> list[dict[str, Any]]:
    """Return what the simulator has billed."""
    import urllib.request

    with urllib.request.urlopen(f"{made.krea}/_simulator/billing", timeout=60) as response:
        items: list[dict[str, Any]] = json.loads(response.read())["items"]
    return items
