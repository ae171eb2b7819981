"""``python -m benchmarks [SUBJECT ...] [--rounds N] [--quick] [--json]``: all subjects, or some of them."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import bookkeeping, checking, origin, reels, running, storing, submitting, tables, validating, watching

SUBJECTS: dict[str, Callable[[Path, int], tables.Results]] = {
    "start": validating.small,
    "scale": validating.large,
    "plan": validating.planning,
    "run": running.overhead,
    "submitting": submitting.speed,
    "wait": watching.thousand,
    "store": storing.deliver,
    "reel": reels.assemble,
    "origin": origin.marks,
    "checks": checking.look,
    "ledger": bookkeeping.questions,
}

QUICK = ("start", "plan", "store", "origin", "checks", "ledger")
"""Those that wait for no jobs; one round of them takes less than three minutes."""


def main() -> int:
    """Measure the subjects that were named, print their tables, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmarks against the limit, as tables.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"some of: {', '.join(SUBJECTS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="measure everything this often and take medians (default: 5)")
    parser.add_argument("--quick", action="store_true", help=f"one round of {', '.join(QUICK)}, unless subjects are named")
    parser.add_argument("--json", action="store_true", help="one line of JSON a table")
    options = parser.parse_args()
    if unknown := [name for name in options.subjects if name not in SUBJECTS]:
        parser.error(f"unknown subject: {', '.join(unknown)}")
    for name in [name for name in os.environ if name.startswith(("KREA_", "AWS_", "PREFECT_", "ANIMATIC_"))]:
        del os.environ[name]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}: seconds are the machine's, read ratios", file=sys.stderr)
    rounds = 1 if options.quick else max(1, options.rounds)
    for name in options.subjects or (QUICK if options.quick else SUBJECTS):
        with tempfile.TemporaryDirectory(prefix=f"animatic-bench-{name}-") as folder:
            tables.show(SUBJECTS[name](Path(folder), rounds), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
