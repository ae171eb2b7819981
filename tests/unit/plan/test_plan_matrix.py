from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animatic.plan.matrix import Variant, expand, size


def values(variants: tuple[Variant, ...]) -> list[dict[str, Any]]:
    return [dict(variant.values) for variant in variants]


def test_the_last_axis_runs_fastest() -> None:
    found = expand({"ratio": ["16:9", "9:16"], "language": ["en", "de"]})
    assert [variant.name for variant in found] == ["16x9-en", "16x9-de", "9x16-en", "9x16-de"]


def test_include_extends_what_it_does_not_contradict_and_else_adds() -> None:
    found = expand(
        {"fruit": ["apple", "pear"], "animal": ["cat", "dog"]},
        include=[
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    )
    assert values(found) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_excludes_apply_after_includes() -> None:
    found = expand({"language": ["en", "de"]}, include=[{"language": "fr", "draft": True}], exclude=[{"draft": True}, {"language": "de"}])
    assert values(found) == [{"language": "en"}]


def test_a_matrix_of_includes_alone_has_one_variant_each() -> None:
    assert [variant.name for variant in expand({}, include=[{"language": "en"}, {"language": "de"}])] == ["en", "de"]


def test_names_are_folder_names_and_different_where_case_is_ignored() -> None:
    found = expand({"text": ["a/b", "A b", "../..", "x" * 300, "x" * 301], "n": [1, True, None]})
    names = [variant.name for variant in found]
    assert len({name.lower() for name in names}) == len(names)
    assert all(name and "/" not in name and not name.startswith(".") and len(name) < 100 for name in names)
    assert "a-b-n-1" in names
    assert "A-b-n-1-2" in names


def test_size_is_known_without_expanding() -> None:
    assert size({axis: range(10) for axis in "abcdefghij"}) == 10**10
    assert size({}) == 0


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 3) | st.text(max_size=3), min_size=1, max_size=3, unique_by=str)))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no mistake
def test_every_combination_appears_once(axes: dict[str, list[Any]]) -> None:
    found = expand(axes)
    assert len(found) == size(axes)
    assert len({variant.name.lower() for variant in found}) == len(found)
