"""Opens the storage that a ``deliver`` names."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from animatic.destination import BadDestinationError, Bucket, Folder, parse_destination
from animatic.errors import UsageError
from animatic.storage.folder import FolderStorage
from animatic.storage.protocol import Storage


def open_storage(url: str, *, patience: float = 60.0) -> Storage:
    """Return the storage at ``s3://bucket[/prefix]`` or in a folder. Nothing is touched yet: `Storage.check` proves that it can be used.

    ``patience``: seconds for which an S3 that does not answer is tried again. Credentials, region and ``AWS_ENDPOINT_URL_S3`` are read as
    boto3 reads them, at the first call.

    Raises UsageError for another scheme, or a bucket name or prefix that cannot be.
    """
    try:
        destination = parse_destination(url)
    except BadDestinationError as mistake:
        raise UsageError(f"cannot deliver to {url!r}: {mistake.message}", hint=mistake.hint) from None
    match destination:
        case Bucket():
            return _open_bucket(destination, patience)
        case Folder(path):
            return FolderStorage(Path(path).absolute())
        case _:
            assert_never(destination)


def _open_bucket(bucket: Bucket, patience: float) -> Storage:
    from animatic.storage.s3 import S3Storage  # noqa: PLC0415 - boto3 takes a while to import, and folders do not need it
    from animatic.storage.s3_client import PatientClient  # noqa: PLC0415

    prefix = f"{bucket.prefix}/" if bucket.prefix else ""
    return S3Storage(bucket.name, prefix, PatientClient(patience=patience), bucket.options)
