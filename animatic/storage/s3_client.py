"""The boto3 client behind a bucket, and the one owner of retries: every call until it is answered, refused, or out of patience."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Awaitable, Callable
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeVar

import anyio
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from animatic.storage.s3_errors import explain
from animatic.storage.threads import AT_ONCE, Threads

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

DEFAULT_REGION = "us-east-1"
LONGEST_PAUSE = 5.0


class PatientClient:
    """Calls S3 in threads and retries what may pass, with growing jittered pauses, for ``patience`` seconds."""

    def __init__(
        self,
        *,
        patience: float,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
        make: Callable[[], S3Client] | None = None,
    ) -> None:
        self._patience = patience
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
        pause = 0.2
        while True:
            try:
                return await self._threads.run(self._call, function)
            except (BotoCoreError, ClientError, HTTPError) as error:
                problem = explain(error, where, self._endpoint())
                delay = pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
                if not problem.retryable or self._clock() + delay > deadline:
                    raise problem from error
            await self._sleep(delay)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _call(self, function: Callable[[S3Client], T]) -> T:
        with self._lock:
            if self._client is None:
                self._client = self._make()
        return function(self._client)

    def _endpoint(self) -> str:
        return self._client.meta.endpoint_url if self._client else "S3"


def make_client() -> S3Client:
    """Return a client as boto3 reads the environment (``AWS_*``, profiles, ``AWS_ENDPOINT_URL_S3``).

    Stores other than Amazon's are addressed by path: ``bucket.host`` seldom resolves there.
    """
    # At DEBUG botocore logs whole requests, signature and session token included.
    botocore_log = logging.getLogger("botocore")
    if botocore_log.level == logging.NOTSET:
        botocore_log.setLevel(logging.INFO)
    session = boto3.Session()
    # boto3 itself reads only AWS_DEFAULT_REGION; containers on AWS are given AWS_REGION.
    region = session.region_name or os.environ.get("AWS_REGION") or DEFAULT_REGION
    client = session.client("s3", region_name=region, config=_config("auto"))
    if ".amazonaws." in client.meta.endpoint_url:
        return client
    return session.client("s3", region_name=region, config=_config("path"))


def _config(addressing: Literal["auto", "path"]) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=AT_ONCE,
        # Every write gives its own SHA-256; stores that only resemble S3 stumble over the trailing checksums that boto3 adds by itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_supported",
    )
