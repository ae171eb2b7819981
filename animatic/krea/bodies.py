"""Reads JSON that came over the wire: whatever it holds, it is data that can be printed and kept, or a ValueError."""

from __future__ import annotations

import json
import re
from typing import Any

# Control characters but for tab and line ends, and those that turn the direction of text round.
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def parse_json(body: bytes | str) -> Any:
    """Return the data of a JSON text. Raises ValueError where it is none, also where it is nested thousands deep.

    Strings are fit to be shown and kept, as by `showable`.
    """
    try:
        text = body if isinstance(body, str) else body.decode("utf-8-sig", "replace")
        return _showable(json.loads(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def showable(text: str) -> str:
    """Return the text with U+FFFD in the place of what would steer a terminal (escape sequences) or what no file takes.

    The latter are halves of surrogate pairs, as a text has them that was cut in the middle of an emoji.
    """
    return _UNSEEN.sub("\ufffd", text)


def _showable(value: Any) -> Any:
    match value:
        case str():
            return showable(value)
        case list():
            return [_showable(item) for item in value]
        case dict():
            return {showable(key): _showable(item) for key, item in value.items()}
        case _:
            return value
