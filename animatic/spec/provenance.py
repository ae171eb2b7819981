"""Decode `provenance`: what marks of origin a pipeline's files get beyond those that all have."""

from __future__ import annotations

from animatic.spec.keys import PROVENANCE
from animatic.spec.model import C2PA, ProvenanceSpec
from animatic.spec.section import Section, is_template

LONGEST_LABEL = 60
"""Characters: more would cross the picture."""


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
    return ProvenanceSpec(path=below.path, c2pa=below.choice("c2pa", C2PA) or "keep", label=label)
