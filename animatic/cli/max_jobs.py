"""``--max-jobs``: how many of Krea's jobs may run at once, over all machines of a Prefect server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from animatic.catalog.model import KINDS, Kind
from animatic.errors import UsageError
from animatic.suggest import did_you_mean

if TYPE_CHECKING:
    from animatic.prefect.job_limits import LimitDifference

FORM = "N, KIND=N or KIND=none"

max_jobs_option = click.option(
    "--max-jobs",
    "max_jobs",
    multiple=True,
    metavar="[KIND=]N",
    help="Let at most N jobs of Krea run at once, counted over all runs on all machines of this Prefect server. With KIND= (video, image, "
    "audio, 3d, enhance) jobs of that kind are counted apart, as Krea does; `none` takes a limit away. Repeatable.",
)


def parse_max_jobs(given: tuple[str, ...]) -> dict[Kind | None, int | None]:
    """Return ``{None: 12, "image": 20}`` for ``("12", "image=20")``; None as a number takes the limit away. Raises UsageError."""
    wanted: dict[Kind | None, int | None] = {}
    for item in given:
        name, equals, number = (part.strip() for part in item.rpartition("="))
        kind = _kind(name, item) if equals else None
        if kind in wanted:
            raise UsageError(f"--max-jobs is given twice for {kind or 'all kinds'}")
        wanted[kind] = _number(number, item)
    return wanted


def _kind(name: str, item: str) -> Kind:
    for kind in KINDS:
        if kind == name:
            return kind
    raise UsageError(f"--max-jobs {item!r}: there is no kind {name!r}", hint=did_you_mean(name, KINDS))


def _number(text: str, item: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise UsageError(f"--max-jobs {item!r} is not of the form {FORM}", hint="a number is 1 or more, for example --max-jobs 12")
    return int(text)


def limit_lines(differences: Sequence[LimitDifference]) -> list[str]:
    """Return the lines that show what deploying does to limits."""
    marks: Mapping[str, str] = {"new": "+", "changed": "~", "unchanged": "=", "gone": "-"}
    return [f"{marks[item.change]} {item.name}  {item.detail}" for item in differences]


def limit_facts(differences: Sequence[LimitDifference]) -> list[dict[str, object]]:
    """Return the same for programs."""
    return [{"name": item.name, "change": item.change, "details": [item.detail], "owner": None, "limit": item.most} for item in differences]
