"""Groups the runs of an index for people: by pipeline, the newest as cards, older ones by month, with sums and the trend of spend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from animatic.money import dollars

if TYPE_CHECKING:
    from animatic.manifest.index import IndexEntry

CARDS = 12
"""Runs of a pipeline that are shown with their pictures; older ones are lines of a table."""
TREND_DAYS = 30
_BAR_HEIGHT, _BAR_STEP = 22.0, 4


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A day of the trend, in the pixels of its picture."""

    x: int
    y: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Month:
    """Older runs of one month."""

    title: str
    billed: str
    """Empty where none of the runs says."""
    runs: tuple[IndexEntry, ...]


@dataclass(frozen=True, kw_only=True)
class PipelineRuns:
    """The runs of a pipeline, the newest first."""

    anchor: str
    name: str
    title: str
    count: int
    billed: str
    recent: str
    """What its runs of the last days were billed; empty as above."""
    trend: tuple[Bar, ...]
    newest: IndexEntry
    cards: tuple[IndexEntry, ...]
    months: tuple[Month, ...]


def grouped(runs: Sequence[IndexEntry]) -> tuple[PipelineRuns, ...]:
    """Return the pipelines of these runs, which come newest first; the one that ran last leads. Days of the trend end at the newest run."""
    by_name: dict[str, list[IndexEntry]] = defaultdict(list)
    for run in runs:
        by_name[run.pipeline].append(run)
    last = max((run.started_at.date() for run in runs), default=date.min)
    return tuple(_pipeline(f"pipeline-{number}", name, found, last) for number, (name, found) in enumerate(by_name.items(), start=1))


def _pipeline(anchor: str, name: str, runs: list[IndexEntry], last: date) -> PipelineRuns:
    months: dict[tuple[int, int], list[IndexEntry]] = defaultdict(list)
    for run in runs[CARDS:]:
        months[run.started_at.year, run.started_at.month].append(run)
    recent = [run for run in runs if last - run.started_at.date() < timedelta(days=TREND_DAYS)]
    return PipelineRuns(
        anchor=anchor,
        name=name,
        title=runs[0].title,
        count=len(runs),
        billed=billed(runs),
        recent=billed(recent),
        trend=_trend(recent, last),
        newest=runs[0],
        cards=tuple(runs[:CARDS]),
        months=tuple(_month(found) for _, found in sorted(months.items(), reverse=True)),
    )


def _month(runs: list[IndexEntry]) -> Month:
    return Month(title=f"{runs[0].started_at:%B %Y}", billed=billed(runs), runs=tuple(runs))


def billed(runs: Iterable[IndexEntry]) -> str:
    """Return what runs were billed together; empty where none of them says."""
    amounts = [run.billed_usd or Decimal(0) for run in runs if run.shows_money]
    return dollars(sum(amounts, Decimal(0))) if amounts else ""


def _trend(runs: Iterable[IndexEntry], last: date) -> tuple[Bar, ...]:
    """Return a bar for each day with a bill, the newest day at the right; none where nothing was billed."""
    days: dict[int, Decimal] = defaultdict(Decimal)
    for run in runs:
        if run.shows_money and run.billed_usd:
            days[(last - run.started_at.date()).days] += run.billed_usd
    highest = max(days.values(), default=Decimal(0))
    bars = []
    for ago, usd in sorted(days.items(), reverse=True):
        height = max(1.0, round(_BAR_HEIGHT * float(usd / highest), 1))
        bars.append(Bar(x=(TREND_DAYS - 1 - ago) * _BAR_STEP, y=round(_BAR_HEIGHT - height, 1), height=height))
    return tuple(bars)
