"""What S3 and botocore answer, in our errors: those that may pass, and those that somebody must repair. Never shows a credential."""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from animatic import proxies
from animatic.errors import StorageError
from animatic.redact import redact
from animatic.storage.protocol import StorageRefusedError

PRECONDITION_FAILED = 412
NOT_FOUND = 404
NOT_IMPLEMENTED = 501

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
ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
"""That the bucket is in another region."""
REDIRECTED = frozenset({301, 302, 303, 307, 308})
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
ALTERED = (boto.IncompleteReadError, boto.ResponseStreamingError, boto.FlexibleChecksumError, boto.ChecksumError)
PASSING = (
    boto.ConnectionError,  # unreachable, TLS, proxies
    boto.HTTPClientError,  # time-outs, connections closed
    HTTPError,  # the same while a body is read
    *ALTERED,
)
HOW_TO_SIGN_IN = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (after `aws sso login` where that is used)"


class CredentialsUnusableError(BotoCoreError):
    """Whatever gives the credentials gives none that can be used."""

    fmt = "{reason}"

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


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
    if isinstance(error, CredentialsUnusableError):
        return StorageRefusedError(f"no usable AWS credentials for {where}: {error}", hint=HOW_TO_SIGN_IN)
    endpoint = _asked(error) or endpoint
    if isinstance(error, boto.SSLError):
        return StorageError(
            f"{endpoint} has no certificate that is trusted here, for {where}: {redact(str(error.kwargs.get('error', '')))}",
            hint="AWS_CA_BUNDLE names the file with the certificate of a CA of your own; a wrong clock makes certificates invalid, too",
        )
    if isinstance(error, ALTERED):
        return StorageError(
            f"what {endpoint} sends for {where} comes cut or altered ({type(error).__name__})",
            hint=proxies.advised("look at the store and what stands before it; what was made so far is safe, run again", endpoint),
        )
    if isinstance(error, PASSING):
        return StorageError(
            f"{endpoint} cannot be reached for {where} ({type(error).__name__})",
            hint=proxies.advised(
                "check the network, AWS_ENDPOINT_URL_S3 and AWS_DEFAULT_REGION; what was made so far is safe, run again when it answers",
                endpoint,
            ),
        )
    return StorageRefusedError(f"{where} cannot be used: {redact(str(error))}", hint="check the name of the bucket and the AWS_* variables")


def _asked(error: Exception) -> str | None:
    """Return the server that a request did not reach, where the error says it: perhaps another one, which gives the credentials."""
    url = urlsplit(str(error.kwargs.get("endpoint_url") or "")) if isinstance(error, BotoCoreError) else None
    return redact(f"{url.scheme}://{url.netloc}") if url and url.netloc else None


def _explain_answer(error: ClientError, where: str, endpoint: str) -> StorageError:
    status, code, operation = status_of(error), code_of(error), error.operation_name
    if code == "NoSuchBucket":
        return StorageRefusedError(
            f"{where}: there is no such bucket at {endpoint}",
            hint="create the bucket, or correct its name; if it was there before, bring it back with what lay in it",
        )
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
    region = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
    if code in ELSEWHERE or (status in REDIRECTED and region):
        hint = f"set AWS_DEFAULT_REGION to {region or 'the region of the bucket'}"
        return StorageRefusedError(f"{where}: the bucket is in another region", hint=hint)
    if status in REDIRECTED:
        return StorageRefusedError(
            f"{endpoint} answers for {where} with the address of another place ({operation}: {status})",
            hint="set AWS_ENDPOINT_URL_S3 to the address where that store itself answers, often the same one with https://",
        )
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
