"""Reads JSON that came over the wire: whatever it holds, it is data that can be printed and kept, or a ValueError."""

from __future__ import annotations

import json
import re
from typing import Any

_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


def parse_json(body: bytes | str) -> Any:
    """Return the data of a JSON text. Raises ValueError where it is none, also where it is nested thousands deep.

    Half of a surrogate pair, as a text has it that was cut in the middle of an emoji, becomes U+FFFD: no terminal and no file takes
    it.
    """
    try:
        text = body if isinstance(body, str) else body.decode("utf-8-sig", "replace")
        data = json.loads(text)
        return _whole(data) if _SURROGATE.search(text) else data
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _whole(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case list():
            return [_whole(item) for item in value]
        case dict():
            return {_whole(key): _whole(item) for key, item in value.items()}
        case _:
            return value
