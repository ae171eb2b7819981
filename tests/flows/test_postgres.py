"""What `animatic doctor` says of a Postgres, and what to do: a real one where its programs are installed, a scripted one everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from animatic.errors import PrefectError
from animatic.prefect import database
from tests.cluster.processes import free_port
from tests.cluster.services import Postgres, has_program, program, start_postgres

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
PASSWORD = "secret-of-the-database"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def address(port: int, *, user: str = "prefect", password: str = PASSWORD, name: str = "prefect", host: str = "127.0.0.1") -> str:
    return f"postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}"


async def said_of(text: str) -> tuple[str, str]:
    """Return message and hint of what is wrong with a database."""
    with pytest.raises(PrefectError) as caught:
        await database.examine_database(text)
    said = f"{caught.value.message}\n{caught.value.hint}"
    assert PASSWORD not in said
    assert caught.value.exit_code == 6
    return caught.value.message, caught.value.hint or ""


# As Postgres 15 has answered, field by field: S severity, V the same untranslated, C code, M message, F R where in its source.
ANSWERS = {
    "28P01": 'password authentication failed for user "prefect"',
    "28000": 'no pg_hba.conf entry for host "127.0.0.1", user "prefect", database "prefect", no encryption',
    "3D000": 'database "prefect" does not exist',
    "53300": "sorry, too many clients already",
    "57P03": "the database system is starting up",
}


@contextlib.asynccontextmanager
async def answering(code: str) -> AsyncIterator[int]:
    """A Postgres that answers every beginning with one error; yields its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack("!i", await reader.readexactly(4))
                (kind,) = struct.unpack("!i", (await reader.readexactly(length - 4))[:4])
                if kind != 80877103:  # asks for TLS
                    break
                writer.write(b"N")
            fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": ANSWERS[code], "F": "auth.c", "R": "auth_failed"}
            body = b"".join(f"{name}{text}\0".encode() for name, text in fields.items()) + b"\0"
            writer.write(b"E" + struct.pack("!i", len(body) + 4) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("28P01", "refuses the password of user 'prefect'", database.SETTING),
        ("28000", "does not let user 'prefect' in", "pg_hba.conf"),
        ("3D000", "there is no database 'prefect' at 127.0.0.1", "createdb -h 127.0.0.1"),
        ("53300", "takes no more connections", "max_connections"),
        ("57P03", "is starting or stopping", "wait"),
    ],
)
async def test_each_answer_of_a_postgres_has_its_sentence_and_its_remedy(code: str, message: str, remedy: str) -> None:
    async with answering(code) as port:
        said, hint = await said_of(address(port))
    assert message in said
    assert remedy in hint


async def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said, hint = await said_of(address(free_port()))
    assert "cannot be reached (ConnectionRefusedError)" in said
    assert "listen_addresses" in hint
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said, hint = await said_of(address(silent.getsockname()[1]))
    assert "does not answer within" in said
    said, hint = await said_of(address(5432, host="db.invalid"))
    assert "the host of the database prefect at db.invalid:5432 has no address" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"postgresql://prefect:{PASSWORD}@db/prefect", "begins with postgresql://, which Prefect cannot use"),
        (f"postgresql+asyncpg://prefect:{PASSWORD}@db:port/prefect", "is not the address of a database"),
        (f"postgresql+asyncpg//prefect:{PASSWORD}@db", "is not the address of a database"),
        (f"postgresql+asyncpg://prefect:p@{PASSWORD}@db.invalid/prefect", "is not the address of a database"),
        (f"postgresql+asyncpg://prefect:p@ss/{PASSWORD}@db.invalid/prefect", "is not the address of a database"),
        (f"postgresql+asyncpg://prefect:p@ss?{PASSWORD}@db.invalid/prefect", "is not the address of a database"),
    ],
)
async def test_an_address_that_is_none_is_said_without_it_and_its_password(text: str, message: str) -> None:
    said, hint = await said_of(text)
    assert message in said
    assert database.EXAMPLE in hint


async def test_an_option_of_another_driver_is_told_from_a_database_that_ails() -> None:
    said, hint = await said_of(f"{address(free_port())}?sslmode=require")
    assert "behind the '?' of PREFECT_SERVER_DATABASE_CONNECTION_URL" in said
    assert "?ssl=require" in hint


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("postgresql+asyncpg:///films?host=/var/run/postgresql", "createdb films,"),
        ("postgresql+asyncpg://prefect:x@/films", "createdb -O prefect films,"),
        ("postgresql+asyncpg://prefect:x@db:5433/films", "createdb -h db -p 5433 -O prefect films,"),
    ],
)
def test_a_database_that_is_to_be_made_is_named_as_a_shell_takes_it(text: str, remedy: str) -> None:
    absent = Exception()
    absent.sqlstate = "3D000"  # type: ignore[attr-defined]
    told = database._explained(absent, make_url(text), "")
    assert remedy in (told.hint or "")
    assert "None" not in f"{told.message}{told.hint}"


@pytest.mark.parametrize(
    ("revision", "message", "remedy"),
    [
        (None, "has no tables of Prefect yet", "database upgrade"),
        ("8a3d3a2f7c11-unknown", "does not know (8a3d3a2f7c11-unknown)", "install the version of Prefect"),
        ("an older one", "has the tables of an earlier version of Prefect", "make a backup, then bring them up to date"),
    ],
)
async def test_tables_of_another_version_are_named(
    monkeypatch: pytest.MonkeyPatch, revision: str | None, message: str, remedy: str
) -> None:
    known, head = database.known_revisions()
    older = next(iter(known - {head}))

    async def there(_url: Any) -> str | None:
        return older if revision == "an older one" else revision

    monkeypatch.setattr(database, "_revision", there)
    said, hint = await said_of(address(5432))
    assert message in said
    assert remedy in hint
    monkeypatch.setattr(database, "_revision", lambda _url: asyncio.sleep(0, head))
    assert "has the tables of this version of Prefect" in await database.examine_database(address(5432))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    if not has_program("postgres"):
        pytest.skip("no Postgres is installed here")
    with tempfile.TemporaryDirectory(prefix="animatic-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        running = start_postgres(Path(folder) / "postgres")
        yield running
        running.member.stop(2)


def sql(postgres: Postgres, statement: str) -> None:
    command = [program("psql"), "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "prefect", "-q", "-c", statement, "prefect"]
    subprocess.run(command, env={"PGPASSWORD": postgres.password}, check=True, capture_output=True)


async def test_a_real_postgres_is_told_from_what_it_should_be(postgres: Postgres) -> None:
    def right(**other: str) -> str:
        return address(postgres.port, **({"password": postgres.password} | other))

    assert "refuses the password of user 'prefect'" in (await said_of(right(password=PASSWORD)))[0]
    assert "refuses the password of user 'nobody'" in (await said_of(right(user="nobody")))[0]
    assert "there is no database 'absent'" in (await said_of(right(name="absent")))[0]
    assert "has no tables of Prefect yet" in (await said_of(right()))[0]
    sql(postgres, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    assert "has no tables of Prefect yet" in (await said_of(right()))[0]
    known, head = database.known_revisions()
    sql(postgres, "INSERT INTO alembic_version VALUES ('ffffffffffff')")
    assert "does not know (ffffffffffff)" in (await said_of(right()))[0]
    sql(postgres, f"UPDATE alembic_version SET version_num = '{next(iter(known - {head}))}'")
    assert "earlier version of Prefect" in (await said_of(right()))[0]
    sql(postgres, f"UPDATE alembic_version SET version_num = '{head}'")
    assert "has the tables of this version" in await database.examine_database(right())
    sql(postgres, "CREATE ROLE other LOGIN PASSWORD 'other'")
    assert "may not read the tables" in (await said_of(right(user="other", password="other")))[0]
