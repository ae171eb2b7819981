"""Makes relative links from a run's folder to what is stored: they work from a folder, from a bucket, and wherever both are copied to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from urllib.parse import quote


class Links:
    """Relative links from a run's folder to stored objects.

    ``folder`` is the run's folder below its destination (``PIPELINE/RUN_ID``). Where the destination ends and the folder begins inside a
    key is seen from ``keys``: they lie in that folder, or in the ledger's.
    """

    def __init__(self, folder: str, keys: Iterable[str]) -> None:
        self._folder = folder.strip("/")
        known = list(keys)
        marks = (f"{self._folder}/", ".animatic/")
        self._root = next((root for mark in marks for key in known if (root := _before(key, mark)) is not None), "")

    def beside(self, file: str) -> str:
        """Return the link to a file of the run's folder, by its name there."""
        return quote("." + posixpath.normpath("/" + file))

    def to(self, key: str | None) -> str | None:
        """Return the link to a key, None where no relative one leads there."""
        if not key or not key.startswith(self._root) or "://" in key.removeprefix(self._root):
            return None
        return quote(posixpath.relpath("/" + key.removeprefix(self._root), "/" + self._folder))


def _before(key: str, mark: str) -> str | None:
    if key.startswith(mark):
        return ""
    before, found, _ = key.partition("/" + mark)
    return before + "/" if found else None
