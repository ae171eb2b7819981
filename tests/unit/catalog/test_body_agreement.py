"""The checker and the JSON Schema of a model are two readings of the same entry: they agree on every body."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from animatic.catalog import Catalog, Model, check_body
from animatic.catalog.model import Field
from tests.present import present
from tests.unit.catalog.request_schema import model_schema

CATALOG = Catalog.load()
URL = "https://krea.example/a.png"
ODD = st.one_of(st.none(), st.booleans(), st.integers(-3, 40), st.just(5.5), st.text(max_size=4), st.just([]), st.just({}), st.just([1]))


def around(field: Field) -> list[Any]:
    """Return values at, inside and just outside of every limit of a field."""
    if field.media is not None:
        return [URL, URL + "a" * 1024]
    values: list[Any] = list(field.enum or ())
    for bound in (field.minimum, field.maximum, field.exclusive_minimum, field.exclusive_maximum):
        if bound is not None:
            values += [bound, bound - 1, bound + 1, float(bound)]
    if field.type == "string":
        values += ["", "abc", "x" * (field.min_length or 0)] + ["x" * size for size in (field.max_length or 5, (field.max_length or 5) + 1)]
    if field.type in {"number", "integer"}:
        values += [1, 2.0, 2.5]
    if field.type == "boolean":
        values += [True, False]
    return values or ["x", 1, None]


def value_for(field: Field) -> st.SearchStrategy[Any]:
    if field.media is None and field.one_of:
        good: st.SearchStrategy[Any] = st.one_of(*map(value_for, field.one_of))
    elif field.items is not None:
        size = (field.max_items or 3) + 1
        good = st.lists(value_for(field.items), min_size=0, max_size=min(size, 16))
    elif field.properties is not None:
        good = st.fixed_dictionaries({}, optional={name: value_for(child) for name, child in field.properties.items()})
    else:
        good = st.sampled_from(around(field))
    # A reference must be a URL to be checked as one; JSON Schema's format "uri" is not enforced.
    odd = ODD.filter(lambda value: not isinstance(value, str)) if field.media is not None else ODD
    return st.one_of(good, good, good, odd)


def bodies(model: Model) -> st.SearchStrategy[dict[str, Any]]:
    known = {name: value_for(field) for name, field in model.fields.items()}
    return st.fixed_dictionaries({}, optional={**known, "nonsense": st.just(1)})


def agree(name: str, body: dict[str, Any]) -> None:
    model = present(CATALOG.find(name))
    ours = [finding for finding in check_body(model, body, skip_references=False) if finding.severity == "error"]
    theirs = list(VALIDATORS.setdefault(name, Draft7Validator(model_schema(model))).iter_errors(body))
    assert bool(ours) == bool(theirs), (name, body, ours, theirs)


VALIDATORS: dict[str, Draft7Validator] = {}


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_checker_and_schema_agree_on_any_body(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(CATALOG.names()))
    agree(name, data.draw(bodies(present(CATALOG.find(name)))))


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOG.names())
def test_checker_and_schema_agree_for_every_model(name: str) -> None:
    @given(body=bodies(present(CATALOG.find(name))))
    @settings(max_examples=60, deadline=None)
    def run(body: dict[str, Any]) -> None:
        agree(name, body)

    run()


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_every_finding_has_a_place_in_the_body_words_and_a_code(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(CATALOG.names()))
    body = data.draw(bodies(present(CATALOG.find(name))))
    for finding in check_body(present(CATALOG.find(name)), body, catalog=CATALOG):
        assert finding.message
        assert finding.code
        node: Any = body
        for part in finding.path[:-1] if finding.code == "missing" else finding.path:
            node = node[part]
        assert "None" not in finding.message
        assert "None" not in (finding.hint or "")
