"""``new``: writes files that can be run, with their schema, and never over others."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import jsonschema
import pytest
import yaml

from animatic.cli.new import STARTERS
from tests.unit.cli.conftest import Verb

ROOT = Path(__file__).resolve().parents[3]


def test_new_writes_a_file_that_validates_and_never_over_another(animatic: Verb) -> None:
    before = Path("pipelines.yaml").read_text()
    said = animatic("new")
    assert said.code == 2
    assert Path("pipelines.yaml").read_text() == before
    assert animatic("new", "my-board", "--file", "board.yaml").code == 0
    assert animatic("validate", "--file", "board.yaml").out == "1 pipeline, 3 shots, 2 edges: no errors\n"
    assert animatic("plan", "my-board", "--file", "board.yaml").code == 0


@pytest.mark.parametrize("start", STARTERS)
def test_every_starting_point_validates_without_a_warning_and_fits_the_schema_beside_it(animatic: Verb, start: str, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    os.chdir(folder)
    said = animatic("new", "--from", start)
    assert said.code == 0, said.err
    assert animatic("validate").out.endswith(": no errors\n")
    assert animatic("validate").err == ""
    text = Path("pipelines.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./pipelines.schema.json\n")
    schema = json.loads(Path("pipelines.schema.json").read_text())
    assert schema == json.loads((ROOT / "pipelines.schema.json").read_text())
    quoted = text.replace("16:9", '"16:9"').replace("9:16", '"9:16"').replace('""', '"')  # YAML 1.1 reads them as times
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load(quoted))
    assert animatic("plan").code == 0
    assert (animatic("new", "--from", start).code, Path("pipelines.yaml").read_text()) == (2, text)


def test_a_wrong_starting_point_is_answered_with_the_nearest(animatic: Verb) -> None:
    said = animatic("new", "--from", "teasr", "--file", "x.yaml")
    assert (said.code, "did you mean teaser?" in said.err) == (2, True)


def test_a_schema_that_is_there_is_left_alone(animatic: Verb) -> None:
    Path("pipelines.schema.json").write_text("{}")
    assert animatic("new", "--file", "board.yaml").code == 0
    assert Path("pipelines.schema.json").read_text() == "{}"


def test_a_shot_list_is_what_is_started_from(animatic: Verb) -> None:
    Path("day one.csv").write_text("id,prompt\nA,Dawn\n")
    said = animatic("new", "--from", "csv", "day one.csv", "--file", "board.yaml", "--json")
    assert said.json == {"file": "board.yaml", "pipeline": "day-one", "files": ["board.yaml"], "schema": "pipelines.schema.json"}
    assert animatic("validate", "--file", "board.yaml").out == "1 pipeline, 1 shot, 0 edges: no errors\n"
    assert animatic("new", "nowhere.csv", "--file", "other.yaml").code == 2
    Path("shots.csv").write_text("mine")
    assert animatic("new", "--from", "csv", "--file", "other.yaml").code == 2
    assert (Path("shots.csv").read_text(), Path("other.yaml").exists()) == ("mine", False)


def test_a_path_says_where(animatic: Verb) -> None:
    Path("boards").mkdir()
    assert animatic("new", "boards").code == 0
    assert animatic("new", "--from", "teaser", "boards/second.yaml").code == 0
    assert {path.name for path in Path("boards").iterdir()} == {"pipelines.yaml", "second.yaml", "pipelines.schema.json"}


def test_new_works_where_files_cannot_be_linked(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", no_links)
    assert animatic("new", "my-board", "--file", "board.yaml").code == 0
    assert animatic("validate", "--file", "board.yaml").code == 0
    assert animatic("new", "my-board", "--file", "board.yaml").code == 2


def test_new_makes_no_folders(animatic: Verb) -> None:
    said = animatic("new", "my-board", "--file", "boards/board.yaml")
    assert (said.code, "cannot write boards/board.yaml" in said.err) == (2, True)
    assert not Path("boards").exists()
