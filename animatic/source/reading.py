"""Read a file into text that a parser takes: encodings, line ends, and characters that have no place in YAML."""

from __future__ import annotations

import codecs
import hashlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from animatic.errors import DeclarationError, Place, Problem
from animatic.source.document import Positions
from animatic.source.lines import LOOKS_LIKE_A_SPACE
from animatic.suggest import closest

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_YAML_1_1_LINE_BREAKS = re.compile("[\x85\u2028\u2029]")
_FOREIGN_INDENT = re.compile(f"^[ ]*[{LOOKS_LIKE_A_SPACE}][ {LOOKS_LIKE_A_SPACE}]*", re.MULTILINE)
_MAX_REPORTED = 20
_SAVE_AS_UTF_8 = "save it as UTF-8: editors offer that under 'encoding'"
_MAX_NULLS = 20
"""NUL bytes in a text that are told one by one: more of them, and it is none."""
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file as read: ``text`` is what it says, without a byte order mark.

    ``parsable`` is the same with every character that YAML refuses replaced by a space, so that positions are the same in both.
    """

    name: str
    text: str
    parsable: str
    sha256: str
    problems: tuple[Problem, ...]


def read(path: Path, name: str) -> Source:
    """Read a file. Raises DeclarationError where there is no text to go on with."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _refusal(name, "there is no such file", hint=_other_file(path, name), code="missing-file") from None
    except IsADirectoryError:
        raise _refusal(name, "this is a folder, not a pipelines file", hint="name a file in it", code="unreadable-file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise _refusal(
            name, f"this file cannot be read: {reason}", hint="check the path and its permissions", code="unreadable-file"
        ) from None
    return from_bytes(data, name)


def _other_file(path: Path, name: str) -> str:
    """Return the hint for a file that is not there: one beside it that was likely meant, else how to start one."""
    if path.is_symlink():
        return "it is a link that leads nowhere: mend it, or remove it"
    try:
        beside = [file.name for file in path.parent.iterdir() if file.suffix in {".yaml", ".yml"} and file.is_file()]
    except (OSError, ValueError):
        beside = []
    meant = closest(path.name, beside)
    if meant is None:
        return "start one with `animatic new`, or name another with --file PATH"
    return f"there is {meant}: name it with --file {shlex.quote(str(Path(name).parent / meant))}"


def from_bytes(data: bytes, name: str) -> Source:
    """Decode the bytes of a file. Raises DeclarationError where they are not UTF-8 text."""
    text = _decode(data, name)
    problems = [*_control_characters(text, name), *_foreign_indents(text, name)]
    # A separator of these is a line break to the parser, and to no editor: lines would be counted differently.
    parsable = _YAML_1_1_LINE_BREAKS.sub(" ", _CONTROL.sub(" ", text))
    parsable = _FOREIGN_INDENT.sub(lambda match: " " * len(match[0]), parsable)
    return Source(name=name, text=text, parsable=parsable, sha256=hashlib.sha256(data).hexdigest(), problems=tuple(problems))


def _decode(data: bytes, name: str) -> str:
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    elif data.startswith(_UTF_32 + _UTF_16):
        encoding = "UTF-32" if data.startswith(_UTF_32) else "UTF-16"
        raise _refusal(name, f"this file is {encoding}, not UTF-8", hint=_SAVE_AS_UTF_8, code="encoding")
    elif (nulls := data.count(0)) > _MAX_NULLS:
        raise _no_text(data, nulls, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        place = Positions(good, name).place(len(good))
        byte = data[error.start]
    if nulls:
        raise _no_text(data, nulls, name)
    problem = Problem(
        f"this is not UTF-8 text (byte 0x{byte:02X})",
        place,
        hint="save the file as UTF-8: it looks like Windows-1252 or Latin-1",
        code="encoding",
    )
    shown = data.decode("utf-8", errors="replace")
    raise DeclarationError((problem,), texts={name: shown})


def _no_text(data: bytes, nulls: int, name: str) -> DeclarationError:
    """Say what a file with NUL bytes is: UTF-16 without a mark, zeros that a crash has left, or no text at all."""
    half = len(data) // 2
    if half - half // 8 <= nulls <= half and not (any(data[::2]) and any(data[1::2])):
        return _refusal(
            name, "this file is UTF-16, not UTF-8", hint="save it as UTF-8: editors offer that under 'encoding'", code="encoding"
        )
    if nulls == len(data) or not data.strip(b"\x00").count(0):
        message, hint = f"this file holds {nulls:,} NUL bytes: it is damaged", "take it from version control or a backup"
        return _refusal(name, message, hint=hint, code="encoding")
    return _refusal(name, "this is not a text file", hint="name a YAML file", code="encoding")


def _control_characters(text: str, name: str) -> list[Problem]:
    found = list(_CONTROL.finditer(text))
    positions = Positions(text, name)
    problems = [
        Problem(
            f"the control character U+{ord(match[0]):04X} is not allowed in YAML",
            positions.place(match.start()),
            hint="delete it, or write it as an escape in double quotes" if ord(match[0]) else "delete it: the file may be damaged",
            code="control-character",
        )
        for match in found[:_MAX_REPORTED]
    ]
    return problems if len(found) <= _MAX_REPORTED else [*problems[:-1], _and_more(problems[-1], len(found) - _MAX_REPORTED)]


def _and_more(problem: Problem, count: int) -> Problem:
    return Problem(f"{problem.message} ({count} more of them follow)", problem.place, hint=problem.hint, code=problem.code)


def _foreign_indents(text: str, name: str) -> list[Problem]:
    found = list(_FOREIGN_INDENT.finditer(text))
    if not found:
        return []
    first = re.search("[^ ]", found[0][0])
    start = found[0].start() + (first.start() if first else 0)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return [
        Problem(
            f"this line is indented with U+{ord(text[start]):04X}, which only looks like a space{more}",
            Positions(text, name).place(start, found[0].end() - start),
            hint="replace it by ordinary spaces: text pasted from web pages brings it along",
            code="indentation",
        )
    ]


def _refusal(name: str, message: str, *, hint: str, code: str) -> DeclarationError:
    return DeclarationError((Problem(message, Place(name, 0, 0), hint=hint, code=code),))
