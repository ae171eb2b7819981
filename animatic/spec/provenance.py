"""Decode `provenance`: what marks of origin a pipeline's files get beyond those that all have."""

from __future__ import annotations

from animatic.spec.keys import PROVENANCE
from animatic.spec.model import C2PA, ProvenanceSpec
from animatic.spec.section import Section


def decode_provenance(section: Section) -> ProvenanceSpec:
    """Read ``provenance`` of a pipeline; without it what a provider signed is kept, and nothing is signed."""
    written = section.mapping("provenance", hint="write 'provenance: {c2pa: sign}'")
    if written is None:
        return ProvenanceSpec()
    below = section.below("provenance", written, f"{section.label}, provenance")
    below.check_keys(PROVENANCE)
    return ProvenanceSpec(c2pa=below.choice("c2pa", C2PA) or "keep")
