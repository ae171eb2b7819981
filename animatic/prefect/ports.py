"""Remembers the ports of services on this machine, so that links into the UI and to delivered files outlive a restart.

Owns ``HOME/ports.json``: by service, the port at which it was last.
"""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

from animatic.files import write_whole
from animatic.home import part_of

UI = "ui"


def files_of(pipelines_file: Path) -> str:
    """Return the name of the service that serves what these pipelines deliver: each project has a port of its own."""
    return f"files of {pipelines_file.absolute()}"


def port_for(home: Path, service: str, *, at_first: int | None = None) -> int:
    """Return the port at which a service was last, if it is free, else ``at_first``, if that is, else a free one of no other service."""
    known = _known(home)
    others = {port for name, port in known.items() if name != service}
    for port in (known.get(service), at_first):
        if port is not None and port not in others and _is_free(port):
            return port
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in others:
            return port


def remember(home: Path, service: str, port: int) -> None:
    """Keep the port of a service. Where that cannot be kept, its links last until its end."""
    with contextlib.suppress(OSError):
        write_whole(_file(home), json.dumps({**_known(home), service: port}, indent=1))


def _known(home: Path) -> dict[str, int]:
    try:
        known = json.loads(_file(home).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): port for name, port in known.items() if isinstance(port, int)} if isinstance(known, dict) else {}


def _file(home: Path) -> Path:
    return part_of(home) / "ports.json"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what the last one has just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
