"""``fix`` and ``new``: the verbs that write pipelines files."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from animatic.cli.options import file_option, json_option
from animatic.cli.sources import DEFAULT
from animatic.errors import UsageError
from animatic.settings import default_home, pipelines_file

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_STARTER = """\
# yaml-language-server: $schema=./pipelines.schema.json
#
# animatic validate            every mistake, with its place
# animatic plan {name}        what it would make and cost
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
@file_option
@click.option("--write", "-y", is_flag=True, help="Apply the changes; without it they are only shown.")
@json_option
def fix(files: tuple[Path, ...], write: bool, as_json: bool) -> int:
    """Rewrite retired field names and unquoted templates; everything else stays byte for byte as it is."""
    from animatic.catalog import Catalog
    from animatic.spec.fix import fix_text

    catalog = Catalog.load(default_home())
    aliases: Mapping[str, Mapping[str, str]] = {model.name: model.aliases for model in catalog.models()}
    report: list[dict[str, object]] = []
    for path in _files(files or (pipelines_file(),)):
        text = _read(path)
        result = fix_text(text, aliases, name=str(path))
        report.append(
            {
                "file": str(path),
                "written": write and bool(result.changes),
                "changes": [
                    {"line": change.place.line, "before": change.before, "after": change.after, "reason": change.reason}
                    for change in result.changes
                ],
            }
        )
        if not as_json:
            _show(path, text, result.new_text)
        if result.changes and write:
            _replace(path, result.new_text)
    changed = sum(len(entry["changes"]) for entry in report if isinstance(entry["changes"], list))
    if as_json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    elif not changed:
        _say("nothing to fix")
    else:
        _say(f"{changed} {'change' if changed == 1 else 'changes'} " + ("written" if write else "shown; apply with: animatic fix --write"))
    return 0


@click.command()
@click.argument("name", default="first-storyboard")
@click.option("--file", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, help="The file to write.")
@json_option
def new(name: str, path: Path, as_json: bool) -> None:
    """Write a small pipelines file to start from, with a pipeline NAME; never over one that is there."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the name of a pipeline", hint="use letters, digits, - and _: coast-teaser")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_STARTER.format(name=name))
    except FileExistsError:
        raise UsageError(f"{path} is there already and was left alone", hint="write another one with --file PATH") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    if as_json:
        print(json.dumps({"file": str(path), "pipeline": name}))
    _say(f"wrote {path}; try it: animatic run {name} --simulate" + ("" if path == DEFAULT else f" --file {path}"))


def _files(paths: tuple[Path, ...]) -> list[Path]:
    """Return the files meant: a folder stands for its YAML files."""
    found: list[Path] = []
    for path in paths:
        found += sorted(file for file in path.iterdir() if file.suffix in {".yaml", ".yml"}) if path.is_dir() else [path]
    return found


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="name the file with --file PATH") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", hint="save it as UTF-8, then fix it") from None


def _show(path: Path, before: str, after: str) -> None:
    """Print a unified diff on standard output."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"{path}", f"{path} (fixed)", lineterm="")
    for line in lines:
        print(line)


def _replace(path: Path, text: str) -> None:
    """Write the whole file or nothing, with the mode that it had."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.absolute().parent)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        Path(name).chmod(path.stat().st_mode & 0o777)
        Path(name).replace(path.resolve())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _say(text: str) -> None:
    print(text, file=sys.stderr)
