"""Processes of the cluster: started in sessions of their own, ended in good order or as a machine that loses its power does."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120.0
STOP_SECONDS = 20.0


class ClusterError(Exception):
    """Something of the cluster did not start, or is not installed; the message is for people."""


def free_port() -> int:
    """Return a port of this machine that nobody has at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Member:
    """One process of the cluster. ``start`` may be called again once it is gone, with the same port and folder."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    folder: Path
    user: str | None = None
    """Whom it runs as, where that is not the one who started the cluster."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Member:
        """Start it."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
        return self

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
        """Wait until it answers. Raises ClusterError where it ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                raise ClusterError(f"{self.name} did not start; its messages are in {self.log}:\n{self.last_lines()}")
            time.sleep(0.2)

    def last_lines(self, count: int = 12) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it in good order, and whatever of it is still there after that."""
        if self.process is None:
            return
        tree = descendants(self.process.pid)
        if self.running:
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        kill_all([self.process.pid, *tree])
        self.process.wait()

    def kill(self) -> None:
        """End it and all that it has started at once: nothing gets to clean up."""
        assert self.process is not None
        kill_all([self.process.pid, *descendants(self.process.pid)])
        self.process.wait()


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below a process."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def kill_all(pids: Sequence[int]) -> None:
    """Kill processes; those that are gone already are left out."""
    for pid in pids:  # first all of them stand still, so that none sees another one go and starts it again
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def measured(pid: int) -> tuple[float, int, int] | None:
    """Return what a process has at the moment: MB of memory, open files, threads. None where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return None
    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if "VmRSS" not in facts:
        return None
    return int(facts["VmRSS"].split()[0]) / 1024, files, int(facts["Threads"])
