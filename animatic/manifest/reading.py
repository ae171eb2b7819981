"""Reads a manifest that a run has written, and says what is wrong with one that is torn, foreign or newer."""

from __future__ import annotations

import json

from pydantic import ValidationError

from animatic.manifest.model import VERSION, Manifest
from animatic.storage import DamagedRecordError


def read_manifest(data: bytes, *, key: str = "manifest.json") -> Manifest:
    """Return the manifest. Raises DamagedRecordError, naming ``key``, for what is torn, foreign or of a newer version."""
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise DamagedRecordError(f"{key} is not JSON", hint="the file is damaged; run `animatic resume` to write it again") from error
    version = parsed.get("version") if isinstance(parsed, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise DamagedRecordError(f"{key} is of version {version}; this animatic reads up to {VERSION}", hint="install a newer animatic")
    try:
        return Manifest.model_validate(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DamagedRecordError(
            f"{key} is not a manifest ({where}: {first['msg']})", hint="another program may have written it"
        ) from error
