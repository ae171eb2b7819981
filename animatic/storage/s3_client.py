"""Calls S3 through boto3 and retries errors that may pass. Never shows a credential.

`PatientClient` makes the calls, `make_client` the boto3 client.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import boto3
from botocore import exceptions as boto
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from animatic import proxies
from animatic.backoff import Backoff
from animatic.errors import UsageError
from animatic.redact import redact
from animatic.storage.protocol import MAX_CONCURRENT_CALLS, Threads
from animatic.storage.s3_errors import EXPIRED, SKEWED, CredentialsUnusableError, code_of, explain

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

DEFAULT_REGION = "us-east-1"
SKEW_TRIES = 3
"""Answers that this machine's clock is wrong before it is believed: single ones pass."""
RENEWAL_TRIES = 8
"""Tries with credentials read anew, some 20 s in all: what renews them may be a little late."""


class PatientClient:
    """Calls S3 in threads and retries what may pass, with growing jittered pauses, for ``patience`` seconds."""

    def __init__(
        self,
        *,
        patience: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        randomness: random.Random | None = None,
        make: Callable[[], S3Client] | None = None,
    ) -> None:
        self._patience = patience
        self._randomness = randomness or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._sleep = sleep
        self._clock = clock
        self._threads = Threads()
        self._make = make or make_client
        self._lock = Lock()
        self._client: S3Client | None = None

    async def call(self, where: str, function: Callable[[S3Client], T]) -> T:
        """Return what ``function`` returns. It must be safe to call again after it failed half-way.

        Raises StorageError (StorageRefusedError where waiting does not help) naming ``where``.
        """
        deadline = self._clock() + self._patience
        backoff = Backoff(first=0.2, longest=5.0, randomness=self._randomness)
        skewed = expired = 0
        while True:
            try:
                return await self._threads.run(self._call, function)
            except (BotoCoreError, ClientError, HTTPError) as error:
                problem = explain(error, where, self._endpoint())
                skewed += code_of(error) in SKEWED
                expired += self._renew_credentials(error)
                passing = problem.retryable or 0 < skewed < SKEW_TRIES or 0 < expired < RENEWAL_TRIES
                delay = backoff.next()
                if not passing or self._clock() + delay > deadline:
                    raise problem from error
            await self._sleep(delay)

    def _renew_credentials(self, error: Exception) -> bool:
        """Drop the client where its credentials have expired: the next one reads them anew, from where somebody has renewed them."""
        if code_of(error) not in EXPIRED and not isinstance(error, CredentialsUnusableError):
            return False
        with self._lock:
            self._client = None
        return True

    def _call(self, function: Callable[[S3Client], T]) -> T:
        with self._lock:
            if self._client is None:
                self._client = self._make()
        try:
            return function(self._client)
        except RuntimeError as error:  # as botocore has it where the credentials that it was given anew have expired, too
            if "credentials" not in str(error):
                raise
            raise CredentialsUnusableError("those that were given last have expired") from error

    def _endpoint(self) -> str:
        return self._client.meta.endpoint_url if self._client else "S3"


def make_client() -> S3Client:
    """Return a client as boto3 reads the environment (``AWS_*``, profiles, ``AWS_ENDPOINT_URL_S3``).

    Stores other than Amazon's are addressed by path: ``bucket.host`` seldom resolves there. Raises UsageError where the address of the
    endpoint, or the proxy before it, cannot be used.
    """
    # At DEBUG botocore logs whole requests, signature and session token included; at INFO where it found what it was given.
    botocore_log = logging.getLogger("botocore")
    if botocore_log.level == logging.NOTSET:
        botocore_log.setLevel(logging.WARNING)
    try:
        return _made()
    except json.JSONDecodeError:
        raise CredentialsUnusableError("what its credential_process prints is no JSON") from None
    except boto.InvalidRegionError as error:
        raise UsageError(redact(str(error)), hint="AWS_DEFAULT_REGION (or `region` of the profile) is a name like eu-west-1") from None
    except ValueError as error:  # of botocore, and of what takes the address apart
        raise UsageError(
            redact(f"the address of the S3 endpoint cannot be used: {error}"),
            hint="AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL, or `endpoint_url` of the profile) is written as https://HOST or http://HOST:PORT",
        ) from None


def _made() -> S3Client:
    session = boto3.Session()
    # boto3 itself reads only AWS_DEFAULT_REGION; containers on AWS are given AWS_REGION.
    region = session.region_name or os.environ.get("AWS_REGION") or DEFAULT_REGION
    client = session.client("s3", region_name=region, config=_config("auto"))
    endpoint = client.meta.endpoint_url
    if not endpoint.startswith(("https://", "http://")):
        raise ValueError("it begins with neither https:// nor http://")
    proxies.require_usable(endpoint)
    client = client if ".amazonaws." in endpoint else session.client("s3", region_name=region, config=_config("path"))
    client.meta.events.register("before-call.s3.HeadBucket", _follow_no_redirect)
    return client


def _follow_no_redirect(params: dict[str, Any], **_: object) -> None:
    """Let botocore, which asks HeadBucket for the region when it is redirected, not do the same for that: it would never end."""
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _config(addressing: Literal["auto", "path"]) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=MAX_CONCURRENT_CALLS,
        # Every write gives its own SHA-256; stores that only resemble S3 stumble over the trailing checksums that boto3 adds by itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_supported",
    )
