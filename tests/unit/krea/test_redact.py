"""Secrets leave text and data; everything else stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from animatic.krea.errors import of_answer
from animatic.krea.reasons import JobError, explain
from animatic.redact import bare_url, redact, redact_body
from animatic.settings import Secret, Settings


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://b.s3.test/a%20b.mp4?X-Amz-Signature=SECRET&x=1#frag", "https://b.s3.test/a%20b.mp4"),
        ("https://user:SECRET@host.test:8443/x", "https://host.test:8443/x"),
        ("http://host.test", "http://host.test"),
        ("https://[broken", "(not a URL)"),
        ("data:video/mp4;base64,AAAABBBB", "data:video/mp4;base64"),
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


def test_the_token_of_the_settings_is_masked_wherever_it_stands() -> None:
    text = "key wfg+7/aq:zz01 not allowed; see /keys/wfg%2B7%2Faq%3Azz01 and https://h/wfg+7/aq:zz01?x=1"
    Settings(krea_token=Secret("wfg+7/aq:zz01"))
    assert redact(text) == "key *** not allowed; see /keys/*** and https://h/***"
    assert redact_body({"prompt": "a sign: wfg+7/aq:zz01"}) == {"prompt": "a sign: ***"}


def test_an_address_loses_the_token_of_the_settings() -> None:
    Settings(krea_token=Secret("wfg7aqzz01"))
    assert bare_url("https://h/files/wfg7aqzz01/a.mp4?x=1") == "https://h/files/***/a.mp4"


def test_a_placeholder_for_a_token_masks_no_words() -> None:
    Settings(krea_token=Secret("token"))
    assert redact("the token is refused") == "the token is refused"


def test_what_krea_says_of_a_failure_is_masked_in_all_its_parts() -> None:
    token = "krea-7f3a9c51d2"
    Settings(krea_token=Secret(token))
    said = {"code": token, "message": f"no key {token}", "replacement": f"/{token}", "sunset_date": token}
    assert explain(said) == JobError("***", "no key ***")
    gone = of_answer(410, json.dumps(said).encode(), "application/json", "/generate/x", retry_after=None)
    assert token not in f"{gone} {vars(gone)}"
