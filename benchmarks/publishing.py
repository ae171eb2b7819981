"""Writes measured tables into README.md, each between marks of its subject, with what machine and load they were measured on."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

README = Path(__file__).with_name("README.md")


def publish(subject: str, table: str, load: tuple[float, float], readme: Path = README) -> None:
    """Put a table in the place of the subject's last one; ``load``: the machine's load average before and after it was measured.

    Raises ValueError where the file has no place for the subject.
    """
    begin, end = marks(subject)
    before, found, rest = readme.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{readme.name} has no {begin} ... {end}")
    measured = (
        f"Measured {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC on {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"at a load of {load[0]:.1f} to {load[1]:.1f}."
    )
    readme.write_text(f"{before}{begin}\n{measured}\n\n{table}\n{end}{after}", encoding="utf-8")


def marks(subject: str) -> tuple[str, str]:
    """Return the lines between which a subject's table lies."""
    return f"<!-- {subject} -->", f"<!-- /{subject} -->"
