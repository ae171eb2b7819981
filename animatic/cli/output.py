"""Writes for people on standard error, for programs on standard output, and to the files that an option names."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from animatic.cli.advice import completed
from animatic.columns import Cell, Column, paint, table, wrapped
from animatic.errors import Problem, UsageError
from animatic.files import NoHardLinksError, create_exclusively, is_stream, write_whole
from animatic.home import part_of
from animatic.redact import redact
from animatic.settings import default_home, refuses_color

if TYPE_CHECKING:
    from animatic.source import Document


def say(text: str) -> None:
    """Tell a person, on standard error: progress, warnings, errors, what to do next. Commands in backticks are completed."""
    say_line(_fitted(completed(text), sys.stderr))


def say_line(text: str) -> None:
    """Write to standard error as it is. Where nobody reads that any more, work goes on without words: it may be paid for."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # its reader left, its disk is full, its terminal is gone
        sys.stderr = open_nowhere()


def open_nowhere() -> TextIO:
    """Return a stream that nobody reads, for the rest of the process."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 (open as long as the process)


def leave_unread() -> None:
    """Let what is still to be printed on standard output go nowhere: its reader left (``| head``), and nobody is there to be told."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(text: str) -> None:
    """Print a result for people, on standard output. Commands in backticks are completed."""
    print(_fitted(completed(text), sys.stdout))


def _fitted(text: str, stream: TextIO) -> str:
    """Return a text whose lines fit the terminal that a stream is; lines with colors are fitted by whoever painted them."""
    width = terminal_width(stream)
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        indent = line[: len(line) - len(line.lstrip())]
        lines += [line] if "\x1b" in line else wrapped(line.strip(), width, indent=indent, hanging=f"{indent}  ")
    return "\n".join(lines)


def warn(text: str) -> None:
    """Tell a person what may go wrong, on standard error."""
    mark = "warning:"
    lines = wrapped(f"{mark} {completed(text)}", terminal_width(sys.stderr), hanging=" " * 6)
    lines[0] = paint(mark, "yellow", color=color_on(sys.stderr)) + lines[0].removeprefix(mark)
    say("\n".join(lines))


def color_on(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that wants color."""
    return stream.isatty() and not refuses_color()


def terminal_width(stream: TextIO) -> int | None:
    """Return the columns of the terminal that a stream is; None where it is none: then nothing is shortened."""
    return shutil.get_terminal_size((100, 30)).columns if stream.isatty() else None


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, indent: int = 0) -> None:
    """Print a table on standard output, fitted to the terminal, or as wide as it is where there is none."""
    print("\n".join(table(columns, rows, width=terminal_width(sys.stdout), indent=indent, color=color_on(sys.stdout))))


def print_json(value: Any) -> None:
    """Print a result for programs, on standard output; with escapes where its encoding does not have all characters."""
    print(json.dumps(value, indent=2, ensure_ascii=not is_unicode(sys.stdout)))


def is_unicode(stream: TextIO) -> bool:
    """Return whether a stream can be written any character."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "").startswith("utf")


def write_file(path: Path, text: str, what: str) -> None:
    """Write a result to a file, whole or not at all. Raises UsageError, which names ``what`` could not be written; folders are not made."""
    try:
        require_folder(path)
        if is_stream(path):  # /dev/stdout, a pipe: there is no whole that could take its place
            path.write_text(text, encoding="utf-8")
        else:
            write_whole(path.resolve(), text)  # behind a link, which stays
    except OSError as error:
        raise UsageError(f"cannot write {what} to {path}: {error.strerror}") from None


def create_file(path: Path, text: str, what: str) -> bool:
    """Create a file, whole or not at all; False if there is one, which is left alone. Raises UsageError as ``write_file`` does."""
    try:
        require_folder(path)
        return create_exclusively(path, lambda file: file.write(text.encode()))
    except NoHardLinksError:
        # A file system that cannot create exclusively and whole at once, such as FAT.
        if path.exists():
            return False
        write_file(path, text, what)
        return True
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def require_folder(path: Path) -> None:
    """Raise FileNotFoundError where the folder of a new file is missing: a mistyped path is not to become a tree of folders."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder is not there")


def count(number: int, word: str) -> str:
    """Return ``1 shot``, ``2 shots``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def show_problems(problems: Sequence[Problem], documents: Sequence[Document] = (), *, texts: Mapping[str, str] | None = None) -> None:
    """Print problems with their places and lines, in color where standard error is a terminal that wants it.

    The lines come from ``documents`` and ``texts`` (by file name); those of other files are read from the disk.
    """
    from animatic.source import render_problems

    given = dict(texts or {})
    known = _texts(problems, {document.name for document in documents} | given.keys()) | given
    say(render_problems(problems, documents, texts=known, color=color_on(sys.stderr), width=terminal_width(sys.stderr)))


def _texts(problems: Sequence[Problem], loaded: set[str]) -> dict[str, str]:
    names = {problem.place.file for problem in problems if problem.place is not None}
    names |= {place.file for problem in problems for place, _ in problem.related}
    found: dict[str, str] = {}
    for name in names - loaded:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found[name] = Path(name).read_text(encoding="utf-8-sig")
    return found


def keep_traceback(error: BaseException) -> Path:
    """Write the traceback of an unexpected error, without secrets, to a file of the state folder and return its path."""
    import tempfile
    import traceback

    text = redact("".join(traceback.format_exception(error)))
    try:
        folder = part_of(default_home(), "failures")
        handle, name = tempfile.mkstemp(prefix="failure-", suffix=".txt", dir=folder)
    except (OSError, UsageError):
        handle, name = tempfile.mkstemp(prefix="animatic-failure-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)
