"""The documentation says what is true: commands exist, pages can be followed, the reference is that of the code, links lead somewhere."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import pytest

from animatic.catalog import Catalog
from animatic.cli.main import cli
from animatic.shotlist.decoding import decoded
from animatic.shotlist.importing import import_list
from animatic.shotlist.model import ListOptions
from animatic.simulator import launch
from animatic.spec import load_declaration
from tests.s3server import S3

pytest_plugins = ["tests.s3server"]
REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
TEXTS = [*(REPOSITORY / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY")), *PAGES]
GUIDES = [page for page in PAGES if page.name != "reference.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PARAMS = re.compile(r"# (?P<name>(?!pipelines)[\w-]+\.yaml)\n")
"""The first line of a block that is a file of params."""
LONG_RUNNING = {"up", "serve", "watch", "webhook"}
"""Tried by tests of their own."""


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def commands(page: Path) -> Iterator[list[str]]:
    for text in (*blocks(page, "sh"), *blocks(page, "")):
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["animatic"] and "..." not in words:
                yield words[1 : words.index(">")] if ">" in words else words[1:]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_every_command_and_option_that_is_shown_exists(page: Path) -> None:
    inline = re.findall(r"`animatic ([^`]+)`", page.read_text(encoding="utf-8"))
    context = click.Context(cli, info_name="animatic")
    for words in [*commands(page), *(shlex.split(text) for text in inline if "..." not in text)]:
        if words[0].startswith("-"):
            continue
        command = cli.get_command(context, words[0])
        assert command is not None, words
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word.partition("=")[0] for word in words[1:] if word.startswith("--")} <= options | {"--help"}, words


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_every_link_to_a_page_or_a_place_in_one_leads_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_every_storyboard_that_is_shown_is_valid(page: Path, tmp_path: Path) -> None:
    for text in (text for text in blocks(page, "yaml") if not PARAMS.match(text)):
        path = tmp_path / "pipelines.yaml"
        path.write_text(text, encoding="utf-8")
        declaration = load_declaration((path,))
        assert [problem.message for problem in declaration.problems if problem.severity == "error"] == []


@pytest.mark.parametrize("page", [page for page in GUIDES if blocks(page, "csv")], ids=lambda page: page.stem)
def test_every_shot_list_that_is_shown_becomes_the_storyboard_that_is_shown(page: Path, tmp_path: Path) -> None:
    lists, storyboards = blocks(page, "csv"), [text for text in blocks(page, "yaml") if text.startswith("# Made of")]
    assert lists
    for text, storyboard in zip(lists, storyboards, strict=True):
        found = import_list(decoded(text.encode(), "shots.csv"), "shots", ListOptions(), Catalog.load(), target=tmp_path / "pipelines.yaml")
        assert found.text == storyboard


def test_every_json_block_parses() -> None:
    for page in GUIDES:
        for text in blocks(page, "json"):
            json.loads(text)


def test_the_reference_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("write_reference", REPOSITORY / "tools" / "write_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8") == module.reference(), "run: python tools/write_reference.py"


def test_the_reference_names_every_variable_that_is_read() -> None:
    read = set(re.findall(r'"((?:KREA|ANIMATIC)_[A-Z_]+)"', (REPOSITORY / "animatic" / "settings.py").read_text(encoding="utf-8")))
    assert len(read) > 10
    named = set(re.findall(r"`([A-Z_]+)`", (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8")))
    assert read - named == {"ANIMATIC_CRASH_AT"}, "for the crash tests alone"


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_page_can_be_followed_from_top_to_bottom(
    page: Path, animatic: Callable[..., Any], krea: Callable[..., launch.Running], s3: S3, tmp_path: Path
) -> None:
    written = [text for text in blocks(page, "yaml") if text.startswith("# pipelines.yaml")]
    lists = blocks(page, "csv")
    if lists:
        (tmp_path / "shots.csv").write_text(lists[0], encoding="utf-8")
    elif written:
        (tmp_path / "pipelines.yaml").write_text(written[0], encoding="utf-8")
    else:
        shutil.copy(REPOSITORY / "pipelines.yaml", tmp_path)
        shutil.copytree(REPOSITORY / "refs", tmp_path / "refs")
    for text in blocks(page, "yaml"):
        if found := PARAMS.match(text):
            (tmp_path / found["name"]).write_text(text, encoding="utf-8")
    if "s3://brand-media" in "".join(written):
        boto3.client("s3").create_bucket(Bucket="brand-media")
    environment = {"KREA_API_URL": krea().url, "KREA_API_TOKEN": "anything"}
    for words in commands(page):
        if words[0] in LONG_RUNNING | {"down"}:  # the server is that of all tests
            continue
        if "RUN" in words:
            newest = json.loads(animatic("runs", "--json").out)[0]["run_id"]
            words[words.index("RUN")] = newest
        ended = animatic(*words, **environment)
        wanted = 4 if page.stem == "when-something-fails" and words[0] == "run" else 0
        assert ended.code == wanted, (words, ended.out, ended.err)
