"""Decode `provenance`: what marks of origin a pipeline's files get beyond those that all have."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from animatic.spec.keys import PROVENANCE
from animatic.spec.model import C2PA, ProvenanceSpec
from animatic.spec.section import Section, is_template

LONGEST_LABEL = 60
"""Characters: more would cross the picture."""
_ADDRESS = re.compile(r"https?://[^\s{}<>\"'\\]+", re.IGNORECASE)


def decode_provenance(section: Section) -> ProvenanceSpec:
    """Read ``provenance`` of a pipeline; without it what a provider signed is kept, and nothing is signed."""
    written = section.mapping("provenance", hint="write 'provenance: {c2pa: sign}'")
    if written is None:
        return ProvenanceSpec()
    below = section.below("provenance", written, f"{section.label}, provenance")
    below.check_keys(PROVENANCE)
    label = below.text("label")
    if label is not None and len(label) > LONGEST_LABEL and not is_template(label):
        below.note(
            f"a label of {len(label)} characters does not fit into a corner", "label", hint=f"use at most {LONGEST_LABEL}", code="too-long"
        )
    c2pa = below.choice("c2pa", C2PA)
    timestamp = _timestamp(below)
    if timestamp is not None and c2pa != "sign" and ("c2pa" not in written or c2pa is not None):
        below.note(
            "nothing is signed that could be stamped",
            "timestamp",
            key=True,
            hint="add 'c2pa: sign', or leave it out",
            code="unsigned",
        )
    return ProvenanceSpec(path=below.path, c2pa=c2pa or "keep", label=label, timestamp=timestamp)


def _timestamp(below: Section) -> str | None:
    """Return the address of the time stamp service."""
    if "timestamp" not in below.values:
        return None
    address = below.values["timestamp"]
    try:
        parts = urlsplit(address) if isinstance(address, str) and _ADDRESS.fullmatch(address) else None
        usable = parts is not None and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable, parts = False, None
    if not usable or parts is None:
        below.wrong(
            "timestamp", "the address of a time stamp service", hint="write it in full, as in 'timestamp: https://tsa.example/rfc3161'"
        )
        return None
    if "@" in parts.netloc:  # whatever is written here stands in plans and messages
        below.note("the address holds a user name or password", "timestamp", hint="name a service that asks for none", code="secret")
        return None
    return str(address)
