"""A job's full reply, with the addresses and facts of its files."""

from __future__ import annotations

from typing import Any

from animatic.simulator.jobs import TERMINAL, Job
from animatic.simulator.replies import Result, job_reply
from animatic.simulator.simulation import Simulation


def full_reply(simulation: Simulation, job: Job, base: str) -> dict[str, Any]:
    """Return the job as ``GET /jobs/{id}`` shows it now, at the server with that base address."""
    status = simulation.status(job)
    ended_at = simulation.ended_at(job) if status in TERMINAL else 0.0
    result = None
    if status == "completed" and job.outcome == "completed":
        seconds = simulation.settings.url_seconds
        library = simulation.library
        result = Result(
            url=library.result_url(job, base, ended_at=ended_at, url_seconds=seconds),
            thumbnail_url=library.result_url(job, base, ended_at=ended_at, url_seconds=seconds, name="thumbnail.jpg"),
            facts=_facts(job),
        )
    return job_reply(job, status, ended_at=ended_at, result=result, shape=simulation.settings.result_shape)


def _facts(job: Job) -> dict[str, float]:
    """Return what the older result form tells of a clip, as far as the request says it."""
    names = ("duration", "width", "height", "fps")
    return {name: job.body[name] for name in names if isinstance(job.body.get(name), int | float)}
