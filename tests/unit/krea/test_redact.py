"""Secrets leave text and data; everything else stays."""

from __future__ import annotations

from typing import Any

import pytest

from animatic.redact import bare_url, redact, redact_body


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://b.s3.test/a%20b.mp4?X-Amz-Signature=SECRET&x=1#frag", "https://b.s3.test/a%20b.mp4"),
        ("https://user:SECRET@host.test:8443/x", "https://host.test:8443/x"),
        ("http://host.test", "http://host.test"),
        ("https://[broken", "(not a URL)"),
        ("refs/bottle.png", "refs/bottle.png"),
    ],
)
def test_a_bare_url_has_no_credentials_and_no_query(url: str, bare: str) -> None:
    assert bare_url(url) == bare


@pytest.mark.parametrize(
    "text",
    [
        "fetching https://host/x?sig=SECRET failed",
        r'{"url": "https://host/x?a=1\u0026sig=SECRET"}',
        "two: https://a/?SECRET, (https://b/?SECRET)",
        "Authorization: Bearer SECRET",
        "authorization: bearer SECRET; more",
        "POST /hooks/SECRET HTTP/1.1",
        "HTTPS://HOST/x?SECRET",
    ],
)
def test_text_loses_its_secrets_wherever_they_stand(text: str) -> None:
    assert "SECRET" not in redact(text)


def test_text_without_secrets_is_unchanged() -> None:
    text = "duration 20 is out of range (1 to 15): see docs/hooks, 3 < 4 & 5?"
    assert redact(text) == text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"start_image": "https://x/a.png?s=1", "n": 3, "on": True, "none": None},
            {"start_image": "https://x/a.png", "n": 3, "on": True, "none": None},
        ),
        ([{"url": "https://x/a?s=1"}], [{"url": "https://x/a"}]),
        ({"prompt": "a sign that reads https://x/?q=1 in neon"}, {"prompt": "a sign that reads https://x/?q=1 in neon"}),
    ],
)
def test_data_loses_queries_of_urls_but_prose_is_kept(data: Any, expected: Any) -> None:
    assert redact_body(data) == expected
