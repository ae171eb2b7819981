"""One protocol for where clips and records lie, and its two homes: a folder and S3."""

from animatic.storage.home import open_storage
from animatic.storage.protocol import Entry, Storage, StorageRefusedError

__all__ = ["Entry", "Storage", "StorageRefusedError", "open_storage"]
