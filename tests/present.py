"""Narrow an optional value in a test: what must be there is there, or the test fails at that line."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(value: T | None) -> T:
    """Return the value; fail where it is None."""
    assert value is not None
    return value
