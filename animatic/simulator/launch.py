"""Starts the simulator as a child process that ends with this one."""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from animatic.errors import AnimaticError
from animatic.simulator.settings import SimulatorSettings

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_MAX_READY_LINE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that answers at ``url``. As a context manager it is stopped at the end of the block."""

    url: str
    pid: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it: politely, then not. Nothing happens if it has ended."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def start(state: Path, *, settings: SimulatorSettings | None = None, log: Path | None = None, port: int = 0) -> Running:
    """Start a simulator on the folder ``state`` and return when it answers.

    ``log`` takes its standard error (default: dropped). It has a session of its own, so that Ctrl-C reaches it only through this
    process, and ends when this process does, however that comes about. AnimaticError if it does not start.
    """
    # -P: a project's own logging.py or json.py is none of its modules.
    command = [sys.executable, "-P", "-m", "animatic.simulator", "--state", str(state)]
    errors: IO[bytes] | int = subprocess.DEVNULL if log is None else log.open("ab")
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, "--port", str(port), "--parent-pid", str(os.getpid()), "--settings", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    finally:
        if not isinstance(errors, int):
            errors.close()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with process.stdin:
            process.stdin.write(json.dumps((settings or SimulatorSettings()).to_json()).encode())
        ready = _ready_line(process.stdout)
        answer = json.loads(ready)
    except (OSError, ValueError) as error:
        process.kill()
        process.wait()
        hint = f"its messages are in {log}" if log is not None else f"`{shlex.join(command)}` says why"
        raise AnimaticError("the Krea simulator did not start", hint=hint) from error
    finally:
        process.stdout.close()
    return Running(answer["url"], process.pid, process)


def _ready_line(output: IO[bytes]) -> bytes:
    """Read the one line that says where it listens; empty if the process ends or takes too long."""
    line = b""
    until = time.monotonic() + _START_SECONDS
    while not line.endswith(b"\n") and len(line) < _MAX_READY_LINE_BYTES:
        readable, _, _ = select.select([output], [], [], max(0.0, until - time.monotonic()))
        chunk = os.read(output.fileno(), _MAX_READY_LINE_BYTES) if readable else b""
        if not chunk:
            return b""
        line += chunk
    return line
