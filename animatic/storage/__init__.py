"""Stores clips and records: one protocol, kept by a folder and by S3."""

from animatic.storage.home import open_storage
from animatic.storage.protocol import DamagedRecordError, Entry, Storage, StorageRefusedError

__all__ = ["DamagedRecordError", "Entry", "Storage", "StorageRefusedError", "open_storage"]
