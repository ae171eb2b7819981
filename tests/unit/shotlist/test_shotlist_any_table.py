"""Whatever stands in whatever columns: a list is refused with places in it, or comes back as it was."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from animatic.errors import DeclarationError
from tests.unit.shotlist.test_shotlist_round_trip import exported, imported, written

COLUMNS = [
    *(
        "duration",
        "kind",
        "model",
        "start_image",
        "reference_images",
        "fallback",
        "extra_body",
        "retries",
        "timeout",
        "seed",
        "line",
        "title",
    ),
    *(
        "variant",
        "state",
        "take",
        "price",
        "file",
        "Notes",
        "styles",
        "generate_audio",
        "camera_control",
        "Scene",
        "Shot",
        "Dialogue",
        "loop",
        "cast",
        "Characters",
    ),
]
CELLS = [
    *(
        "",
        "",
        "",
        "4",
        "4s",
        "00:00:04:12",
        '{"shot": 1}',
        '["a"]',
        "[",
        "]",
        ";",
        ",",
        "nan",
        "1e9",
        "9" * 30,
        "=",
        "{{",
        "{%",
        "image",
        "audio",
    ),
    *(
        "xai/grok-video",
        "elevenlabs/tts",
        "A",
        "x",
        "#",
        "- ",
        ": ",
        "|",
        "\n",
        "true",
        "no",
        "null",
        "'",
        '"',
        "\u00e4",
        "a" * 150,
        " (list)",
        "Mara",
        "Old man; mara",
        "{{ x",
        "a/b & c",
        "\u65e5\u672c",
    ),
]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(COLUMNS), unique=True, max_size=8),
    st.lists(st.lists(st.sampled_from(CELLS), min_size=8, max_size=8), max_size=3),
)
@example(["file", "state"], [["x", "", *[""] * 6], ["y", "z", *[""] * 6]])
@example(["reference_images", "Notes"], [[",", "n", *[""] * 6]])
@example(["Notes", "loop"], [["n", "no", *[""] * 6], ["m", "", *[""] * 6]])
def test_a_list_is_refused_or_comes_back_as_it_was(columns: list[str], cells: list[list[str]]) -> None:
    rows = [[*columns, "id", "prompt"], *([*row[: len(columns)], f"S{number}", "Dawn"] for number, row in enumerate(cells))]
    try:
        first = imported(written(rows, ","))
    except DeclarationError as refused:
        errors = [problem for problem in refused.problems if problem.severity == "error"]
        assert errors
        assert {problem.place.file for problem in errors if problem.place is not None} == {"shots.csv"}
        assert all(problem.place is not None for problem in errors)
    else:
        assert imported(exported(first)) == first
