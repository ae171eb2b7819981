"""``schema``: prints the JSON Schema with which editors complete and check pipelines files."""

from __future__ import annotations

from pathlib import Path

import click

from animatic.cli.options import json_option
from animatic.cli.output import print_json, say, write_file
from animatic.settings import default_home


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file instead, e.g. pipelines.schema.json.")
@json_option
def schema(out: Path | None, as_json: bool) -> None:
    """Print the JSON Schema of pipelines files, for editors.

    With it an editor completes and checks models and their fields.
    """
    from animatic.catalog import Catalog
    from animatic.schema.editor import schema_text

    text = schema_text(Catalog.load(default_home()))
    if out is None:
        print(text, end="")
        return
    write_file(out, text, "the schema")
    if as_json:
        print_json({"file": str(out)})
    say(f"schema written to {out}; name it in the first line of pipelines.yaml: # yaml-language-server: $schema=./{out.name}")
