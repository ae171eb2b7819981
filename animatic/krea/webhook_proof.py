"""Proves the way of callbacks for `animatic doctor`: calls the public address as Krea would, and sees whether that arrives."""

from __future__ import annotations

import asyncio
import secrets

import httpx

from animatic import proxies
from animatic.errors import UsageError
from animatic.krea.callbacks import Callbacks
from animatic.krea.errors import describe
from animatic.krea.webhook import WebhookReceiver
from animatic.krea.webhook_listener import WebhookListener, why_no_receiver

CALL_SECONDS = 3.0
JOB_ID = "animatic-doctor"


async def prove_callbacks(public_url: str, *, port: int) -> tuple[str, str | None]:
    """Return who receives callbacks, in words, and why they do not arrive; None where they do.

    The receiver is the one that answers at ``public_url``, else one that listens on ``port`` for this proof, as a run would.
    """
    reason = await why_no_receiver(public_url)
    if reason is None:
        async with WebhookListener(public_url, on_callback=lambda _token, _job_id: None) as listener:
            return "the receiver of its own process (`animatic webhook`)", await _call(listener, known_within=CALL_SECONDS)
    inside = f"each run itself, on port {port} (no `animatic webhook` answers: {reason})"
    try:
        async with WebhookReceiver(public_url, port=port) as receiver:
            return inside, await _call(receiver, known_within=0.0)
    except UsageError as error:
        return inside, error.message


async def _call(callbacks: Callbacks, *, known_within: float) -> str | None:
    """Call back for a token of nobody; returns why that did not arrive. It is turned away until the receiver knows the token."""
    token = secrets.token_hex(16)
    url = callbacks.register(token)
    said = ""
    until = asyncio.get_running_loop().time() + known_within
    try:
        proxies.require_usable(url)
        async with httpx.AsyncClient(timeout=CALL_SECONDS, follow_redirects=False) as http:
            while True:
                answer = await http.post(url, json={"job_id": JOB_ID})
                said = f"the address answers {answer.status_code}"
                if answer.is_success or asyncio.get_running_loop().time() >= until:
                    break
                await asyncio.sleep(0.1)
    except UsageError as error:
        return error.message
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return describe(error)
    return None if answer.is_success and await callbacks.wait_for(token, CALL_SECONDS) == JOB_ID else said
