"""The schema that pipelines.yaml names in its first line is there, and is the one that ``animatic schema`` writes."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft7Validator

from animatic.catalog import Catalog
from animatic.schema.editor import declaration_schema
from animatic.source import load

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_schema_is_the_one_that_the_catalogue_gives() -> None:
    committed = json.loads((ROOT / "pipelines.schema.json").read_text("utf-8"))
    assert committed == declaration_schema(Catalog.load()), "write it again: animatic schema --out pipelines.schema.json"


def test_the_example_pipelines_name_it_and_obey_it() -> None:
    example = load(ROOT / "pipelines.yaml")
    assert example.text.splitlines()[0] == "# yaml-language-server: $schema=./pipelines.schema.json"
    schema = json.loads((ROOT / "pipelines.schema.json").read_text("utf-8"))
    assert [error.message for error in Draft7Validator(schema).iter_errors(example.data)] == []
