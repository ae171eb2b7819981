"""``fix``: rewrites what Krea or YAML no longer takes; the rest of a pipelines file stays byte for byte as it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

import click

from animatic.cli.options import file_option, json_option
from animatic.cli.output import count, print_json, say
from animatic.errors import UsageError
from animatic.files import write_whole
from animatic.settings import default_home, pipelines_file


@click.command()
@file_option
@click.option("--write", "-y", is_flag=True, help="Apply the changes; without it they are only shown.")
@click.option("--check", is_flag=True, help="Only tell by the exit code whether there is something to fix: 2 if so.")
@json_option
def fix(files: tuple[Path, ...], write: bool, check: bool, as_json: bool) -> int:
    """Rewrite retired field names and unquoted templates.

    Everything else stays byte for byte as it is. Without --write the changes are only shown.
    """
    from animatic.catalog import Catalog
    from animatic.spec.fix import fix_text

    if write and check:
        raise UsageError("--check writes nothing, and --write does", hint="leave one of them out")
    catalog = Catalog.load(default_home())
    aliases: Mapping[str, Mapping[str, str]] = {model.name: model.aliases for model in catalog.models()}
    report: list[dict[str, object]] = []
    changed = 0
    for path in _files(files or (pipelines_file(),)):
        text = _read(path)
        result = fix_text(text, aliases, name=str(path))
        changed += len(result.changes)
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
            _show_difference(path, text, result.new_text)
        if result.changes and write:
            _replace(path, result.new_text)
    if as_json:
        print_json(report)
    elif not changed:
        say("nothing to fix")
    else:
        say(f"{count(changed, 'change')} " + ("written" if write else "shown; apply with: `animatic fix --write`"))
    return UsageError.exit_code if check and changed else 0


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


def _show_difference(path: Path, before: str, after: str) -> None:
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), f"{path}", f"{path} (fixed)", lineterm=""):
        print(line)


def _replace(path: Path, text: str) -> None:
    """Write the whole file or nothing, behind a symbolic link if there is one, with the mode that it had."""
    target = path.resolve()
    try:
        mode = target.stat().st_mode & 0o777
        write_whole(target, text)
        target.chmod(mode)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
