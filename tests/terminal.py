"""A command on a terminal of its own (a pseudo terminal), as a person has it: what it printed, and how it ended."""

from __future__ import annotations

import fcntl
import os
import pty
import re
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
        command, cwd=cwd, env={**_sizeless(env), "TERM": "xterm-256color"}, stdin=its, stdout=its, stderr=its, start_new_session=True
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


SIZES = [(60, 20), (100, 30), (200, 50)]
"""Columns and rows of the terminals on which everything that people see must fit."""
_SEQUENCE = re.compile(r"\x1b\[(?P<numbers>[0-9;?]*)(?P<command>[A-Za-z])")


def last_screen(written: str, *, columns: int, rows: int) -> list[str]:
    """Return the lines that a terminal of that size shows in the end, without empty ones below: a small reading of what we write.

    Understands text, line ends, moves up and erased lines; anything else that would move the cursor is an error.
    """
    lines, row, column, place = [""], 0, 0, 0
    while place < len(written):
        sequence = _SEQUENCE.match(written, place)
        if sequence:
            place = sequence.end()
            number = int(sequence["numbers"] or 1) if sequence["numbers"].isdigit() or not sequence["numbers"] else 0
            match sequence["command"]:
                case "A":
                    row = max(row - number, 0, len(lines) - rows)  # what has scrolled away cannot be reached again
                case "K":
                    lines[row] = "" if number == 2 else lines[row][:column]
                case "m" | "h" | "l":
                    pass
                case command:
                    raise ValueError(f"this reading of a terminal does not know {command!r}")
            continue
        sign, place = written[place], place + 1
        if sign == "\r":
            column = 0
        elif sign == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        else:
            if column == columns:
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            lines[row] = lines[row][:column].ljust(column) + sign + lines[row][column + 1 :]
            column += 1
    shown = [line.rstrip() for line in lines[-rows:]]
    while shown and not shown[-1]:
        shown.pop()
    return shown


def _sizeless(env: Mapping[str, str]) -> dict[str, str]:
    """Leave out the variables that would say another size than the terminal has."""
    return {name: value for name, value in env.items() if name not in {"COLUMNS", "LINES"}}
