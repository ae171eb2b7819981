"""The simulator's own routes below ``/_simulator/``: what it billed, what it was asked, and how it is to behave from now on."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from animatic.errors import UsageError
from animatic.simulator.web import JsonReply, simulation_of


def routes() -> list[Route]:
    """Return the routes; they take no token, as they listen on this machine only."""
    return [
        Route("/_simulator/billing", _billing, methods=["GET"]),
        Route("/_simulator/stats", _stats, methods=["GET"]),
        Route("/_simulator/settings", _settings, methods=["GET"]),
        Route("/_simulator/settings", _change, methods=["POST"]),
    ]


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
