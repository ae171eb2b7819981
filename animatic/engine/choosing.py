"""Decides which take of a shot counts where that is known only once its takes were looked at: `pick: best` and `qc: retake`.

A choice is made once for all shots that share the takes, and recorded in the ledger, so that the next run finds it and pays nothing. What
depends on the shot is made from the take that was chosen; what a person has picked stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath

from animatic.engine.crashpoints import crashpoint
from animatic.engine.deliver import file_name, select_newest
from animatic.engine.quality import best_of, fails, why_chosen
from animatic.engine.run import Run
from animatic.engine.spares import known_beside, plan_spare, why_missing
from animatic.engine.state import Choice
from animatic.errors import InDoubtError, UnclearResultError, UsageError
from animatic.ledger import Selection, Take
from animatic.plan import Step
from animatic.plan.several import repicked, spare_take, with_steps_beside

log = logging.getLogger(__name__)
Work = Callable[[Step], Awaitable[object]]


@dataclass(kw_only=True)
class Choosing:
    """The choices of one run. ``make`` makes the take of a step and records how it ended; ``place`` delivers it where it lies now."""

    run: Run
    make: Work
    place: Work
    _decided: set[str] = field(default_factory=set)
    """Bases of the takes among which it was chosen."""
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _selected: dict[str, int] | None = None
    """Numbers of the takes that count, by base, as the ledger had them at the first choice, and as they were chosen since."""

    def is_due(self, key: str) -> bool:
        """Whether the takes of a shot have to be compared, for itself or for a shot that shares them."""
        return any(self.run.steps[other].is_chosen for other in self._equals(key))

    async def choose(self, key: str) -> None:
        """Choose the take of a shot, all takes of which have ended, those of shots that share them included.

        ``state.undecided`` says afterwards why it is not known yet; else what was chosen lies in its place. Raises StorageError.
        """
        base = self.run.steps[key].base
        async with self._locks[base]:
            if base not in self._decided:
                await self._decide(base)
                self._decided.add(base)
        for step in self.run.takes_of[key]:
            if self._is_misplaced(step):
                await self.place(step)

    def _equals(self, key: str) -> tuple[str, ...]:
        step = self.run.steps[key]
        return self.run.equals[step.base] if step.locked is None else ()

    async def _decide(self, base: str) -> None:
        run, mains = self.run, [self.run.steps[key] for key in self.run.equals[base]]
        main, best = mains[0], any(step.pick == "best" for step in mains)
        retaken = any(step.qc == "retake" for step in mains)
        said = await run.ledger.selections.current(base)
        if said is not None and await self._stands(base, main, said, best=best, retaken=retaken):
            return
        takes = self._takes(base)
        anew = said is None or said.take != main.take  # else there are more takes now than were compared
        compared = {number: take for number, take in takes.items() if number >= main.take or not anew}
        if best and (doubt := self._doubtful(base)) is not None:
            for step in mains:
                run.state.undecided[step.key] = f"which take of {step.shot} goes on is open, as take {doubt.take} is in doubt"
        elif (best and compared) or (main.take in compared and fails(compared[main.take])):
            await self._choose(base, main, compared, retaken=retaken)
        elif main.take in compared:
            await select_newest(run, main)

    async def _stands(self, base: str, main: Step, said: Selection, *, best: bool, retaken: bool) -> bool:
        """Whether it was decided before which take counts; what was made for that decision is found again."""
        if said.take != main.take:
            # Somebody has picked another take since the run began, perhaps while it was interrupted.
            picked = not said.among and said.take in self._takes(base) and said.at > began(self.run.plan.run_id)
            if picked:
                await self._repick(base, said.take)
            return picked
        if retaken and (number := await known_beside(self.run, main)) is not None:
            await self._add(base, number)
        if best and _has_new(self._takes(base), said, self.run.plan.run_id):
            return False
        if said.among:
            self._note(base, Choice(take=said.take, among=said.among, why=said.why))
        return True

    async def _choose(self, base: str, main: Step, compared: dict[int, Take], *, retaken: bool) -> None:
        """Choose the best of some takes, record it, and go on with it; a further one is made first where checks ask for that."""
        spare: int | None = None
        aside = ""
        if retaken and all(fails(take) for take in compared.values()):
            spare, aside = await plan_spare(self.run, main)
        if spare is not None:
            await self._add(base, spare)
            takes = self._takes(base)
            if spare in takes:
                compared = {**compared, spare: takes[spare]}
            else:
                aside = why_missing(self.run, base, spare)
        chosen = best_of(compared.values())
        among = tuple(sorted(compared))
        why = why_chosen(chosen, compared.values(), spare=spare, aside=aside)
        log.info("%s: %s", main.key, why)
        crashpoint("before-chosen")
        await self.run.ledger.selections.select(base, chosen.number, chosen.fingerprint, why, among=among)
        crashpoint("after-chosen")
        await self._repick(base, chosen.number)
        self._note(base, Choice(take=chosen.number, among=among, why=why))

    async def _repick(self, base: str, take: int) -> None:
        run = self.run
        if self._selected is None:
            self._selected = await run.ledger.selections.all()
        selected = self._selected
        selected[base] = take
        if all(run.steps[key].take == take for key in run.equals[base]):
            return
        try:
            run.replan(repicked(run.plan, {base: take}, lambda other: selected.get(other, 1)))
        except UsageError as error:  # what depends on it was changed for this run alone
            for key in run.equals[base]:
                run.state.undecided[key] = error.message

    async def _add(self, base: str, number: int) -> None:
        """Make, or find, a take beside those that were planned, for all shots that share it."""
        run = self.run
        missing = [key for key in run.equals[base] if all(step.take != number for step in run.takes_of[key])]
        run.replan(with_steps_beside(run.plan, [spare_take(run.steps[key], number) for key in missing]))
        await asyncio.gather(*(self.make(step) for key in missing for step in run.takes_of[key] if step.take == number))

    def _takes(self, base: str) -> dict[int, Take]:
        """Return the takes that are there, by number."""
        steps = [step for key in self.run.equals[base] for step in self.run.takes_of[key]]
        return {step.take: self.run.takes[step.key] for step in steps if step.key in self.run.takes}

    def _doubtful(self, base: str) -> Step | None:
        """Return a take that may still come, so that the best of all is not known yet; None where there is none."""
        steps = [(step, self.run.state.errors.get(step.key)) for key in self.run.equals[base] for step in self.run.takes_of[key]]
        settled = {step.key for step, error in steps if isinstance(error, UnclearResultError) and error.unusable}
        doubtful = (step for step, error in steps if isinstance(error, InDoubtError) and step.key not in settled)
        return next(doubtful, None)

    def _note(self, base: str, choice: Choice) -> None:
        for key in self.run.equals[base]:
            self.run.state.choices[key] = choice

    def _is_misplaced(self, step: Step) -> bool:
        take, there = self.run.takes.get(step.key), self.run.state.delivered.get(step.key)
        return take is not None and there is not None and there.clip.file != file_name(step, PurePosixPath(take.clip.key).suffix)


def _has_new(takes: dict[int, Take], said: Selection, run_id: str) -> bool:
    """Whether a run has made takes that were not compared when checks chose one."""
    return bool(said.among) and any(take.run_id == run_id and number not in said.among for number, take in takes.items())


def began(run_id: str) -> datetime:
    """Return when a run of that id began; the earliest of all times for an id of another form."""
    try:
        return datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
