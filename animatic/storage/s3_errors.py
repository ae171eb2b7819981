"""What S3's and botocore's errors mean: what may pass, what somebody must repair, and what to do about it. Never shows a credential."""

from __future__ import annotations

from botocore import exceptions as boto
from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from animatic.errors import StorageError
from animatic.storage.errors import StorageRefusedError

PRECONDITION_FAILED = 412
NOT_FOUND = 404

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


def status_of(error: ClientError) -> int:
    """Return the HTTP status of the answer, 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: ClientError) -> str:
    """Return S3's word for the error, e.g. ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_absent(error: ClientError) -> bool:
    """Tell whether the answer says that there is no such object (a missing bucket is something else)."""
    return status_of(error) == NOT_FOUND and code_of(error) != "NoSuchBucket"


def explain(error: Exception, where: str, endpoint: str) -> StorageError:
    """Return the StorageError to raise; its ``retryable`` says whether the same call may succeed later.

    ``where`` is the bucket or object as ``s3://...``, ``endpoint`` the server's address.
    """
    if isinstance(error, ClientError):
        return _explain_answer(error, where, endpoint)
    if isinstance(error, NO_CREDENTIALS):
        return StorageRefusedError(f"no usable AWS credentials for {where}", hint=HOW_TO_SIGN_IN)
    if isinstance(error, PASSING):
        return StorageError(
            f"{endpoint} cannot be reached for {where} ({type(error).__name__})",
            hint="check the network, AWS_ENDPOINT_URL_S3 and AWS_DEFAULT_REGION; what was made so far is safe, run again when it answers",
        )
    return StorageRefusedError(f"{where} cannot be used: {error}", hint="check the name of the bucket and the AWS_* variables")


def _explain_answer(error: ClientError, where: str, endpoint: str) -> StorageError:
    status, code, operation = status_of(error), code_of(error), error.operation_name
    if code == "NoSuchBucket":
        return StorageRefusedError(f"{where}: there is no such bucket at {endpoint}", hint="create the bucket, or correct `deliver`")
    if code in CREDENTIALS:
        return StorageRefusedError(f"{endpoint} refuses the AWS credentials for {where}: {CREDENTIALS[code]}", hint=HOW_TO_SIGN_IN)
    if code == "RequestTimeTooSkewed":
        return StorageRefusedError(f"{endpoint} refuses requests for {where}: this machine's clock is wrong", hint="set the clock (NTP)")
    if status in {401, 403}:
        permission = PERMISSIONS.get(operation, operation)
        return StorageRefusedError(
            f"{where}: access denied ({operation})",
            hint=f"the credentials need {permission}; a bucket policy or a KMS key may also stand in the way",
        )
    if status in {301, 307, 400} and code in {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
        return StorageRefusedError(f"{where}: the bucket is in another region", hint="set AWS_DEFAULT_REGION to the region of the bucket")
    if code == "NotImplemented":
        return StorageRefusedError(
            f"{endpoint} does not know conditional writes, so it cannot hold the ledger ({operation})",
            hint="use Amazon S3, a store that honors If-None-Match, or a folder",
        )
    if status >= 500 or status in {408, 409, 425, 429} or code in PASSING_CODES:  # noqa: PLR2004
        return StorageError(f"{endpoint} keeps answering {code or status} for {where}", hint="the store has trouble: run again later")
    return StorageRefusedError(
        f"{where}: {operation} was answered with {code or status}", hint="check the name of the bucket and the settings of the store"
    )
