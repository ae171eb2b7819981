"""Calls S3 through boto3: retries errors that may pass, and explains those that somebody must repair. Never shows a credential.

`PatientClient` makes the calls, `make_client` the boto3 client; `explain` turns errors of S3 and botocore into ours.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeVar

import boto3
from botocore import exceptions as boto
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from animatic import proxies
from animatic.backoff import Backoff
from animatic.errors import StorageError, UsageError
from animatic.redact import redact
from animatic.storage.protocol import MAX_CONCURRENT_CALLS, StorageRefusedError, Threads

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

DEFAULT_REGION = "us-east-1"
PRECONDITION_FAILED = 412
NOT_FOUND = 404
NOT_IMPLEMENTED = 501
SKEW_TRIES = 3
"""Answers that this machine's clock is wrong before it is believed: single ones pass."""
RENEWAL_TRIES = 8
"""Tries with credentials read anew, some 20 s in all: what renews them may be a little late."""

PERMISSIONS = {
    "PutObject": "s3:PutObject",
    "GetObject": "s3:GetObject and s3:ListBucket (without the latter S3 will not say that an object is absent)",
    "HeadObject": "s3:GetObject and s3:ListBucket (without the latter S3 will not say that an object is absent)",
    "CopyObject": "s3:GetObject and s3:PutObject",
    "ListObjectsV2": "s3:ListBucket",
    "DeleteObject": "s3:DeleteObject",
}
CREDENTIALS = {
    "InvalidAccessKeyId": "the access key is unknown there",
    "SignatureDoesNotMatch": "the secret key does not fit the access key",
    "ExpiredToken": "the session token has expired",
    "InvalidToken": "the session token is not valid",
    "TokenRefreshRequired": "the session token must be refreshed",
}
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken"})
SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
UNKNOWN = frozenset({"NotImplemented", "InvalidArgument", "InvalidRequest", "MethodNotAllowed", "UnsupportedOperation"})
PASSING_CODES = frozenset(
    {
        "ConditionalRequestConflict",
        "OperationAborted",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "InternalError",
        "ServiceUnavailable",
        "BadDigest",
    }
)
NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.ProfileNotFound,
    boto.NoAuthTokenError,
)
PASSING = (
    boto.ConnectionError,  # unreachable, TLS, proxies
    boto.HTTPClientError,  # time-outs, connections closed
    HTTPError,  # the same while a body is read
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    boto.FlexibleChecksumError,
    boto.ChecksumError,
)
HOW_TO_SIGN_IN = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (after `aws sso login` where that is used)"


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
        if code_of(error) not in EXPIRED:
            return False
        with self._lock:
            self._client = None
        return True

    def _call(self, function: Callable[[S3Client], T]) -> T:
        with self._lock:
            if self._client is None:
                self._client = self._make()
        return function(self._client)

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
    return client if ".amazonaws." in endpoint else session.client("s3", region_name=region, config=_config("path"))


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


def status_of(error: ClientError) -> int:
    """Return the HTTP status of the answer, 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: Exception) -> str:
    """Return S3's word for the error, e.g. ``NoSuchKey``; empty for one that is not S3's."""
    return "" if not isinstance(error, ClientError) else str(error.response.get("Error", {}).get("Code", ""))


def is_unknown(error: ClientError) -> bool:
    """Tell whether the answer says that the store does not know such a request, or a header of it."""
    return code_of(error) in UNKNOWN or status_of(error) == NOT_IMPLEMENTED


def is_absent(error: ClientError) -> bool:
    """Tell whether the answer says that there is no such object (a missing bucket is something else)."""
    return status_of(error) == NOT_FOUND and code_of(error) != "NoSuchBucket"


def explain(error: Exception, where: str, endpoint: str) -> StorageError:
    """Return the StorageError to raise; its ``retryable`` says whether the same call may succeed later.

    ``where`` is the bucket or object as ``s3://...``, ``endpoint`` the server's address, which is told without a password in it.
    """
    endpoint = redact(endpoint)
    if isinstance(error, ClientError):
        return _explain_answer(error, where, endpoint)
    if isinstance(error, NO_CREDENTIALS):
        return StorageRefusedError(f"no usable AWS credentials for {where}", hint=HOW_TO_SIGN_IN)
    if isinstance(error, PASSING):
        return StorageError(
            f"{endpoint} cannot be reached for {where} ({type(error).__name__})",
            hint=proxies.advised(
                "check the network, AWS_ENDPOINT_URL_S3 and AWS_DEFAULT_REGION; what was made so far is safe, run again when it answers",
                endpoint,
            ),
        )
    return StorageRefusedError(f"{where} cannot be used: {redact(str(error))}", hint="check the name of the bucket and the AWS_* variables")


def _explain_answer(error: ClientError, where: str, endpoint: str) -> StorageError:
    status, code, operation = status_of(error), code_of(error), error.operation_name
    if code == "NoSuchBucket":
        return StorageRefusedError(f"{where}: there is no such bucket at {endpoint}", hint="create the bucket, or correct its name")
    if code in CREDENTIALS:
        return StorageRefusedError(f"{endpoint} refuses the AWS credentials for {where}: {CREDENTIALS[code]}", hint=HOW_TO_SIGN_IN)
    if code in SKEWED:
        return StorageRefusedError(f"{endpoint} refuses requests for {where}: this machine's clock is wrong", hint="set the clock (NTP)")
    if status in {401, 403}:
        permission = PERMISSIONS.get(operation, operation)
        return StorageRefusedError(
            f"{where}: access denied ({operation})",
            hint=f"the credentials need {permission}; a KMS key or a bucket policy may also stand in the way: for one that asks for "
            "encryption or an ACL, the pipelines file says deliver: {to: s3://..., sse: aws:kms, acl: ...}",
        )
    if status in {301, 307, 400} and code in {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
        return StorageRefusedError(f"{where}: the bucket is in another region", hint="set AWS_DEFAULT_REGION to the region of the bucket")
    if code == "NotImplemented" and operation != "CopyObject":
        return StorageRefusedError(
            f"{endpoint} does not know conditional writes, so it cannot hold the ledger ({operation})",
            hint="use Amazon S3, a store that honors If-None-Match, or a folder",
        )
    if status >= 500 or status in {408, 409, 425, 429} or code in PASSING_CODES:  # noqa: PLR2004
        hint = proxies.advised("the store has trouble: run again later", endpoint)
        return StorageError(f"{endpoint} keeps answering {code or status} for {where}", hint=hint)
    return StorageRefusedError(
        f"{where}: {operation} was answered with {code or status}", hint="check the name of the bucket and the settings of the store"
    )
