"""``webhook``: receives Krea's callbacks in a process of its own, for the runs of this and other machines."""

from __future__ import annotations

import asyncio
import json

import click

from animatic.cli.options import json_option
from animatic.cli.output import say
from animatic.redact import bare_url
from animatic.settings import Settings
from animatic.signals import stop_signals


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is every one of this machine.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one (default: ANIMATIC_WEBHOOK_PORT, else 8484).")
@json_option
def webhook(host: str, port: int | None, as_json: bool) -> None:
    """Receive Krea's callbacks for the runs of this and other machines.

    Runs whose ANIMATIC_WEBHOOK_URL leads here are told at once when a job of theirs has ended. It keeps nothing on disk, needs no token
    and no destination, and ends at Ctrl-C.
    """
    settings = Settings.from_environment()
    asyncio.run(_receive(settings, host, settings.webhook_port if port is None else port, as_json=as_json))


async def _receive(settings: Settings, host: str, port: int, *, as_json: bool) -> None:
    """Listen until a signal ends it."""
    from animatic.krea.webhook_exchange import WebhookExchange

    ended = asyncio.Event()
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with WebhookExchange(settings.webhook_url or "", host=host, port=port) as exchange:
        url = f"http://{f'[{host}]' if ':' in host else host}:{exchange.port}"
        if as_json:
            print(json.dumps({"url": url}), flush=True)  # one line: its reader waits for it
        else:
            print(f"Webhook receiver at {url}", flush=True)
            if settings.webhook_url is None:
                say("  runs find it by ANIMATIC_WEBHOOK_URL: the address under which Krea reaches it")
            else:
                say(f"  for runs with ANIMATIC_WEBHOOK_URL={bare_url(settings.webhook_url)}")
        await ended.wait()
