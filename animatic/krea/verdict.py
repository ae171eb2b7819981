"""What the outcome of a submission means: accepted, refused, not sent, or in doubt. One table, total over statuses and exceptions.

A submission is a paid POST without an idempotency key. Sending it again is right only where it provably never was accepted: it did not
leave this machine, or Krea answered that it turned it away. Everything else may have made a job, and is doubtful.
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

import httpx


class Verdict(Enum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Krea looked at it and said no: sending it again as it is helps nobody."""
    NOT_SENT = "not sent"
    """It was not accepted and may be sent again as it is."""
    DOUBTFUL = "doubtful"
    """It may have been accepted and billed."""


# Subclasses inherit; RequestError itself stands for whatever httpx adds in the future.
EXCEPTIONS: dict[type[Exception], Verdict] = {
    httpx.RequestError: Verdict.DOUBTFUL,
    httpx.ConnectTimeout: Verdict.NOT_SENT,
    httpx.ConnectError: Verdict.NOT_SENT,  # refused, unroutable, DNS, a failed TLS handshake
    httpx.PoolTimeout: Verdict.NOT_SENT,
    httpx.ProxyError: Verdict.NOT_SENT,  # the proxy did not open the tunnel
    httpx.UnsupportedProtocol: Verdict.NOT_SENT,
    httpx.ReadTimeout: Verdict.DOUBTFUL,
    httpx.WriteTimeout: Verdict.DOUBTFUL,  # the body is short: all of it may be in the network's buffers
    httpx.ReadError: Verdict.DOUBTFUL,
    httpx.WriteError: Verdict.DOUBTFUL,
    httpx.CloseError: Verdict.DOUBTFUL,
    httpx.RemoteProtocolError: Verdict.DOUBTFUL,  # closed without an answer, or a torn one
    httpx.LocalProtocolError: Verdict.DOUBTFUL,
    httpx.DecodingError: Verdict.DOUBTFUL,
    httpx.TooManyRedirects: Verdict.DOUBTFUL,
}

# Statuses that differ from their class: 2xx accepted, 3xx and 4xx refused, 5xx and all that is no HTTP status doubtful.
STATUSES: dict[int, Verdict] = {
    HTTPStatus.SEE_OTHER: Verdict.DOUBTFUL,  # the way to say: done, look over there
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: Verdict.NOT_SENT,
    HTTPStatus.REQUEST_TIMEOUT: Verdict.DOUBTFUL,
    HTTPStatus.TOO_EARLY: Verdict.NOT_SENT,
    HTTPStatus.TOO_MANY_REQUESTS: Verdict.NOT_SENT,
    499: Verdict.DOUBTFUL,  # nginx: the client went away, while the request was being worked on
}


def of_exception(error: BaseException) -> Verdict:
    """Return what an exception of the transport means for a submission; whatever is not in the table is doubtful."""
    for base in type(error).__mro__:
        if base in EXCEPTIONS:
            return EXCEPTIONS[base]
    return Verdict.DOUBTFUL


def of_status(status: int) -> Verdict:
    """Return what an answer's status means for a submission, before its body is looked at."""
    if status in STATUSES:
        return STATUSES[status]
    match status // 100:
        case 2:
            return Verdict.ACCEPTED
        case 3 | 4:
            return Verdict.REFUSED
        case _:
            return Verdict.DOUBTFUL
