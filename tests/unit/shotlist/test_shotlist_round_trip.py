"""A list that becomes a pipelines file, a list again and a pipelines file again loses nothing, whatever stands in its cells.

The lists are written and read by the standard library, the pipelines files are read by PyYAML, the prompts by planning: none of them is the
code that is tested.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import category

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from animatic.catalog import Catalog
from animatic.plan import Plan, build_plan
from animatic.shotlist.decoding import decoded
from animatic.shotlist.exporting import as_text, table
from animatic.shotlist.importing import import_list
from animatic.shotlist.model import ListOptions
from animatic.source import load_text
from animatic.spec import Declaration, declare

CATALOG = Catalog.load()
FRAGMENTS = [
    *("{{", "}}", "{%", "%}", "{#", "#}", "{", "{{ params.city }}", "{{ '{' }}", "{% raw %}", "|", ">", "|-", "- ", "? ", "! ", "& ", "* "),
    *(": ", " #", "# Lens: 35mm", "#", ":", "'", '"', "''", '""', "`", "\\", "\\n", "@", "%", ",", ";", "\t", "\n", "\n\n", "\r\n", "  "),
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "'=",
        "''-",
        "null",
        "true",
        "on",
        "16:9",
        "010",
        "1e3",
        "~",
        "---",
        "...",
        "[a]",
        "{a: b}",
        '{"a": 1}',
    ),
    *(
        "\u00e4",
        "\u65e5\u672c",
        "\u0627\u0644",
        "\U0001f469\u200d\U0001f680",
        "\u00a0",
        "\u2028",
        "\u0085",
        "\ufeff",
        "\x07",
        "\x7f",
        "\ufffe",
    ),
    *("Dawn", "over", "the", "sea", "sep=", " (list)", "state", "a.png"),
]
TEXT = st.lists(
    st.sampled_from(FRAGMENTS) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=6)
).map("".join)
FILLED = TEXT.filter(lambda text: not all(character.isspace() or category(character) == "Cf" for character in text) and len(text) < 300)
NAME = st.sampled_from(["Lens", "Notes", "Lens: wide", "# Crew", "Kamera höhe", "=cmd", "Description", "style", "take", '"q"', "a (list)"])
DELIMITER = st.sampled_from([",", ";", "\t"])


def written(rows: list[list[str]], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()


def imported(text: str) -> str:
    source = decoded(text.encode(), "shots.csv")
    return import_list(source, "film", ListOptions(), CATALOG, target=Path("pipelines.yaml")).text


def planned(text: str) -> tuple[Declaration, Plan]:
    declaration = declare((load_text(text),))
    return declaration, build_plan(declaration, "film", CATALOG, params={}, run_id="r", started=datetime(2026, 11, 2, tzinfo=UTC))


def exported(text: str) -> str:
    declaration, plan = planned(text)
    return as_text(table(declaration.pipelines["film"], plan, {}, CATALOG), ",")


def lines(text: str) -> str:
    """Return a text as a cell keeps it: each line end is one newline."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def bare(text: str) -> str:
    """Take away what keeps a spreadsheet from computing a cell: one apostrophe before such a sign, and those before that."""
    rest = text.lstrip("'")
    return text[1:] if text[:1] == "'" and rest[:1] and rest[0] in "=+-@\t\uff1d\uff0b\uff0d\uff20" else text


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prompts=st.lists(FILLED, min_size=1, max_size=3),
    titles=st.lists(st.just("") | FILLED, min_size=3, max_size=3),
    scenes=st.lists(st.just("") | FILLED, min_size=3, max_size=3),
    notes=st.lists(st.just("") | FILLED, min_size=3, max_size=3),
    name=NAME,
    delimiter=DELIMITER,
)
@example(["=1+1"], ["-", "", ""], ["12", "", "{{ a }}"], ["@a\n=b", "", ""], "=cmd", ",")
@example(["a\n# Lens: 35mm\nb"], ["", "", ""], ["", "1 EXT. HARBOUR - DAWN", ""], ["x", "", ""], "Lens", ";")
def test_nothing_is_lost_on_the_way(
    prompts: list[str], titles: list[str], scenes: list[str], notes: list[str], name: str, delimiter: str
) -> None:
    rows = [["id", "title", "prompt", name, "scene"]]
    rows += [[f"SH{number:03}", titles[number], prompt, notes[number], scenes[number]] for number, prompt in enumerate(prompts)]
    first = imported(written(rows, delimiter))
    shots = yaml.safe_load(first)["pipelines"]["film"]["shots"]
    assert [shot["id"] for shot in shots] == [row[0] for row in rows[1:]]
    _, plan = planned(first)
    assert [step.request.body["prompt"] for step in plan.steps] == [bare(lines(row[2])) for row in rows[1:]]
    assert [step.title for step in plan.steps] == [bare(lines(row[1])) if row[1].strip() else None for row in rows[1:]]
    assert [step.scene for step in plan.steps] == [bare(lines(row[4])) if row[4].strip() else None for row in rows[1:]]
    back = exported(first)
    assert imported(back) == first
    table_again = list(csv.reader(io.StringIO(back, newline="")))
    column = {header: [row[index] for row in table_again[1:]] for index, header in enumerate(table_again[0])}
    assert [bare(cell) for cell in column["prompt"]] == [bare(lines(row[2])) for row in rows[1:]]
    kept = next(
        (cells for header, cells in column.items() if bare(header).removesuffix(" (list)") == bare(name).removesuffix(" (list)")),
        [""] * len(prompts),
    )
    assert [bare(cell) for cell in kept] == [bare(lines(row[3])) if row[3].strip() else "" for row in rows[1:]]
    assert not [cell for row in table_again for cell in row if cell[:1] in {"=", "+", "-", "@"}], "no spreadsheet computes a cell"


@pytest.mark.parametrize(
    ("header", "cell", "field", "value"),
    [
        (
            "reference_images",
            "https://x.example/a.png; https://x.example/b.png",
            "reference_images",
            ["https://x.example/a.png", "https://x.example/b.png"],
        ),
        ("start_image", "SH 1", "start_image", "SH-1"),
        ("start_image", '{"shot": "SH 1", "frame": "first"}', "start_image", {"shot": "SH-1", "frame": "first"}),
        ("duration", "4,5", "duration", 4.5),
        ("aspect_ratio", "16:09", "aspect_ratio", "16:9"),
        ("resolution", "480P", "resolution", "480p"),
    ],
)
def test_values_of_fields_come_back(header: str, cell: str, field: str, value: object) -> None:
    first = imported(written([["id", "prompt", header], ["SH 1", "Dawn", ""], ["SH 2", "Surf", cell]], ","))
    assert yaml.safe_load(first.replace("16:9", "'16:9'"))["pipelines"]["film"]["shots"][1][field] == (
        value if value != "16:9" else "'16:9'"
    )
    assert imported(exported(first)) == first


def test_a_scene_that_is_left_empty_is_that_of_the_row_above_where_shots_are_numbered_within_scenes() -> None:
    rows = [["Scene", "Shot", "Description"], ["1 EXT. HARBOUR", "1", "Dawn"], ["", "2", "Surf"], ["2", "1", "Gulls"], ["", "2", "Boats"]]
    first = imported(written(rows, ","))
    shots = yaml.safe_load(first)["pipelines"]["film"]["shots"]
    assert [shot["scene"] for shot in shots] == ["1 EXT. HARBOUR", "1 EXT. HARBOUR", "2", "2"]
    assert [shot["id"] for shot in shots] == ["SC1-EXT-HARBOUR_SH1", "SC1-EXT-HARBOUR_SH2", "SC2_SH1", "SC2_SH2"]
    assert imported(exported(first)) == first


@pytest.mark.parametrize("header", ["Scene", "scene", "Scene No.", "SLUGLINE", "Scene heading"])
def test_scenes_are_known_by_the_names_of_shot_lists(header: str) -> None:
    shots = yaml.safe_load(imported(written([["id", "prompt", header], ["a", "Dawn", "7B"], ["b", "Surf", ""]], ",")))["pipelines"]["film"]
    assert [shot.get("scene") for shot in shots["shots"]] == ["7B", None], "with ids of their own, shots without a scene are in none"
