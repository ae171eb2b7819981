"""A command that a message advises works when it is pasted: it exists, it is complete, and it carries what this command line was given."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import animatic
from animatic.cli.advice import GIVEN, completed, given_on
from animatic.cli.main import VERBS, command_of
from tests.unit.cli.conftest import Verb

PACKAGE = Path(animatic.__file__).parent
MENTION = re.compile(r"animatic (?P<verb>[a-z]+)\b(?P<rest>[^`\n]*)")


def texts_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that may be shown, with placeholders for what is filled in; not its docstrings and help texts."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node, clean=False):
            skipped.add(id(node.body[0].value))  # type: ignore[attr-defined]
        if isinstance(node, ast.keyword) and node.arg == "help":
            skipped |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in skipped:
            skipped |= {id(inner) for inner in ast.walk(node)}
            parts = [str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def advised() -> Iterator[tuple[str, str, str]]:
    """Yield where each command stands, the command, and the sign before it."""
    for path in sorted({found.resolve() for pattern in ("**/*.py", "flows/*.py", "tasks/*.py") for found in PACKAGE.glob(pattern)}):
        for line, text in texts_of(ast.parse(path.read_text(encoding="utf-8"))):
            for match in MENTION.finditer(text):
                if match["verb"] in VERBS:
                    yield f"{path.name}:{line}", match.group(), text[match.start() - 1 : match.start()]


ADVISED = [found for found in advised() if not found[0].startswith(("new.py", "page.py", "prefect_yaml.py"))]


def test_commands_are_found() -> None:
    assert len(ADVISED) > 40


@pytest.mark.parametrize(("place", "command", "before"), ADVISED, ids=[f"{place} {command}" for place, command, _ in ADVISED])
def test_every_advised_command_is_one(place: str, command: str, before: str) -> None:
    assert before == "`", f"{place}: a command stands in backticks, so that it can be completed: {command}"
    _, verb, *words = shlex.split(command)
    try:
        command_of(verb).make_context(verb, list(words))
    except click.MissingParameter as error:
        pytest.fail(f"{place}: {command}: {error.format_message()}")
    except click.BadParameter:
        pass  # a placeholder is no value
    except click.UsageError as error:
        pytest.fail(f"{place}: {command}: {error.format_message()}")


def test_advice_carries_what_the_command_line_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given = given_on(
        ["run", "--file", "my board.yaml", "--deliver=./else where", "--simulate", "--param", "city=Porto", "--", "--file", "no"]
    )
    assert given == (("--file", "my board.yaml"), ("--deliver", "./else where"), ("--simulate", None), ("--param", "city=Porto"))
    token = GIVEN.set(given)
    try:
        assert (
            completed("go on: `animatic resume 7`")
            == "go on: `animatic resume 7 --file 'my board.yaml' --deliver './else where' --simulate`"
        )
        assert completed("`animatic retake p s`").endswith("--param city=Porto`")
        assert completed("`animatic models --kind video`") == "`animatic models --kind video`", "it takes none of them"
        assert completed("`animatic run --plan plan.json`") == "`animatic run --plan plan.json`", "the plan holds all of it"
        assert completed("`animatic run --help`") == "`animatic run --help`", "help is the same for all"
        assert completed("`animatic new`") == "`animatic new`", "its --file is the file to write"
        assert completed("`animatic frobnicate`; animatic itself") == "`animatic frobnicate`; animatic itself"
        assert completed("`animatic plan --file x.yaml`").count("--file") == 1
    finally:
        GIVEN.reset(token)


def test_a_hint_of_a_failure_carries_the_files(animatic: Verb) -> None:
    Path("board.yaml").write_text(Path("pipelines.yaml").read_text())
    Path("pipelines.yaml").unlink()
    said = animatic("status", "--file", "board.yaml")
    assert said.code == 2
    assert "--file board.yaml" in said.err
