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


def test_of_a_mapping_the_parts_that_are_named_decide() -> None:
    market = [{"name": "de", "language": "German"}, {"name": "en", "language": "English"}]
    axes: dict[str, list[Any]] = {"ratio": ["16:9", "9:16"], "market": market}
    include = [{"market": {"name": "de"}, "note": "subtitles"}, {"ratio": "1:1", "market": {"name": "fr", "language": "French"}}]
    found = expand(axes, include=include, exclude=[{"ratio": "9:16", "market": {"name": "de"}}, {"market": {"language": "French", "x": 1}}])
    assert [variant.values for variant in found] == [
        {"ratio": "16:9", "market": market[0], "note": "subtitles"},
        {"ratio": "16:9", "market": market[1]},
        {"ratio": "9:16", "market": market[1]},
        {"ratio": "1:1", "market": {"name": "fr", "language": "French"}},
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


def test_folders_keep_the_letters_of_every_script_and_do_not_depend_on_each_other() -> None:
    towns = ["Zürich", "日本", "São Paulo", "é", "e\u0301te", "!!", "??", "नमस्ते", "..", "a/b"]
    names = [variant.name for variant in expand({"town": towns})]
    assert names[:4] == ["Zürich", "日本", "São-Paulo", "é"]
    assert names[4] == "éte"  # composed: the same letters, whatever the editor wrote
    assert names[7] == "नमस्ते"
    assert names[9] == "a-b"
    assert len(set(names)) == len(names)
    alone = [expand({"town": [town]})[0].name for town in towns]
    assert names == alone, "taking one out would rename the folders of the others"


def test_long_names_fit_file_systems() -> None:
    for value in ("x" * 300, "日" * 300, "🎬a" * 200):
        name = expand({"town": [value]})[0].name
        assert 0 < len(name.encode()) < 200
        assert name == expand({"town": [value]})[0].name


def test_a_mapping_goes_by_its_name() -> None:
    found = expand({"product": [{"name": "Red one", "hex": "f00"}, {"hex": "00f", "size": 2}]})
    assert [variant.name for variant in found] == ["Red-one", "00f-size-2"]
    assert found[0].values == {"product": {"name": "Red one", "hex": "f00"}}
