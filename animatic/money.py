"""Spells amounts of money for people: ``$0.28``, the same on the terminal, the page, in artifacts and in messages."""

from __future__ import annotations

from decimal import Decimal

UNKNOWN = "unknown"


def dollars(amount: Decimal | float | None, *, unknown: str = UNKNOWN) -> str:
    """Return US dollars as ``$1,234.50``, with fractions of a cent (up to four digits) only where there are some. None is ``unknown``."""
    if amount is None:
        return unknown
    text = f"{abs(amount):,.4f}"
    text = text[:-2] if text.endswith("00") else text.rstrip("0")
    return f"-${text}" if amount < 0 else f"${text}"
