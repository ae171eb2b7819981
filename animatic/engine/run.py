"""One run of a plan: the services of this process, the gates that limit what happens at once, and what has become of the run so far."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from animatic import __version__, proxies
from animatic.engine.budget import Budget
from animatic.engine.crashpoints import crashpoint
from animatic.engine.history import open_destination
from animatic.engine.post_gate import PostGate
from animatic.engine.progress import ProgressTracker
from animatic.engine.references import prove_references
from animatic.engine.signing import open_signer
from animatic.engine.slots import UNLIMITED, SharedSlots, SlotGate, ranks_of
from animatic.engine.state import Gates, RunState
from animatic.engine.timing import REAL_TIME, Timing
from animatic.engine.workdir import working_folder
from animatic.errors import AnimaticError, KreaRefusedError, KreaUnreachableError, MoneyError, PrefectError, ShotError, UsageError
from animatic.krea import KreaClient, Watcher
from animatic.ledger import Ledger, Take
from animatic.manifest import ManifestBuilder, PrefectRun
from animatic.marks.signing import Signer
from animatic.plan import Plan, Step, plan_to_json, without_take
from animatic.redact import bare_url
from animatic.settings import Patience, Secret, Settings
from animatic.storage import Storage

if TYPE_CHECKING:
    from animatic.krea.callbacks import Callbacks

log = logging.getLogger(__name__)

FIRST_ANSWER_SECONDS = 30.0
"""For Krea's first answer: less than an outage may last in mid-run, as a wrong address should not take minutes to show."""
SENDING_HERE: set[str] = set()
"""Tokens of the submissions that this process is sending, or whose lost answers it is looking for.

Of the process, not of one run: `serve` has several runs in one process, and each must know what the others are doing.
"""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of one plan.

    Lives in one event loop. What changes is in ``state``, ``gates``, ``budget``, ``progress`` and ``manifest``; and the plan, where the
    checks of takes say so (`replan`).
    """

    plan: Plan
    settings: Settings
    simulated: bool
    started_at: datetime
    timing: Timing
    client: KreaClient
    watcher: Watcher
    receiver: Callbacks | None
    """Where callbacks arrive, if ``ANIMATIC_WEBHOOK_URL`` is set."""
    storage: Storage
    ledger: Ledger
    workdir: Path
    signer: Signer | None
    """What signs delivered files, where the pipeline asks for it."""
    budget: Budget
    progress: ProgressTracker
    manifest: ManifestBuilder
    gates: Gates
    sending: set[str] = field(default_factory=lambda: SENDING_HERE)
    state: RunState = field(default_factory=RunState)
    steps: Mapping[str, Step] = field(init=False)
    """The plan's steps by key."""
    takes_of: Mapping[str, tuple[Step, ...]] = field(init=False)
    """The steps of a shot's takes by the shot's key: that which counts, then the others."""
    equals: Mapping[str, tuple[str, ...]] = field(init=False)
    """Keys of the shots that share their takes and are not locked, by the base of those."""

    def __post_init__(self) -> None:
        self._index()

    def _index(self) -> None:
        takes_of: defaultdict[str, list[Step]] = defaultdict(list)
        equals: defaultdict[str, list[str]] = defaultdict(list)
        for step in self.plan.steps:
            takes_of[without_take(step.key)].append(step)
            if not step.further and step.locked is None:  # which has its take whatever others have
                equals[step.base].append(step.key)
        object.__setattr__(self, "steps", {step.key: step for step in self.plan.steps})
        object.__setattr__(self, "takes_of", {key: tuple(steps) for key, steps in takes_of.items()})
        object.__setattr__(self, "equals", {base: tuple(keys) for base, keys in equals.items()})

    def replan(self, plan: Plan) -> None:
        """Go on with a plan in which shots have more takes, or other ones of them count. What is known of a take goes where it is now."""
        keys = {(without_take(step.key), step.fingerprint): step.key for step in self.plan.steps}
        before = {step.key: keys[at] for step in plan.steps if (at := (without_take(step.key), step.fingerprint)) in keys}
        moved = {old: new for new, old in before.items()}
        gone = self.steps.keys() - moved.keys()
        for known in (self.state.takes, self.state.delivered, self.state.errors):
            kept = {moved.get(key, key): value for key, value in known.items() if key not in gone}
            known.clear()
            known.update(kept)  # type: ignore[arg-type] # each with its own
        object.__setattr__(self, "plan", plan)
        self._index()
        self.gates.ranks.clear()
        self.gates.ranks.update(ranks_of(plan))
        self.manifest.rearrange(plan, before)
        self.progress.rearrange({step.key: step.request.model for step in plan.steps}, before)

    @property
    def takes(self) -> Mapping[str, Take]:
        """Takes that this run has, by step key."""
        return self.state.takes

    @property
    def stopped(self) -> AnimaticError | None:
        """Why nothing new starts any more; None while it does."""
        return self.state.stopped

    @property
    def prefix(self) -> str:
        """Folder of this run below the destination."""
        return f"{self.plan.pipeline}/{self.plan.run_id}"

    def address(self, name: str) -> str:
        """Return where a file of this run is, as people open it: a path or an ``s3://`` URL."""
        return f"{self.storage.url}/{self.prefix}/{name}"

    def stop(self, reason: AnimaticError) -> None:
        """Let nothing new start. The first reason stays; what is running is delivered."""
        self.state.stopped = self.state.stopped or reason

    def check_open(self) -> None:
        """Raise the reason why nothing new starts, if there is one."""
        if self.state.stopped is not None:
            raise ShotError(f"not started: {self.state.stopped.message}", code="stopped")

    @contextmanager
    def while_sending(self, token: str) -> Iterator[None]:
        """Let the runs of this process know that a submission is being sent."""
        self.sending.add(token)
        try:
            yield
        finally:
            self.sending.discard(token)

    def hold_posts(self, seconds: float) -> None:
        """Submit nothing for a while."""
        self.state.posts_held_until = max(self.state.posts_held_until, self.timing.monotonic() + seconds)

    async def wait_for_posts(self) -> None:
        """Wait until submissions are no longer held."""
        await self.timing.sleep(max(0.0, self.state.posts_held_until - self.timing.monotonic()))


def stops_everything(error: AnimaticError) -> bool:
    """Whether an error means that no further submission can succeed: no money, no valid token or address of Krea, no engine."""
    return isinstance(error, MoneyError | KreaRefusedError | PrefectError | UsageError)


def connect_to_krea(base_url: str, token: Secret | None, patience: Patience, simulator: bool) -> KreaClient:  # noqa: FBT001 (see open_run)
    """Return a client of the real network."""
    return KreaClient(base_url, token, patience=patience, simulator=simulator)


@asynccontextmanager
async def open_run(
    plan: Plan,
    settings: Settings,
    *,
    simulator_url: str | None = None,
    prefect: PrefectRun | None = None,
    slots: SharedSlots = UNLIMITED,
    timing: Timing = REAL_TIME,
    connect: Callable[[str, Secret | None, Patience, bool], KreaClient] = connect_to_krea,
) -> AsyncIterator[Run]:
    """Open everything that a run needs, prove that destination and Krea answer, and close it all at the end.

    ``slots``: the limits of jobs that this run shares with others. ``timing`` and ``connect`` (base URL, token, patience, whether that is
    the simulator) are for tests.

    Raises UsageError without a token and without a simulator, where Krea's address is the simulator's, a reference file is broken, or
    nothing can be signed that is to be;
    StorageError, TimeStampError, KreaRefusedError, KreaUnreachableError, MoneyError: before anything was paid.
    """
    simulated = simulator_url is not None
    token = Secret("simulated") if simulated else settings.require_token()
    storage = open_destination(plan.deliver, simulated=simulated, outage=settings.patience.outage)
    ledger = Ledger(storage, clock=timing.now)
    started = timing.now()
    signer = await asyncio.to_thread(open_signer, plan, settings) if plan.c2pa == "sign" else None
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(simulator_url or settings.krea_url, token, settings.patience, simulated))
        await asyncio.gather(
            storage.check(), prove_token(client, simulator_url or settings.krea_url, settings.patience.outage), prove_references(plan)
        )
        watcher = await stack.enter_async_context(
            Watcher(client, poll=settings.patience.poll, sleep=timing.sleep, clock=timing.monotonic, randomness=timing.randomness)
        )
        receiver = None if simulated else await _open_receiver(stack, settings, watcher, timing)
        workdir = stack.enter_context(working_folder(settings.home))
        budget = Budget(plan=plan, ledger=ledger, clock=timing.now)
        await budget.recall()
        crashpoint("before-run-saved")
        await ledger.runs.save(plan.run_id, _run_record(plan, simulated=simulated))
        crashpoint("after-run-saved")
        yield Run(
            plan=plan,
            settings=settings,
            simulated=simulated,
            started_at=started,
            timing=timing,
            client=client,
            watcher=watcher,
            receiver=receiver,
            storage=storage,
            ledger=ledger,
            workdir=workdir,
            signer=signer,
            budget=budget,
            progress=ProgressTracker.of({step.key: step.request.model for step in plan.steps}, clock=timing.monotonic),
            manifest=ManifestBuilder(
                plan,
                simulated=simulated,
                started_at=started,
                animatic_version=__version__,
                prefect=prefect,
                notes=signer.notes if signer else (),
            ),
            gates=Gates(slots=SlotGate(plan.concurrency, slots, timing), ranks=ranks_of(plan), post=PostGate(settings.submit_at_once)),
        )


async def _open_receiver(stack: AsyncExitStack, settings: Settings, watcher: Watcher, timing: Timing) -> Callbacks | None:
    """Hear callbacks where the settings say so. A callback is a hint which job to look at; polling goes on as the net below.

    The receiver of a process of its own is used where one answers. Else this run listens itself; where it cannot, because another one
    does, it asks for the other receiver until that is back: nothing of this may keep a run from going on.
    """
    if settings.webhook_url is None:
        return None
    from animatic.krea.webhook_listener import WebhookListener, why_no_receiver  # noqa: PLC0415 (few runs need it)

    def nudge(_token: str, job_id: str) -> None:
        watcher.nudge(job_id)

    reason = await why_no_receiver(settings.webhook_url)
    if reason is not None:
        log.info("no `animatic webhook` at %s: %s; this run listens itself", bare_url(settings.webhook_url), reason)
        from animatic.krea.webhook import WebhookReceiver  # noqa: PLC0415 (brings a web server, which few runs need)

        try:
            return await stack.enter_async_context(WebhookReceiver(settings.webhook_url, port=settings.webhook_port, on_callback=nudge))
        except UsageError as error:
            log.warning("%s (%s); jobs are polled meanwhile", error.message, error.hint)
    return await stack.enter_async_context(
        WebhookListener(settings.webhook_url, on_callback=nudge, sleep=timing.sleep, randomness=timing.randomness)
    )


async def prove_token(client: KreaClient, url: str, outage: float) -> None:
    """Read one job of the list: the cheapest call that needs a valid token, and tells whether that is Krea.

    Raises KreaRefusedError, KreaUnreachableError, UsageError where the simulator answers.
    """
    try:
        async with asyncio.timeout(min(outage, FIRST_ANSWER_SECONDS)):
            async for _ in client.jobs(limit=1):
                break
    except (TimeoutError, KreaUnreachableError) as error:
        said = f": {error.message}" if isinstance(error, KreaUnreachableError) else ""
        raise KreaUnreachableError(
            f"Krea does not answer at {bare_url(url)}{said}",
            hint=proxies.advised("check KREA_API_URL and the network; this run has submitted nothing", url),
        ) from error


def _run_record(plan: Plan, *, simulated: bool) -> dict[str, object]:
    return {"pipeline": plan.pipeline, "simulated": simulated, "plan": plan_to_json(plan)}
