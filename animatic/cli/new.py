"""``new``: writes a small pipelines file to start from."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from animatic.cli.options import json_option
from animatic.cli.output import create_file, print_json, say
from animatic.errors import UsageError
from animatic.settings import DEFAULT_FILE

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_STARTER = """\
# yaml-language-server: $schema=./pipelines.schema.json
#
# animatic validate            every mistake, with its line
# animatic plan {name}        what it would generate and cost
# animatic run {name} --simulate     rehearse it: no account, nothing is paid
version: 1

defaults:                  # by kind of shot; a shot's own value wins
  video:
    model: xai/grok-video  # `animatic models` lists them all
    resolution: 720p
    aspect_ratio: 16:9

deliver: ./out             # or s3://bucket/prefix

pipelines:
  {name}:
    description: Two shots, the second begins with the last frame of the first.
    params:
      place: {{type: string, default: a harbour town, description: Where it plays}}
    budget_usd: 2.00       # a run that would cost more is refused before it starts
    shots:
      - id: wide
        prompt: "Aerial of {{{{ params.place }}}} at dawn, slow push over the rooftops"
        duration: 4
      - id: close
        prompt: A cat wakes on a windowsill and stretches
        start_image: wide  # the last frame of shot wide
        duration: 4
    cut: {{}}                # join all clips to a reel, in order
"""


@click.command()
@click.argument("name", default="first-storyboard")
@click.option("--file", "path", type=click.Path(path_type=Path), default=DEFAULT_FILE, show_default=True, help="The file to write.")
@json_option
def new(name: str, path: Path, as_json: bool) -> None:
    """Write a small pipelines file to start from.

    It declares a pipeline NAME (default: first-storyboard). A file that is there already is left alone.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the name of a pipeline", hint="use letters, digits, - and _: coast-teaser")
    if not create_file(path, _STARTER.format(name=name), "a pipelines file"):
        raise UsageError(f"{path} is there already and was left alone", hint="write another one with --file PATH")
    if as_json:
        print_json({"file": str(path), "pipeline": name})
    file = "" if path == DEFAULT_FILE else f" --file {shlex.quote(str(path))}"
    say(f"wrote {path}; try it: `animatic run {name} --simulate{file}`")
