"""``new``: writes a pipelines file to start from, or one made of a shot list, and beside it the schema with which editors complete it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click

from animatic.cli.options import json_option
from animatic.cli.output import create_file, print_json, say
from animatic.errors import UsageError
from animatic.settings import DEFAULT_FILE, SCHEMA_FILE, default_home

STARTERS: Mapping[str, str] = {
    "teaser": "three shots, chained",
    "cutdowns": "one idea in every format and language, as a draft and final",
    "dialogue": "two people who stay themselves, and are heard",
    "csv": "a shot list",
}
"""Name -> what it is. Each is a file of ``starters/``, in which the pipeline is called as ``_PIPELINE``."""
_PIPELINE = "first-storyboard"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_LISTS = {".csv", ".tsv", ".txt"}
_STORYBOARDS = {".yaml", ".yml"}


@click.command()
@click.argument("name", metavar="[NAME or PATH]", required=False)
@click.option("--from", "start", type=click.Choice(list(STARTERS)), help="What to start from (default: teaser).")
@click.option("--file", "path", type=click.Path(path_type=Path), default=DEFAULT_FILE, show_default=True, help="The file to write.")
@json_option
def new(name: str | None, start: str | None, path: Path, as_json: bool) -> None:
    """Write a small pipelines file to start from.

    It declares a pipeline NAME (default: first-storyboard); a PATH that ends in .yaml is the file to write, a folder is where to write it.
    With --from csv a PATH is the shot list to start from. Files that are there already are left alone.
    """
    given = Path(name) if name is not None else None
    shot_list = None
    if given is not None and (given.suffix.lower() in _LISTS or (start == "csv" and given.is_file())):
        start, shot_list, name = "csv", given, None
    elif given is not None and (given.suffix.lower() in _STORYBOARDS or given.is_dir()):
        path, name = (given / DEFAULT_FILE if given.is_dir() else given), None
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the name of a pipeline", hint="use letters, digits, - and _: coast-teaser")
    if path.exists():
        raise _is_there(path)
    if start == "csv":
        text, pipeline, written = _from_list(shot_list, name, path)
    else:
        text, pipeline, written = _starter(f"{start or 'teaser'}.yaml").replace(_PIPELINE, name or _PIPELINE), name or _PIPELINE, []
    if not create_file(path, text, "a pipelines file"):
        raise _is_there(path)
    schema = _schema_beside(path)
    if as_json:
        more = {"schema": str(schema)} if schema is not None else {}
        print_json({"file": str(path), "pipeline": pipeline, "files": [str(each) for each in (path, *written)], **more})
    file = "" if path == DEFAULT_FILE else f" --file {shlex.quote(str(path))}"
    say(f"wrote {path}; try it: `animatic run {pipeline} --simulate{file}`")


def _starter(name: str) -> str:
    return (files("animatic.cli") / "starters" / name).read_text(encoding="utf-8")


def _from_list(shot_list: Path | None, name: str | None, path: Path) -> tuple[str, str, list[Path]]:
    """Return the pipelines file of a shot list, the pipeline's name, and the files written: without a list, an example is."""
    from animatic.catalog import Catalog
    from animatic.shotlist.decoding import read_text
    from animatic.shotlist.importing import import_list
    from animatic.shotlist.model import ListOptions
    from animatic.spec.shots import usable_name

    written: list[Path] = []
    if shot_list is None:
        shot_list = path.parent / "shots.csv"
        if not create_file(shot_list, _starter("shots.csv"), "a shot list"):
            raise UsageError(
                f"{shot_list} is there already and was left alone", hint=f"start from it: `animatic new {shlex.quote(str(shot_list))}`"
            )
        written = [shot_list]
    pipeline = name or usable_name(shot_list.stem)[:100] or _PIPELINE
    found = import_list(read_text(shot_list), pipeline, ListOptions(), Catalog.load(default_home()), target=path, schema=True)
    say(f"wrote {shot_list}, a shot list" if written else f"read {shot_list}; `animatic import {shlex.quote(str(shot_list))}` says how")
    return found.text, pipeline, written


def _schema_beside(path: Path) -> Path | None:
    """Write the schema beside a new file, so that editors complete it; None where there is one already, which is left alone."""
    from animatic.catalog import Catalog
    from animatic.schema.editor import schema_text

    schema = path.parent / SCHEMA_FILE
    return schema if create_file(schema, schema_text(Catalog.load(default_home())), "the schema") else None


def _is_there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already and was left alone", hint="write another one with --file PATH")
