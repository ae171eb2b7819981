"""Describes a deployment for whoever is about to start it in the UI: shots, models, what a run costs, budgets, where it delivers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from animatic.catalog import Catalog
from animatic.engine.plan_run import PlanOptions, plan_unread
from animatic.errors import AnimaticError
from animatic.money import dollars
from animatic.plan import Plan
from animatic.plan.destinations import DEFAULT_DESTINATION
from animatic.plan.labels import deployed
from animatic.spec import Declaration, PipelineSpec

MAX_MODELS = 4
RUN_ID = "described"
"""Every plan has a run's id; this one's is never shown."""


def description_of(declaration: Declaration, spec: PipelineSpec, catalog: Catalog) -> str:
    """Return what the pipeline says of itself and the facts of a run with the default params.

    It is the same text for the same file and prices.
    """
    plan = _planned(declaration, spec, catalog)
    under = {name: _planned(declaration, spec, catalog, name) for name in spec.profiles} if plan is not None else {}
    facts = " ".join(_facts(spec, plan, {name: other for name, other in under.items() if other is not None}))
    described = deployed(spec).description
    return f"{described.strip()}\n\n{facts}" if described.strip() else facts


def _planned(declaration: Declaration, spec: PipelineSpec, catalog: Catalog, profile: str | None = None) -> Plan | None:
    """Return the plan with the default params; None where there is none without an answer from whoever starts the run."""
    try:
        return plan_unread(declaration, spec, {}, catalog, PlanOptions(run_id=RUN_ID, profile=profile))
    except AnimaticError:
        return None


def _facts(spec: PipelineSpec, plan: Plan | None, others: Mapping[str, Plan]) -> Iterator[str]:
    if plan is None:
        yield f"{_count(len(spec.shots), 'shot')}; what a run costs depends on its parameters."
    else:
        models = list(dict.fromkeys(step.request.model for step in plan.steps))
        named = ", ".join(models[:MAX_MODELS]) + (f" and {len(models) - MAX_MODELS} more" if len(models) > MAX_MODELS else "")
        shots = _count(len(plan.steps), "shot")
        yield f"{shots} by {named}: {_price(plan)} with the default parameters, less what is unchanged and reused."
        drafts = [f"{name} {_price(other)}" for name, other in others.items()]
        if drafts:
            yield f"Under profiles: {', '.join(drafts)}."
    limits = [
        (spec.budget_usd, "a run"),
        (plan.per_day_usd if plan else spec.per_day_usd, "a day"),
        (plan.per_month_usd if plan else spec.per_month_usd, "a month"),
    ]
    budgets = [f"{dollars(amount)} {what}" for amount, what in limits if amount is not None]
    yield f"Budget: {', '.join(budgets)}." if budgets else "No budget."
    yield f"Delivers to {spec.deliver or DEFAULT_DESTINATION}"


def _price(plan: Plan) -> str:
    if plan.unpriced and not plan.estimated_usd:
        return "at unknown prices"
    unknown = f" and {_count(plan.unpriced, 'shot')} without a known price" if plan.unpriced else ""
    return f"{dollars(plan.estimated_usd)}{unknown}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
