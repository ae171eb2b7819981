"""From a declared pipeline and its parameters to the frozen plan: resolved, priced, fingerprinted, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from animatic.catalog import Catalog, price_of
from animatic.destination import BadDestinationError, absolute, parse_destination
from animatic.errors import DeclarationError, Problem, UsageError
from animatic.plan.check import find_pipeline
from animatic.plan.drafts import RequestDraft, Shot
from animatic.plan.fingerprint import base_of, fingerprint_of
from animatic.plan.model import Cut, Input, Plan, Request, Step
from animatic.plan.report import advisories
from animatic.plan.resolving import ResolvedVariant, ResolveOptions, resolve
from animatic.plan.select import ordered, reachable, select
from animatic.plan.templates import mentions
from animatic.spec.model import Declaration, PipelineSpec, ShotSpec
from animatic.spec.params import coerce_params

RETRIES = 2
TIMEOUT = 7_800.0
"""Seconds; ten minutes beyond Krea's own limit for external providers, so that Krea gives up first and nothing is paid for that nobody waits for."""
DELIVER = "./out"


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
    only: str | None = None,
    deliver: str | None = None,
) -> Plan:
    """Return the plan of one pipeline.

    ``params`` are typed values, or their texts as a command line gives them. ``current_take`` tells which take of a base fingerprint is the chosen one; with ``fresh`` every selected shot gets
    ``next_take`` instead (default: one more than the current). ``only`` selects shots (``ID``, ``ID+``, ``+ID``); what they need is planned with
    them, and keeps its current take. ``deliver`` overrides the destination; a folder is relative to the working directory.

    Raises DeclarationError with every problem of the pipeline, UsageError for an unknown pipeline, parameter or shot.
    """
    spec = find_pipeline(declaration, pipeline)
    _refuse(declaration, declaration.problems)
    values = _parameters(spec, params or {})
    run = {"date": started.astimezone(UTC).date().isoformat(), "id": run_id}
    resolution = resolve(spec, catalog, ResolveOptions(params=values, run=run))
    problems = (*declaration.problems, *resolution.problems)
    _refuse(declaration, problems)
    shots = {shot.key: shot for variant in resolution.variants for shot in variant.shots.values() if not shot.left_out}
    edges = {key: tuple(shot.variant.key(need) for need in shot.needs) for key, shot in shots.items()}
    chosen = set(shots) if only is None else select(only, edges)
    kept = reachable(chosen, edges)
    takes = _Takes(spec=spec, run_id=run_id, current=current_take, next_one=next_take, fresh=chosen if fresh else frozenset())
    steps = _steps([key for key in ordered(edges) if key in kept], shots, edges, chosen, takes)
    budgets = (spec.budget_usd, spec.per_day_usd, spec.per_month_usd)
    return Plan(
        pipeline=spec.name,
        description=spec.description,
        params=values,
        steps=steps,
        cuts=_cuts(resolution.variants, kept),
        deliver=destination_of(spec, deliver),
        budget_usd=spec.budget_usd,
        per_day_usd=spec.per_day_usd,
        per_month_usd=spec.per_month_usd,
        unknown_price=spec.unknown_price or ("warn" if all(budget is None for budget in budgets) else "block"),
        concurrency=spec.concurrency,
        on_failure=spec.on_failure,
        reuse=spec.reuse,
        tags=spec.tags,
        run_id=run_id,
        source_file=spec.document.name,
        source_sha256=spec.document.sha256,
        catalog_date=catalog.date,
        warnings=(*problems, *advisories(steps, started.astimezone(UTC).date())),
        left_out=tuple(shot.key for variant in resolution.variants for shot in variant.shots.values() if shot.left_out),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Takes:
    """Decides which take of a request a step means."""

    spec: PipelineSpec
    run_id: str
    current: Callable[[str], int]
    next_one: Callable[[str], int] | None
    fresh: frozenset[str] | set[str]

    def salt(self, key: str) -> dict[str, str] | None:
        """Return what keeps this run's requests apart from others', as ``reuse`` asks."""
        reuse: Literal["always", "run", "never"] = self.spec.reuse
        if reuse == "always":
            return None
        return {"run": self.run_id} if reuse == "run" else {"run": self.run_id, "step": key}

    def number(self, base: str, key: str, known: dict[tuple[str, bool], int]) -> int:
        """Return the take number; the same for equal requests, so that they are made once."""
        fresh = key in self.fresh
        if (base, fresh) not in known:
            number = self.current(base)
            if fresh:
                number = self.next_one(base) if self.next_one is not None else number + 1
            known[base, fresh] = number
        return known[base, fresh]


def _steps(
    keys: list[str], shots: Mapping[str, Shot], edges: Mapping[str, tuple[str, ...]], chosen: set[str], takes: _Takes
) -> tuple[Step, ...]:
    fingerprints: dict[str, str] = {}
    numbers: dict[tuple[str, bool], int] = {}
    steps: list[Step] = []
    for key in keys:
        shot = shots[key]
        requests = tuple(_request(draft) for draft in shot.drafts)
        base = base_of(requests[0], fingerprints, takes.salt(key))
        take = takes.number(base, key, numbers)
        fingerprints[key] = fingerprint_of(base, take)
        steps.append(
            Step(
                key=key,
                shot=shot.spec.id,
                number=shot.number,
                title=shot.title,
                kind=requests[0].kind,
                variant=shot.variant.values,
                requests=requests,
                depends_on=edges[key],
                base=base,
                take=take,
                fingerprint=fingerprints[key],
                retries=RETRIES if shot.spec.retries is None else shot.spec.retries,
                timeout=TIMEOUT if shot.spec.timeout is None else shot.spec.timeout,
                place=takes.spec.document.place((*shot.spec.path, "id")),
                notes=(
                    *shot.notes,
                    *_run_notes(shot.spec),
                    *_price_notes(requests[0]),
                    *(() if key in chosen else ("planned because a selected shot needs it",)),
                ),
            )
        )
    return tuple(steps)


def _request(draft: RequestDraft) -> Request:
    return Request(
        model=draft.model.name,
        endpoint=draft.model.endpoint,
        kind=draft.model.kind,
        body=draft.body,
        inputs=_in_order(draft),
        price=price_of(draft.model, draft.body),
        duration=draft.duration,
    )


def _in_order(draft: RequestDraft) -> tuple[Input, ...]:
    """Sort by place in the body, so that the order of fields in the file does not matter."""
    return tuple(sorted(draft.inputs, key=lambda source: [(isinstance(part, str), str(part).zfill(6)) for part in source.path]))


def _run_notes(spec: ShotSpec) -> tuple[str, ...]:
    """Say where a shot cannot be reused because its request names the run."""
    texts = [value for value in spec.fields.values() if isinstance(value, str) and "{{" in value]
    changing = sorted({f"run.{name}" for text in texts for name in mentions(text, "run", frozenset({"date", "id"}))})
    return (f"uses {' and '.join(changing)}: made anew when that changes",) if changing else ()


def _price_notes(request: Request) -> tuple[str, ...]:
    """Say where a known price is only an estimate."""
    price = request.price
    return (f"price {price.note}",) if price.usd is not None and price.note.startswith("estimated") else ()


def _refuse(declaration: Declaration, problems: tuple[Problem, ...]) -> None:
    if any(problem.severity == "error" for problem in problems):
        raise DeclarationError(problems, texts={document.name: document.text for document in declaration.documents})


def _parameters(spec: PipelineSpec, given: Mapping[str, Any]) -> Mapping[str, Any]:
    values, problems = coerce_params(spec, given, text=True)
    if problems:
        hints = [problem.hint for problem in problems if problem.hint]
        raise UsageError("; ".join(problem.message for problem in problems), hint="; ".join(hints) or None)
    return values


def _cuts(resolved: tuple[ResolvedVariant, ...], kept: set[str]) -> tuple[Cut, ...]:
    """Return the reels whose clips are all in the plan; a reel with holes would be taken for the whole."""
    cuts: list[Cut] = []
    for variant in resolved:
        keys = tuple(variant.variant.key(name) for name in variant.cut or ())
        if keys and all(key in kept for key in keys):
            cuts.append(Cut(steps=keys, variant=variant.variant.values))
    return tuple(cuts)


def destination_of(spec: PipelineSpec, override: str | None = None) -> str:
    """Return where a pipeline delivers to: ``s3://bucket/prefix`` or an absolute folder.

    Without ``override`` it is the declaration's ``deliver`` (``./out`` where it has none), relative to the pipelines file. Raises UsageError for
    an ``override`` that names no destination.
    """
    written = override or spec.deliver or DELIVER
    try:
        parse_destination(written)
    except BadDestinationError as mistake:
        raise UsageError(f"cannot deliver to {written!r}: {mistake.message}", hint=mistake.hint) from None
    return absolute(written, below=Path.cwd() if override else Path(spec.document.path).absolute().parent)
