"""The simulated Krea itself, without HTTP: accepts or refuses requests, moves jobs through their statuses, keeps the bill."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, assert_never

from animatic.catalog import Catalog, price_of
from animatic.catalog.model import Model, Yield
from animatic.simulator.checks import is_web_address, media_places, mistakes
from animatic.simulator.jobs import DIRECTIVES, FLAWS, Directive, DirectiveName, DroppedError, Job, Outcome, RefusedError, Status, parse
from animatic.simulator.library import Library
from animatic.simulator.render.queue import RenderQueue
from animatic.simulator.render.recipe import Media, MediaPath, Recipe, recipe_of
from animatic.simulator.settings import Fault, SimulatorSettings
from animatic.simulator.store import Store
from animatic.slate import SlateNote

_VARIATIONS = 8
"""Takes of one request that look different; further ones repeat."""
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Writes equal data as equal text, for hashes."""


class Simulation:
    """One running simulator. Used from the event loop's thread; rendering happens in threads of its own."""

    def __init__(self, folder: Path, settings: SimulatorSettings, *, catalog: Catalog, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.store = Store(folder)
        self.renders = RenderQueue(self.store.results_folder, failed=self._render_failed)
        self.library = Library(self.store, self.renders)
        self.catalog = catalog
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._random = random.Random(settings.faults.seed)  # noqa: S311 - repeatable on purpose
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self) -> None:
        """Remember the running event loop: rendering threads report to it."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Stop rendering and close the database."""
        self._loop = None
        self.renders.close()
        self.store.close()

    def now(self) -> float:
        """Return the simulator's time in seconds since 1970."""
        return self._clock() + self.settings.clock_skew

    def change(self, data: Mapping[str, Any]) -> None:
        """Change settings. A fault seed that is named starts the random numbers anew; UsageError leaves all as it was."""
        self.settings = self.settings.changed(data)
        if "seed" in (data.get("faults") or {}):
            self._random = random.Random(self.settings.faults.seed)  # noqa: S311

    def strikes(self, fault: Fault) -> bool:
        """Draw whether a fault strikes. Nothing is drawn for one that is off, so that switching one on does not move the others."""
        probability = self.settings.faults.probability(fault)
        struck = probability > 0 and self._random.random() < probability
        if struck:
            self.counts[f"fault {fault}"] += 1
        return struck

    def submit(self, route: str, raw: bytes, webhook: str | None, slate: SlateNote | None = None) -> tuple[Job, Status]:
        """Take one POST: refuse it (RefusedError), lose it (DroppedError, before or after acceptance), or accept it.

        ``slate``: what its slate says beside the prompt.
        """
        self._strike_before()
        model, body = self._read(route, raw)
        parsed = parse(_prompt(body))
        problems = [*mistakes(model, body), *parsed.mistakes]
        if webhook is not None and not is_web_address(webhook):
            problems.append("X-Webhook-URL: expected an absolute http(s) URL")
        if problems:
            raise RefusedError(400, {"error": f"Invalid request body: {'; '.join(problems)}"})
        directives = {directive.name: directive for directive in parsed.directives if self._holds(directive, route, body)}
        for name in DIRECTIVES:
            if name in directives and (refusal := self._refusal(name, model)):
                raise refusal
        places = media_places(model, body)
        media = self.library.resolve(places, now=self.now(), strict=self.settings.strict_media, url_seconds=self.settings.url_seconds)
        job = self._accept(model, body, parsed.text, media, directives, webhook, slate)
        self._strike_after(directives)
        if self.settings.faults.late_listing:
            self.counts["listed late"] += 1
        return job, self.status(job)

    def status(self, job: Job) -> Status:
        """Return what the job is doing now. Starts its render again if the process that accepted it is gone."""
        status = job.status_at(self.now(), rendered=self.renders.finished(job.render_key, job.suffix))
        if status == "sampling" and self.now() >= job.end_at and not self.renders.begun(job.render_key):
            self.renders.start(self._recipe_again(job), job.render_key)
        return status

    def ended_at(self, job: Job) -> float:
        """Return when a job in a final status came to it: its time, or later where rendering took longer."""
        if job.outcome != "completed" or job.cancelled_at is not None:
            return job.end_at
        return max(job.end_at, min(self.now(), self.library.modified(job) + self.settings.clock_skew))

    def find(self, job_id: str) -> Job | None:
        """Return a job that may be seen already."""
        job = self.store.job(job_id)
        return job if job is not None and job.visible_at <= self.now() else None

    def billing(self) -> list[dict[str, Any]]:
        """Return every completed job with what it costs: failed and cancelled ones are free."""
        completed = [job for job in self.store.all_jobs() if self.status(job) == "completed"]
        return [
            {
                "job_id": job.id,
                "route": job.route,
                "model": job.model,
                "usd": job.usd,
                "request": job.request_hash,
                "prompt": _prompt(job.body),
            }
            for job in completed
        ]

    def _strike_before(self) -> None:
        """Raise what a fault makes of a request before it is looked at."""
        if self.strikes("lost_before"):
            raise DroppedError
        if self.strikes("error_before"):
            raise RefusedError(503, {"error": "Service temporarily unavailable"})
        if self.strikes("rate_limited"):
            raise self._too_many()

    def _strike_after(self, directives: Mapping[DirectiveName, Directive]) -> None:
        """Raise what a directive or a fault makes of the answer to a request that was accepted."""
        if "lost" in directives or self.strikes("lost_after"):
            raise DroppedError
        if "500" in directives or self.strikes("error_after"):
            raise RefusedError(500, {"error": "Internal server error"})
        if "524" in directives or self.strikes("html_524"):
            raise RefusedError(524, "<!DOCTYPE html><html><head><title>api | 524: A timeout occurred</title></head><body></body></html>")

    def _refusal(self, name: DirectiveName, model: Model) -> RefusedError | DroppedError | None:
        """Return how a directive refuses a request before it is accepted; None for those that have their effect later."""
        match name:
            case "lost-before":
                return DroppedError()
            case "429":
                return self._too_many()
            case "credits":
                return RefusedError(402, {"error": "Insufficient balance: top up to continue"})
            case "plan":
                return RefusedError(402, {"error": f"{model.title} requires a higher plan: upgrade your plan to use this model"})
            case "422":
                return RefusedError(422, {"error": "Input file rejected"})
            case "gone":
                replacement = next((name for name in self.catalog.names(model.kind) if name != model.name), None)
                message = f"{model.name} is no longer available"
                gone = {"error": "model_unavailable", "reason": "deprecated", "message": message, "sunset_date": "2026-05-13"}
                return RefusedError(410, {**gone, "replacement": replacement})
            case "lost" | "500" | "524" | "slow" | "fail" | "moderated" | "empty" | "cut" | "deprecated" | "black" | "frozen":
                return None
            case _:
                assert_never(name)

    def _accept(
        self,
        model: Model,
        body: dict[str, Any],
        text: str,
        media: Mapping[MediaPath, Media],
        directives: Mapping[DirectiveName, Directive],
        webhook: str | None,
        slate: SlateNote | None,
    ) -> Job:
        """Keep the job of a request, and start its render. RefusedError beyond the backlog."""
        settings = self.settings
        request_hash = _hash({"route": model.endpoint, "body": body})
        with self.store.transaction():
            recipe = recipe_of(
                model,
                body,
                text,
                media,
                variation=0 if body.get("seed") is not None else self.store.times_asked(request_hash) % _VARIATIONS,
                longest_side=settings.longest_side,
                note=slate,
                flaw=next((flaw for flaw in FLAWS if flaw in directives), None),
            )
            now = self.now()
            created_at = self.store.free_time(now)
            job_id = str(uuid.uuid4())
            seconds = directives["slow"].seconds if "slow" in directives else self._seconds(recipe.makes, job_id)
            price = price_of(model, body).usd
            job = Job(
                id=job_id,
                route=model.endpoint,
                model=model.name,
                kind=model.kind,
                body=body,
                request_hash=request_hash,
                render_key=recipe.key,
                suffix=recipe.suffix,
                created_at=created_at,
                start_at=self._start(now),
                seconds=seconds,
                visible_at=now + settings.faults.late_listing,
                outcome=self._outcome(directives),
                usd=None if price is None else float(price),
                webhook=webhook,
                slate=slate.to_header() if slate else None,
            )
            self.store.add(job)
        self.counts["accepted"] += 1
        if job.outcome == "completed":
            self.renders.start(recipe, job.render_key)
        return job

    def _start(self, now: float) -> float:
        """Return when one of the places under the concurrency limit is free for a job created now. Refuses beyond the backlog."""
        ends = self.store.running_until(now)
        excess = len(ends) - self.settings.concurrency
        if excess < 0:
            return now
        if excess >= self.settings.backlog:
            raise self._too_many()
        return ends[excess]

    def _seconds(self, makes: Yield, job_id: str) -> float:
        spread = random.Random(f"{self.settings.seed}:{job_id}").uniform(-1, 1)  # noqa: S311
        return max(0.0, self.settings.seconds_of(makes) * (1 + self.settings.jitter * spread))

    def _outcome(self, directives: Mapping[DirectiveName, Directive]) -> Outcome:
        if "fail" in directives or self.strikes("failed_job"):
            return "failed"
        if "moderated" in directives or self.strikes("moderated"):
            return "moderated"
        return "empty" if "empty" in directives or self.strikes("empty_result") else "completed"

    def _read(self, route: str, raw: bytes) -> tuple[Model, dict[str, Any]]:
        model = self.catalog.find(route.removeprefix("/generate/").partition("/")[2])
        if model is None or model.endpoint != route:
            raise RefusedError(404, {"error": f"No such route: {route}"})
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise RefusedError(400, {"error": "Invalid JSON in request body"}) from error
        if not isinstance(body, dict):
            raise RefusedError(400, {"error": "Invalid request body: expected object"})
        return model, body

    def _holds(self, directive: Directive, route: str, body: Mapping[str, Any]) -> bool:
        """Tell whether a directive still holds: one with ``once`` does so a single time for a prompt."""
        return not directive.once or self.store.spend(_hash({"options": directive.name, "route": route, "prompt": _prompt(body)}))

    def _too_many(self) -> RefusedError:
        wait = self.settings.faults.retry_after
        headers = {"Retry-After": f"{wait:g}"} if wait else {}
        return RefusedError(429, {"error": "Maximum number of concurrent jobs reached"}, headers)

    def _recipe_again(self, job: Job) -> Recipe:
        """Rebuild the recipe of a job that another process accepted: the key tells which variation it was."""
        model = self.catalog.find(job.model)
        assert model is not None
        media = self.library.resolve(media_places(model, job.body), now=self.now(), strict=False)
        text = parse(_prompt(job.body)).text
        note = SlateNote.from_header(job.slate) if job.slate else None
        recipe = recipe_of(model, job.body, text, media, variation=0, longest_side=self.settings.longest_side, note=note)
        candidates = (replace(recipe, variation=number, flaw=flaw) for number in range(_VARIATIONS) for flaw in (None, *FLAWS))
        return next((candidate for candidate in candidates if candidate.key == job.render_key), recipe)

    def _render_failed(self, key: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.store.fail, key)


def _prompt(body: Mapping[str, Any]) -> str:
    return prompt if isinstance(prompt := body.get("prompt"), str) else ""


def _hash(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(_CANONICAL.encode(data).encode()).hexdigest()
