"""The Prefect API as our verbs use it: one client, and its failures as errors that say what to do."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx
import prefect
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError

from animatic.errors import PrefectError


@contextlib.asynccontextmanager
async def prefect_api() -> AsyncIterator[PrefectClient]:
    """Open a client for ``PREFECT_API_URL``. Raises PrefectError for a server that is not there, or refuses."""
    try:
        async with get_client() as client:
            await check_server(client)
            yield client
    except PrefectHTTPStatusError as error:
        code = error.response.status_code
        if code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise PrefectError("the Prefect API refuses the credentials", hint="check PREFECT_API_KEY or PREFECT_API_AUTH_STRING") from None
        raise PrefectError(
            f"the Prefect API answered {code} to {error.request.method} {error.request.url.path}", hint=_detail(error)
        ) from None
    except httpx.TransportError as error:
        raise PrefectError(
            f"the Prefect API does not answer: {type(error).__name__}", hint="check PREFECT_API_URL, or unset it to use a local server"
        ) from None


async def check_server(client: PrefectClient) -> str:
    """Return the server's version. Raises PrefectError where it is another major or minor than the client's, which Prefect does not support."""
    version = str(await client.api_version())
    if version.split(".")[:2] != prefect.__version__.split(".")[:2]:
        raise PrefectError(
            f"the Prefect server is version {version}, this is version {prefect.__version__}",
            hint=f"run a {'.'.join(prefect.__version__.split('.')[:2])} server, or point PREFECT_API_URL at one",
        )
    return version


def _detail(error: PrefectHTTPStatusError) -> str | None:
    try:
        detail = error.response.json().get("detail")
    except (ValueError, AttributeError):
        return None
    return str(detail) if detail else None
