"""Runs the simulator as a process of its own: ``python -m animatic.simulator``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from animatic.errors import UsageError
from animatic.files import make_private
from animatic.simulator.settings import SimulatorSettings


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped. Exit code 2: the options are wrong."""
    options = _parser().parse_args(arguments)
    try:
        settings = SimulatorSettings.from_json(_settings(options))
    except (UsageError, ValueError, TypeError) as error:
        sys.stderr.write(f"animatic.simulator: {error}\n")
        return 2
    from animatic.simulator.server import serve  # noqa: PLC0415 - wrong options are told before anything is loaded

    make_private(options.state)
    serve(options.state, settings, host=options.host, port=options.port, parent=options.parent_pid)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m animatic.simulator", description="A Krea that lives on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0: any free one; the first line of output names it")
    parser.add_argument("--state", type=Path, required=True, help="folder of jobs, assets and results; kept")
    parser.add_argument("--parent-pid", type=int, help="end when this process is gone")
    parser.add_argument("--job-seconds", type=float, help="how long every job takes")
    parser.add_argument("--concurrency", type=int, help="jobs that run at once; further ones are backlogged")
    parser.add_argument("--token", action="append", help="a bearer token that is accepted; default: any")
    parser.add_argument("--faults", type=json.loads, default={}, metavar="JSON", help='for example {"lost_after": 0.1}')
    parser.add_argument("--anonymous", action="store_true", help="do not say in answers who it is; for the tests of animatic itself")
    parser.add_argument("--settings", metavar="JSON", help="all settings as one object; - reads it from standard input")
    return parser


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    text = sys.stdin.read() if options.settings == "-" else options.settings or "{}"
    given: dict[str, Any] = json.loads(text)
    if options.job_seconds is not None:
        given["job_seconds"] = options.job_seconds
    if options.concurrency is not None:
        given["concurrency"] = options.concurrency
    if options.token:
        given["tokens"] = options.token
    if options.anonymous:
        given["anonymous"] = True
    if options.faults:
        given["faults"] = {**given.get("faults", {}), **options.faults}
    return given


if __name__ == "__main__":
    sys.exit(main())
