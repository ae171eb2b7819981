"""Opens what signs the files of a run, and tells before anything is sent, at the line that asks for it, why nothing can be signed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from animatic.errors import DeclarationError, Problem, UsageError

if TYPE_CHECKING:
    from animatic.marks.signing import Signer
    from animatic.plan import Plan
    from animatic.settings import Settings
    from animatic.spec import PipelineSpec

log = logging.getLogger(__name__)


def open_signer(plan: Plan, settings: Settings) -> Signer:
    """Return what signs the files of a run. Asks authorities and the time stamp service. Raises UsageError, TimeStampError."""
    from animatic.marks.signing import Signer  # noqa: PLC0415 (few runs sign)
    from animatic.marks.timestamps import StampService  # noqa: PLC0415

    stamps = StampService(plan.timestamp) if plan.timestamp else None
    signer = Signer.load(settings.c2pa_cert, settings.c2pa_key, stamps=stamps, stamp_anchors=settings.c2pa_tsa_cert)
    for note in signer.notes:
        log.warning("%s", note)
    return signer


def signing_problem(spec: PipelineSpec, settings: Settings) -> Problem | None:
    """Return why the files of a pipeline cannot be signed on this machine; None where they can be, or need not. Asks nobody."""
    if spec.provenance.c2pa != "sign":
        return None
    from animatic.marks.reading import Anchors  # noqa: PLC0415
    from animatic.marks.signing import Signer  # noqa: PLC0415

    try:
        Signer.prove(settings.c2pa_cert, settings.c2pa_key)
        Anchors.load(settings.c2pa_cert, settings.c2pa_tsa_cert)
    except UsageError as error:
        hint = error.hint or "see ANIMATIC_C2PA_CERT and ANIMATIC_C2PA_KEY; or write 'c2pa: keep', and nothing is signed"
        return Problem(error.message, spec.document.place((*spec.provenance.path, "c2pa")), hint=hint, code="signing")
    return None


def check_signing(plan: Plan, spec: PipelineSpec, settings: Settings) -> None:
    """Raise DeclarationError where the files of a plan are to be signed, and cannot be on this machine."""
    problem = signing_problem(spec, settings) if plan.c2pa == "sign" else None
    if problem is not None:
        raise DeclarationError((problem,), texts={spec.document.name: spec.document.text})
