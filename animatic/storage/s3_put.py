"""How objects are put and copied in S3: what every put says besides its content, and the best way to copy that a store knows."""

from __future__ import annotations

import hashlib
import tempfile
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from animatic.destination import PutOptions
from animatic.files import CHUNK_BYTES
from animatic.storage.s3_errors import PRECONDITION_FAILED, is_unknown, status_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CopySourceTypeDef

_WITH_CONDITION, _WITHOUT, _BY_PUTTING = range(3)


def protection(options: PutOptions) -> dict[str, Any]:
    """Return what every put says: how the object is encrypted, and who may read it."""
    return _given(ServerSideEncryption=options.sse, SSEKMSKeyId=options.kms_key, ACL=options.acl)


def keeping(options: PutOptions, *, cached: bool = False) -> dict[str, Any]:
    """Return what puts of clips, stills and reels say besides; a copy takes its source's caching with it."""
    return _given(StorageClass=options.storage_class, CacheControl=options.cache_control if cached else None)


def base64_of(digest: bytes) -> str:
    """Return a digest as S3's headers hold it."""
    return b64encode(digest).decode()


class Copier:
    """Copies objects of one bucket, and remembers what its store refused: a condition on copies, or copies at all."""

    def __init__(self, bucket: str, options: PutOptions) -> None:
        self._bucket = bucket
        self._options = options
        self._way = _WITH_CONDITION

    def copy(self, client: S3Client, origin: str, name: str) -> bool:
        """Copy an object to another name; False if something is there. Raises ClientError.

        A store that knows no condition on copies is trusted with the look that the caller took a moment ago.
        """
        while self._way != _BY_PUTTING:
            condition: dict[str, Any] = {"IfNoneMatch": "*"} if self._way == _WITH_CONDITION else {}
            source: CopySourceTypeDef = {"Bucket": self._bucket, "Key": origin}
            try:
                client.copy_object(
                    Bucket=self._bucket, Key=name, CopySource=source, **condition, **protection(self._options), **keeping(self._options)
                )
            except ClientError as error:
                if status_of(error) == PRECONDITION_FAILED:
                    return False
                if not is_unknown(error):
                    raise
                self._way += 1
            else:
                return True
        return self._put_again(client, origin, name)

    def _put_again(self, client: S3Client, origin: str, name: str) -> bool:
        """Fetch an object and put it under another name, if that is free."""
        there = client.get_object(Bucket=self._bucket, Key=origin)
        with tempfile.TemporaryFile() as file:
            digest = hashlib.sha256()
            for chunk in there["Body"].iter_chunks(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
            file.seek(0)
            try:
                client.put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=file,
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=base64_of(digest.digest()),
                    ContentType=there["ContentType"],
                    **protection(self._options),
                    **keeping(self._options, cached=True),
                )
            except ClientError as error:
                if status_of(error) != PRECONDITION_FAILED:
                    raise
                return False
        return True


def _given(**values: str | None) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
