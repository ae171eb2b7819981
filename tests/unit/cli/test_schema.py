"""``schema``: the JSON Schema accepts what validates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import GOOD, Verb


def test_the_schema_accepts_what_validates(animatic: Verb) -> None:
    import jsonschema
    import yaml

    said = animatic("schema", "--out", "pipelines.schema.json")
    assert (said.code, said.out) == (0, "")
    schema = json.loads(Path("pipelines.schema.json").read_text())
    assert schema == animatic("schema").json
    declared = yaml.safe_load(GOOD)
    jsonschema.validate(declared, schema)
    declared["pipelines"]["teaser"]["shots"][0] |= {"model": "xai/grok-video", "duration": 99}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(declared, schema)
