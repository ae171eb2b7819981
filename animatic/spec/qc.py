"""Decode `qc`: what follows from the checks of a take."""

from __future__ import annotations

from animatic.spec.model import QC, Qc
from animatic.spec.section import Section


def decode_qc(section: Section) -> Qc | None:
    """Read ``qc`` of a pipeline or a shot; None where nothing is said."""
    if section.values.get("qc") == "retake":
        section.note(
            "qc: retake is not supported yet",
            "qc",
            hint="write 'qc: warn': what is found is told, and `animatic retake SHOT` pays for another take",
            code="unsupported",
        )
        return None
    return section.choice("qc", QC)
