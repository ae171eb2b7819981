"""What is imported is not searched for garbage, and what becomes garbage afterwards is found."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from animatic.cli.collecting import importing


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    gc.enable()


class Ring:
    """Refers to itself: only the collector finds that nobody else does."""

    def __init__(self) -> None:
        self.myself = self


def test_nothing_is_searched_meanwhile_and_what_is_there_is_left_alone() -> None:
    looks: list[str] = []

    def look(phase: str, _info: object) -> None:
        looks.append(phase)

    gc.callbacks.append(look)
    try:
        with importing():
            kept = [[number] for number in range(100_000)]
    finally:
        gc.callbacks.remove(look)
    assert (looks, len(kept), gc.isenabled()) == ([], 100_000, True)
    assert gc.get_freeze_count() >= len(kept)


def test_new_garbage_is_found_also_after_an_import_that_failed() -> None:
    with pytest.raises(ImportError), importing():
        raise ImportError("no such module")
    gone = weakref.ref(Ring())
    gc.collect()
    assert gone() is None
