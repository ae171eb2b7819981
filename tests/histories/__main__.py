"""Plays histories: ``python -m tests.histories SEED`` shows one, ``--count N [--from SEED] [--jobs J]`` plays many."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.histories import ALL, Verdict, check, check_range, chunks, render
from tests.histories.gaps import KNOWN_GAPS


def main(arguments: list[str] | None = None) -> int:
    """Return 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="show the history of this seed")
    parser.add_argument("--count", type=int, help="play so many")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes that play them")
    parser.add_argument("--gaps", action="store_true", help="with the faults that the product is known not to stand yet")
    parser.add_argument("--without", default="", help="faults to leave out, with commas")
    parser.add_argument("--rule", default="", help="look at this rule only")
    chosen = parser.parse_args(arguments)
    allowed = ALL - (frozenset() if chosen.gaps else KNOWN_GAPS) - frozenset(chosen.without.split(","))
    if chosen.seed is not None:
        verdict = check(chosen.seed, allowed)
        say(render(verdict))
        return int(bool(verdict.broken))
    began = time.perf_counter()
    broken: list[Verdict] = []
    parts = chunks(chosen.first, chosen.count or 1000, 100)
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for found in (pool.map if chosen.jobs > 1 else map)(partial(check_range, allowed=allowed), parts):
            broken += found
    return _report(broken, chosen.count or 1000, time.perf_counter() - began, chosen.rule)


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def kind_of(broken: str) -> str:
    """Return the rule that was broken, and for a silent bill how far its submission came."""
    rule, _, told = broken.partition(":")
    return f"{rule} ({told.rpartition('submission: ')[2].partition(': job')[0]})" if rule == "silent" else rule


def _report(broken: list[Verdict], count: int, seconds: float, rule: str) -> int:
    seeds: dict[str, list[int]] = defaultdict(list)
    for verdict in broken:
        for name in {kind_of(text) for text in verdict.broken}:
            seeds[name].append(verdict.seed)
    say(f"{count} histories in {seconds:.1f} s, {count / seconds * 60:.0f} a minute: {len(broken)} broke a rule")
    for name, found in sorted(seeds.items()):
        if rule in name:
            say(f"  {name}: {len(found)}, e.g. {', '.join(map(str, found[:12]))}")
    faults = Counter(fault for verdict in broken for fault in verdict.faults)
    say("  faults in those: " + ", ".join(f"{name} {number}" for name, number in faults.most_common(12)))
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
