"""Tells whether the process that wrote an intent is still there, so that nobody takes over a submission that is just being sent."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path

from animatic.ledger.model import Intent

PROC = Path("/proc")
STATE, START = 0, 19
"""Fields of /proc/PID/stat, counted behind the command's name."""


def identity() -> tuple[str, int, str]:
    """Return host, process id and start of this process."""
    pid = os.getpid()
    return socket.gethostname(), pid, f"{_world()} {_start(pid) or ''}".strip()


def is_alive(host: str, pid: int, started: str) -> bool | None:
    """Tell whether that process is running; None where that cannot be known: another machine or container.

    A process id that was given to another process since is told apart by when it started (on Linux).
    """
    if host != socket.gethostname():
        return None
    world, _, start = started.rpartition(" ")
    if world != _world():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and somebody else's
    return _start(pid) in {start, None}


def owner_alive(intent: Intent) -> bool | None:
    """Tell the same of the process that wrote an intent."""
    return is_alive(intent.host, intent.pid, intent.started)


def _world() -> str:
    """Return what must be equal for two process ids to mean the same: the boot and the process namespace."""
    try:
        return f"{(PROC / 'sys/kernel/random/boot_id').read_text().strip()} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """Return the start of the process in clock ticks since the boot; empty for one that has ended but was not collected yet."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return "" if fields[STATE] in {"Z", "X"} else fields[START]


def person() -> str:
    """Return who is at the keyboard, as this machine knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
