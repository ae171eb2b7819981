"""Faults that the product is known not to stand yet. Temporary: it has to become empty."""

from __future__ import annotations

KNOWN_GAPS: frozenset[str] = frozenset({"302-after", "429-after"})
"""Krea, or a proxy before it, says that it refused a submission, and has made a job of it all the same."""
