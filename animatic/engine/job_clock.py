"""Recalls how Krea dates its jobs from earlier answers: a run that has had none looks for lost ones, too."""

from __future__ import annotations

from datetime import timedelta

from animatic.krea import KreaClient
from animatic.ledger import Ledger

ANSWERS = 20
"""That many of the latest submissions are looked at."""


async def recall_job_clock(client: KreaClient, ledger: Ledger) -> None:
    """Tell the client what the answered submissions of yesterday and today show, once, if it has not seen an answer itself.

    Only what was sent to the same Krea tells, by a machine that knew Krea's clock. Raises StorageError.
    """
    clock = client.job_clock
    if clock.known or clock.recalled:
        return
    for one in await ledger.recent.answered(latest=ANSWERS):
        intent, became = one.intent, one.submitted
        if became is None or intent.origin != client.origin or not intent.clock_error or became.at < intent.intended_at:
            continue
        error = timedelta(seconds=intent.clock_error)
        clock.made(became.job_id, earliest=intent.by_krea(intent.intended_at) - error, latest=intent.by_krea(became.at) + error)
    clock.recalled = True
