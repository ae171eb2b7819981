"""A person who answers what is asked, as `adopt` and `resubmit` do, and who mostly knows the right job wherever it is to be seen."""

from __future__ import annotations

import random

from animatic.engine.decisions import OpenDoubt, adopt_job, allow_resubmission, candidates_of, list_doubts
from animatic.engine.history import OpenDestination
from animatic.engine.reach import out_of_reach
from animatic.errors import AnimaticError
from animatic.krea import KreaClient
from animatic.ledger import AlreadySubmittedError, ClaimedError, Ledger
from tests.histories import patches
from tests.histories.history import History
from tests.histories.loop import Process
from tests.histories.scenario import PERSON

LEFT_ALONE = 0.2
"""Share of the questions that are left for another day."""
CARELESS = 0.1
"""Share of those that are answered without a look at the pictures."""


async def answer(history: History, account: str, rng: random.Random) -> None:
    """Answer what is asked with one account, or leave it; whoever cannot reach Krea gives up for now."""
    somebody = Process(name=PERSON, host="anna", pid=1)
    timing = history.timing(somebody)
    ledger = Ledger(history.storage, clock=timing.now, owner_alive=lambda intent: patches.is_alive(intent.host, intent.pid, intent.started))
    destination = OpenDestination(deliver="/memory", simulated=False, storage=history.storage, ledger=ledger)
    async with history.client(somebody, "", account) as client:
        for doubt in await list_doubts((destination,), timing=timing):
            if doubt.kind != "stray" and not out_of_reach(client, doubt.submission.intent) and rng.random() > LEFT_ALONE:
                try:
                    await _decide(history, client, doubt, rng)
                except (AnimaticError, ClaimedError, AlreadySubmittedError) as error:
                    history.tell(PERSON, f"could not: {error}")


async def _decide(history: History, client: KreaClient, doubt: OpenDoubt, rng: random.Random) -> None:
    intent, number = doubt.submission.intent, doubt.submission.number
    what = f"{intent.step}/{number}"
    if doubt.kind == "lost_answer":
        own = {post.job.id for post in history.krea.posts if post.attempt == (intent.fingerprint, number) and post.job is not None}
        jobs = await candidates_of(client, doubt)
        chosen = jobs if rng.random() < CARELESS else [job for job in jobs if job.id in own]
        if chosen:
            job = rng.choice(chosen)
            history.misled = history.misled or job.id not in own
            await adopt_job(doubt, job)
            history.tell(PERSON, f"adopts {job.id} for {what}")
            return
    await allow_resubmission(doubt)
    history.tell(PERSON, f"lets {what} be submitted again")
