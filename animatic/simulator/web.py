"""What all routes need of a request and for an answer."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from animatic.simulator.jobs import TERMINAL, Job
from animatic.simulator.replies import RefusedError, Result, job_reply
from animatic.simulator.simulation import Simulation


class JsonReply(JSONResponse):
    """JSON without spaces; NaN is an error, as it is to every reader."""

    def render(self, content: Any) -> bytes:
        """Encode the body."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def simulation_of(request: Request) -> Simulation:
    """Return the simulation that the application was made for."""
    simulation = request.app.state.simulation
    assert isinstance(simulation, Simulation)
    return simulation


def base_of(request: Request) -> str:
    """Return scheme and host as the client wrote them: addresses in answers work from where it asked."""
    return f"{request.url.scheme}://{request.url.netloc}"


def bounded_int(text: str | None, *, default: int, most: int) -> int:
    """Read a limit from 1 on; refuses with 400 what is none."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise RefusedError(400, {"error": f"Invalid limit: expected 1 to {most}"})
    return int(text)


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
