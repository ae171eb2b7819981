"""JSON of strangers is data that can be printed and kept, or a ValueError."""

from __future__ import annotations

from typing import Any

import pytest

from animatic.krea.bodies import parse_json


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (rb'{"a": "cut \ud83d", "\uDC00": ["\ud800"]}', {"a": "cut \ufffd", "\ufffd": ["\ufffd"]}),
        (rb'"\ud83c\udf05"', "🌅"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
        (b'"\xff"', "\ufffd"),
        (rb'"a\u001b[2J\u0000\u009b\u202eb\n\tc"', "a\ufffd[2J\ufffd\ufffd\ufffdb\n\tc"),
    ],
)
def test_what_is_read_can_be_written(body: bytes, data: Any) -> None:
    found = parse_json(body)
    assert found == data
    assert str(found).encode()


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a', b"[" * 100_000, b'{"a":' * 100_000, "[" * 100_000])
def test_what_is_no_json_is_a_value_error(body: bytes | str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own texts
        parse_json(body)
