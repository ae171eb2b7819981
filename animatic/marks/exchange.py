"""Asks the services that vouch for signatures (time stamps, revocation) over HTTP: through our proxies, in bounded time and size."""

from __future__ import annotations

from typing import Final

from animatic import proxies
from animatic.errors import UsageError
from animatic.redact import bare_url

CONNECT_SECONDS: Final = 4.0
ANSWER_SECONDS: Final = 6.0
MOST_BYTES: Final = 16 << 20
"""Lists of revoked certificates grow to some megabytes."""
_REDIRECTS = 3


class UnansweredError(Exception):
    """A service gave no answer that can be used; the text says why. ``again``: another try may help."""

    def __init__(self, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.again = again


def exchange(url: str, body: bytes | None = None, content_type: str = "") -> bytes:
    """Return what a service answers to a POST of ``body``, or to a GET where there is none. Raises UnansweredError."""
    import httpx  # noqa: PLC0415 (few runs ask)

    try:
        proxies.require_usable(url)
        proxy = proxies.proxy_for(url)
        client = httpx.Client(
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            trust_env=False,  # it reads fewer kinds of exceptions than we do
            proxy=proxy.address if proxy is not None else None,
            verify=httpx.create_ssl_context(),
        )
        headers = {"Content-Type": content_type} if content_type else None
        with client as http, http.stream("GET" if body is None else "POST", url, content=body, headers=headers) as answer:
            if answer.status_code != httpx.codes.OK:
                raise UnansweredError(
                    f"{bare_url(url)} answers {answer.status_code}", again=answer.is_server_error or answer.status_code in {408, 429}
                )
            data = bytearray()
            for part in answer.iter_bytes():
                data += part
                if len(data) > MOST_BYTES:
                    raise UnansweredError(f"{bare_url(url)} answers with more than {MOST_BYTES >> 20} MB", again=False)
            return bytes(data)
    except httpx.TimeoutException as error:
        raise UnansweredError(proxies.advised(f"{bare_url(url)} does not answer in time", url)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnansweredError(proxies.advised(f"{bare_url(url)} does not answer: {error}", url)) from error
    except UsageError as error:  # the proxy that stands before it
        raise UnansweredError(f"{error.message}; {error.hint}", again=False) from error
