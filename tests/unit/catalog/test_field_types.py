"""Field types: one set of rules for each, which agree with one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from animatic.catalog.model import FIELD_TYPES, Field, FieldType
from animatic.catalog.types import accepts, rules_of, schema_of, type_named

SAMPLES: Mapping[FieldType, tuple[Any, ...]] = {
    "string": ("", "dawn"),
    "number": (0, 5, 2.5),
    "integer": (0, 5, 6.0),
    "boolean": (True, False),
    "array": ([], [1], ()),
    "object": ({}, {"shot": "dawn"}),
    "any": (None, "dawn", 1, True, [], {}),
}


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_values_of_a_type_fit_it_pass_its_test_and_are_left_alone_by_templates(kind: FieldType) -> None:
    rules = rules_of(kind)
    for value in SAMPLES[kind]:
        assert rules.fits(value)
        assert rules.test(Field(type=kind))(value)
        assert kind == "string" or isinstance(value, str) or rules.from_template(value) is value


@pytest.mark.parametrize("kind", [kind for kind in FIELD_TYPES if kind != "any"])
def test_values_of_other_types_are_refused(kind: FieldType) -> None:
    rules = rules_of(kind)
    wider = {other for other in FIELD_TYPES if rules_of(other).wider == kind}
    for other in set(FIELD_TYPES) - wider - {kind, "any"}:
        for value in SAMPLES[other]:
            whole = kind == "integer" and other == "number" and value == int(value)
            assert rules.fits(value) == whole
            assert rules.test(Field(type=kind))(value) == whole


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_the_json_schema_of_a_type_leads_back_to_it(kind: FieldType) -> None:
    form = schema_of(Field(type=kind))
    assert form == rules_of(kind).schema
    if form:
        assert type_named(form["type"]) == kind
        assert schema_of(Field(type=kind, nullable=True)) == {"type": [form["type"], "null"]}


def test_what_a_template_yields_becomes_the_type_that_is_due() -> None:
    assert rules_of("integer").from_template(" 6 ") == 6
    assert rules_of("number").from_template("2.5") == 2.5
    assert rules_of("number").from_template("soon") == "soon"
    assert rules_of("boolean").from_template("True") is True
    assert rules_of("boolean").from_template("perhaps") == "perhaps"
    assert rules_of("string").from_template(6) == "6"
    assert rules_of("string").from_template(True) == "true"


def test_only_what_is_certain_counts_as_accepted_by_another_model() -> None:
    assert accepts(Field(type="number", maximum=10), 10)
    assert not accepts(Field(type="number", maximum=10), 11)
    assert accepts(Field(type="string", enum=("1080p",)), "1080p")
    assert not accepts(Field(type="any"), "1080p")
    assert not accepts(Field(type="boolean"), True)
