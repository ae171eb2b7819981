"""Takes stock of a history as a person does: the takes, what was spent, and what `animatic doubts --json` tells with each account."""

from __future__ import annotations

from datetime import timedelta

from animatic.engine.decisions import OpenDoubt, ask_krea, candidates_of, list_doubts
from animatic.engine.history import OpenDestination
from animatic.ledger import Ledger
from tests.histories import patches
from tests.histories.history import History, Mention
from tests.histories.krea import BEGAN
from tests.histories.loop import Process


async def take_stock(history: History, accounts: tuple[str, ...]) -> None:
    """Fill in what can be said of a history at its end."""
    history.storage.slow = 0.0
    person = Process(name="person", host="anna", pid=1)
    timing = history.timing(person)
    ledger = Ledger(history.storage, clock=timing.now, owner_alive=lambda intent: patches.is_alive(intent.host, intent.pid, intent.started))
    destination = OpenDestination(deliver="/memory", simulated=False, storage=history.storage, ledger=ledger)
    history.takes = await ledger.takes.get_many(step.fingerprint for step in history.plan.steps)
    for account in accounts:
        doubts = await list_doubts((destination,), timing=timing)
        async with history.client(person, "", account) as client:
            for doubt in await ask_krea(client, doubts, destination, timing.now()):
                late = await candidates_of(client, doubt) if doubt.kind == "lost_answer" else doubt.late
                _note(history, account, doubt, frozenset(job.id for job in late))
    days = {(BEGAN + timedelta(days=number)).date() for number in range(-1, 4)}
    history.spending = await ledger.spending.on(days)


def _note(history: History, account: str, doubt: OpenDoubt, candidates: frozenset[str]) -> None:
    submitted, shot = doubt.submission.submitted, doubt.submission.intent.step
    jobs = candidates | ({submitted.job_id} if submitted else set())
    history.doubts.append(Mention(kind=doubt.kind, shot=shot, jobs=jobs))
    told = ", ".join(sorted(jobs)) or "no job"
    history.tell("doubts", f"with account {account!r}: {doubt.kind} of {shot}/{doubt.submission.number}: {told}; {doubt.reason}")
