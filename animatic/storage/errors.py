"""Errors of the homes of clips and records: those that may pass, and those that stay until somebody acts."""

from __future__ import annotations

from animatic.errors import StorageError


class StorageRefusedError(StorageError):
    """Trying again cannot help: no permission, no bucket, a full or read-only disk, a damaged record. The hint says what to do."""

    retryable = False
