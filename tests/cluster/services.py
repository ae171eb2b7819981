"""What the servers of the cluster stand on: Postgres, Redis, and the settings that deployments/compose.yaml gives them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.processes import ClusterError, Member, free_port

COMPOSE = Path(__file__).resolve().parents[2] / "deployments" / "compose.yaml"
HOW_TO_INSTALL = "apt-get install postgresql redis-server"
ANIMATIC = [sys.executable, "-m", "animatic"]
PREFECT = [sys.executable, "-m", "prefect"]


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running Postgres with an empty database ``prefect``."""

    member: Member
    port: int
    password: str

    @property
    def url(self) -> str:
        """As Prefect takes it."""
        return f"postgresql+asyncpg://prefect:{self.password}@127.0.0.1:{self.port}/prefect"


def has_program(name: str) -> bool:
    """Whether a server's program is installed."""
    return _where(name) is not None


def _where(name: str) -> str | None:
    places = [*os.environ.get("PATH", "").split(os.pathsep), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    return shutil.which(name, path=os.pathsep.join(places))


def program(name: str) -> str:
    """Return the path of a server's program. Raises ClusterError with how to install it."""
    found = _where(name)
    if found is None:
        raise ClusterError(f"{name} is not installed: {HOW_TO_INSTALL}")
    return found


def start_postgres(folder: Path) -> Postgres:
    """Start a Postgres of our own below ``folder``: it refuses to run as root, and is the system's postgres user then."""
    folder.mkdir()
    user = "postgres" if os.geteuid() == 0 else None
    password, port = secrets.token_hex(12), free_port()
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    if user is not None:
        owner = pwd.getpwnam(user)
        for path in (folder, secret):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    options = ["-U", "prefect", "-E", "UTF8", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"]
    _run([program("initdb"), "-D", str(data), *options], folder, user)
    command = [program("postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-N", "200", "-F"]
    member = Member("postgres", command, _bare(), folder / "postgres.log", folder, user=user)
    member.log.touch()
    member.start()
    ready = [program("pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    member.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0)
    create = [program("createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "prefect", "prefect"]
    _run(create, folder, user, PGPASSWORD=password)
    return Postgres(member=member, port=port, password=password)


def start_redis(folder: Path) -> tuple[Member, int]:
    """Start a Redis of our own below ``folder``; returns it and its port."""
    folder.mkdir()
    port = free_port()
    command = [
        program("redis-server"),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    member = Member("redis", command, _bare(), folder / "redis.log", folder).start()
    ping = [program("redis-cli"), "-p", str(port), "ping"]
    member.wait_until(lambda: subprocess.run(ping, check=False, capture_output=True).stdout.strip() == b"PONG")
    return member, port


def _run(command: list[str], folder: Path, user: str | None, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=_bare() | environment,
        capture_output=True,
        text=True,
        check=False,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    if done.returncode:
        raise ClusterError(f"{Path(command[0]).name}: {done.stderr.strip()}")


def _bare() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def server_settings(postgres: str, redis_port: int) -> dict[str, str]:
    """Return the settings of compose.yaml's Prefect servers, with what is different on one machine: addresses and the password."""
    if importlib.util.find_spec("prefect_redis") is None:
        raise ClusterError("prefect-redis is not installed: make install-dev")
    compose: Mapping[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    settings: dict[str, str] = dict(compose["x-prefect"]["environment"])
    here = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": postgres,
        "PREFECT_SERVER_DOCKET_URL": f"redis://127.0.0.1:{redis_port}/1",
        "PREFECT_REDIS_MESSAGING_HOST": "127.0.0.1",
        "PREFECT_REDIS_MESSAGING_PORT": str(redis_port),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
    }
    missing = set(here) - set(settings)
    assert not missing, f"compose.yaml sets no {', '.join(sorted(missing))} any more"
    return settings | here


def answers(url: str) -> bool:
    """Return whether something answers at an address of this machine."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as response:
            return bool(response.status < 500)
    except OSError:
        return False
