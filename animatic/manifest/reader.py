"""Reads manifests that were written before, by this version or another."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from animatic.errors import StorageError
from animatic.manifest.model import VERSION, Manifest


def write_manifest(manifest: dict[str, Any]) -> bytes:
    """Return the bytes of ``manifest.json``, readable by people, too."""
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def read_manifest(data: bytes, *, key: str = "manifest.json") -> Manifest:
    """Return the manifest. Raises StorageError, naming ``key``, for what is torn, foreign or of a newer version."""
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise StorageError(f"{key} is not JSON", hint="the file is damaged; run `animatic resume` to write it again") from error
    version = parsed.get("version") if isinstance(parsed, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise StorageError(f"{key} is of version {version}; this animatic reads up to {VERSION}", hint="install a newer animatic")
    try:
        return Manifest.model_validate(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise StorageError(f"{key} is not a manifest ({where}: {first['msg']})", hint="another program may have written it") from error
