"""What a plan would do at its destination, asked take by take and, for large plans, by one listing of the ledger."""

from __future__ import annotations

import pytest

from animatic.engine.estimate import Estimate, estimate
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
