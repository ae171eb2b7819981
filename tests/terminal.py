"""A command on a terminal of its own (a pseudo terminal), as a person has it: what it printed, and how it ended."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OnTerminal:
    """What a command left behind. ``screen`` is everything that it wrote to the terminal, escape sequences included."""

    code: int
    screen: str


def run_on_terminal(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], columns: int = 100, rows: int = 30, timeout: float = 100
) -> OnTerminal:
    """Run a command whose standard streams are all the same terminal of that size. Raises subprocess.TimeoutExpired."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command, cwd=cwd, env={**env, "TERM": "xterm-256color"}, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    written = bytearray()

    def drain() -> None:
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # Linux says EIO when the last holder of the other end is gone
                return
            if not some:
                return
            written.extend(some)

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        code = process.wait(timeout)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(10)
        os.close(ours)
    return OnTerminal(code, written.decode("utf-8", "replace"))
