"""Decode `qc`: what follows from the checks of a take."""

from __future__ import annotations

from animatic.spec.model import QC, Qc
from animatic.spec.section import Section


def decode_qc(section: Section) -> Qc | None:
    """Read ``qc`` of a pipeline or a shot; None where nothing is said."""
    return section.choice("qc", QC)
