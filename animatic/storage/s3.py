"""Stores clips and records in an S3 bucket, or in another store that speaks S3 and honors conditional writes."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from animatic.destination import PutOptions
from animatic.files import CHUNK_BYTES, replace_whole
from animatic.storage import files
from animatic.storage.protocol import PROBE_PREFIX, Entry, StorageRefusedError, check_key, check_prefix, probe
from animatic.storage.s3_client import PatientClient
from animatic.storage.s3_errors import PRECONDITION_FAILED, is_absent, status_of
from animatic.storage.s3_put import Copier, base64_of, keeping, protection

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

MAX_OBJECT_BYTES = 5 * 1024**3
"""Bytes that one PutObject or CopyObject takes."""
WORDLESS = frozenset({400, 403})
"""Answers to HEAD that may mean many things: S3's word for them stands in a body, which HEAD has not."""
RECORD_TYPE = "application/json"


class S3Storage:
    """A bucket, below a prefix, as a Storage."""

    def __init__(self, bucket: str, prefix: str, client: PatientClient, options: PutOptions | None = None) -> None:
        """``prefix`` is empty or ends with ``/``; ``options`` say how objects are put."""
        self._bucket = bucket
        self._prefix = prefix
        self._client = client
        self._options = options or PutOptions()
        self._copier = Copier(bucket, self._options)
        self._witness: str | None = None
        """Key of a record that was created here: records stay."""

    def __repr__(self) -> str:
        return f"S3Storage({self.url!r})"

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``, without a slash at its end."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def location(self, key: str) -> str:
        """Return the whole ``s3://`` URL of the object."""
        return f"s3://{self._bucket}/{self._prefix}{check_key(key)}"

    def on_this_machine(self, key: str) -> None:
        """Return nothing: objects are fetched."""
        del key

    def below(self, prefix: str) -> S3Storage:
        """Return the same bucket, rooted deeper."""
        deeper = S3Storage(self._bucket, f"{self._prefix}{check_key(prefix)}/", self._client, self._options)
        deeper._copier = self._copier  # what it has learned of the store
        return deeper

    async def check(self) -> None:
        """Prove that the bucket can be used, conditional writes above all."""
        await probe(self)

    async def create(self, key: str, data: bytes) -> bool:
        """Create a record only if none is there; one with equal bytes counts as ours: an answer may have been lost before.

        Raises StorageRefusedError where the bucket is not any more what it was, as a folder does.
        """
        await self._require_there()
        name, checksum = self._name(key), base64_of(hashlib.sha256(data).digest())

        def put(client: S3Client) -> bool:
            try:
                client.put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=data,
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=checksum,
                    ContentType=RECORD_TYPE,
                    **protection(self._options),
                )
            except ClientError as error:
                if status_of(error) != PRECONDITION_FAILED:
                    raise
                return client.get_object(Bucket=self._bucket, Key=name)["Body"].read() == data
            return True

        created = await self._client.call(self.location(key), put)
        if created and self._witness is None and not key.startswith(PROBE_PREFIX):
            self._witness = key
        return created

    async def read(self, key: str) -> bytes | None:
        """Return the object's bytes, None if there is none."""
        name = self._name(key)

        def get(client: S3Client) -> bytes | None:
            try:
                return client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
            except ClientError as error:
                if is_absent(error):
                    return None
                raise

        return await self._client.call(self.location(key), get)

    async def write(self, key: str, data: bytes, *, content_type: str) -> None:
        """Write or replace in one step."""
        name, checksum = self._name(key), base64_of(hashlib.sha256(data).digest())
        await self._client.call(
            self.location(key),
            lambda client: client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=data,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                ContentType=content_type,
                **protection(self._options),
            ),
        )

    async def store(self, key: str, source: Path, *, content_type: str, sha256: str) -> bool:
        """Upload a local file only if the key is free; an object with the same SHA-256 counts as ours. S3 verifies the checksum."""
        name, checksum = self._name(key), base64_of(bytes.fromhex(sha256))

        def put(client: S3Client) -> bool:
            if source.stat().st_size > MAX_OBJECT_BYTES:
                raise StorageRefusedError(f"{source} is too large for one upload", hint="S3 takes at most 5 GB in one piece")
            try:
                with source.open("rb") as body:
                    client.put_object(
                        Bucket=self._bucket,
                        Key=name,
                        Body=body,
                        IfNoneMatch="*",
                        ChecksumAlgorithm="SHA256",
                        ChecksumSHA256=checksum,
                        ContentType=content_type,
                        **protection(self._options),
                        **keeping(self._options, cached=True),
                    )
            except ClientError as error:
                if status_of(error) != PRECONDITION_FAILED:
                    raise
                return self._looked_at(client, name, ChecksumMode="ENABLED").get("ChecksumSHA256") == checksum
            return True

        with files.explained("read", source):
            return await self._client.call(self.location(key), put)

    async def fetch(self, key: str, target: Path) -> bool:
        """Download to a local file; False if there is no such object."""
        name = self._name(key)

        def get(client: S3Client) -> bool:
            try:
                body = client.get_object(Bucket=self._bucket, Key=name)["Body"]
            except ClientError as error:
                if is_absent(error):
                    return False
                raise
            replace_whole(target, lambda file: [file.write(chunk) for chunk in body.iter_chunks(CHUNK_BYTES)])
            return True

        with files.explained("write", target):
            return await self._client.call(self.location(key), get)

    async def copy(self, source: str, target: str) -> bool:
        """Copy within the bucket, on the server, only if the target is absent.

        Stores that honor conditional puts but not conditional copies let the last of several concurrent copies win; the ledger copies
        nothing. Stores that refuse the condition are asked without it, and those that refuse to copy get the object put.
        """
        origin, name = self._name(source), self._name(target)

        def copy(client: S3Client) -> bool:
            if self._head(client, name) is not None:
                return False
            try:
                return self._copier.copy(client, origin, name)
            except ClientError as error:
                if is_absent(error):
                    raise StorageRefusedError(
                        f"cannot copy {self.location(source)}: there is no such object",
                        hint="it was removed from outside: run again with --fresh",
                    ) from error
                raise

        return await self._client.call(self.location(target), copy)

    async def head(self, key: str) -> Entry | None:
        """Return size and time of the object, None if there is none."""
        name = self._name(key)
        found = await self._client.call(self.location(key), lambda client: self._head(client, name))
        return found and Entry(key, found.size, found.modified)

    async def digest(self, key: str) -> str | None:
        """Return the SHA-256 that the bucket keeps with the object; one put there by other tools is read through for it."""
        name = self._name(key)

        def look(client: S3Client) -> str | None:
            try:
                checksum = self._looked_at(client, name, ChecksumMode="ENABLED").get("ChecksumSHA256", "")
                # That of a multipart upload (with a dash) is one of its parts' checksums.
                return b64decode(checksum).hex() if checksum and "-" not in checksum else self._read_through(client, name)
            except ClientError as error:
                if is_absent(error):
                    return None
                raise

        return await self._client.call(self.location(key), look)

    async def list(self, prefix: str) -> list[Entry]:
        """Return all objects whose key starts with the prefix, by key."""
        whole = f"{self._prefix}{check_prefix(prefix)}"

        def pages(client: S3Client) -> list[Entry]:
            return [
                Entry(item["Key"].removeprefix(self._prefix), item["Size"], item["LastModified"])
                for page in client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=whole)
                for item in page.get("Contents", [])
            ]

        return sorted(await self._client.call(f"s3://{self._bucket}/{whole}", pages), key=lambda entry: entry.key)

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens if there is none."""
        name = self._name(key)
        if key == self._witness:
            self._witness = None
        await self._client.call(self.location(key), lambda client: client.delete_object(Bucket=self._bucket, Key=name))

    async def _require_there(self) -> None:
        """Raise StorageRefusedError where a record that was created here is gone: nothing is submitted without its record, nor recorded."""
        witness = self._witness
        if witness is not None and await self.head(witness) is None and witness == self._witness:
            raise StorageRefusedError(
                f"{self.url} is not what it was: {witness} was written there and is gone",
                hint="bring the objects back as they were: nothing more is paid for without them, and `animatic resume` goes on then",
            )

    def _read_through(self, client: S3Client, name: str) -> str:
        digest = hashlib.sha256()
        for chunk in client.get_object(Bucket=self._bucket, Key=name)["Body"].iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()

    def _name(self, key: str) -> str:
        return f"{self._prefix}{check_key(key)}"

    def _looked_at(self, client: S3Client, name: str, **more: Any) -> HeadObjectOutputTypeDef:
        """Return what HEAD says of an object. What refuses it has no words: those of a GET say whether credentials have expired."""
        try:
            return client.head_object(Bucket=self._bucket, Key=name, **more)
        except ClientError as error:
            if status_of(error) in WORDLESS:
                client.get_object(Bucket=self._bucket, Key=name, Range="bytes=0-0")["Body"].close()
            raise

    def _head(self, client: S3Client, name: str) -> Entry | None:
        try:
            answer = self._looked_at(client, name)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return Entry(name, answer["ContentLength"], answer["LastModified"])
