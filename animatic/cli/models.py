"""``models``: lists the models of the catalogue, and shows the fields, limits and prices of one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

import click

from animatic.catalog.model import KINDS
from animatic.cli.lookup import krea_client
from animatic.cli.options import json_option, parse_assignments
from animatic.cli.output import print_json, print_table, say, tell, warn
from animatic.columns import Column, shortened
from animatic.errors import UsageError
from animatic.home import OWN_FOLDER
from animatic.money import dollars
from animatic.settings import Settings
from animatic.source.parser import resolve
from animatic.suggest import nearest

if TYPE_CHECKING:
    from animatic.catalog import Catalog, Kind
    from animatic.catalog.choose import Row, Wish
    from animatic.catalog.refresh import Changes

MAX_DURATIONS = 14
"""Characters of the column of lengths; some models take dozens."""
MAX_RATIOS = 24
"""Characters of the column of aspect ratios."""
COLUMNS = (
    Column(title="MODEL", least=20),
    Column(title="KIND", drop=3),
    Column(title="SECONDS", least=8),
    Column(title="RATIOS", least=10, drop=1),
    Column(title="REQUEST", right=True),
    Column(title="PRICE", least=16, drop=4),
    Column(title="TAKES", least=16, drop=2),
)


@click.command()
@click.argument("name", required=False)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="List only models of this kind. Repeatable: of any of these kinds."
)
@click.option(
    "--takes", "takes", multiple=True, metavar="FIELD", help="List only models that take this field, e.g. edit_video. Repeatable."
)
@click.option("--duration", type=float, metavar="SECONDS", help="List only models that make clips of this length.")
@click.option("--ratio", metavar="W:H", help="List only models that take this aspect ratio, e.g. 9:16.")
@click.option(
    "--set",
    "fields",
    multiple=True,
    metavar="FIELD=VALUE",
    help="List only models that take this value, e.g. resolution=1080p. Repeatable.",
)
@click.option("--max-price", metavar="USD", help="List only models at which the request costs at most this much.")
@click.option(
    "--sort", type=click.Choice(["name", "price"]), default="name", show_default=True, help="Sort by name, or by what the request costs."
)
@click.option("--refresh", is_flag=True, help="Fetch today's models, limits and prices from Krea first.")
@json_option
def models(name: str | None, sort: Literal["name", "price"], refresh: bool, as_json: bool, **wished: Any) -> None:
    """List the models, or show the fields, limits and prices of one.

    NAME is provider/model, as in xai/grok-video; a part of it lists all that have it. Several options narrow the list; the column REQUEST
    is what the request that they describe would cost, else one with the model's defaults.
    """
    from animatic.catalog import Catalog, browse
    from animatic.catalog.choose import select

    settings = Settings.from_environment()
    changes = _refresh(settings) if refresh else None
    catalog = Catalog.load(settings.home)
    if catalog.warning:
        warn(catalog.warning)
    wish = _wish(name, **wished)
    model = catalog.find(name) if name is not None else None
    if model is not None and wish.plain:
        if as_json:
            print_json(browse.as_dict(model))
        else:
            tell(browse.describe(model))
        return
    rows = select(catalog, wish, sort=sort)
    if not rows:
        raise _none(catalog, name, wish)
    if as_json:
        print_json(_facts(catalog, rows, changes))
        return
    if changes is not None:
        say(str(changes))
    print_table(COLUMNS, [_row(row) for row in rows])
    say(f"{len(rows)} of {len(catalog.names())} models, as of {catalog.date} ({catalog.origin})")


def _wish(
    name: str | None,
    *,
    kinds: tuple[Kind, ...],
    takes: tuple[str, ...],
    duration: float | None,
    ratio: str | None,
    fields: tuple[str, ...],
    max_price: str | None,
) -> Wish:
    """Return what the options that narrow the list ask for; their names are those of the options above. Raises UsageError."""
    from animatic.catalog.choose import Wish

    values: dict[str, Any] = {key: resolve(value) for key, value in parse_assignments(fields, option="--set", form="field=value").items()}
    if duration is not None:
        values["duration"] = int(duration) if duration.is_integer() else duration
    return Wish(kinds=kinds, takes=takes, values=values, ratio=ratio, max_price=_usd(max_price), name=name or "")


def _none(catalog: Catalog, name: str | None, wish: Wish) -> UsageError:
    """Return the error for a list with nothing in it: which word is wrong, or that they do not go together."""
    known = {field for model in catalog.models() for field in model.fields}
    for field in (*wish.takes, *wish.values):
        if field not in known:
            close = nearest(field, known)
            hint = f"did you mean {' or '.join(close)}?" if close else "`animatic models xai/grok-video` shows the fields of a model"
            return UsageError(f"no model has a field {field!r}", hint=hint)
    if name is not None and not any(name in there for there in catalog.names()):
        return _unknown(catalog, name)
    return UsageError("no model takes all of that", hint="leave one of the options out: each narrows the list")


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
        raise UsageError(f"cannot write the catalogue below {settings.home}: {error.strerror}", hint=OWN_FOLDER) from None


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
                "durations": row.seconds,
                "ratios": list(row.ratios),
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


def _row(row: Row) -> tuple[str, ...]:
    return (
        row.name + (" (may be gone)" if row.withdrawn else ""),
        row.kind,
        shortened(row.durations, MAX_DURATIONS),
        shortened(", ".join(row.ratios), MAX_RATIOS),
        dollars(row.usd),
        row.prices or "not known",
        ", ".join(row.takes),
    )
