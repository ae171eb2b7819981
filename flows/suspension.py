"""Suspends a deployed run that waits for persons, and finds what they said once it is resumed. No process is held meanwhile.

Prefect's own `suspend_flow_run` cannot say why a run is suspended; this sets the same state with a message, and keeps the form as it does.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import NoReturn
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import FlowRunContext
from prefect.exceptions import Pause, PrefectHTTPStatusError
from prefect.input.run_input import keyset_from_paused_state
from prefect.runtime import flow_run
from prefect.states import Scheduled, Suspended

from animatic.engine.questions import Question
from animatic.errors import PrefectError
from animatic.flows.approval_form import Answer, answers_in, asked_of, form_of, written
from animatic.flows.time_outs import resume_at

RESUMING = "Resuming"
"""What Prefect calls the state of a run that was resumed and waits for its process."""
PREFIX = "approval-"
"""How the keys of our suspensions begin."""
KEY_BYTES = 6
NET = timedelta(hours=1)
"""Behind the last time to decide, for the case that the server did not resume the run then."""
QUESTIONS = "-questions"
MAX_SUSPENSIONS = 200
"""Forms of one flow run that are looked for; each is forgotten once it was read."""
log = logging.getLogger(__name__)


def goes_on() -> bool:
    """Whether this flow run has begun before: it was retried, or resumed, which Prefect does not count."""
    context = FlowRunContext.get()
    resumed = context is not None and context.flow_run is not None and bool(context.flow_run.empirical_policy.pause_keys)
    return resumed or (flow_run.run_count or 0) > 1


async def suspend(questions: Sequence[Question], *, message: str, description: str, decided: Callable[[], Awaitable[bool]]) -> NoReturn:
    """Suspend this flow run until somebody decides, or the first time to decide is over. Raises Prefect's Pause, which ends the process.

    ``decided``: whether somebody has decided before the run was suspended; then it is resumed at once, as nobody else would.

    Raises PrefectError where Prefect does not take it: then the run has to end otherwise.
    """
    run_id = flow_run.id
    assert run_id is not None, "only a run of a deployment is suspended"
    key = f"{PREFIX}{secrets.token_hex(KEY_BYTES)}"  # Prefect fires each key once, and counts no attempt for a resumed run
    now = datetime.now(UTC)
    state: State[None] = Suspended(pause_expiration_time=_net(questions), pause_key=key, message=message)
    keyset = keyset_from_paused_state(state)
    state.state_details.run_input_keyset = {str(name): value for name, value in keyset.items()}
    form = form_of(questions, description)
    try:
        async with get_client() as client:
            ends = [question.asked.until for question in questions if question.asked.until is not None]
            if ends:
                await resume_at(client, UUID(run_id), min(ends), now)
            await client.create_flow_run_input(UUID(run_id), f"{key}{QUESTIONS}", written(asked_of(questions)))
            answer = await client.set_flow_run_state(UUID(run_id), state)
            if answer.status == SetStateStatus.ACCEPT:
                await form.asave(keyset, flow_run_id=UUID(run_id))
                await _resume_if(decided, client, UUID(run_id))
    except Exception as error:
        raise PrefectError(f"the run could not be suspended: {type(error).__name__}") from error
    if answer.status != SetStateStatus.ACCEPT:
        reason = getattr(answer.details, "reason", None)
        raise PrefectError(f"the run could not be suspended: {reason or answer.status.value.lower()}")
    raise Pause(state=answer.state)


async def _resume_if(decided: Callable[[], Awaitable[bool]], client: PrefectClient, run_id: UUID) -> None:
    """Resume the run that has just been suspended, if it was decided meanwhile. It never fails a run: `animatic resume` goes on as well."""
    try:
        if await decided():
            await client.set_flow_run_state(run_id, Scheduled(name=RESUMING, scheduled_time=datetime.now(UTC), message="decided meanwhile"))
    except Exception as error:  # noqa: BLE001 (whatever ails server or destination, the run is suspended, and waits)
        log.warning("whether somebody has decided meanwhile could not be told: %s", type(error).__name__)


def _net(questions: Sequence[Question]) -> datetime | None:
    """Return when Prefect itself is to fail the run, should the server not have resumed it at the end of its time; None: never."""
    ends = [question.asked.until for question in questions if question.asked.on_timeout == "stop"]
    return None if not ends or len(ends) < len(questions) or None in ends else max(end for end in ends if end is not None) + NET


async def answers_given(client: PrefectClient, flow_run_id: UUID) -> list[tuple[str, Answer]]:
    """Return what was said in the forms of a flow run that nobody has acted on yet, with the key by which each is forgotten."""
    found: list[tuple[str, Answer]] = []
    for asked in await client.filter_flow_run_input(flow_run_id, PREFIX, MAX_SUSPENSIONS, set()):
        if not asked.key.endswith(QUESTIONS):
            continue
        key = asked.key.removesuffix(QUESTIONS)
        try:
            response = await client.read_flow_run_input(flow_run_id, f"suspended-{key}-response")
        except PrefectHTTPStatusError as error:
            if error.response.status_code != HTTPStatus.NOT_FOUND:
                raise
            continue  # resumed from elsewhere: nobody has filled the form
        found += [(key, answer) for answer in answers_in(str(asked.value), response)]
    return found


async def forget(client: PrefectClient, flow_run_id: UUID, key: str) -> None:
    """Forget a form that was acted on."""
    await client.delete_flow_run_input(flow_run_id, f"{key}{QUESTIONS}")
