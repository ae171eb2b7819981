"""Read the file of a shot list into text: the encodings in which spreadsheets write, and what is no text at all."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from animatic.errors import DeclarationError, Place, Problem, UsageError
from animatic.source.document import Positions

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WORKBOOKS = (
    (b"PK\x03\x04", "a workbook (.xlsx, .ods or .numbers)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF"),
)
_SAVE = "save it from the spreadsheet as 'CSV UTF-8', and import that"
_MANY = 0.3
"""Share of a text's first bytes that are NUL from which on it is UTF-16 without a mark."""
_HEAD_BYTES = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """The text of a file, the name that messages call it by, and what a person should know of how it was read."""

    name: str
    text: str
    note: str | None = None


def read_text(path: Path, encoding: str | None = None) -> Decoded:
    """Read a file, in the ``encoding`` that is named. Raises DeclarationError where there is no text, UsageError for a wrong name."""
    name = str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise refusal(name, "there is no such file", hint="name the CSV or TSV file of the shot list", code="missing-file") from None
    except IsADirectoryError:
        raise refusal(name, "this is a folder, not a shot list", hint="name a CSV or TSV file in it", code="unreadable-file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise refusal(name, f"this file cannot be read: {reason}", hint="check its permissions", code="unreadable-file") from None
    return decoded(data, name, encoding)


def decoded(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Decode the bytes of a shot list: by its mark, else as UTF-8, else as Windows-1252. Raises as ``read_text`` does."""
    for signature, what in _WORKBOOKS:
        if data.startswith(signature):
            raise refusal(name, f"this is {what}, not a CSV file", hint=_SAVE, code="encoding")
    if encoding is not None:
        return Decoded(name=name, text=_named(data, name, encoding))
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return Decoded(name=name, text=_strict(data[len(mark) :], name, marked))
    head = data[:_HEAD_BYTES]
    if head and head.count(0) > _MANY * len(head):
        return Decoded(name=name, text=_strict(data, name, "utf-16-be" if head[:1] == b"\x00" else "utf-16-le"))
    if b"\x00" in data:
        raise refusal(name, "this is not a text file", hint=_SAVE, code="encoding")
    try:
        return Decoded(name=name, text=data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _windows(data, name, error)


def _windows(data: bytes, name: str, error: UnicodeDecodeError) -> Decoded:
    """Read what is not UTF-8 as Excel on Windows writes it, unless most of it is UTF-8: then single bytes are damaged."""
    kept = data.decode("utf-8", errors="ignore")
    wide = sum(len(character.encode()) > 1 for character in kept)
    broken = len(data) - len(kept.encode())
    if wide >= broken:
        raise _bad_byte(data, name, error, "UTF-8", "retype the letter, or save the file anew as UTF-8")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as other:
        raise _bad_byte(
            data, name, other, "UTF-8 (nor Windows-1252)", "save it as UTF-8, or name its encoding: --encoding mac_roman"
        ) from None
    return Decoded(
        name=name, text=text, note="is not UTF-8 and was read as Windows-1252: look at its accents (--encoding NAME reads another)"
    )


def _named(data: bytes, name: str, encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding)
        text, _ = codec.decode(data, "strict")
    except UnicodeDecodeError as error:
        raise _bad_byte(
            data, name, error, encoding, "leave --encoding out: UTF-8, UTF-16 and Windows-1252 are known by themselves"
        ) from None
    except (LookupError, UnicodeError, ValueError, TypeError):
        raise UsageError(
            f"--encoding: there is no encoding {encoding!r}", hint="such as utf-8, cp1252, mac_roman, shift_jis, gb18030"
        ) from None
    if not isinstance(text, str):
        raise UsageError(f"--encoding: {encoding!r} is no encoding of text", hint="such as utf-8, cp1252, mac_roman, shift_jis, gb18030")
    return text.removeprefix("\ufeff")


def _strict(data: bytes, name: str, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _bad_byte(data, name, error, encoding.upper().removesuffix("-LE").removesuffix("-BE"), _SAVE) from None


def _bad_byte(data: bytes, name: str, error: UnicodeDecodeError, encoding: str, hint: str) -> DeclarationError:
    good = error.object[: error.start].decode(error.encoding, errors="ignore")
    place = Positions(good, name).place(len(good))
    byte = error.object[error.start]
    problem = Problem(f"this is not {encoding} text (byte 0x{byte:02X})", place, hint=hint, code="encoding")
    return DeclarationError((problem,), texts={name: data.decode(error.encoding, errors="replace")})


def refusal(name: str, message: str, *, hint: str, code: str) -> DeclarationError:
    """Return the error for a file as a whole."""
    return DeclarationError((Problem(message, Place(name, 0, 0), hint=hint, code=code),))
