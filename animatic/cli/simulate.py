"""``simulate``: runs the simulator alone, as a Krea that other programs can use."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click

from animatic.cli.options import json_option
from animatic.cli.output import say
from animatic.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8483, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--state", type=click.Path(path_type=Path), help="Folder for its jobs and files (default: in the state folder).")
@json_option
def simulate(port: int, state: Path | None, as_json: bool) -> None:
    """Start the simulator alone.

    It stands for Krea, as KREA_API_URL, costs nothing, and ends at Ctrl-C.
    """
    from animatic.simulator import launch

    running = launch.start(state or Settings.from_environment().home / "simulator", port=port)
    try:
        if as_json:
            print(json.dumps({"url": running.url, "pid": running.pid}), flush=True)  # one line: its reader waits for it
        else:
            print(f"Simulator at {running.url}", flush=True)
            say(f"  use it with: KREA_API_URL={running.url} KREA_API_TOKEN=anything animatic run ...")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        running.stop()
