"""The simulator's HTTP routes: Krea's for generating and for jobs, its own for control, and what all share (token, faults, errors)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from animatic.errors import UsageError
from animatic.settings import SIMULATOR_HEADER
from animatic.simulator import assets
from animatic.simulator.jobs import STATUSES, TERMINAL, DroppedError, Job, RefusedError, parse
from animatic.simulator.openapi import document
from animatic.simulator.replies import (
    JsonReply,
    base_of,
    bounded_int,
    full_reply,
    parse_timestamp,
    simulation_of,
    submitted,
    timestamp,
)
from animatic.simulator.simulation import Simulation
from animatic.slate import SLATE_HEADER, SlateNote

Handler = Callable[[Request], Awaitable[Response]]

_MAX_BODY_BYTES = 10 * 1024 * 1024
_SUNSET = "Wed, 01 Dec 2027 00:00:00 GMT"


class _NamedApplication(Starlette):
    """Names the simulator in every answer, that to an unknown path or a failure of its own included."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start" and not self.state.simulation.settings.anonymous:
                message = {**message, "headers": [*message.get("headers", ()), (SIMULATOR_HEADER.lower().encode(), b"1")]}
            await send(message)

        await super().__call__(scope, receive, send_named)


def application(simulation: Simulation) -> Starlette:
    """Return the ASGI application of one simulation."""
    routes = [
        Route("/generate/{rest:path}", _framed("submit", _generate), methods=["POST"]),
        Route("/jobs", _framed("list", _list_jobs), methods=["GET"]),
        Route("/jobs/{id}", _framed("job", _get_job), methods=["GET"]),
        Route("/jobs/{id}", _framed("cancel", _delete_job), methods=["DELETE"]),
        Route("/assets", _framed("upload", assets.upload), methods=["POST"]),
        Route("/assets", _framed("assets", assets.list_assets), methods=["GET"]),
        Route("/assets/{id}", _framed("asset", assets.get_asset), methods=["GET"]),
        Route("/assets/{id}", _framed("delete asset", assets.delete_asset), methods=["DELETE"]),
        Route("/openapi.json", _framed("openapi", _openapi, token=False), methods=["GET"]),
        Route("/files/assets/{file}", _framed("download", assets.asset, token=False), methods=["GET"]),
        Route("/files/results/{id}/{name}", _framed("download", assets.result, token=False), methods=["GET"]),
        # Control: no token, as they listen on this machine only.
        Route("/_simulator/billing", _billing, methods=["GET"]),
        Route("/_simulator/stats", _stats, methods=["GET"]),
        Route("/_simulator/settings", _settings, methods=["GET"]),
        Route("/_simulator/settings", _change, methods=["POST"]),
    ]
    app = _NamedApplication(routes=routes, exception_handlers={HTTPException: _not_found})
    app.state.simulation = simulation
    return app


def _framed(kind: str, handler: Handler, *, token: bool = True) -> Handler:
    """Count the request, check the token, and turn refusals into answers and dropped requests into closed connections."""

    async def endpoint(request: Request) -> Response:
        simulation = simulation_of(request)
        simulation.counts[kind] += 1
        try:
            if token:
                _authorize(simulation, request)
            response = await handler(request)
        except RefusedError as error:
            simulation.counts[f"status {error.status}"] += 1
            if isinstance(error.body, str):
                response = HTMLResponse(error.body, error.status, headers=error.headers)
            else:
                response = JsonReply(error.body, error.status, headers=error.headers)
        except DroppedError:
            request.state.transport.abort()
            response = Response(status_code=500)  # never arrives
        response.headers["Date"] = formatdate(simulation.now(), usegmt=True)
        return response

    return endpoint


def _authorize(simulation: Simulation, request: Request) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = simulation.settings.tokens
    if scheme.lower() != "bearer" or not token.strip() or (known and token.strip() not in known):
        raise RefusedError(401, {"message": "Unauthorized"})


async def _generate(request: Request) -> Response:
    simulation = simulation_of(request)
    raw = await _body(request)
    if delay := simulation.settings.faults.slow_post:
        await asyncio.sleep(delay)
    slate = SlateNote.from_header(request.headers.get(SLATE_HEADER, ""))
    job, status = simulation.submit(request.url.path, raw, request.headers.get("X-Webhook-URL"), slate)
    return JsonReply(submitted(job, status), headers=_deprecation(simulation, job))


async def _body(request: Request) -> bytes:
    raw = b""
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > _MAX_BODY_BYTES:
                raise RefusedError(413, {"error": "Request body too large"})
    except ClientDisconnect as error:
        raise DroppedError from error
    return raw


def _deprecation(simulation: Simulation, job: Job) -> dict[str, str]:
    """Return the headers by which Krea announces that a model goes."""
    model = simulation.catalog.find(job.model)
    asked_for = any(directive.name == "deprecated" for directive in parse(str(job.body.get("prompt") or "")).directives)
    if not asked_for and (model is None or model.withdrawn is None):
        return {}
    return {"Deprecation": "true", "Sunset": _SUNSET, "Link": '<https://docs.krea.ai/developers/deprecations>; rel="deprecation"'}


async def _list_jobs(request: Request) -> Response:
    simulation = simulation_of(request)
    _fail_polls(simulation)
    query = request.query_params
    limit = bounded_int(query.get("limit"), default=100, maximum=1000)
    wanted = query.get("status")
    if wanted is not None and wanted not in STATUSES:
        raise RefusedError(400, {"error": f"Invalid status: {wanted}"})
    types = {name.strip() for name in query["types"].split(",")} if query.get("types") else None
    try:
        cursor = parse_timestamp(query["cursor"]) if query.get("cursor") else None
    except ValueError as error:
        raise RefusedError(400, {"error": "Invalid cursor"}) from error
    items: list[dict[str, Any]] = []
    last, more = 0.0, False
    base = base_of(request)
    for job in simulation.store.jobs_before(cursor, simulation.now()):
        if len(items) == limit:
            more = True
            break
        item = full_reply(simulation, job, base)
        last = job.created_at
        if (wanted is None or item["status"] == wanted) and (types is None or item["type"] in types):
            items.append(item)
    return JsonReply({"items": items, "next_cursor": timestamp(last) if more else None})


async def _get_job(request: Request) -> Response:
    simulation = simulation_of(request)
    _fail_polls(simulation)
    return JsonReply(full_reply(simulation, _known(request), base_of(request)))


async def _delete_job(request: Request) -> Response:
    """Cancel a job that has not ended; hide one that has. Cancelling can lose the race with completion."""
    simulation = simulation_of(request)
    job = _known(request)
    if simulation.status(job) in TERMINAL:
        simulation.store.delete(job.id)
    else:
        simulation.store.cancel(job.id, simulation.now())
    return JsonReply({"success": True})


async def _openapi(request: Request) -> Response:
    return JsonReply(document(simulation_of(request).catalog))


async def _not_found(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JsonReply({"error": error.detail}, error.status_code)


def _known(request: Request) -> Job:
    job = simulation_of(request).find(request.path_params["id"])
    if job is None:
        raise RefusedError(404, {"error": "Job not found"})
    return job


def _fail_polls(simulation: Simulation) -> None:
    if simulation.strikes("failing_poll"):
        raise RefusedError(503, {"error": "Service temporarily unavailable"})


async def _billing(request: Request) -> Response:
    items = simulation_of(request).billing()
    total = round(sum(item["usd"] or 0 for item in items), 6)
    return JsonReply({"items": items, "usd": total, "unpriced": sum(item["usd"] is None for item in items)})


async def _stats(request: Request) -> Response:
    return JsonReply(dict(sorted(simulation_of(request).counts.items())))


async def _settings(request: Request) -> Response:
    return JsonReply(simulation_of(request).settings.to_json())


async def _change(request: Request) -> Response:
    simulation = simulation_of(request)
    try:
        simulation.change(_object(await request.body()))
    except (ValueError, TypeError) as error:
        return JsonReply({"error": f"not settings: {error}"}, 400)
    except UsageError as error:
        return JsonReply({"error": str(error)}, 400)
    return JsonReply(simulation.settings.to_json())


def _object(raw: bytes) -> dict[str, Any]:
    data = json.loads(raw)
    if not isinstance(data, dict):
        raise UsageError("settings are a JSON object")
    return data
