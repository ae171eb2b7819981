"""``simulate``: runs the simulator alone, as a Krea for other programs."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click

from animatic.cli.options import json_option
from animatic.cli.output import say
from animatic.home import part_of
from animatic.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8483, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--state", type=click.Path(path_type=Path), help="Folder for its jobs and files (default: in the state folder).")
@json_option
def simulate(port: int, state: Path | None, as_json: bool) -> None:
    """Start the simulator alone.

    It speaks Krea's API to other programs, bills nothing, and ends at Ctrl-C. To rehearse a pipeline, pass --simulate to the verb
    instead: a run whose KREA_API_URL points to the simulator is refused, so that its clips never lie among paid ones.
    """
    from animatic.simulator import launch

    running = launch.start(state or part_of(Settings.from_environment().home, "simulator"), port=port)
    try:
        if as_json:
            print(json.dumps({"url": running.url, "pid": running.pid}), flush=True)  # one line: its reader waits for it
        else:
            print(f"Simulator at {running.url}", flush=True)
            say("  it answers other programs as Krea would, with any token; animatic itself rehearses with --simulate")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        running.stop()
