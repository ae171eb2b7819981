"""Builds the frozen plan of a pipeline: resolves it, orders its steps, prices and fingerprints them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, assert_never

from animatic.catalog import Catalog, price_of
from animatic.catalog.model import yields
from animatic.cut.model import Cut
from animatic.errors import DeclarationError, Problem, UsageError
from animatic.plan.check import find_pipeline
from animatic.plan.destinations import destination_of
from animatic.plan.fingerprint import base_of, fingerprint_of
from animatic.plan.linking import LinkedRequest, LinkedShot
from animatic.plan.locking import locked_step
from animatic.plan.model import LockedTake, Plan, Request, Step, without_take
from animatic.plan.params import in_zone, run_names
from animatic.plan.picking import choice_notes, first_said, qc_of, retries_of
from animatic.plan.profile import caused_by, no_effect, profile_named
from animatic.plan.report import advisories
from animatic.plan.resolve import Resolution, ResolveOptions, resolve
from animatic.plan.select import Edges, ordered, reachable, select
from animatic.plan.several import counted_up, further_takes, seed_problems
from animatic.plan.templates import mentions
from animatic.spec.model import Declaration, PipelineSpec, ShotSpec
from animatic.spec.section import is_template
from animatic.spec.values import coerce_params

DEFAULT_TIMEOUT_SECONDS = 7_800.0
"""Ten minutes beyond Krea's own limit for external providers, so that Krea gives up first and nothing is paid for that nobody waits for."""


def build_plan(
    declaration: Declaration,
    pipeline: str,
    catalog: Catalog,
    *,
    params: Mapping[str, Any] | None = None,
    run_id: str,
    started: datetime,
    current_take: Callable[[str], int] = lambda _base: 1,
    fresh: bool = False,
    next_take: Callable[[str], int] | None = None,
    locked: Mapping[str, LockedTake] | None = None,
    only: str | None = None,
    deliver: str | None = None,
    due: datetime | None = None,
    profile: str | None = None,
) -> Plan:
    """Return the plan of one pipeline.

    ``params`` are typed values, or their texts as a command line gives them. ``current_take`` tells which take of a base fingerprint is
    the chosen one; with ``fresh`` every selected shot gets ``next_take`` instead (default: one more than the current). ``locked`` holds the
    takes that stay, by step key: neither request nor ``fresh`` counts for them, and what is above them is not needed. ``only`` selects
    shots (``ID``, ``ID+``, ``+ID``); what they need is planned with them, and keeps its current take. ``deliver`` overrides the
    destination; a folder is relative to the working directory. ``due`` is when a scheduled run was to start, in its schedule's time zone;
    None: now, in the file's zone, else this machine's. ``profile`` names the profile whose values win; None: as written.

    Raises DeclarationError with every problem of the pipeline, UsageError for an unknown pipeline, profile, parameter or shot, and for a
    locked take that is missing or of another kind than its shot.
    """
    spec = find_pipeline(declaration, pipeline)
    chosen_profile = profile_named(spec, profile)
    _refuse(declaration, declaration.problems)
    values = _parameters(spec, params or {})
    run = run_names(due or in_zone(started, spec.timezone), run_id)
    resolution, found = _resolved(spec, catalog, ResolveOptions(params=values, run=run, profile=chosen_profile))
    problems = (*declaration.problems, *found)
    _refuse(declaration, problems)
    shots, left_out = _planned(resolution)
    edges = {key: tuple(shot.draft.variant.key(need) for need in shot.needs) for key, shot in shots.items()}
    chosen = set(shots) if only is None else select(only, edges, {key: shot.draft.spec.id for key, shot in shots.items()})
    locks = locked or {}
    fresh_ones = frozenset(chosen) - locks.keys() if fresh else frozenset()
    takes = _Takes(spec=spec, run_id=run_id, current=current_take, next_one=next_take, fresh=fresh_ones, locked=locks)
    known = reachable(chosen, edges)  # what a locked shot would be without its lock is known, too
    kept = reachable(chosen, {key: () if key in locks else needs for key, needs in edges.items()})
    steps = _steps([shots[key] for key in ordered(edges) if key in known], edges, chosen, takes)
    steps = tuple(step for step in steps if without_take(step.key) in kept)
    _refuse(declaration, seed_problems(steps, catalog))
    budgets = (spec.budget_usd, spec.per_day_usd, spec.per_month_usd)
    return Plan(
        pipeline=spec.name,
        description=resolution.labels.description,
        params=resolution.params,
        steps=steps,
        cuts=_cuts(resolution, kept),
        deliver=destination_of(spec, deliver, resolution.params),
        budget_usd=spec.budget_usd,
        per_day_usd=spec.per_day_usd,
        per_month_usd=spec.per_month_usd,
        unknown_price=spec.unknown_price or ("warn" if all(budget is None for budget in budgets) else "block"),
        concurrency=spec.concurrency,
        on_failure=spec.on_failure,
        reuse=spec.reuse,
        tags=resolution.labels.tags,
        run_id=run_id,
        source_file=spec.document.name,
        source_sha256=spec.document.sha256,
        warnings=(*problems, *advisories(steps, started.astimezone(UTC).date())),
        c2pa=spec.provenance.c2pa,
        timestamp=spec.provenance.timestamp,
        left_out=left_out,
        profile=profile,
        title=resolution.labels.title,
        shows_money=spec.shows_money,
    )


def _resolved(spec: PipelineSpec, catalog: Catalog, options: ResolveOptions) -> tuple[Resolution, tuple[Problem, ...]]:
    """Resolve a pipeline. One that has mistakes as it is written is refused under any profile, too: those are told at their own lines."""
    resolution = resolve(spec, catalog, options)
    if options.profile is None:
        return resolution, resolution.problems
    written = resolve(spec, catalog, replace(options, profile=None, hashing=False)).problems
    caused = caused_by(options.profile, spec.document, resolution.problems, written)
    idle = not resolution.profiled and not caused
    return resolution, (*written, *caused, *([no_effect(spec.document, options.profile, f"of {spec.name!r}")] if idle else []))


def _refuse(declaration: Declaration, problems: tuple[Problem, ...]) -> None:
    if any(problem.severity == "error" for problem in problems):
        raise DeclarationError(problems, texts={document.name: document.text for document in declaration.documents})


def _parameters(spec: PipelineSpec, given: Mapping[str, Any]) -> Mapping[str, Any]:
    values, problems = coerce_params(spec, given, text=True)
    if problems:
        hints = [problem.hint for problem in problems if problem.hint]
        raise UsageError("; ".join(problem.message for problem in problems), hint="; ".join(hints) or None)
    return values


def _planned(resolution: Resolution) -> tuple[dict[str, LinkedShot], tuple[str, ...]]:
    """Return the shots to be made, by step key, and the keys of those that `when` leaves out."""
    shots = [shot for variant in resolution.variants for shot in variant.shots.values()]
    planned = {shot.key: shot for shot in shots if not shot.draft.left_out}
    return planned, tuple(shot.key for shot in shots if shot.draft.left_out)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Takes:
    """Decides which take of a request a step means."""

    spec: PipelineSpec
    run_id: str
    current: Callable[[str], int]
    next_one: Callable[[str], int] | None
    fresh: frozenset[str]
    """Keys of the steps that get a new take."""
    locked: Mapping[str, LockedTake]
    """Takes that stay, by step key."""

    def salt(self, key: str) -> dict[str, str] | None:
        """Return what keeps this run's requests apart from others', as ``reuse`` asks."""
        match self.spec.reuse:
            case "always":
                return None
            case "run":
                return {"run": self.run_id}
            case "never":
                return {"run": self.run_id, "step": key}
            case _:
                assert_never(self.spec.reuse)

    def number(self, base: str, *, fresh: bool) -> int:
        """Return the number of the take that counts, or of a new one."""
        number = self.current(base)
        if not fresh:
            return number
        return self.next_one(base) if self.next_one is not None else number + 1


def _steps(shots: list[LinkedShot], edges: Edges, chosen: Collection[str], takes: _Takes) -> tuple[Step, ...]:
    """Return the steps of shots that stand after what they depend on, each priced and fingerprinted."""
    fingerprints: dict[str, str] = {}
    numbers: dict[tuple[str, bool], int] = {}  # equal requests are one take, whose number is asked for once
    steps: list[Step] = []
    for shot in shots:
        key, spec = shot.key, shot.draft.spec
        written = tuple(_priced(request) for request in shot.requests)
        base = base_of(written[0], fingerprints, takes.salt(key))
        fresh = key in takes.fresh
        if (base, fresh) not in numbers:
            numbers[base, fresh] = takes.number(base, fresh=fresh)
        take = numbers[base, fresh]
        fingerprints[key] = fingerprint_of(base, take)
        requests = counted_up(written, take) if spec.takes > 1 else written
        step = Step(
            key=key,
            shot=spec.id,
            variant_name=shot.draft.variant.name,
            number=shot.draft.number,
            among=len(takes.spec.shots),
            scene=shot.draft.scene,
            title=shot.draft.title,
            line=shot.draft.line,
            cast=shot.requests[0].draft.cast,
            kind=requests[0].kind,
            variant=shot.draft.variant.values,
            requests=requests,
            depends_on=tuple(edges[key]),
            base=base,
            take=take,
            fingerprint=fingerprints[key],
            retries=retries_of(spec, takes.spec),
            timeout=first_said(spec.timeout, takes.spec.timeout, DEFAULT_TIMEOUT_SECONDS),
            qc=qc_of(spec, takes.spec),
            place=takes.spec.document.place((*spec.path, "id")),
            notes=_notes(shot, takes.spec, requests[0], chosen=key in chosen),
            takes=spec.takes,
            pick="best" if spec.pick == "best" else "first",
            approve=spec.approve,
            approve_within=spec.approve_within,
            on_timeout=spec.on_timeout,
        )
        if (lock := takes.locked.get(key)) is not None:
            made = locked_step(step, written, lock, takes.spec.name)
            fingerprints[key] = made[0].fingerprint
        else:
            made = (step, *further_takes(step, written, new=fresh))
        steps += made
    return tuple(steps)


def _priced(request: LinkedRequest) -> Request:
    draft = request.draft
    return Request(
        model=draft.model.name,
        endpoint=draft.model.endpoint,
        kind=draft.model.kind,
        makes=yields(draft.model),
        body=draft.body,
        # sorted by place in the body, so that the order of fields in the file does not matter
        inputs=tuple(sorted(request.inputs, key=lambda given: [(isinstance(part, str), str(part).zfill(6)) for part in given.path])),
        price=price_of(draft.model, draft.body),
        duration=draft.duration,
    )


def _notes(shot: LinkedShot, pipeline: PipelineSpec, request: Request, *, chosen: bool) -> tuple[str, ...]:
    price = request.price
    estimated = (f"price {price.note}",) if price.usd is not None and price.note.startswith("estimated") else ()
    needed = () if chosen else ("planned because a selected shot needs it",)
    held = (_held(shot.draft.spec),) if shot.draft.spec.approve else ()
    return (*shot.notes, *_run_notes(shot.draft.spec), *estimated, *choice_notes(shot.draft, pipeline, request), *held, *needed)


def _held(spec: ShotSpec) -> str:
    text = "what depends on it is made once a person has approved it"
    if spec.approve_within is None:
        return text
    within = spec.approve_within
    unit, name = next(
        (unit, name) for unit, name in ((3600, "h"), (60, "min"), (1, "s")) if (within >= unit and within % unit == 0) or unit == 1
    )
    then = "it goes on without one" if spec.on_timeout == "first" else "the run stops"
    return f"{text}; after {within / unit:g} {name} {then}"


def _run_notes(spec: ShotSpec) -> tuple[str, ...]:
    """Say where a shot cannot be reused because its request names the run."""
    texts = [text for text in _texts([spec.fields, spec.extra_body]) if is_template(text)]
    if spec.line is not None and any(mentions(text, "shot", frozenset({"line"})) for text in texts):
        texts.append(spec.line)
    changing = sorted({f"run.{name}" for text in texts for name in mentions(text, "run", frozenset({"date", "time", "id"}))})
    return (f"uses {' and '.join(changing)}: made anew when that changes",) if changing else ()


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _cuts(resolution: Resolution, kept: Collection[str]) -> tuple[Cut, ...]:
    """Return the reels whose clips and sounds are all in the plan; a reel with holes would be taken for the whole."""
    return tuple(cut for resolved in resolution.variants for cut in resolved.cuts if all(key in kept for key in cut.needs))
