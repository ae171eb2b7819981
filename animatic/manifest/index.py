"""Renders the index of a destination: all of its runs on one page by pipeline, the newest first, with state, money, poster and links.

What the page shows of a run stands in it as data too, so that the next run adds itself without reading every manifest again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from animatic.manifest import wording
from animatic.manifest.clients import shown
from animatic.manifest.index_groups import TREND_DAYS, grouped
from animatic.manifest.links import Links
from animatic.manifest.model import Manifest, RunState
from animatic.manifest.page import INDENTATION, template
from animatic.manifest.values import Moment, Usd
from animatic.money import dollars

MAX_WAITING = 20
"""Runs that are named at the top because they wait for somebody."""
_DATA = re.compile(r'<script type="application/json" id="runs">(.*?)</script>', re.DOTALL)
_OF_CARDS = {"description", "params", "profile", "poster", "reel"}
_THERE = frozenset({"delivered", "reused"})


class IndexEntry(BaseModel):
    """One run in the index. Links are relative to the destination."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    pipeline: str
    title: str = ""
    description: str = ""
    params: Mapping[str, Any] = {}
    profile: str | None = None
    simulated: bool
    state: RunState
    state_text: str
    started_at: Moment
    finished_at: Moment | None
    shots: int
    there: int
    billed_usd: Usd | None
    unpriced: int
    set_aside_usd: Usd | None = None
    """What may be billed yet, where that is not known."""
    shows_money: bool = True
    poster: str | None = None
    reel: str | None = None

    @property
    def href(self) -> str:
        """The run's page."""
        return quote(f"{self.pipeline}/{self.run_id}/index.html")

    @property
    def when(self) -> str:
        """When it began, and how long it took."""
        return wording.period(self.started_at, self.finished_at)

    @property
    def day(self) -> str:
        """When it began, for a line of a table."""
        return f"{self.started_at:%d %b, %H:%M}"

    @property
    def amount(self) -> str:
        """What it was billed, alone; empty where that is not for everybody."""
        return dollars(self.billed_usd) if self.shows_money else ""

    @property
    def money(self) -> str:
        """What it was billed, or would have been; empty where that is not for everybody."""
        if not self.shows_money:
            return ""
        unknown = f" + {self.unpriced} unknown" if self.unpriced else ""
        aside = f", {dollars(self.set_aside_usd)} set aside" if self.set_aside_usd else ""
        return f"{'would be billed' if self.simulated else 'billed'} {dollars(self.billed_usd)}{unknown}{aside}"

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """The profile, and parameters with their values in words."""
        return wording.settings(self.profile, self.params)


def entry_of(run: Manifest) -> IndexEntry:
    """Return what the index shows of a run."""
    run = shown(run)
    folder = f"{run.pipeline}/{run.run_id}"
    links = Links(folder, [clip.key for clip in (run.reel, *(shot.clip for shot in run.shots)) if clip])
    stills = [*(reel.thumbnail for reel in run.reels), *(shot.thumbnail for shot in run.shots)]
    poster = next((link for still in stills if (link := links.to(still))), None)
    return IndexEntry(
        run_id=run.run_id,
        pipeline=run.pipeline,
        title=run.title,
        description=run.description,
        params=dict(run.params),
        profile=run.profile,
        simulated=run.simulated,
        state=run.state,
        state_text=wording.run_state(run),
        started_at=run.started_at,
        finished_at=run.finished_at,
        shots=len(run.shots),
        there=sum(shot.state in _THERE for shot in run.shots),
        billed_usd=run.cost.billed_usd,
        unpriced=run.cost.unpriced,
        set_aside_usd=wording.set_aside(run.shots) or None,
        shows_money=run.page.money,
        poster=_from_root(folder, poster),
        reel=_from_root(folder, next((links.beside(reel.file) for reel in run.reels if reel.file), None)),
    )


def _from_root(folder: str, link: str | None) -> str | None:
    if link is None:
        return None
    return link.removeprefix("../../") if link.startswith("../../") else f"{quote(folder)}/{link.removeprefix('./')}"


def entries_in(page: str) -> list[IndexEntry]:
    """Return the runs that an index shows; none where it is not one of ours."""
    found = _DATA.search(page)
    try:
        return TypeAdapter(list[IndexEntry]).validate_json(found[1]) if found else []
    except ValidationError:
        return []


def render_index(entries: Iterable[IndexEntry], *, older: int = 0) -> str:
    """Return the index of these runs. ``older``: how many more there are, which it does not have yet."""
    runs = _settled(sorted(entries, key=lambda entry: entry.run_id, reverse=True))
    pipelines = grouped(runs)
    pictured = {run.run_id for pipeline in pipelines for run in pipeline.cards}
    data = json.dumps([_kept(run, whole=run.run_id in pictured) for run in runs], ensure_ascii=False, separators=(",", ":"))
    # In an HTML script only the text "</script" and comments end it early.
    data = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return INDENTATION.sub(
        "\n<",
        template("index.html.j2").render(
            pipelines=pipelines,
            waiting=[run for run in runs if run.state == "waiting" and run.finished_at is not None][:MAX_WAITING],
            count=len(runs),
            older=older,
            simulated=any(run.simulated for run in runs),
            days=TREND_DAYS,
            data=data,
        ),
    )


def _kept(run: IndexEntry, *, whole: bool) -> dict[str, Any]:
    """Return what the page keeps of a run for the next one that is written; of one without a picture only what its line says."""
    return run.model_dump(mode="json", exclude_defaults=True, exclude=None if whole else _OF_CARDS)


def _settled(runs: Iterable[IndexEntry]) -> list[IndexEntry]:
    """Say of a run that has not ended, and that a later one of its pipeline has followed, that it did not."""
    seen: set[str] = set()
    settled = []
    for entry in runs:
        broken = entry.finished_at is None and entry.pipeline in seen
        settled.append(entry.model_copy(update={"state_text": "Did not end"}) if broken else entry)
        seen.add(entry.pipeline)
    return settled
