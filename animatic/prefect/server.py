"""Starts the local Prefect server when no other is configured, keeps it for the next run, and ends it for ``animatic down``.

Owns ``HOME/prefect/`` (the server's database, log, and ``server.json`` that says where it listens). Never imports Prefect: the
server is a process of its own, so that asking whether it is up costs milliseconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from animatic import proxies
from animatic.errors import PrefectError
from animatic.files import write_whole
from animatic.home import OWN_FOLDER, part_of
from animatic.prefect.ports import UI, port_for, remember

START_SECONDS = 150.0
"""For a first start: it runs all database migrations, which took up to a minute on a small machine."""
STARTED_SECONDS = 30.0
"""For a server that runs already, and may be busy or still starting."""
STOP_SECONDS = 15.0
"""For its end, before it is killed."""

SERVER_SETTINGS = {
    # Batches keep the server's view close to the truth when hundreds of tasks change state at once.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
    # In-memory leases would be held for ever after a restart of the server.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}

DEFAULT_PORT = 4200
"""Prefect's own. A server that had another one before has that again, so that bookmarks and links keep working."""
PORT_ATTEMPTS = 3
"""Between choosing a free port and listening there, a server of somebody else may have taken it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalServer:
    """A server of ours: its process, when that process began (a reused pid is not ours), and its port."""

    pid: int
    began: str
    port: int

    @property
    def ui_url(self) -> str:
        """Address for the browser."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """Address for ``PREFECT_API_URL``."""
        return f"{self.ui_url}/api"


def available_api(home: Path) -> str | None:
    """Return the Prefect API to ask, without starting one: the configured one, else our server's; None where neither is there."""
    if url := configured_api_url():
        return url
    server = running(home)
    return server.api_url if server else None


def ensure_api(home: Path, *, tell: Callable[[str], None] = lambda _: None) -> str:
    """Return a Prefect API that answers: the configured one, else our server's, started if need be. Raises PrefectError."""
    url = configured_api_url()
    if url is None:
        return ensure(home, tell=tell).api_url
    proxies.require_usable(url)
    if not answering(url):
        raise PrefectError(
            "the Prefect API of PREFECT_API_URL does not answer",
            hint=proxies.advised("start it, or unset PREFECT_API_URL to use a local server", url),
        )
    return url


def configured_api_url(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the Prefect API that the user has chosen: ``PREFECT_API_URL``, else the active profile's."""
    environment = os.environ if environment is None else environment
    if url := environment.get("PREFECT_API_URL"):
        return url
    home = Path(environment.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    path = Path(environment.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    try:
        profiles = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    name = environment.get("PREFECT_PROFILE") or profiles.get("active")
    profile = profiles.get("profiles", {}).get(name, {})
    url = profile.get("PREFECT_API_URL") if isinstance(profile, dict) else None
    return url if isinstance(url, str) and url else None


def answering(api_url: str, *, timeout: float = 5.0) -> bool:
    """Whether a Prefect API answers there."""
    try:
        return _get(f"{api_url.rstrip('/')}/health", timeout=timeout).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _get(url: str, *, timeout: float) -> httpx.Response:
    """Ask once, through a proxy only where one stands before that address."""
    return httpx.get(url, timeout=timeout, trust_env=proxies.proxy_for(url) is not None)


def running(home: Path) -> LocalServer | None:
    """Return our server if its process lives and it answers."""
    server = _recorded(home)
    return server if server and _lives(server) and answering(server.api_url) else None


def ensure(home: Path, *, port: int | None = None, tell: Callable[[str], None] = lambda _: None) -> LocalServer:
    """Return our server, starting it when none of ours answers. Two callers at once share one.

    Raises PrefectError when it does not come up; the message says where its log is.
    """
    folder = _folder(home)
    with _exclusive_lock(folder / "starting.lock"):
        server = _recorded(home)
        if server and _lives(server):
            if _await_health(server, folder, patience=STARTED_SECONDS):
                return server
            stop(home)
        tell("Starting the local Prefect server (the first start takes up to a minute) ...")
        for attempt in range(1, PORT_ATTEMPTS + 1):
            server, ended = _start(folder, port or port_for(home, UI, at_first=DEFAULT_PORT))
            if ended is None:
                remember(home, UI, server.port)
                return server
            if port or attempt == PORT_ATTEMPTS or not _taken(server.port):
                break
        raise PrefectError(f"the local Prefect server {ended}", hint=f"its log: {folder / 'server.log'}")


def stop(home: Path, *, patience: float = STOP_SECONDS) -> LocalServer | None:
    """End our server and return it; None if none of ours runs."""
    server = _recorded(home)
    record = _folder(home) / "server.json"
    if server is None or not _lives(server):
        record.unlink(missing_ok=True)
        return None
    # The server leads a process group of its own, so its helpers end with it.
    for step in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, step)
        deadline = time.monotonic() + patience
        while _lives(server) and time.monotonic() < deadline:
            _reap(server.pid)
            time.sleep(0.1)
        if not _lives(server):
            break
    _reap(server.pid)
    record.unlink(missing_ok=True)
    return server


def _start(folder: Path, port: int) -> tuple[LocalServer, str | None]:
    """Start a server, and return it with how it failed, if it did."""
    log = folder / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "KREA_", "AWS_"))}
    environment |= SERVER_SETTINGS | {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        # Not `--port`: with it the UI would go on calling port 4200.
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "prefect", "server", "start"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=folder,
            start_new_session=True,
            umask=0o077,  # its database holds prompts and messages
        )
    server = LocalServer(pid=process.pid, began=_began(process.pid), port=port)
    write_whole(folder / "server.json", json.dumps(asdict(server)))
    healthy = _await_health(server, folder, patience=START_SECONDS, process=process)
    code = process.poll()
    # The server outlives this process on purpose: without a code Popen would warn that it still runs.
    process.returncode = code or 0
    if healthy:
        return server, None
    stop(folder.parent)
    return server, "did not answer in time" if code is None else f"ended with code {code}"


def _await_health(server: LocalServer, folder: Path, *, patience: float, process: subprocess.Popen[bytes] | None = None) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if answering(server.api_url, timeout=2.0) and _is_of(folder, server.api_url):
            return True
        if (process is not None and process.poll() is not None) or not _lives(server):
            return False
        time.sleep(0.2)
    return False


def _is_of(folder: Path, api_url: str) -> bool:
    """Whether the server that answers is the one whose data lie in ``folder``: another one may have taken the port first."""
    try:
        home = _get(f"{api_url}/admin/settings", timeout=5.0).json().get("home")
    except (httpx.HTTPError, ValueError, AttributeError):
        return False
    return isinstance(home, str) and Path(home).resolve() == folder.resolve()


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _recorded(home: Path) -> LocalServer | None:
    try:
        return LocalServer(**json.loads((_folder(home) / "server.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _folder(home: Path) -> Path:
    try:
        return part_of(home, "prefect")
    except OSError as error:
        raise PrefectError(f"cannot keep local state in {home}: {error.strerror}", hint=OWN_FOLDER) from None


def _lives(server: LocalServer) -> bool:
    return _began(server.pid) == server.began


def _began(pid: int) -> str:
    """Return when a process began, in the kernel's words; empty if there is none (or it is a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
        found = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
        return "" if " Z" in found.stdout else found.stdout.strip().rsplit(" ", 1)[0]
    return "" if fields[0] == "Z" else fields[19]


def _reap(pid: int) -> None:
    """Let go of a process that has ended, where this process started it."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@contextlib.contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel lets go of it when the holder dies."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
