"""Runs a planned pipeline as a flow in this process: what ``animatic run`` and ``resume`` do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from prefect import tags
from prefect.settings import PREFECT_API_URL

from animatic import proxies
from animatic.engine.run import Run
from animatic.errors import AnimaticError, PrefectError
from animatic.flows.parameters import PROFILE, SIMULATED_TAG, TAG, profile_tag
from animatic.flows.run import CURRENT_FLOW_RUN, FlowRunContext
from animatic.flows.storyboards import pipeline_flow
from animatic.plan import Plan
from animatic.settings import Settings
from animatic.spec import PipelineSpec
from animatic.spec.model import ProfileSpec


class _WithoutTracebacks(logging.Filter):
    """Drops the traceback of our own errors: they are one sentence, and where they were raised helps nobody who runs a storyboard."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], AnimaticError):
            record.exc_info = record.exc_text = None
        return True


def hide_tracebacks() -> None:
    """Strip tracebacks of our own errors from Prefect's run logs."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_WithoutTracebacks())


async def launch(
    spec: PipelineSpec,
    plan: Plan,
    settings: Settings,
    *,
    simulator_url: str | None,
    on_start: Callable[[FlowRunContext, Run], None],
    register: Callable[[FlowRunContext], None] = lambda _: None,
    cancel_jobs: bool = False,
) -> FlowRunContext:
    """Run a plan as a flow run of its pipeline. How it ended is in what is returned: ``error`` is None if every shot is delivered.

    ``register`` is given the context before the run, and again when Prefect has set its signal handlers. ``cancel_jobs``: an interruption
    also cancels at Krea what the run waits for. Raises PrefectError when the Prefect API does not answer before the run has begun.
    """
    context = FlowRunContext(
        plan=plan, settings=settings, simulator_url=simulator_url, on_begin=register, on_start=on_start, cancel_jobs=cancel_jobs
    )
    register(context)
    token = CURRENT_FLOW_RUN.set(context)
    try:
        run: Any = pipeline_flow(knowing(spec, plan.profile))
        profile = {} if plan.profile is None else {PROFILE: plan.profile}
        with tags(TAG, *plan.tags, *([SIMULATED_TAG] if simulator_url is not None else []), *profile_tag(plan.profile)):
            state = await run(**plan.params, **profile, return_state=True)
    except AnimaticError:
        raise
    except Exception as error:
        if context.work is None:
            raise PrefectError(
                f"the Prefect API does not take the run: {type(error).__name__}",
                hint=proxies.advised("check PREFECT_API_URL, or unset it to use a local server", str(PREFECT_API_URL.value() or "")),
            ) from error
        if not _recorded(context):
            raise
        # Everything is made and written down; only Prefect could not be told how the run ended.
        context.reported = False
        return context
    finally:
        CURRENT_FLOW_RUN.reset(token)
    if context.error is None and not state.is_completed():
        failure = await state.aresult(raise_on_failure=False)
        if isinstance(failure, Exception):
            raise failure
    return context


def knowing(spec: PipelineSpec, profile: str | None) -> PipelineSpec:
    """Return the pipeline with the profile of a run that is taken up again, though the file may have it no more."""
    if profile is None or profile in spec.profiles:
        return spec
    return replace(spec, profiles={**spec.profiles, profile: ProfileSpec(name=profile, path=())})


def _recorded(context: FlowRunContext) -> bool:
    """Whether the run went to its end and its manifest is written."""
    work = context.work
    if work is None or not work.done() or context.manifest is None:
        return False
    return work.cancelled() or work.exception() is None
