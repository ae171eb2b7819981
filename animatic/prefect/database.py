"""Looks into the Postgres of a Prefect server, for `animatic doctor`: whether it lets the server in, and has the tables of this version.

Only where this machine knows it (``PREFECT_SERVER_DATABASE_CONNECTION_URL``, as on the machines of the servers): all that a server itself
tells of its database is that it failed. Reads only; what is said holds neither a password nor the address as it was written.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from importlib.util import find_spec
from pathlib import Path

import prefect
from alembic.script import ScriptDirectory
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from animatic.errors import PrefectError

SETTING = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
EXAMPLE = "postgresql+asyncpg://USER:PASSWORD@HOST:5432/NAME"
ESCAPES = "in user and password '@', ':', '/', '#' and '%' are written as %40, %3A, %2F, %23 and %25"
CONNECT_SECONDS = 5.0
UPGRADE = "`prefect server database upgrade -y`, with the servers stopped"
_SLACK_SECONDS = 2.0
_NO_TABLES = "42P01"


def database_url() -> str | None:
    """Return the address of the Postgres that a Prefect server of this machine would use; None where none is set."""
    address = str(PREFECT_API_DATABASE_CONNECTION_URL.value() or "")
    return address if address.startswith("postgres") else None


async def examine_database(address: str) -> str:
    """Return what a Postgres is, once it has let us in and has the tables of this version of Prefect.

    Raises PrefectError that says what is wrong with it, and what to do.
    """
    try:
        url = make_url(address)
        port = url.port or 5432
    except (ArgumentError, ValueError):
        raise _no_address() from None
    if address.partition("://")[2].partition(":")[2].count("@") > 1:
        raise _no_address()  # one in the password: what is behind it would be taken for the host, and be shown
    if url.drivername != "postgresql+asyncpg":
        raise PrefectError(f"{SETTING} begins with {url.drivername}://, which Prefect cannot use", hint=f"write {EXAMPLE}")
    place = f"{url.database or url.username} at {url.host or 'this machine'}:{port}"
    try:
        async with asyncio.timeout(CONNECT_SECONDS + _SLACK_SECONDS):
            revision = await _revision(url)
    except Exception as error:  # noqa: BLE001 (drivers raise what they like; what is not known is told by its class)
        raise _explained(error, url, place) from None
    _check_revision(revision, place)
    return f"Postgres, {place}: it has the tables of this version of Prefect"


def _no_address() -> PrefectError:
    return PrefectError(f"{SETTING} is not the address of a database", hint=f"write {EXAMPLE} ({ESCAPES})")


async def _revision(url: URL) -> str | None:
    """Return the revision of the tables, as the migrations wrote it; None where there are no tables."""
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS}, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars().first()
    except Exception as error:
        if _state(error) == _NO_TABLES:
            return None
        raise
    finally:
        await engine.dispose()
    return None if found is None else str(found)


def known_revisions() -> tuple[frozenset[str], str]:
    """Return the revisions of a Postgres that this version of Prefect knows, and the one that it needs."""
    found = find_spec("prefect")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "server" / "database" / "_migrations"
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions" / "postgresql")])
    head = scripts.get_current_head()
    assert head is not None, "Prefect has migrations"
    return frozenset(script.revision for script in scripts.walk_revisions()), head


def _check_revision(revision: str | None, place: str) -> None:
    if revision is None:
        raise PrefectError(f"the database {place} has no tables of Prefect yet", hint=f"make them: {UPGRADE}")
    known, head = known_revisions()
    if revision == head:
        return
    if revision in known:
        raise PrefectError(
            f"the database {place} has the tables of an earlier version of Prefect ({revision}; {prefect.__version__} needs {head})",
            hint=f"make a backup, then bring them up to date: {UPGRADE}",
        )
    raise PrefectError(
        f"the database {place} has tables that Prefect {prefect.__version__} does not know ({revision}): those of a newer version, or of "
        "another program",
        hint="install the version of Prefect that made them on all servers, or name another database; going back takes a backup",
    )


def _explained(error: BaseException, url: URL, place: str) -> PrefectError:
    """Return what keeps us out, with its remedy."""
    state, user, name = _state(error), url.username or "", url.database or url.username or ""
    match state:
        case "28P01":
            what = f"the database {place} refuses the password of user {user!r}"
            hint = f"set the right one in {SETTING} ({ESCAPES}), or give the user that one there: ALTER ROLE ... PASSWORD"
        case "28000":
            what = f"the database {place} does not let user {user!r} in from this machine"
            hint = "make the role, allow it in pg_hba.conf, or ask for TLS by ?ssl=require behind the address"
        case "3D000":
            what = f"there is no database {name!r} at {url.host or 'this machine'}:{url.port or 5432}"
            there = f"-h {url.host} -p {url.port or 5432} " if url.host else ""
            hint = f"make it: createdb {there}{f'-O {user} ' if user else ''}{name}, or correct the name in {SETTING}"
        case "53300":
            what = f"the database {place} takes no more connections"
            hint = "raise max_connections there, or let the servers keep fewer (PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE)"
        case "57P03":
            what, hint = f"the database {place} is starting or stopping", "wait a moment; its log says why if it stays so"
        case "42501":
            what = f"user {user!r} may not read the tables of the database {place}"
            hint = f"make it their owner: ALTER DATABASE {name} OWNER TO {user}, and its tables"
        case None:
            return _unreachable(error, place)
        case _:
            what, hint = f"the database {place} answers with error {state}", "its log says more"
    return PrefectError(what, hint=hint)


def _unreachable(error: BaseException, place: str) -> PrefectError:
    where = f"see that Postgres runs, listens there (listen_addresses), and that host and port in {SETTING} are right"
    if isinstance(error, socket.gaierror):
        return PrefectError(f"the host of the database {place} has no address", hint=f"correct the host in {SETTING}, or the name server")
    if isinstance(error, ssl.SSLError):
        return PrefectError(f"the database {place} cannot be reached over TLS: {error.reason}", hint="check its certificate, and ?ssl=")
    if isinstance(error, TimeoutError):
        return PrefectError(f"the database {place} does not answer within {CONNECT_SECONDS:.0f} s", hint=f"{where}; a firewall may drop it")
    if isinstance(error, TypeError):
        what = f"what stands behind the '?' of {SETTING} is not all known to asyncpg, by which Prefect connects"
        return PrefectError(what, hint="write ?ssl=require for sslmode=require; take out what only other drivers know")
    if isinstance(error, OSError):
        return PrefectError(f"the database {place} cannot be reached ({type(error).__name__})", hint=where)
    return PrefectError(f"the database {place} cannot be used ({type(error).__name__})", hint="its log says more")


def _state(error: BaseException | None) -> str | None:
    """Return Postgres's code of an error, wherever the driver keeps it."""
    while error is not None:
        state = getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None)
        if isinstance(state, str):
            return state
        error = error.__cause__
    return None
