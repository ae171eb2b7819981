"""``python -m benchmarks [SUBJECT ...] [--rounds N] [--quick] [--json]``: all subjects, or some of them."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import bookkeeping, checking, growing, origin, reels, running, seeing, storing, tables, validating, watching
from benchmarks.publishing import publish
from benchmarks.ways import Prefect

SUBJECTS: dict[str, Callable[[Path, int], tables.Results | tables.Grid]] = {
    "start": validating.small,
    "scale": validating.large,
    "plan": validating.planning,
    "run": running.overhead,
    "seen": seeing.noticing,
    "wait": watching.thousands,
    "store": storing.deliver,
    "reel": reels.assemble,
    "origin": origin.marks,
    "checks": checking.look,
    "ledger": bookkeeping.questions,
    "growth": growing.growth,
    "thousands": growing.thousands,
}

ROUNDS = 2
"""By default: everything takes less than twenty minutes on two idle cores."""

LONG = frozenset({"thousands"})
"""Those that run only when they are named."""

QUICK = ("start", "plan", "store", "origin", "checks", "ledger")
"""Those that wait for no jobs; one round of them takes less than three minutes."""


def main() -> int:
    """Measure the subjects that were named, print their tables, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmarks against the limit, as tables.")
    named = f"some of: {', '.join(SUBJECTS)} (default: all but {', '.join(LONG)})"
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=named)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"measure everything this often and take medians (default: {ROUNDS})")
    parser.add_argument("--quick", action="store_true", help=f"one round of {', '.join(QUICK)}, unless subjects are named")
    parser.add_argument("--json", action="store_true", help="one line of JSON a table")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into benchmarks/README.md as well, in the place of the last ones"
    )
    options = parser.parse_args()
    if unknown := [name for name in options.subjects if name not in SUBJECTS]:
        parser.error(f"unknown subject: {', '.join(unknown)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles a program anew at each start
    for name in [name for name in os.environ if name.startswith(("KREA_", "AWS_", "PREFECT_", "ANIMATIC_"))]:
        del os.environ[name]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}: seconds are the machine's, read ratios", file=sys.stderr)
    rounds = 1 if options.quick else max(1, options.rounds)
    began = time.monotonic()
    try:
        for name in options.subjects or (QUICK if options.quick else [name for name in SUBJECTS if name not in LONG]):
            since = time.monotonic()
            load = os.getloadavg()[0]
            with tempfile.TemporaryDirectory(prefix=f"animatic-bench-{name}-") as folder:
                results = SUBJECTS[name](Path(folder), rounds)
            tables.show(results, as_json=options.json)
            if options.write:
                publish(name, tables.markdown(results), (load, os.getloadavg()[0]))
            print(f"{name}: {time.monotonic() - since:.0f} s, load {load:.1f} to {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    finally:
        Prefect.put_down()
    print(f"{(time.monotonic() - began) / 60:.1f} minutes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
