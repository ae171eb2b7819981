"""The names of `animatic.plan` stand twice in it, for type checkers and for Python; both lists say the same."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import animatic.plan

IMPORTS = [
    (node.module, alias.name)
    for node in ast.walk(ast.parse(Path(animatic.plan.__file__).read_text(encoding="utf-8")))
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("animatic.")
    for alias in node.names
]


def test_both_lists_hold_the_same_names() -> None:
    assert sorted(name for _, name in IMPORTS) == dir(animatic.plan)


@pytest.mark.parametrize(("module", "name"), IMPORTS)
def test_a_name_is_loaded_from_the_module_that_type_checkers_see(module: str, name: str) -> None:
    found = getattr(animatic.plan, name)
    assert getattr(found, "__module__", module) in {module, "types", "typing"}


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'plan_of'"):
        getattr(animatic.plan, "plan_of")  # noqa: B009 - the type checker knows it, too
