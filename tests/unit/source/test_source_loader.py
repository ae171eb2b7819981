"""YAML 1.2 values, files that cannot be read, aliases, line ends: what comes out of a file."""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path

import pytest
import yaml

from animatic.errors import DeclarationError
from animatic.source import Document, load, load_all, load_text
from animatic.source.build import build
from animatic.source.parser import PythonParser, compose
from animatic.source.reading import from_bytes


def refusal(path: Path) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        load(path, display="p.yaml")
    return caught.value


def codes(document: Document) -> list[str]:
    return [problem.code for problem in document.problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("16:9", "16:9"),
        ("1:30:00", "1:30:00"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("nULL", "nULL"),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("2.50", 2.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("1.2.3", "1.2.3"),
        ("2026-11-20", "2026-11-20"),
        ("12:30", "12:30"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("720p", "720p"),
        ("=", "="),
        ("nan", "nan"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    result = load_text(f"x: {written}\n").data["x"]
    assert result == value
    assert type(result) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(load_text("x: .nan").data["x"])


def test_a_number_of_thousands_of_digits_stays_text() -> None:
    assert load_text("x: " + "9" * 5000).data["x"] == "9" * 5000


def test_explicit_core_tags_are_heeded() -> None:
    assert load_text("a: !!str 5\nb: !!int '5'\nc: !!float 5\nd: !!null ''\ne: !!map {}\nf: !!seq []\n").data == {
        "a": "5",
        "b": 5,
        "c": 5.0,
        "d": None,
        "e": {},
        "f": [],
    }


def test_merge_keys_fill_in_and_the_own_value_wins() -> None:
    anchors = "base: &base {model: m, duration: 6}\nmore: &more {duration: 9, seed: 1}\n"
    text = f"{anchors}one: {{<<: *base, duration: 8}}\ntwo: {{<<: [*base, *more]}}\n"
    data = load_text(text).data
    assert data["one"] == {"model": "m", "duration": 8}
    assert data["two"] == {"model": "m", "duration": 6, "seed": 1}


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert load_text('"<<": x\n').data == {"<<": "x"}


def test_places_follow_merges_and_aliases_to_where_the_text_stands() -> None:
    document = load_text("base: &base {model: m}\nshot:\n  <<: *base\n  id: dawn\n")
    assert str(document.place(("shot", "model"))) == "pipelines.yaml:1:21"
    assert str(document.place(("shot", "id"), key=True)) == "pipelines.yaml:4:3"


def test_every_duplicate_names_both_places_and_the_first_value_stays() -> None:
    document = load_text("a: 1\nb: 2\na: 3\na: 4\n")
    assert document.data == {"a": 1, "b": 2}
    assert [(problem.place.line, problem.related[0][0].line) for problem in document.problems if problem.place] == [(3, 1), (4, 1)]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: |\r\n  one\r\n  two\r\nc: x\r\n")
    document = load(path)
    assert document.data == {"a": 1, "b": "one\ntwo\n", "c": "x"}
    assert str(document.place(("c",))) == f"{path}:5:4"
    assert document.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_line_separators_of_other_alphabets_do_not_shift_lines() -> None:
    document = load_text("a: one\u2028two\x85three\nb: x\n")
    assert document.data["a"] == "one two three"
    assert document.place(("b",)).line == 2


def test_places_stay_right_in_a_mended_file_with_windows_line_ends() -> None:
    document = load_text("a: x: y\r\nb: z: y\r\n? [c,\r\n  d]\r\n: 1\r\n")
    assert [str(problem.place) for problem in document.problems] == ["pipelines.yaml:1:4", "pipelines.yaml:2:4", "pipelines.yaml:3:3"]


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    problem = refusal(tmp_path / "none.yaml").problems[0]
    assert (problem.message, problem.code) == ("there is no such file", "missing-file")
    assert problem.hint is not None
    assert "animatic new" in problem.hint
    assert str(problem.place) == "p.yaml"


def test_a_folder_is_no_pipelines_file(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path).problems[0].message


def test_an_impossible_path_is_no_traceback() -> None:
    assert refusal(Path("a\x00b")).problems[0].code == "unreadable-file"


def test_a_file_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "Permission denied" in refusal(tmp_path / "p.yaml").problems[0].message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_are_named_or_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes("version: 1\npipelines: {é: 1}\n".encode(encoding))
    problems = refusal(path).problems
    assert {problem.code for problem in problems} <= {
        "encoding",
        "control-character",
        "not-a-mapping",
        "syntax",
        "indentation",
        "missing-colon",
    }


def test_all_files_are_loaded_before_any_is_complained_of(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("a: 1\na: 2\n")
    with pytest.raises(DeclarationError) as caught:
        load_all([tmp_path / "good.yaml", tmp_path / "none.yaml", tmp_path / "other.yaml"])
    assert [problem.code for problem in caught.value.problems] == ["duplicate-key", "missing-file", "missing-file"]


def test_an_unquoted_template_is_still_read_as_the_text_it_was_meant_to_be() -> None:
    document = load_text("a: {{ params.x }}\nb: [ {{ y }} ]\nc: {{ p }} and more\n")
    assert document.data == {"a": "{{ params.x }}", "b": ["{{ y }}"], "c": "{{ p }} and more"}
    assert codes(document) == ["unquoted-template"] * 3


def test_a_mapping_in_braces_is_not_taken_for_a_template() -> None:
    assert load_text("a: { {}: b }").problems[0].code == "key"
    assert load_text("a: {b: {c: d}}").problems == ()


def test_broken_pipelines_do_not_hide_mistakes_of_the_others() -> None:
    text = "version: 1\npipelines:\n  one:\n    shots: [a\n  two:\n    a: 1\n    a: 2\n  three:\n    b: 'x\n  four: {c: 1}\n"
    document = load_text(text)
    assert document.data["pipelines"] == {"one": {"shots": ["a"]}, "two": {"a": 1}, "three": {"b": "x"}, "four": {"c": 1}}
    assert codes(document) == ["brackets", "quotes", "duplicate-key"]


def test_a_huge_broken_file_is_answered_in_seconds() -> None:
    shots = "".join(f"      - id: s{number}\n        prompt: {{{{ params.x }}}} number {number}\n" for number in range(2000))
    started = time.perf_counter()
    with pytest.raises(DeclarationError) as caught:
        load_text(f"version: 1\npipelines:\n  big:\n    shots:\n{shots}")
    assert len(caught.value.problems) >= 2
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: " + "{a: " * 50_000, "- " * 50_000 + "x", "a:\n" + "".join(" " * n + "- \n" for n in range(150))]
)
def test_endless_nesting_is_an_error_and_not_a_crash(text: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        load_text(text)
    assert caught.value.problems[-1].place is not None


def test_a_chain_of_anchors_cannot_nest_beyond_the_limit() -> None:
    links = "".join(f"k{number}: &a{number} [*a{number - 1}]\n" for number in range(1, 500))
    with pytest.raises(DeclarationError, match="1 error"):
        load_text(f"k0: &a0 [x]\n{links}")


def test_an_alias_used_many_times_is_no_bomb() -> None:
    data = load_text("a: &a {x: 1}\nb: [" + ", ".join(["*a"] * 1000) + "]\n").data
    assert data["b"] == [{"x": 1}] * 1000


@pytest.mark.parametrize("name", ["syntax", "data", "text", "file", "pipeline", "shot", "params", "matrix", "schedule"])
def test_the_parser_without_libyaml_reads_the_same(name: str) -> None:
    golden = Path(__file__).resolve().parents[2] / "golden" / "declaration"
    compared = 0
    for path in sorted(golden.glob(f"{name}-*.yaml")):
        try:
            source = from_bytes(path.read_bytes(), "p.yaml")
            root = compose(source.parsable)
        except (DeclarationError, yaml.YAMLError):
            continue
        if b":\t" in path.read_bytes():
            continue  # libyaml takes a tab for a separating space, PyYAML's own parser does not
        try:
            native = None if root is None else build(root, source, source.parsable)
        except DeclarationError:
            continue
        slow_root = compose(source.parsable, PythonParser)
        assert (None if slow_root is None else build(slow_root, source, source.parsable)) == native
        compared += 1
    assert compared or name == "text"


def test_the_parser_without_libyaml_stops_at_the_same_depth() -> None:
    with pytest.raises(yaml.MarkedYAMLError, match="nested too deep"):
        compose("[" * 200, PythonParser)


def test_the_written_form_of_a_number_is_kept() -> None:
    document = load_text("a: 3.10\nb: '3.10'\nc: {d: [0x10]}\n")
    assert document.written(("a",)) == "3.10"
    assert document.written(("b",)) is None
    assert document.written(("c", "d", 0)) == "0x10"
    assert document.written(("c", "x")) is None
