"""Which services are asked through a proxy: as every library that makes requests sees the variables, and as messages tell it."""

from __future__ import annotations

import ssl
import urllib.request
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.utils import get_environ_proxies
from hypothesis import given, settings
from hypothesis import strategies as st

from animatic import proxies
from animatic.errors import UsageError
from animatic.krea import KreaClient
from animatic.settings import Patience, use_prefect_api

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loads no certificates, which takes most of the time that a client takes to be made."""
PROXY = "http://proxy.corp:3128"
KREA = "https://api.krea.ai"
WORDS = ["http", "https", "all", "no"]
OURS = ["http://127.0.0.1:4200/api", "http://localhost:9000", "http://[::1]:4200/api"]


def by_httpx(url: str) -> bool:
    """Whether httpx (and so Prefect's client and ours) would use a proxy."""
    with httpx.Client(verify=TLS) as client:
        return client._transport_for_url(httpx.URL(url)) is not client._transport


def by_botocore(url: str) -> bool:
    return urlsplit(url).scheme in get_environ_proxies(url)


def by_urllib(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname or "")


EVERYBODY = [by_httpx, by_botocore, by_urllib]


def environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in (
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "all_proxy",
        proxies.PARKED,
    ):
        if name not in variables:  # whatever is set of them below is to be undone
            monkeypatch.setenv(name, "x")
            monkeypatch.delenv(name)
    proxies.prepare()
    proxies.prepare()


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY},
        {"http_proxy": PROXY, "https_proxy": PROXY},
        {"ALL_PROXY": PROXY},
        {"all_proxy": "proxy.corp:3128"},
        {"HTTP_PROXY": f" {PROXY} ", "HTTPS_PROXY": PROXY, "NO_PROXY": "[::1],fe80::/10,10.0.0.0/8, ,*.corp host:port bücher.de,[::1]:80"},
        {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY, "ALL_PROXY": "socks5://user:hunter22@proxy.corp:1080"},
    ],
)
def test_services_of_this_machine_are_asked_directly_and_others_through_the_proxy(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, **variables)
    for asks in (by_httpx, by_urllib):
        assert [asks(url) for url in OURS] == [False, False, False], asks
    assert [by_botocore(url) for url in OURS[:2]] == [False, False]
    for asks in EVERYBODY:
        assert asks(KREA), asks
        assert asks("http://prefect.corp.example/api"), asks
    assert all(proxies.proxy_for(url) is None for url in OURS)
    assert str(proxies.proxy_for(KREA)).endswith("proxy.corp:3128")


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", KREA),
        ("krea.ai", KREA),
        (".krea.ai", KREA),
        ("*.krea.ai", KREA),
        ("a.example API.KREA.AI", KREA),
        ("https://api.krea.ai/", KREA),
        ("api.krea.ai:443", KREA),
        ("10.0.0.0/8", "http://10.20.30.40:4200/api"),
        ("fd00::/8", "http://[fd12::3]:4200/api"),
        ("[fd12::3]", "http://[fd12::3]:4200/api"),
        ("192.168.7.9:4200", "http://192.168.7.9:4200/api"),
    ],
)
@pytest.mark.parametrize("spelling", ["NO_PROXY", "no_proxy"])
def test_whoever_no_proxy_names_in_any_form_is_asked_directly(
    no_proxy: str, url: str, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KREA_API_URL" if url == KREA else "PREFECT_API_URL", url)
    environment(monkeypatch, HTTP_PROXY=PROXY, HTTPS_PROXY=PROXY, **{spelling: no_proxy})
    assert proxies.proxy_for(url) is None
    assert not by_httpx(url)
    assert by_httpx("https://elsewhere.example") is (no_proxy != "*")


@pytest.mark.parametrize("no_proxy", ["xkrea.ai", "api.krea.ai:8443", "10.0.0.0/8", "i.krea.ai", "krea"])
def test_whoever_no_proxy_does_not_name_is_not(no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, HTTPS_PROXY=PROXY, NO_PROXY=no_proxy)
    assert proxies.proxy_for(KREA) is not None
    assert by_httpx(KREA)


def test_without_a_proxy_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, HTTP_PROXY="")
    assert proxies.proxy_for(KREA) is None
    assert not by_httpx(KREA)
    assert "no_proxy" not in urllib.request.getproxies()


def test_a_prefect_server_found_later_is_asked_directly_where_it_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, HTTP_PROXY=PROXY)
    monkeypatch.setenv("PREFECT_API_URL", "")
    use_prefect_api("http://prefect.localhost:4200/api")
    assert not by_httpx("http://prefect.localhost:4200/api")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://user:hunter22@proxy.corp:1080", "is a SOCKS proxy, which is not supported"),
        ("socks5h://proxy.corp", "is a SOCKS proxy"),
        ("socks4://proxy.corp", "is a SOCKS proxy"),
        ("ftp://proxy.corp", "is not the address of a proxy"),
        ("http://proxy.corp:port", "is not the address of a proxy"),
        ("http://", "is not the address of a proxy"),
    ],
)
@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_proxy_that_cannot_be_used_is_named_where_it_would_be_used(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, **{name: value})
    with pytest.raises(UsageError, match=f"api.krea.ai would be asked through {name}, which {said}") as caught:
        KreaClient(KREA, None, patience=Patience())
    assert "hunter22" not in str(caught.value)
    KreaClient("http://127.0.0.1:9", None, patience=Patience())
    assert [by_httpx(url) for url in OURS] == [False, False, False]


def test_a_hint_names_the_variable_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, ALL_PROXY="http://user:hunter22@proxy.corp:3128")
    hint = proxies.advised("try again", KREA)
    assert hint.startswith("ALL_PROXY sends requests to api.krea.ai through http://proxy.corp:3128:")
    assert hint.endswith("; try again")
    assert proxies.advised("try again", OURS[0]) == "try again"


def test_the_proxies_of_a_mac_s_settings_stay_where_loopback_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "_ON_A_MAC", True)
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": PROXY, "https": PROXY, "ftp": PROXY})
    variables: dict[str, str] = {}
    proxies.prepare(variables)
    assert variables["HTTPS_PROXY"] == PROXY
    assert "127.0.0.1" in variables["NO_PROXY"]


ODD = st.text(st.sampled_from("abz.*:/[]%, ;019-_@#?²é\\\t"), max_size=24)


@settings(deadline=None, max_examples=60)
@given(no_proxy=ODD, proxy=st.one_of(ODD, ODD.map("http://{}".format), ODD.map("socks5://{}".format)))
def test_no_variable_however_odd_breaks_a_request(no_proxy: str, proxy: str) -> None:
    variables = {"HTTPS_PROXY": proxy, "all_proxy": PROXY, "NO_PROXY": no_proxy, "PREFECT_API_URL": proxy}
    proxies.prepare(variables)
    again = dict(variables)
    proxies.prepare(again)
    assert again == variables
    with pytest.MonkeyPatch.context() as patch:
        for name in (f"{word}_proxy" for word in WORDS):
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        assert [by_httpx(url) for url in OURS] == [False, False, False]
