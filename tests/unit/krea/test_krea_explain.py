"""The reason is found in every body that has been seen, and never carries secrets or pages of HTML."""

from __future__ import annotations

import json
from typing import Any

import pytest

from animatic.krea.reasons import MAX_REASON_LENGTH, explain_body


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ({"error": "bad body"}, "", "bad body"),
        ({"error": {"code": 17, "message": "bad body"}}, "17", "bad body"),
        ({"message": "Unauthorized"}, "", "Unauthorized"),
        ({"error": "model_unavailable", "message": "It is gone"}, "model_unavailable", "It is gone"),
        ({"error": "Bad Request", "message": "no prompt"}, "", "no prompt"),
        ({"detail": "nope"}, "", "nope"),
        (
            {"detail": [{"loc": ["body", "prompt"], "msg": "missing"}, {"loc": ["body", "fps"], "msg": "odd"}]},
            "",
            "prompt: missing; fps: odd",
        ),
        ({"issues": [{"path": ["images", 0], "message": "not a url"}]}, "", "images.0: not a url"),
        ({"errors": ["one", "two"]}, "", "one; two"),
        ({"errors": {"duration": ["too long"]}}, "", "duration: too long"),
        ({"validationErrors": [{"field": "seed", "message": "negative"}]}, "", "seed: negative"),
        ({"error": {"message": "invalid", "details": {"seed": "negative"}}}, "", "invalid; seed: negative"),
        ({"code": "E9"}, "E9", "E9"),
        ("just text", "", "just text"),
        ([{"message": "a"}, {"message": "a"}], "", "a"),
        ({"ok": True}, "", "the answer gives no reason"),
        ([], "", "the answer gives no reason"),
    ],
)
def test_json_bodies(data: Any, code: str, message: str) -> None:
    found = explain_body(json.dumps(data).encode(), "application/json")
    assert (found.code, found.message) == (code, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the answer is empty"),
        (b"  \n", "the answer is empty"),
        (b"<!DOCTYPE html><html><head><title>524: A\n timeout &amp; more</title></head><body>" + b"x" * 5000, "524: A timeout & more"),
        (b"<html><body>no title</body></html>", "an HTML page without a title"),
        (b"upstream connect error", "upstream connect error"),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
    ],
)
def test_other_bodies(body: bytes, message: str) -> None:
    assert explain_body(body, "").message == message


def test_long_reasons_are_cut() -> None:
    assert len(explain_body(b'{"error": "' + b"x" * 9000 + b'"}', "").message) == MAX_REASON_LENGTH
