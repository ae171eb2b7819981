"""Reads the environment (endpoints, secrets, state folder, time limits), and sets what Prefect and processes of ours read there.

The only place that knows the names of our variables (those of proxies: `animatic.proxies`). Read once, at the edge; everything below takes
a ``Settings``. Secrets are wrapped so that a repr, a log line or a traceback never shows them. Imports no library: every verb waits for
this module.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from animatic import proxies
from animatic.errors import UsageError
from animatic.redact import register_secret

KREA_API_URL = "https://api.krea.ai"
DEFAULT_FILE = Path("pipelines.yaml")
SCHEMA_FILE = Path("pipelines.schema.json")
"""Name of the schema that lies beside pipelines files, by which their first line calls it."""

FILE = "ANIMATIC_FILE"
"""The pipelines file: for deployments, relative to the working folder that their pull steps leave."""
FOLLOW = "ANIMATIC_FOLLOW"
"""Set by ``deploy --follow``: render whatever the file says, deployed or not."""
SIMULATOR_URL = "ANIMATIC_SIMULATOR_URL"
"""The simulator to use instead of Krea. Set by ``animatic up`` alone: a scheduled run without a token must fail, not deliver slates."""
PUBLIC_URL = "ANIMATIC_PUBLIC_URL"
"""Where the destination can be read over HTTP: a distribution before the bucket, a file server, or ``animatic up``'s own."""
SIMULATOR_HEADER = "X-Animatic-Simulator"
"""Header by which the simulator names itself in every answer, so that a client that means Krea never takes it for Krea."""
AWS_BLOCK = "ANIMATIC_AWS_BLOCK"
"""Name of an ``AwsCredentials`` block of prefect-aws, for workers without credentials of their own."""
CRASH_AT = "ANIMATIC_CRASH_AT"
"""For the crash tests: the point of `animatic.engine.crashpoints` at which the process kills itself."""
PREFECT_API_URL = "PREFECT_API_URL"
SAFE_PATH = "PYTHONSAFEPATH"
"""By which Python looks for no modules in the working folder: a project's own logging.py would stand before Python's."""
QUIET_PREFECT = {
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    # About half a minute: the run itself goes on without the server, only its last word to it waits.
    "PREFECT_CLIENT_MAX_RETRIES": "4",
    # Prefect's log lines are for its UI; the terminal shows the shots.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
}
"""Settings of Prefect for a run that a person watches on a terminal, where the person has not set them."""
MAX_SUBMIT_AT_ONCE = 64


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


def pipelines_file(environment: Mapping[str, str] | None = None) -> Path:
    """Return the pipelines file that is meant where the command line names none."""
    return Path((os.environ if environment is None else environment).get(FILE) or DEFAULT_FILE)


def default_home(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of local state: ``ANIMATIC_HOME``, else the platform's user state folder."""
    environment = os.environ if environment is None else environment
    if chosen := environment.get("ANIMATIC_HOME"):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "animatic"
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "animatic"


def refuses_color(environment: Mapping[str, str] | None = None) -> bool:
    """Return whether the user or the terminal refuses color: ``NO_COLOR`` is set, or ``TERM`` is ``dumb``."""
    environment = os.environ if environment is None else environment
    return bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"


def use_prefect_api(url: str) -> None:
    """Make this process, and those that it starts, talk to this Prefect API. Only before Prefect is imported, which reads it then."""
    os.environ[PREFECT_API_URL] = url
    os.environ.setdefault("DO_NOT_TRACK", "1")
    proxies.prepare()


def quieten_prefect() -> None:
    """Keep Prefect off the terminal of this process, unless the user has set otherwise. Only before Prefect is imported."""
    for name, value in QUIET_PREFECT.items():
        os.environ.setdefault(name, value)
    # Where a home cannot be written to, as in many containers: nothing of ours lies in that folder of Prefect's.
    warnings.filterwarnings("ignore", "Failed to create the Prefect home directory")


def serve_file(file: Path, *, follow: bool) -> None:
    """Have the runs that this process starts read a pipelines file (or a folder of them): Prefect gives only workers a deployment's."""
    os.environ[SAFE_PATH] = "1"
    os.environ[FILE] = str(file.absolute())
    if follow:
        os.environ[FOLLOW] = "1"
    else:
        os.environ.pop(FOLLOW, None)


def simulate_served_runs(*, simulator_url: str, public_url: str) -> None:
    """Send the runs that this process starts to a simulator, and their links to a file server. For ``animatic up`` alone."""
    os.environ |= {
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        SIMULATOR_URL: simulator_url,
        PUBLIC_URL: public_url,
    }


def simulates_served_runs() -> bool:
    """Whether the runs that this process starts go to a simulator."""
    return bool(os.environ.get(SIMULATOR_URL))


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The environment, parsed once."""

    krea_url: str = KREA_API_URL
    krea_token: Secret | None = None
    webhook_url: str | None = None
    webhook_port: int = 8484
    """Where the receiver listens on this machine, behind ``webhook_url``."""
    prefect_api_url: str | None = None
    file: Path = DEFAULT_FILE
    follow: bool = False
    simulator_url: str | None = None
    public_url: str | None = None
    aws_block: str | None = None
    custom_s3: bool = False
    """Whether S3 is not Amazon's: an endpoint of its own is set."""
    home: Path = field(default_factory=default_home)
    c2pa_cert: Path | None = None
    """File with the certificate chain that signs content credentials."""
    c2pa_key: Path | None = None
    c2pa_tsa_cert: Path | None = None
    """File with the certificates of authorities whose time stamps are trusted."""
    submit_at_once: int = 8
    """Submissions on their way to Krea at the same time."""
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        """Have the token masked wherever text is redacted: Krea or a gateway may echo it."""
        if self.krea_token is not None:
            register_secret(self.krea_token.reveal())

    def require_token(self) -> Secret:
        """Return the token. Raises UsageError naming both ways on, where there is none."""
        if self.krea_token is None:
            raise UsageError(
                "no Krea token: KREA_API_TOKEN is not set",
                hint="set KREA_API_TOKEN to a token of krea.ai/settings/api-tokens, "
                "or pass --simulate to rehearse with the simulator, without an account",
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
        if any(ord(character) < 33 or ord(character) > 126 or character in "'\"" for character in token):  # noqa: PLR2004
            raise UsageError(
                "KREA_API_TOKEN holds characters that no token has", hint="copy the token again: no spaces, no quotes, one line"
            )
        return cls(
            krea_url=_url(env, "KREA_API_URL", KREA_API_URL) or KREA_API_URL,
            krea_token=Secret(token) if token else None,
            webhook_url=_url(env, "ANIMATIC_WEBHOOK_URL", None),
            webhook_port=_port(env, "ANIMATIC_WEBHOOK_PORT", 8484),
            prefect_api_url=_url(env, PREFECT_API_URL, None),
            home=default_home(env),
            file=pipelines_file(env),
            follow=bool(env.get(FOLLOW)),
            simulator_url=env.get(SIMULATOR_URL) or None,
            public_url=(env.get(PUBLIC_URL) or "").rstrip("/") or None,
            aws_block=env.get(AWS_BLOCK) or None,
            custom_s3=bool(env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")),
            c2pa_cert=_path(env, "ANIMATIC_C2PA_CERT"),
            c2pa_key=_path(env, "ANIMATIC_C2PA_KEY"),
            c2pa_tsa_cert=_path(env, "ANIMATIC_C2PA_TSA_CERT"),
            submit_at_once=_count(env, "ANIMATIC_SUBMIT_AT_ONCE", 8),
            patience=Patience(
                grace=_seconds(env, "ANIMATIC_GRACE_SECONDS", 15.0),
                poll=_seconds(env, "ANIMATIC_POLL_SECONDS", 2.0),
                post=_seconds(env, "ANIMATIC_POST_SECONDS", 120.0),
                get=_seconds(env, "ANIMATIC_GET_SECONDS", 30.0),
                outage=_seconds(env, "ANIMATIC_OUTAGE_SECONDS", 120.0),
            ),
        )


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
    if "@" in parts.netloc and name == "KREA_API_URL":  # they would be sent in the place of the token
        raise UsageError(
            f"{name} holds a user name or password", hint="leave out all between // and @; Krea's token goes into KREA_API_TOKEN"
        )
    return text.rstrip("/")


def _path(env: Mapping[str, str], name: str) -> Path | None:
    text = (env.get(name) or "").strip()
    return Path(text).expanduser().absolute() if text else None


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = (env.get(name) or "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:  # noqa: PLR2004
        raise UsageError(f"{name} is not a port (1 to 65535): {text!r}")
    return int(text)


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = (env.get(name) or "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_SUBMIT_AT_ONCE:
        raise UsageError(f"{name} is not a number from 1 to {MAX_SUBMIT_AT_ONCE}: {text!r}")
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


def export_aws_credentials(
    *, access_key_id: str | None, secret_access_key: Secret | None, session_token: Secret | None, region: str | None
) -> None:
    """Set the AWS variables that boto3 reads in this process; what is None stays as it is."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", access_key_id),
        ("AWS_SECRET_ACCESS_KEY", secret_access_key.reveal() if secret_access_key else None),
        ("AWS_SESSION_TOKEN", session_token.reveal() if session_token else None),
        ("AWS_REGION", region),
    ):
        if value:
            os.environ[name] = value
