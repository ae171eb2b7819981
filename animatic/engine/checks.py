"""Checks a take once, when it is fetched: what is to be looked at in its clip, and whether it begins as the shot before it ends.

Findings are told and never judged: the take is paid for and counts, whatever they are. A check that cannot be made is a line in the log.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from animatic.catalog.model import field_name, media_of
from animatic.engine.compare import START_FIELD
from animatic.engine.expectation import expectation_of
from animatic.engine.inputs import picture_of_shot
from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.ledger import Damage, SentInput, TakeFinding
from animatic.media import AnyFacts, Decoding, Expected, Facts, Finding, Gap, check_take, continuity, gaps, kind_of
from animatic.plan import Request, ShotInput, Step

log = logging.getLogger(__name__)
_LINES = {"4k": 2160}
"""Lines of resolutions that are not named by them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What the checks of a take found, as its record has it; None: not looked at."""

    damage: tuple[Damage, ...] | None = None
    findings: tuple[TakeFinding, ...] | None = None
    continuity: float | None = None


async def check(run: Run, step: Step, submitted: SubmittedJob, clip: Path, facts: AnyFacts, picture: Path) -> Checked:
    """Look through the clip that arrived for a step, and draw ``picture`` of it meanwhile: a clip that is not looked through has none yet.

    Never raises for what is wrong with it, or with looking.
    """
    if step.qc == "off" or not isinstance(facts, Facts) or kind_of(facts) != "video":
        return Checked()
    request = next((request for request in step.requests if request.model == submitted.model), None)
    expected = expected_of(submitted.request, submitted.inputs, request) if step.kind == "video" else Expected()
    if run.simulated:  # slates have no sound, whatever is asked
        expected = replace(expected, sound=False)
    async with run.gates.media:
        found, missing = await asyncio.to_thread(_looked_through, step.key, clip, expected, facts, picture)
    for gap in missing or ():
        log.warning("%s: the clip is damaged at %g s, for %g s", step.key, gap.at, gap.seconds)
    for seen in found or ():
        log.warning("%s: %s%s", step.key, seen.detail, "" if seen.at is None else f", at {seen.at:g} s")
    return Checked(
        damage=None if missing is None else tuple(Damage(at=gap.at, seconds=gap.seconds) for gap in missing),
        findings=None if found is None else tuple(_recorded(seen) for seen in found),
        continuity=await _continuity(run, step, request, clip),
    )


def expected_of(body: Mapping[str, Any], sent: Iterable[SentInput], request: Request | None) -> Expected:
    """Return what a request says of the clip that comes of it. ``request``: the same as it was planned, where that is known.

    The shape may follow from a picture that was sent. How long a clip is that continues or follows another, or a sound, nobody says.
    """
    given = tuple(sent)
    said = expectation_of("", body, given)
    length = said.seconds if said.seconds is not None or request is None else request.duration
    follows = any(media_of(item.field) in {"video", "audio"} for item in given)
    width, height = (value if isinstance(value, int | float) else None for value in (body.get("width"), body.get("height")))
    aspect = None if given else re.fullmatch(r"([1-9]\d*):([1-9]\d*)", str(body.get("aspect_ratio")))
    fps = body.get("fps")
    return Expected(
        width=int(width) if width and height else None,
        height=int(height) if width and height else None,
        aspect=(int(aspect[1]), int(aspect[2])) if aspect else None,
        lines=_lines(body.get("resolution")),
        duration=None if follows else length,
        fps=float(fps) if isinstance(fps, int | float) else None,
        sound=body.get("generate_audio") is True,
    )


def _lines(resolution: object) -> int | None:
    """Return the lines that ``720p`` or ``4K`` asks for."""
    named = str(resolution).lower()
    match = re.fullmatch(r"(\d+)p", named)
    return int(match[1]) if match else _LINES.get(named)


def _looked_through(
    key: str, clip: Path, expected: Expected, facts: Facts, picture: Path
) -> tuple[tuple[Finding, ...] | None, tuple[Gap, ...] | None]:
    """Return what is to be looked at and what does not decode, from one decoding; None for what could not be found out."""
    decoding = Decoding()
    try:
        return check_take(clip, expected, facts, decoding, picture), decoding.gaps()
    except Exception as error:  # noqa: BLE001 - the take is paid for: whatever goes wrong with looking must not lose it
        log.warning("%s: the clip could not be checked: %s", key, error)
    try:
        return None, gaps(clip)
    except Exception as error:  # noqa: BLE001 - the same
        log.warning("%s: whether the clip is whole could not be found out: %s", key, error)
        return None, None


async def _continuity(run: Run, step: Step, request: Request | None, clip: Path) -> float | None:
    """Return how alike the first frame is to the picture of another shot that it was to start from; None where it starts from none."""
    inputs = request.inputs if request is not None else ()
    start = next((item for item in inputs if field_name(item.path) == START_FIELD), None)
    if not isinstance(start, ShotInput) or start.step not in run.takes:
        return None
    try:
        picture = await picture_of_shot(run, start)
        async with run.gates.media:
            return await asyncio.to_thread(continuity, picture, clip)
    except Exception as error:  # noqa: BLE001 - the same
        log.warning("%s: how it continues %s could not be found out: %s", step.key, start.step, error)
        return None


def _recorded(seen: Finding) -> TakeFinding:
    return TakeFinding(check=seen.check, at=seen.at, lasts=seen.lasts, detail=seen.detail)
