"""What a plan would do at its destination, asked take by take and, for large plans, by one listing of the ledger."""

from __future__ import annotations

from decimal import Decimal

import pytest

from animatic.engine.estimate import Estimate, check_money, estimate
from animatic.errors import OverBudgetError
from animatic.plan import Limit
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio

MORE = CHAIN + "\n      - {id: gulls, prompt: Gulls wheel, duration: 5}\n      - {id: night, prompt: Night falls, duration: 5}"


@pytest.fixture(params=["few", "many"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of looking must decide alike."""
    if request.param == "many":
        monkeypatch.setattr("animatic.engine.estimate.LISTING_THRESHOLD", 1)
    return str(request.param)


async def look(studio: Studio) -> Estimate:
    return await estimate(await studio.plan(), studio.ledger)


@pytest.mark.usefixtures("size")
async def test_everything_is_to_be_made_at_an_empty_destination(studio: Studio) -> None:
    studio.declare(CHAIN)
    found = await look(studio)
    assert {key: decision.action for key, decision in found.decisions.items()} == {"dawn": "run", "surf": "run"}
    assert [step.key for step in found.to_pay] == ["dawn", "surf"]


@pytest.mark.usefixtures("size")
async def test_takes_are_reused_and_jobs_that_were_paid_for_are_taken_up(studio: Studio) -> None:
    studio.declare(CHAIN)
    assert await studio.render() is None
    studio.declare(MORE)
    plan = await studio.plan()
    gulls = plan.step("gulls")
    intent = await studio.ledger.submissions.intend(
        fingerprint=gulls.fingerprint,
        attempt=1,
        model=gulls.request.model,
        endpoint=gulls.request.endpoint,
        pipeline=plan.pipeline,
        step=gulls.key,
        run_id=plan.run_id,
        usd=gulls.request.price.usd,
        deadline_seconds=60,
    )
    assert intent is not None
    await studio.ledger.submissions.submitted(intent, "job-of-gulls", created_at=None, how="answer")
    found = await look(studio)
    assert {key: decision.action for key, decision in found.decisions.items()} == {
        "dawn": "reuse",
        "surf": "reuse",
        "gulls": "resume",
        "night": "run",
    }
    assert "job-of-gulls" in found.decisions["gulls"].reason
    assert [step.key for step in found.to_pay] == ["night"]


@pytest.mark.parametrize("period", ["day", "month"])
async def test_what_a_run_would_be_refused_for_is_refused_before_it_begins(studio: Studio, period: str) -> None:
    """The budgets of the day and the month count what the whole destination has spent, not this plan alone."""
    budget = f"budget: {{per_{period}_usd: 0.50}}\n"
    studio.declare(CHAIN, budget=budget)
    assert await studio.render() is None, "two shots of $0.20"
    studio.declare(MORE, budget=budget)
    plan = await studio.plan()
    found = await estimate(plan, studio.ledger, now=studio.clock)
    assert [(limit.period, limit.usd, limit.spent) for limit in found.limits] == [(period, Decimal("0.50"), Decimal("0.40"))]
    with pytest.raises(OverBudgetError, match=rf"\$0.50, over the budget of \$0.50 per {period}: \$0.40 are spent"):
        check_money(plan, found)
    studio.declare(CHAIN, budget=budget)
    plan = await studio.plan()
    check_money(plan, await estimate(plan, studio.ledger, now=studio.clock))  # all of it is reused: there is nothing to refuse


async def test_a_resumed_run_is_refused_for_what_it_has_spent_before(studio: Studio) -> None:
    shots = CHAIN + "\n      - {id: gulls, prompt: Gulls wheel, duration: 4}"
    studio.declare(shots, pipeline="budget_usd: 0.50")
    plan = await studio.plan()
    assert isinstance(await studio.render(plan), OverBudgetError), "three shots of $0.20"
    new = await estimate(plan, studio.ledger, now=studio.clock)
    assert new.limits == (Limit(period="run", usd=Decimal("0.50")),)
    check_money(plan, new)
    with pytest.raises(OverBudgetError, match=r"would cost \$0.20, over its budget of \$0.50, and \$0.40 of it are spent"):
        check_money(plan, await estimate(plan, studio.ledger, now=studio.clock, resumed=True))


async def test_the_shot_downstream_of_a_shared_one_that_is_made_anew_says_so(studio: Studio) -> None:
    board = '- {id: a, prompt: A, duration: 4}\n      - {id: b, prompt: "B {{ matrix.language }}", duration: 4, start_image: a}'
    studio.declare(board, pipeline="matrix: {language: [en, de]}")
    found = await look(studio)
    assert found.decisions["de/a"].reason == "the same request as en/a"
    assert found.decisions["de/b"].reason == "starts from a, made anew"


async def test_a_reel_says_which_shots_it_waits_for(studio: Studio) -> None:
    studio.declare(CHAIN + "\n    cut: {}")
    assert [reel.reason for reel in (await look(studio)).reels] == ["made when dawn, surf are there"]
    assert await studio.render() is None
    studio.declare(CHAIN + "\n      - {id: night, prompt: Night falls, duration: 5}\n    cut: {}")
    assert [reel.reason for reel in (await look(studio)).reels] == ["made when night is there"]
