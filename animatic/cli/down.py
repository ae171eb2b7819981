"""``down``: stops the local Prefect server."""

from __future__ import annotations

import click

from animatic.cli.options import json_option
from animatic.cli.output import print_json
from animatic.settings import Settings


@click.command()
@json_option
def down(as_json: bool) -> None:
    """Stop the local Prefect server.

    Runs start it where no Prefect API is configured, and leave it up for the next one.
    """
    from animatic.prefect.server import stop

    server = stop(Settings.from_environment().home)
    if as_json:
        print_json({"ended": server is not None, "url": server.ui_url if server else None})
    else:
        print(f"stopped the Prefect server at {server.ui_url}" if server else "no local Prefect server was running")
