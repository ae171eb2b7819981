"""Krea's limits on sizes and lengths, each in one place, so that what `validate` lets pass is never refused in mid-run."""

from __future__ import annotations

MAX_UPLOAD_BYTES = 75_000_000
"""Bytes of one uploaded asset. Krea's documents say 75 MB; read as the smaller of its two meanings, because 78.6 MB might be refused."""
MAX_PICTURE_BYTES = 500_000_000
"""Bytes of a picture that is made smaller to be uploaded: beyond that, somebody has taken the wrong file."""
MAX_DOWNLOAD_BYTES = 2 * 1024**3
"""Bytes of one result that are fetched: far beyond any clip, so that a wrong address cannot fill the disk."""
MAX_URL_LENGTH = 1024
"""Characters of a URL in a request body; longer result addresses are uploaded as an asset instead."""


def megabytes(size: int) -> str:
    """Return a number of bytes as people read it, ``77.0 MB`` (MB of a million bytes, the unit of ``MAX_UPLOAD_BYTES``)."""
    return f"{size / 1_000_000:.1f} MB"
