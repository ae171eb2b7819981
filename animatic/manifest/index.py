"""Renders the index of a destination: all of its runs on one page, the newest first, with state, money, poster and a link to each.

What the page shows of a run stands in it as data too, so that the next run adds itself without reading every manifest again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from animatic.manifest import wording
from animatic.manifest.clients import shown
from animatic.manifest.links import Links
from animatic.manifest.model import Manifest, RunState
from animatic.manifest.page import template
from animatic.manifest.values import Moment, Usd
from animatic.money import dollars

MAX_RUNS = 200
"""Older ones are counted, and `animatic runs` lists them."""
_DATA = re.compile(r'<script type="application/json" id="runs">(.*?)</script>', re.DOTALL)
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
    def money(self) -> str:
        """What it was billed, or would have been; empty where that is not for everybody."""
        if not self.shows_money:
            return ""
        unknown = f" + {self.unpriced} unknown" if self.unpriced else ""
        return f"{'would be billed' if self.simulated else 'billed'} {dollars(self.billed_usd)}{unknown}"

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """The profile, and parameters with their values in words."""
        return wording.settings(self.profile, self.params)


@dataclass(frozen=True, kw_only=True)
class PipelineSum:
    """A pipeline in the head of the index: how many runs, what they were billed, and its newest run."""

    name: str
    runs: int
    billed: str
    newest: IndexEntry


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
    """Return the index of these runs. ``older``: how many more there are, which are not shown."""
    runs = sorted(entries, key=lambda entry: entry.run_id, reverse=True)
    shown, left = _settled(runs[:MAX_RUNS]), older + max(0, len(runs) - MAX_RUNS)
    data = json.dumps([entry.model_dump(mode="json") for entry in shown], ensure_ascii=False)
    # In an HTML script only the text "</script" and comments end it early.
    data = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    simulated = any(entry.simulated for entry in shown)
    return template("index.html.j2").render(runs=shown, sums=_sums(shown), older=left, simulated=simulated, data=data)


def _settled(runs: Iterable[IndexEntry]) -> list[IndexEntry]:
    """Say of a run that has not ended, and that a later one of its pipeline has followed, that it did not."""
    seen: set[str] = set()
    settled = []
    for entry in runs:
        broken = entry.finished_at is None and entry.pipeline in seen
        settled.append(entry.model_copy(update={"state_text": "Did not end"}) if broken else entry)
        seen.add(entry.pipeline)
    return settled


def _sums(runs: Iterable[IndexEntry]) -> list[PipelineSum]:
    by_name: dict[str, list[IndexEntry]] = {}
    for entry in runs:
        by_name.setdefault(entry.pipeline, []).append(entry)
    return [PipelineSum(name=name, runs=len(found), billed=_billed(found), newest=found[0]) for name, found in by_name.items()]


def _billed(runs: Iterable[IndexEntry]) -> str:
    """Return what runs were billed together; empty where none of them says."""
    amounts = [run.billed_usd or Decimal(0) for run in runs if run.shows_money]
    return dollars(sum(amounts, Decimal(0))) if amounts else ""
