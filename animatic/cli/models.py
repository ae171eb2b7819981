"""``models``: lists the models of the catalogue, and shows the fields, limits and prices of one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.lookup import krea_client
from animatic.cli.options import json_option
from animatic.cli.output import print_json, say
from animatic.errors import UsageError
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.catalog import Catalog, Kind
    from animatic.catalog.browse import Row
    from animatic.catalog.refresh import Changes

MAX_DURATIONS = 14
"""Characters of the column of lengths; some models take dozens."""


@click.command()
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(["video", "image", "enhance"]), help="List only models of this kind.")
@click.option("--takes", metavar="FIELD", help="List only models that take this field, e.g. edit_video.")
@click.option("--max-price", metavar="USD", help="List only models whose request with default values costs at most this much.")
@click.option("--refresh", is_flag=True, help="Fetch today's models, limits and prices from Krea first.")
@json_option
def models(name: str | None, kind: Kind | None, takes: str | None, max_price: str | None, refresh: bool, as_json: bool) -> None:
    """List the models, or show the fields, limits and prices of one.

    NAME is provider/model, as in xai/grok-video.
    """
    from animatic.catalog import Catalog, browse

    settings = Settings.from_environment()
    changes = _refresh(settings) if refresh else None
    catalog = Catalog.load(settings.home)
    if catalog.warning:
        say(f"warning: {catalog.warning}")
    if name is not None:
        model = catalog.find(name)
        if model is None:
            raise _unknown(catalog, name)
        if as_json:
            print_json(browse.as_dict(model))
        else:
            print(browse.describe(model))
        return
    rows = browse.select(catalog, kind=kind, takes=takes, max_price=_usd(max_price))
    if takes and not any(takes in model.fields for model in catalog.models()):
        raise UsageError(f"no model has a field {takes!r}", hint="`animatic models NAME` shows the fields of a model")
    if as_json:
        print_json(_facts(catalog, rows, changes))
        return
    if changes is not None:
        say(str(changes))
    print("\n".join(_table(rows)))
    say(f"{len(rows)} of {len(catalog.names())} models, as of {catalog.date} ({catalog.origin})")


def _refresh(settings: Settings) -> Changes:
    """Fetch Krea's OpenAPI document and keep what it says in the state folder."""
    from animatic.catalog.refresh import refresh

    async def fetched() -> dict[str, Any]:
        async with krea_client(settings) as client:
            return await client.fetch_openapi()

    document = asyncio.run(fetched())
    try:
        return refresh(document, settings.home, today=datetime.now(UTC).date())
    except OSError as error:
        raise UsageError(
            f"cannot write the catalogue below {settings.home}: {error.strerror}", hint="set ANIMATIC_HOME to a folder that can be written"
        ) from None


def _unknown(catalog: Catalog, name: str) -> UsageError:
    sunset = catalog.sunset(name)
    if sunset is not None:
        use = f"use {sunset.replacement}" if sunset.replacement else "it has no replacement"
        return UsageError(f"Krea switched {name!r} off on {sunset.date}", hint=use)
    close = catalog.nearest(name)
    return UsageError(
        f"there is no model {name!r}", hint=f"did you mean {' or '.join(close)}?" if close else "`animatic models` lists them all"
    )


def _usd(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"--max-price {text!r} is not an amount of USD", hint="write a number such as 0.50")
    return amount


def _facts(catalog: Catalog, rows: Sequence[Row], changes: Changes | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "date": catalog.date,
        "origin": catalog.origin,
        "models": [
            {
                "name": row.name,
                "kind": row.kind,
                "title": row.title,
                "usd": None if row.usd is None else float(row.usd),
                "prices": row.prices,
                "durations": row.durations,
                "takes": list(row.takes),
                "withdrawn": row.withdrawn,
            }
            for row in rows
        ],
    }
    if changes is not None:
        result["changes"] = {
            "added": list(changes.added),
            "withdrawn": list(changes.withdrawn),
            "changed": {name: list(details) for name, details in changes.changed.items()},
            "skipped": list(changes.skipped),
        }
    return result


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """Align name, kind, lengths and prices."""
    cells = [("MODEL", "KIND", "SECONDS", "PRICE", "TAKES")]
    cells += [
        (
            row.name + (" (may be gone)" if row.withdrawn else ""),
            row.kind,
            _shortened(row.durations, MAX_DURATIONS),
            row.prices or "not known",
            ", ".join(row.takes),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    for line in cells:
        yield "  ".join((*(text.ljust(width) for text, width in zip(line[:4], widths, strict=True)), line[4])).rstrip()


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
