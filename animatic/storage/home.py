"""Which home a ``deliver`` names."""

from __future__ import annotations

import re
from pathlib import Path

from animatic.errors import UsageError
from animatic.storage.folder import FolderStorage
from animatic.storage.protocol import Storage

S3 = "s3://"
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
OTHER_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def open_storage(url: str, *, patience: float = 60.0) -> Storage:
    """Return the home at ``s3://bucket[/prefix]`` or in a folder. Nothing is touched yet: `Storage.check` proves that it can be used.

    ``patience``: seconds for which an S3 that does not answer is tried again. Credentials, region and ``AWS_ENDPOINT_URL_S3`` are read as
    boto3 reads them, at the first call.

    Raises UsageError for another scheme, or a bucket name or prefix that cannot be.
    """
    if url.startswith(S3):
        bucket, _, prefix = url.removeprefix(S3).partition("/")
        prefix = prefix.strip("/")
        if not BUCKET.fullmatch(bucket):
            raise UsageError(
                f"{url!r} names no bucket", hint="write s3://bucket/prefix, the bucket in lower case letters, digits and dashes"
            )
        if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
            raise UsageError(f"{url!r} holds an empty part, '.' or '..'", hint="write s3://bucket/prefix")
        return _open_bucket(bucket, f"{prefix}/" if prefix else "", patience)
    if other := OTHER_SCHEME.match(url):
        raise UsageError(f"{url!r}: {other[1]}:// is no place to deliver to", hint="write a folder, or s3://bucket/prefix")
    if not url:
        raise UsageError("no place to deliver to is named", hint="write a folder, or s3://bucket/prefix")
    return FolderStorage(Path(url).absolute())


def _open_bucket(bucket: str, prefix: str, patience: float) -> Storage:
    from animatic.storage.s3 import S3Storage  # noqa: PLC0415 - boto3 takes a while to import, and folders do not need it
    from animatic.storage.s3_client import PatientClient  # noqa: PLC0415

    return S3Storage(bucket, prefix, PatientClient(patience=patience))
