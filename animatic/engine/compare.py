"""Looks at what unclaimed jobs gave, and at the pictures that submissions start from, to tell whose a job is. Downloads, never submits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import assert_never

from animatic.catalog.model import field_name
from animatic.engine.expectation import OTHER_PICTURE, SAME_PICTURE, Learned, Result, learn
from animatic.engine.inputs import picture_of_shot
from animatic.engine.run import Run
from animatic.errors import AnimaticError
from animatic.files import sha256_of
from animatic.krea import Job
from animatic.ledger import Intent
from animatic.media import Facts, MeshFacts, SoundFacts, fingerprint_of_picture, kind_of, likeness, measure
from animatic.plan import FileInput, Input, ShotInput

log = logging.getLogger(__name__)

START_FIELD = "start_image"
MAX_ADDRESSES = 4
"""Of one result that are looked at."""
LEARN_AGAIN_SECONDS = 15.0
LEARN_FIRST_SECONDS = 2.0
"""How long what was learned of a model, or that nothing was, is good: answered submissions add to it while others are looked for."""


async def learned_of(run: Run, model: str) -> Learned:
    """Return what the answered submissions of a model show."""
    async with run.gates.learn:
        known, now = run.state.learned.get(model), run.timing.monotonic()
        if known is not None and now - known[1] < (LEARN_AGAIN_SECONDS if known[0].types else LEARN_FIRST_SECONDS):
            return known[0]
        answered = await run.ledger.recent.answered(model)
        fingerprints = sorted({submission.intent.fingerprint for submission in answered})
        takes = run.state.learned_from
        takes |= await run.ledger.takes.get_many(fingerprint for fingerprint in fingerprints if fingerprint not in takes)
        learned = learn(answered, takes)
        run.state.learned[model] = learned, run.timing.monotonic()
        return learned


async def results_of(run: Run, job: Job) -> tuple[Result | None, ...]:
    """Return what lies at the addresses of a job's result, None where it cannot be had; nothing while it is not completed."""
    if job.status != "completed" or not job.urls:
        return ()
    async with run.gates.compare:
        if job.id not in run.state.results:
            run.state.results[job.id] = tuple([await _fetched(run, url) for url in job.urls[:MAX_ADDRESSES]])
    return run.state.results[job.id]


async def _fetched(run: Run, url: str) -> Result | None:
    target = run.workdir / "candidate"
    try:
        await run.client.download(url, target)
        async with run.gates.media:
            return await asyncio.to_thread(_seen, target)
    except AnimaticError as error:
        log.info("a result of unknown origin cannot be compared: %s", error.message)
        return None
    finally:
        target.unlink(missing_ok=True)


def _seen(path: Path) -> Result:
    facts = measure(path)
    kind = kind_of(facts)
    match facts:
        case Facts():
            picture = fingerprint_of_picture(path)
            return Result(mime=facts.mime, kind=kind, width=facts.width, height=facts.height, duration=facts.duration, picture=picture)
        case SoundFacts():
            return Result(mime=facts.mime, kind=kind, duration=facts.duration)
        case MeshFacts():
            return Result(mime=facts.mime, kind=kind)
        case _:
            assert_never(facts)


async def starts_of(run: Run, intents: Iterable[Intent]) -> dict[str, bytes | None]:
    """Return the pictures that submissions start from, by their tokens.

    None where a submission starts from a picture that is not to be had here; those that start from none are left out.
    """
    return {intent.token: await _start(run, intent) for intent in intents if START_FIELD in intent.media_fields}


async def _start(run: Run, intent: Intent) -> bytes | None:
    sent = next(sent for sent in intent.inputs if sent.field == START_FIELD)
    step = run.steps.get(intent.step)
    given = (item for request in step.requests for item in request.inputs) if step and step.fingerprint == intent.fingerprint else ()
    found = next((item for item in given if field_name(item.path) == START_FIELD), None)
    try:
        path = None if found is None else await _local(run, found)
        if path is None or await asyncio.to_thread(sha256_of, path) != sent.sha256:
            return None
        async with run.gates.media:
            return await asyncio.to_thread(fingerprint_of_picture, path)
    except (AnimaticError, OSError) as error:
        log.info("what %s starts from cannot be compared: %s", intent.step, error)
        return None


async def _local(run: Run, given: Input) -> Path | None:
    match given:
        case FileInput():
            return Path(given.file)
        case ShotInput():
            return await picture_of_shot(run, given) if given.step in run.takes else None
        case _:
            return None


def starts_elsewhere(picture: bytes | None, own: str, starts: Mapping[str, bytes | None]) -> bool:
    """Whether a result's first picture is the one that another submission starts from, and not that of ``own`` (a token).

    Only submissions that start from pictures are told apart: what starts from none may begin with anything.
    """
    alike = _alike(picture, starts)
    ours = alike.pop(own, None)
    return ours is not None and ours < OTHER_PICTURE and any(value is not None and value >= SAME_PICTURE for value in alike.values())


def starts_here(picture: bytes | None, own: str, other: str, starts: Mapping[str, bytes | None]) -> bool:
    """Whether a result's first picture is the one that ``own`` (a token) starts from, and not the one of ``other``."""
    alike = _alike(picture, starts)
    ours, theirs = alike.get(own), alike.get(other)
    return ours is not None and theirs is not None and ours >= SAME_PICTURE and theirs < OTHER_PICTURE


def _alike(picture: bytes | None, starts: Mapping[str, bytes | None]) -> dict[str, float | None]:
    """Return how alike the picture is to each start; None where that cannot be told."""
    return {token: None if start is None or picture is None else likeness(picture, start) for token, start in starts.items()}
