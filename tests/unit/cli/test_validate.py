"""``validate``: what it prints where, in every form, and what it must not load."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.unit.cli.conftest import BAD, CAST, GOOD, Verb


def test_validate_counts_what_is_declared(animatic: Verb) -> None:
    said = animatic("validate")
    assert (said.code, said.err) == (0, "")
    assert said.out == "2 pipelines, 3 shots, 1 edge, 4 shots with all variants: no errors\n"
    assert animatic("validate", "other").out.startswith("1 pipeline, 1 shot, 0 edges")


def test_validate_counts_the_members_of_the_cast(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(CAST, encoding="utf-8")
    assert animatic("validate").out == "1 pipeline, 2 shots, 1 edge, 2 members of the cast: no errors\n"
    counted = animatic("validate", "--json").json
    assert isinstance(counted, dict)
    assert counted["cast"] == 2


def test_validate_shows_every_mistake_with_its_line_and_exits_2(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(BAD, encoding="utf-8")
    said = animatic("validate")
    assert (said.code, said.out) == (2, "")
    assert "pipelines.yaml:11:44: error: shot 'surf' of 'teaser': duration 40 is out of range for xai/grok-video (1 to 15)" in said.err
    assert "pipelines.yaml:11:48: error: shot 'surf' of 'teaser': 'startImage' was retired by Krea" in said.err
    assert "   11 |" in said.err
    assert "^^^^^^^^^^ write start_image" in said.err
    assert said.err.endswith("2 errors\n")


def test_validate_speaks_json(animatic: Verb) -> None:
    good = animatic("validate", "--json").json
    assert good == {"valid": True, "problems": [], "pipelines": 2, "shots": 3, "steps": 4, "edges": 1, "cast": 0}
    Path("pipelines.yaml").write_text(BAD, encoding="utf-8")
    said = animatic("validate", "--format", "json")
    assert said.code == 2
    assert isinstance(said.json, dict)
    assert [(problem["code"], problem["line"]) for problem in said.json["problems"]] == [("out-of-range", 11), ("retired-name", 11)]


def test_validate_annotates_pull_requests(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(BAD, encoding="utf-8")
    said = animatic("validate", "--format", "github")
    assert said.code == 2
    assert [line.partition(" ")[0] for line in said.out.splitlines()] == ["::error", "::error"]
    assert "line=11,col=44" in said.out


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_a_file_that_is_no_yaml_is_reported_in_every_form(animatic: Verb, form: str) -> None:
    Path("pipelines.yaml").write_text("version: [1\npipelines: {", encoding="utf-8")
    said = animatic("validate", "--format", form)
    assert said.code == 2
    assert "pipelines.yaml" in (said.err if form == "text" else said.out)
    assert "Traceback" not in said.err


def test_validate_reads_other_files_and_folders(animatic: Verb) -> None:
    Path("boards").mkdir()
    Path("boards/one.yaml").write_text(GOOD, encoding="utf-8")
    Path("boards/two.yaml").write_text(GOOD.replace("teaser", "second").replace("other", "third"), encoding="utf-8")
    assert animatic("validate", "--file", "boards").out.startswith("4 pipelines")
    assert animatic("validate", "--file", "nowhere.yaml").code == 2
    assert animatic("validate", "nothing").code == 2


def test_validate_loads_nothing_that_only_running_needs(tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(GOOD, encoding="utf-8")
    script = (
        "import sys, animatic.cli\n"
        "try: animatic.cli.main(['validate'])\n"
        "except SystemExit as leaving: assert not leaving.code\n"
        "heavy = {'prefect', 'boto3', 'httpx', 'av', 'numpy', 'PIL', 'rich', 'pydantic', 'jinja2', 'asyncio', 'jsonschema'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_picture_that_broke_off_is_named_at_its_line(animatic: Verb) -> None:
    file = io.BytesIO()
    Image.effect_noise((160, 90), 60).save(file, "JPEG")
    Path("still.jpg").write_bytes(file.getvalue()[:-500])
    Path("pipelines.yaml").write_text(GOOD.replace("start_image: dawn", "start_image: still.jpg"))
    refused = animatic("validate")
    assert refused.code == 2
    assert "pipelines.yaml:11:60: error: shot 'surf' of 'teaser': start_image: still.jpg is cut: its end is missing" in refused.err
    assert "fetch or export it again" in refused.err


def test_validate_takes_no_empty_path_for_this_folder(animatic: Verb) -> None:
    said = animatic("validate", "--file", "")
    assert said.code == 2
    assert "--file is empty" in said.err


def test_validate_reads_a_file_once_whatever_its_names(animatic: Verb) -> None:
    Path("other.yaml").symlink_to("pipelines.yaml")
    assert animatic("validate", "--file", "pipelines.yaml", "--file", "./pipelines.yaml", "--file", "other.yaml").code == 0


def test_validate_names_a_link_of_a_folder_that_leads_nowhere(animatic: Verb) -> None:
    Path("boards").mkdir()
    Path("boards/one.yaml").write_text(GOOD, encoding="utf-8")
    Path("boards/two.yaml").symlink_to("gone.yaml")
    said = animatic("validate", "--file", "boards")
    assert said.code == 2
    assert "boards/two.yaml: error: there is no such file\n      it is a link that leads nowhere" in said.err


def test_validate_names_the_file_beside_that_was_meant(animatic: Verb) -> None:
    Path("pipelines.yaml").rename("pipelines.yml")
    assert "there is pipelines.yml: name it with --file pipelines.yml" in animatic("validate").err
    Path("my boards").mkdir()
    Path("my boards/teaser.yaml").write_text(GOOD, encoding="utf-8")
    assert "name it with --file 'my boards/teaser.yaml'" in animatic("validate", "--file", "my boards/teazer.yaml").err
    assert animatic("validate", "--file", "my boards/xyz.yaml").err.rstrip().splitlines()[1].strip().startswith("start one with")
