"""Tells whether what a submission was sent to can be asked here: the same Krea, with the same account."""

from __future__ import annotations

from animatic.krea import KreaClient
from animatic.ledger import Intent


def out_of_reach(client: KreaClient, intent: Intent) -> str | None:
    """Tell why the job of a submission may exist although this client does not see it: another Krea or token. None: it would see it."""
    if not intent.origin:
        return None
    if intent.origin != client.origin:
        return f"it was sent to {intent.origin}, and this run asks {client.origin}"
    return None if intent.account == client.account(intent.token) else "it was sent with another KREA_API_TOKEN than this run has"
