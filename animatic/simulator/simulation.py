"""The simulated Krea itself, without HTTP: takes requests, walks jobs through their statuses, keeps the bill."""

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
from functools import lru_cache
from pathlib import Path
from typing import Any

from animatic.catalog import Catalog, price_of
from animatic.catalog.model import Model
from animatic.simulator.checks import is_web_address, media_places, mistakes
from animatic.simulator.jobs import Directive, Job, Outcome, Status, parse
from animatic.simulator.library import Library
from animatic.simulator.render.queue import RenderQueue
from animatic.simulator.render.recipe import Recipe, recipe_of
from animatic.simulator.replies import DroppedError, RefusedError
from animatic.simulator.settings import SimulatorSettings
from animatic.simulator.store import Store

_VARIATIONS = 8
"""Takes of one request that look different; further ones repeat."""


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
        """Note the running event loop: rendering threads report to it."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Stop rendering and let go of the database."""
        self._loop = None
        self.renders.close()
        self.store.close()

    def now(self) -> float:
        """Return the simulator's time in seconds since 1970."""
        return self._clock() + self.settings.clock_skew

    def change(self, data: Mapping[str, Any]) -> None:
        """Take over changed settings. A seed that is named starts the dice anew; UsageError leaves all as it was."""
        self.settings = self.settings.changed(data)
        if "seed" in (data.get("faults") or {}):
            self._random = random.Random(self.settings.faults.seed)  # noqa: S311

    def strikes(self, fault: str) -> bool:
        """Throw the dice for a fault. No dice are thrown for one that is off, so that switching one on does not move the others."""
        probability = getattr(self.settings.faults, fault)
        struck = probability > 0 and self._random.random() < probability
        if struck:
            self.counts[f"fault {fault}"] += 1
        return bool(struck)

    def submit(self, route: str, raw: bytes, webhook: str | None) -> tuple[Job, Status]:
        """Take one POST: refuse it (RefusedError), lose it (DroppedError, before or after acceptance), or accept it."""
        faults = self.settings.faults
        if self.strikes("lost_before"):
            raise DroppedError
        if self.strikes("error_before"):
            raise RefusedError(503, {"error": "Service temporarily unavailable"})
        if self.strikes("rate_limited"):
            raise self._too_many()
        model, body = self._read(route, raw)
        parsed = parse(_prompt(body))
        problems = [*mistakes(model, body), *parsed.mistakes]
        if webhook is not None and not is_web_address(webhook):
            problems.append("X-Webhook-URL: expected an absolute http(s) URL")
        if problems:
            raise RefusedError(400, {"error": f"Invalid request body: {'; '.join(problems)}"})
        wishes = {options.name: options for options in parsed.directives if self._holds(options, route, body)}
        self._refuse_as_wished(wishes, model)
        places = media_places(model, body)
        media = self.library.resolve(places, now=self.now(), strict=self.settings.strict_media, url_seconds=self.settings.url_seconds)
        job = self._accept(model, body, parsed.text, media, wishes, webhook)
        if "lost" in wishes or self.strikes("lost_after"):
            raise DroppedError
        if "500" in wishes or self.strikes("error_after"):
            raise RefusedError(500, {"error": "Internal server error"})
        if "524" in wishes or self.strikes("html_524"):
            raise RefusedError(524, "<!DOCTYPE html><html><head><title>api | 524: A timeout occurred</title></head><body></body></html>")
        if faults.late_listing:
            self.counts["listed late"] += 1
        return job, self.status(job)

    def status(self, job: Job) -> Status:
        """Return what the job is doing now. Takes up its render if the process that accepted it is gone."""
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
            {"job_id": job.id, "route": job.route, "model": job.model, "usd": job.usd, "request": job.request_hash} for job in completed
        ]

    def _accept(
        self, model: Model, body: dict[str, Any], text: str, media: Mapping[Any, Any], wishes: Mapping[str, Directive], webhook: str | None
    ) -> Job:
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
            )
            now = self.now()
            created_at = self.store.free_time(now)
            job_id = str(uuid.uuid4())
            seconds = wishes["slow"].seconds if "slow" in wishes else self._seconds(model.kind, job_id)
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
                outcome=self._outcome(wishes),
                usd=None if price is None else float(price),
                webhook=webhook,
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

    def _seconds(self, kind: str, job_id: str) -> float:
        spread = random.Random(f"{self.settings.seed}:{job_id}").uniform(-1, 1)  # noqa: S311
        return max(0.0, self.settings.seconds_of(kind) * (1 + self.settings.jitter * spread))

    def _outcome(self, wishes: Mapping[str, Directive]) -> Outcome:
        if "fail" in wishes or self.strikes("failed_job"):
            return "failed"
        if "moderated" in wishes or self.strikes("moderated"):
            return "moderated"
        return "empty" if "empty" in wishes or self.strikes("empty_result") else "completed"

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

    def _holds(self, options: Directive, route: str, body: Mapping[str, Any]) -> bool:
        return not options.once or self.store.spend(_hash({"options": options.name, "route": route, "prompt": _prompt(body)}))

    def _refuse_as_wished(self, wishes: Mapping[str, Directive], model: Model) -> None:
        """Answer the directives that refuse a request before it is accepted."""
        if "lost-before" in wishes:
            raise DroppedError
        if "429" in wishes:
            raise self._too_many()
        if "credits" in wishes:
            raise RefusedError(402, {"error": "Insufficient balance: top up to continue"})
        if "plan" in wishes:
            raise RefusedError(402, {"error": f"{model.title} requires a higher plan: upgrade your plan to use this model"})
        if "422" in wishes:
            raise RefusedError(422, {"error": "Input file rejected"})
        if "gone" in wishes:
            replacement = next((name for name in self.catalog.names(model.kind) if name != model.name), None)
            message = f"{model.name} is no longer available"
            gone = {"error": "model_unavailable", "reason": "deprecated", "message": message, "sunset_date": "2026-05-13"}
            raise RefusedError(410, {**gone, "replacement": replacement})

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
        recipe = recipe_of(model, job.body, text, media, variation=0, longest_side=self.settings.longest_side)
        candidates = (replace(recipe, variation=number) for number in range(_VARIATIONS))
        return next((candidate for candidate in candidates if candidate.key == job.render_key), recipe)

    def _render_failed(self, key: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.store.fail, key)


def _prompt(body: Mapping[str, Any]) -> str:
    prompt = body.get("prompt")
    return prompt if isinstance(prompt, str) else ""


@lru_cache(maxsize=1)
def _encoder() -> json.JSONEncoder:
    return json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(_encoder().encode(data).encode()).hexdigest()
