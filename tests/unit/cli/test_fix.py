"""``fix``: shows or writes its changes, and leaves everything else alone."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import GOOD, Verb


def test_fix_shows_the_difference_first_and_writes_when_told(animatic: Verb) -> None:
    text = GOOD.replace("start_image: dawn}", "startImage: dawn}  # chained")
    Path("pipelines.yaml").write_text(text.replace("\n", "\r\n"), encoding="utf-8", newline="")
    shown = animatic("fix")
    assert "+      - {id: surf, prompt: Surf, duration: 4, start_image: dawn" in shown.out
    assert "animatic fix --write" in shown.err
    assert "startImage" in Path("pipelines.yaml").read_text()
    assert animatic("fix", "--write").code == 0
    assert Path("pipelines.yaml").read_bytes().decode() == text.replace("startImage", "start_image").replace("\n", "\r\n")
    assert animatic("fix").err == "nothing to fix\n"
    assert animatic("validate").code == 0


def test_fix_speaks_json(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("start_image", "startImage"), encoding="utf-8")
    said = animatic("fix", "--json")
    assert isinstance(said.json, list)
    assert said.json[0]["written"] is False
    assert [(change["line"], change["before"], change["after"]) for change in said.json[0]["changes"]] == [
        (11, "startImage", "start_image")
    ]


def test_fix_keeps_the_mode_and_the_link_of_a_file(animatic: Verb) -> None:
    target = Path("real.yaml")
    target.write_text(GOOD.replace("start_image", "startImage"), encoding="utf-8")
    target.chmod(0o640)
    Path("link.yaml").symlink_to(target)
    assert animatic("fix", "--write", "--file", "link.yaml").code == 0
    assert Path("link.yaml").is_symlink()
    assert target.read_text() == GOOD
    assert target.stat().st_mode & 0o777 == 0o640


def test_fix_tells_by_its_exit_code_whether_there_is_something_to_fix(animatic: Verb) -> None:
    assert animatic("fix", "--check").code == 0
    text = GOOD.replace("start_image", "startImage")
    Path("pipelines.yaml").write_text(text, encoding="utf-8")
    assert animatic("fix", "--check").code == 2
    assert animatic("fix").code == 0
    assert Path("pipelines.yaml").read_text() == text
    said = animatic("fix", "--check", "--write")
    assert (said.code, "--check writes nothing" in said.err) == (2, True)
