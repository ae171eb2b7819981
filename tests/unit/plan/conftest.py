"""What plan tests share: the committed catalogue, and a way from YAML text to a plan."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.plan import Plan, build_plan
from animatic.source import load
from animatic.spec import Declaration, declare
from tests.unit.plan.plan_helpers import HEAD, STARTED, DeclarationOf, PlanOf


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture
def declaration_of(tmp_path: Path) -> DeclarationOf:
    """Return a function from the text below ``pipelines:`` (or, with ``head=""``, from a whole file) to its declaration."""

    def declared(text: str, *, head: str = HEAD) -> Declaration:
        body = textwrap.dedent(text)
        file = tmp_path / "pipelines.yaml"
        file.write_text(head + (textwrap.indent(body, "  ") if head else body), encoding="utf-8")
        return declare([load(file, display="pipelines.yaml")])

    return declared


@pytest.fixture
def plan_of(declaration_of: DeclarationOf, catalog: Catalog) -> PlanOf:
    """Return a function from text to the plan of its first pipeline."""

    def planned(text: str, *, head: str = HEAD, **wishes: Any) -> Plan:
        declaration = declaration_of(text, head=head)
        wishes = {"run_id": "run-1", "started": STARTED, **wishes}
        return build_plan(declaration, next(iter(declaration.pipelines)), catalog, **wishes)

    return planned
