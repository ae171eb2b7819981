"""The table of verbs agrees with the modules and their help; every error ends with its exit code and without a secret."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import click
import pytest

import animatic.cli
from animatic.cli.main import VERBS, cli, command_of
from animatic.errors import (
    AnimaticError,
    DeclarationError,
    InDoubtError,
    InterruptedRunError,
    OverBudgetError,
    PrefectError,
    ShotError,
    UsageError,
)
from tests.unit.cli.conftest import Verb

SHARED = {
    "collecting",
    "deploy_origin",
    "handing",
    "__init__",
    "advice",
    "ending",
    "execution",
    "export_otio",
    "failures",
    "live",
    "lookup",
    "main",
    "max_jobs",
    "options",
    "output",
    "review_apply",
    "review_log",
    "saved_plans",
}


def test_every_verb_is_a_module_and_every_other_module_is_shared() -> None:
    modules = {path.stem.removesuffix("_") for path in Path(animatic.cli.__file__).parent.glob("[!_]*.py")} | {"__init__"}
    assert modules == set(VERBS) | SHARED


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_begins_with_its_line_of_the_table(animatic: Verb, verb: str) -> None:
    command = command_of(verb)
    assert command.name == verb
    assert (command.help or "").partition("\n")[0] == f"{VERBS[verb]}."
    said = animatic(verb, "--help")
    assert said.code == 0
    assert VERBS[verb] in " ".join(said.out.split())
    assert all(option.help for option in command.params if isinstance(option, click.Option)), "every option explains itself"


def test_the_verbs_are_listed_without_importing_one() -> None:
    script = f"""
import sys
from animatic.cli import main
try:
    main(["--help"])
except SystemExit as leaving:
    assert leaving.code == 0
loaded = {{name.rpartition(".")[2] for name in sys.modules if name.startswith("animatic.cli.")}} & {set(VERBS)!r}
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"  {verb} " in done.stdout for verb in VERBS)


def test_an_unknown_verb_is_a_wrong_command_line(animatic: Verb) -> None:
    said = animatic("rnu")
    assert (said.code, "rnu" in said.err) == (2, True)


def test_without_a_verb_the_help_is_shown(animatic: Verb) -> None:
    said = animatic()
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Usage: animatic [OPTIONS] COMMAND")


def test_a_verb_may_be_a_word_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("animatic.cli.import_")
    module.import_ = click.Command("import")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "animatic.cli.import_", module)
    assert command_of("import").name == "import"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeclarationError(()), 2),
        (UsageError("no"), 2),
        (OverBudgetError("too much"), 3),
        (ShotError("failed"), 4),
        (InDoubtError("in doubt"), 5),
        (PrefectError("away"), 6),
        (InterruptedRunError("stopped"), 130),
        (AnimaticError("ours"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (ZeroDivisionError(), 1),
        (BrokenPipeError(), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_error_ends_with_its_exit_code(
    animatic: Verb, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, tmp_path: Path
) -> None:
    def fails(**_options: object) -> None:
        raise error

    with (tmp_path / "out").open("w") as file:
        monkeypatch.setattr(sys.stdout, "fileno", file.fileno, raising=False)
        monkeypatch.setattr(cli, "main", fails)
        said = animatic("plan")
    assert said.code == code
    assert "Traceback" not in said.err


def test_an_error_of_ours_is_told_and_kept_without_secrets(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_options: object) -> None:
        raise AttributeError("no attribute 'x' of\nhttps://user:pass@files.example/a.mp4?signature=abc and Bearer s3cret " + "x" * 500)

    monkeypatch.setattr(cli, "main", fails)
    said = animatic("plan")
    first, second = said.err.splitlines()
    assert first.startswith(
        "error: animatic itself failed: AttributeError: no attribute 'x' of https://files.example/a.mp4 and Bearer *** xxx"
    )
    assert len(first) < 400
    kept = Path(second.rpartition(" ")[2])
    assert kept.parent.name == "failures"
    assert "Traceback" in kept.read_text()
    assert not {"pass", "abc", "s3cret"} & set(kept.read_text().replace("=", " ").replace("@", " ").replace(":", " ").split())


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("plan", "teasr"), "did you mean teaser?"),
        (("validate", "teasr"), "did you mean teaser?"),
        (("run", "teasr", "--simulate"), "did you mean teaser?"),
        (("plan", "--param", "town=x"), "no param 'town'"),
        (("plan", "--param", "city"), "is not of the form name=value"),
        (("models", "xai/grok-vidio"), "did you mean xai/grok-video"),
        (("models", "--takes", "edit_vdeo"), "no model has a field 'edit_vdeo'"),
        (("models", "--max-price", "cheap"), "is not an amount of USD"),
        (("models", "--kind", "sound"), "--kind: 'sound' is not one of"),
        (("models", "--kind", "vidoe"), "did you mean video?"),
        (("rnu",), "did you mean `animatic run`?"),
        (("plan", "--jsn"), "did you mean --json?"),
        (("takes",), "usage: animatic takes [OPTIONS] [PIPELINE] SHOT"),
        (("plan", "--only", "dwan"), "did you mean dawn?"),
        (("plan", "other", "--only", "en"), "did you mean en/*?"),
        (("new", "../x"), "cannot be the name of a pipeline"),
        (("fix", "--file", "nowhere.yaml"), "cannot read nowhere.yaml"),
    ],
)
def test_a_wrong_command_line_exits_2_with_advice(animatic: Verb, arguments: tuple[str, ...], advice: str) -> None:
    said = animatic(*arguments)
    assert (said.code, said.out) == (2, "")
    assert advice in said.err


@pytest.mark.parametrize("words", [["--deliver", ""], ["--deliver="], ["--profile", ""], ["--file="], ["--params-file", ""], ["--out", ""]])
def test_an_option_that_names_nothing_is_not_taken_for_none(animatic: Verb, words: list[str]) -> None:
    said = animatic("plan", *words)
    assert (said.code, said.out) == (2, "")
    assert f"error: {words[0].rstrip('=')} is empty" in said.err


def test_the_value_of_a_param_may_be_empty(animatic: Verb) -> None:
    assert "prompt comes out blank" in animatic("plan", "--param", "city=").err  # the param was taken, and is all of the prompt


def test_deploy_writes_nothing_on_a_dry_run(animatic: Verb) -> None:
    said = animatic("deploy", "--write", "--dry-run")
    assert (said.code, said.out) == (2, "")
    assert "leave one of the two out" in said.err
    assert not Path("deployments").exists()
