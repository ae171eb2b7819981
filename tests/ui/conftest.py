"""Keeps the tests of one `animatic up` in their order: the last one ends it."""

from __future__ import annotations

import pytest

IN_ORDER = "tests.ui.test_prefect_ui"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [index for index, item in enumerate(items) if _module(item) == IN_ORDER]
    ordered = sorted((items[index] for index in places), key=lambda item: item.location[1] or 0)
    for index, item in zip(places, ordered, strict=True):
        items[index] = item


def _module(item: pytest.Item) -> str:
    module = item.getparent(pytest.Module)
    return module.obj.__name__ if module is not None else ""
