"""What the environment says: endpoints, secrets, where local state lives, and how patient to be.

Read once, at the edge; everything below takes a ``Settings``. Secrets are wrapped so that a repr, a log line or a
traceback never shows them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from animatic.errors import UsageError

KREA_API_URL = "https://api.krea.ai"


class Secret:
    """Text that shows itself only when asked: ``reveal()``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        """Refuse to travel: a pickled secret would end up in a result store."""
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to wait for what, in seconds. Tests shorten these through the environment."""

    grace: float = 15.0
    """After a lost answer: how long the job may take to appear in Krea's list before it counts as never arrived."""
    poll: float = 2.0
    """Between two looks at the job list while jobs are running."""
    post: float = 120.0
    """For the answer to a submission: longer than the gateway's own limit (100 s), so that a late answer is still heard."""
    get: float = 30.0
    """For the answer to a reading request."""
    outage: float = 120.0
    """How long reading requests are retried before a service counts as unreachable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The environment, parsed once."""

    krea_url: str = KREA_API_URL
    krea_token: Secret | None = None
    webhook_url: str | None = None
    webhook_port: int = 8484
    """Where the receiver listens on this machine, behind ``webhook_url``."""
    prefect_api_url: str | None = None
    home: Path = field(default_factory=lambda: default_home(os.environ))
    patience: Patience = field(default_factory=Patience)

    def require_token(self) -> Secret:
        """Return the token. Raises UsageError naming both ways on, where there is none."""
        if self.krea_token is None:
            raise UsageError(
                "no Krea token: KREA_API_TOKEN is not set",
                hint="set KREA_API_TOKEN to a token of krea.ai/settings/api-tokens, or pass --simulate to rehearse with the simulator, without an account",
            )
        return self.krea_token

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the variables of the contract.

        Raises UsageError where a variable is set but cannot be what it should be; the message names the variable and never its value
        where that may be secret.
        """
        env = os.environ if environment is None else environment
        token = (env.get("KREA_API_TOKEN") or env.get("KREA_API_KEY") or "").strip()
        if any(ord(character) < 33 or ord(character) > 126 for character in token):  # noqa: PLR2004
            raise UsageError(
                "KREA_API_TOKEN holds characters that no token has", hint="copy the token again: no spaces, no quotes, one line"
            )
        return cls(
            krea_url=_url(env, "KREA_API_URL", KREA_API_URL) or KREA_API_URL,
            krea_token=Secret(token) if token else None,
            webhook_url=_url(env, "ANIMATIC_WEBHOOK_URL", None),
            webhook_port=_port(env, "ANIMATIC_WEBHOOK_PORT", 8484),
            prefect_api_url=_url(env, "PREFECT_API_URL", None),
            home=default_home(env),
            patience=Patience(
                grace=_seconds(env, "ANIMATIC_GRACE_SECONDS", 15.0),
                poll=_seconds(env, "ANIMATIC_POLL_SECONDS", 2.0),
                post=_seconds(env, "ANIMATIC_POST_SECONDS", 120.0),
                get=_seconds(env, "ANIMATIC_GET_SECONDS", 30.0),
                outage=_seconds(env, "ANIMATIC_OUTAGE_SECONDS", 120.0),
            ),
        )


def default_home(environment: Mapping[str, str]) -> Path:
    """Return the folder of local state: ``ANIMATIC_HOME``, else the platform's user state folder."""
    if chosen := environment.get("ANIMATIC_HOME"):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "animatic"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "animatic"
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "animatic"


def _url(env: Mapping[str, str], name: str, default: str | None) -> str | None:
    text = (env.get(name) or "").strip()
    if not text:
        return default
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"{name} is not a URL", hint=f"set it to something like {default or 'https://host.example'}, or unset it")
    return text.rstrip("/")


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = (env.get(name) or "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:  # noqa: PLR2004
        raise UsageError(f"{name} is not a port (1 to 65535): {text!r}")
    return int(text)


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = (env.get(name) or "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:  # noqa: PLR2004
        raise UsageError(f"{name} is not a number of seconds (0 to 86400): {text!r}")
    return seconds
