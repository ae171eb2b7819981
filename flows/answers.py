"""Takes what was said in the form of a suspended run into the ledger, where all decisions are, however they were made."""

from __future__ import annotations

import logging
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from animatic.catalog import Catalog
from animatic.engine.approvals import approve
from animatic.engine.decided import prompt_changes, reject_and_go_on, with_decisions
from animatic.engine.plan_run import step_named
from animatic.errors import AnimaticError, ServiceError
from animatic.flows.approval_form import Answer
from animatic.flows.suspension import answers_given, forget, goes_on
from animatic.flows.time_outs import forget_time_out
from animatic.ledger import Ledger
from animatic.plan import Plan

log = logging.getLogger(__name__)


async def take_answers(plan: Plan, ledger: Ledger, catalog: Catalog) -> tuple[str, ...]:
    """Record the answers of this flow run's forms; returns what could not be followed: a second decision, a prompt that is refused.

    ``plan`` is the stored one. A form is forgotten once it was acted on; before that, a run that dies finds it again, and what the ledger
    has already is not decided twice. Raises StorageError.
    """
    if flow_run.id is None or not goes_on():
        return ()
    remarks: list[str] = []
    async with get_client() as client:
        given = await answers_given(client, UUID(flow_run.id))
        for _, answer in given:
            try:
                await _take(plan, ledger, catalog, answer)
            except ServiceError:
                raise
            except AnimaticError as error:
                remarks.append(f"Not followed, {answer.by} on {answer.step}: {error}")
                get_run_logger().warning("the answer about %s was not followed: %s", answer.step, error)
        await forget_time_out(client, UUID(flow_run.id))
        for key in dict.fromkeys(key for key, _ in given):
            await forget(client, UUID(flow_run.id), key)
    return tuple(remarks)


async def _take(plan: Plan, ledger: Ledger, catalog: Catalog, answer: Answer) -> None:
    now = await with_decisions(plan, ledger, catalog)
    step = step_named(now, answer.step)
    if answer.another:
        changes = prompt_changes(step, answer.prompt)
        said, _ = await reject_and_go_on(
            now, ledger, step, catalog, changes=changes, by=answer.by, note=answer.note, question=answer.question
        )
    else:
        said = await approve(now, ledger, step.key, take=answer.take, by=answer.by, note=answer.note, question=answer.question)
    get_run_logger().info("%s: take %d was %s by %s", step.key, said.take, said.kind, said.by)
