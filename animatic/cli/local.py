"""The verbs for what runs on this machine: ``simulate`` and ``down``."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import click

from animatic.cli.options import json_option
from animatic.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8483, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--state", type=click.Path(path_type=Path), help="Where jobs and files are kept (default: the state folder).")
@json_option
def simulate(port: int, state: Path | None, as_json: bool) -> None:
    """Run the simulator alone, until Ctrl-C: a Krea for KREA_API_URL that costs nothing."""
    from animatic.simulator import launch

    running = launch.start(state or Settings.from_environment().home / "simulator", port=port)
    try:
        if as_json:
            print(json.dumps({"url": running.url, "pid": running.pid}), flush=True)
        else:
            print(f"Simulator at {running.url}", flush=True)
            print(f"  use it with: KREA_API_URL={running.url} KREA_API_TOKEN=anything animatic run ...", file=sys.stderr, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        running.stop()


@click.command()
@json_option
def down(as_json: bool) -> None:
    """End the local Prefect server that earlier runs left up."""
    from animatic.prefect.server import stop

    server = stop(Settings.from_environment().home)
    if as_json:
        print(json.dumps({"ended": server is not None, "url": server.ui_url if server else None}))
    else:
        print(f"ended the Prefect server at {server.ui_url}" if server else "no local Prefect server was running")
