"""What one run of a plan works with: the services of this process, and the run's own money, progress and record."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animatic import __version__
from animatic.engine.budget import Budget
from animatic.engine.crashpoints import crashpoint
from animatic.engine.history import open_destination, utc_now
from animatic.engine.progress import ProgressTracker
from animatic.engine.workdir import working_folder
from animatic.errors import AnimaticError, KreaRefusedError, KreaUnreachableError, MoneyError, PrefectError, ShotError
from animatic.krea import KreaClient, Watcher
from animatic.ledger import Ledger, Take
from animatic.manifest import ManifestBuilder, PrefectRun
from animatic.plan import Plan, Step, plan_to_json
from animatic.redact import bare_url
from animatic.settings import Patience, Secret, Settings
from animatic.storage import Storage

if TYPE_CHECKING:
    from animatic.krea.webhook import WebhookReceiver


FIRST_ANSWER = 30.0
"""Seconds for Krea's first answer: less than an outage may last in mid-run, as a wrong address should not take minutes to show."""
MEDIA_AT_ONCE = 2
TRANSFERS_AT_ONCE = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A job that was paid for and that somebody has to wait for."""

    fingerprint: str
    attempt: int
    job_id: str
    model: str
    submitted_at: datetime
    usd: Decimal | None
    request: Mapping[str, Any]
    """Body as sent, URLs without query."""
    inputs: tuple[Mapping[str, Any], ...]
    adopted: bool
    """Taken up from the ledger: this process did not send it."""


@dataclass(kw_only=True)
class Run:
    """One execution of one plan. Lives in one event loop."""

    plan: Plan
    settings: Settings
    simulated: bool
    client: KreaClient
    watcher: Watcher
    receiver: WebhookReceiver | None
    """Where callbacks arrive, if ``ANIMATIC_WEBHOOK_URL`` is set."""
    storage: Storage
    ledger: Ledger
    budget: Budget
    progress: ProgressTracker
    manifest: ManifestBuilder
    workdir: Path
    started_at: datetime
    clock: Callable[[], datetime]
    steps: dict[str, Step] = field(init=False)
    """The plan's steps by key."""
    takes: dict[str, Take] = field(default_factory=dict)
    """Takes that this run has, by step key."""
    errors: dict[str, AnimaticError] = field(default_factory=dict)
    """How shots failed, by step key."""
    stopped: AnimaticError | None = None
    """Why nothing new starts any more."""
    post_gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One POST at a time: a crash leaves at most one submission in doubt, and whatever appears in Krea's list meanwhile is that one."""
    prepare_gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSFERS_AT_ONCE))
    transfer_gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSFERS_AT_ONCE))
    media_gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MEDIA_AT_ONCE))
    left_behind_resolved: bool = False
    """Whether submissions that died with another process a moment ago were looked into: due before our first POST."""
    running: dict[str, Submission] = field(default_factory=dict)
    """Jobs that are waited for, by step key."""
    posts_held_until: float = 0.0
    """Loop time before which nothing is submitted: Krea asked for a pause."""
    slots: asyncio.Semaphore | None = None
    """Krea jobs of this pipeline at once, where the pipeline says so."""
    fingerprint_gates: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """Equal shots of one run share a take: the first makes it, the others find it."""

    def __post_init__(self) -> None:
        self.steps = {step.key: step for step in self.plan.steps}

    @property
    def prefix(self) -> str:
        """Folder of this run below the destination."""
        return f"{self.plan.pipeline}/{self.plan.run_id}"

    def address(self, name: str) -> str:
        """Return where a file of this run is, as people open it: a path or an ``s3://`` URL."""
        return f"{self.storage.url}/{self.prefix}/{name}"

    def stop(self, reason: AnimaticError) -> None:
        """Let nothing new start. The first reason stands; what is running is delivered."""
        self.stopped = self.stopped or reason

    def hold_posts(self, seconds: float) -> None:
        """Submit nothing for a while."""
        self.posts_held_until = max(self.posts_held_until, asyncio.get_running_loop().time() + seconds)

    def check_open(self) -> None:
        """Raise the reason why nothing new starts, if there is one."""
        if self.stopped is not None:
            raise ShotError(f"not started: {self.stopped.message}", code="stopped")


def stops_everything(error: AnimaticError) -> bool:
    """Whether an error means that no further submission can succeed: no money, no valid token, no engine."""
    return isinstance(error, MoneyError | KreaRefusedError | PrefectError)


def connect_to_krea(base_url: str, token: Secret | None, patience: Patience) -> KreaClient:
    """Return a client of the real network."""
    return KreaClient(base_url, token, patience=patience)


@asynccontextmanager
async def open_run(
    plan: Plan,
    settings: Settings,
    *,
    simulator_url: str | None = None,
    prefect: PrefectRun | None = None,
    clock: Callable[[], datetime] = utc_now,
    connect: Callable[[str, Secret | None, Patience], KreaClient] = connect_to_krea,
) -> AsyncIterator[Run]:
    """Open everything that a run needs, prove that destination and Krea answer, and close it all at the end.

    ``clock`` and ``connect`` (base URL, token, patience) are for tests.

    Raises UsageError without a token and without a simulator, StorageError, KreaRefusedError, KreaUnreachableError, MoneyError: before anything was paid.
    """
    simulated = simulator_url is not None
    token = Secret("simulated") if simulated else settings.require_token()
    storage = open_destination(plan.deliver, simulated=simulated, outage=settings.patience.outage)
    ledger = Ledger(storage, clock=clock)
    started = clock()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(simulator_url or settings.krea_url, token, settings.patience))
        await asyncio.gather(storage.check(), prove_token(client, simulator_url or settings.krea_url, settings.patience.outage))
        watcher = await stack.enter_async_context(Watcher(client, poll=settings.patience.poll))
        receiver = None
        if settings.webhook_url is not None and not simulated:
            # A callback is a hint which job to look at; polling goes on as the net below.
            from animatic.krea.webhook import WebhookReceiver  # noqa: PLC0415 (brings a web server, which few runs need)

            receiver = await stack.enter_async_context(
                WebhookReceiver(settings.webhook_url, port=settings.webhook_port, on_callback=lambda _token, job_id: watcher.nudge(job_id))
            )
        workdir = stack.enter_context(working_folder(settings.home))
        budget = Budget(plan=plan, ledger=ledger, clock=clock)
        await budget.recall()
        crashpoint("before-run-saved")
        await ledger.save_run(plan.run_id, _run_record(plan, simulated=simulated))
        crashpoint("after-run-saved")
        yield Run(
            plan=plan,
            settings=settings,
            simulated=simulated,
            client=client,
            watcher=watcher,
            receiver=receiver,
            storage=storage,
            ledger=ledger,
            budget=budget,
            progress=ProgressTracker.of({step.key: step.request.model for step in plan.steps}),
            manifest=ManifestBuilder(plan, simulated=simulated, started_at=started, animatic_version=__version__, prefect=prefect),
            workdir=workdir,
            started_at=started,
            clock=clock,
            slots=asyncio.Semaphore(plan.concurrency) if plan.concurrency else None,
        )


async def prove_token(client: KreaClient, url: str, outage: float) -> None:
    """Read one job of the list: the cheapest call that needs a valid token. Raises KreaRefusedError, KreaUnreachableError."""
    try:
        async with asyncio.timeout(min(outage, FIRST_ANSWER)):
            async for _ in client.jobs(limit=1):
                break
    except (TimeoutError, KreaUnreachableError) as error:
        said = f": {error.message}" if isinstance(error, KreaUnreachableError) else ""
        raise KreaUnreachableError(
            f"Krea does not answer at {bare_url(url)}{said}", hint="check KREA_API_URL and the network; this run has submitted nothing"
        ) from error


def _run_record(plan: Plan, *, simulated: bool) -> dict[str, object]:
    return {"pipeline": plan.pipeline, "simulated": simulated, "plan": plan_to_json(plan)}
