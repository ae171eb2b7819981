"""What receivers of Krea's callbacks and those who ask them have in common: tokens, addresses, limits.

Krea signs nothing, so a callback is believed only so far: its path holds the submission's random token, which nobody else knows; its body
is a hint which job to look at, never a source of URLs or results.
"""

from __future__ import annotations

from typing import Protocol

SERVICE = "animatic-webhook"
"""What a receiver of its own calls itself to those who ask whether there is one."""
MIN_TOKEN_LENGTH = 32
"""Hexadecimal digits: 128 bits."""
MAX_TOKEN_LENGTH = 128
MAX_JOB_ID_LENGTH = 128
MAX_TOKENS_ASKED = 1_500
"""Tokens for which one request asks: they fit into the largest body that a receiver reads."""


class Callbacks(Protocol):
    """Where a run hears of callbacks: a receiver inside it, or one of its own process."""

    def register(self, token: str) -> str:
        """Return the URL that calls back for a submission's ``token``; registering again is harmless. Raises ValueError for a weak one."""

    async def wait_for(self, token: str, timeout: float) -> str | None:  # noqa: ASYNC109 - a lost callback is the normal case, not an error
        """Return the job id that the token's callback named, None if none came within ``timeout`` seconds."""


def is_token(value: object) -> bool:
    """Whether that may be a submission's token: one that cannot be guessed."""
    return isinstance(value, str) and MIN_TOKEN_LENGTH <= len(value) <= MAX_TOKEN_LENGTH and value.isascii() and value.isalnum()


def is_job_id(value: object) -> bool:
    """Whether that may be one of Krea's job ids: they name records, and stand in addresses."""
    return isinstance(value, str) and 0 < len(value) <= MAX_JOB_ID_LENGTH and value.isascii() and value.isprintable() and " " not in value


def callback_url(public_url: str, token: str) -> str:
    """Return the URL that calls back for a submission's token. Raises ValueError for one that could be guessed."""
    if not is_token(token):
        raise ValueError("a webhook token has at least 128 bits in hexadecimal digits")
    return f"{public_url.rstrip('/')}/hooks/{token}"


def listen_url(public_url: str) -> str:
    """Return the URL at which a receiver of its own process is asked for callbacks."""
    return f"{public_url.rstrip('/')}/listen"
