"""Failures are told alike by every verb: one object for programs, one voice for people. Closed or full streams are no errors of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from animatic.__main__ import main as entry
from animatic.cli.main import VERBS, command_of
from animatic.prefect.misconfigured import settings_error
from tests.unit.cli.conftest import BAD, GOOD, Verb

WRONG = {
    "validate": "validate nope",
    "plan": "plan nope",
    "models": "models nope/nope",
    "schema": "schema --out nowhere/x.json",
    "fix": "fix --file nowhere.yaml",
    "new": "new",
    "run": "run nope",
    "resume": "resume nope",
    "retake": "retake nope",
    "deploy": "deploy --file nowhere.yaml",
    "runs": "runs nope",
    "status": "status nope",
    "watch": "watch nope",
    "takes": "takes nope",
    "lock": "lock nope",
    "use": "use nope 1",
    "doubts": "doubts --file nowhere.yaml",
    "adopt": "adopt nope job",
    "resubmit": "resubmit nope",
    "spend": "spend --days 0",
    "doctor": "doctor --nope",
    "forecast": "forecast --file nowhere.yaml",
    "verify": "verify --file nowhere.yaml",
    "import": "import nowhere.csv",
    "export": "export --file nowhere.yaml",
    "preview": "preview --file nowhere.yaml",
    "simulate": "simulate --port x",
    "down": "down --nope",
    "webhook": "webhook --port x",
    "review": "review --file nowhere.yaml",
    "approve": "approve nope",
    "reject": "reject nope",
}
"""A command line of each verb that speaks JSON, which is refused at once."""


def test_every_verb_that_speaks_json_is_here() -> None:
    speaking = {verb for verb in VERBS if any("--json" in option.opts for option in command_of(verb).params)}
    assert speaking == set(WRONG)


@pytest.mark.parametrize("verb", WRONG)
def test_a_failure_is_one_object_for_programs_and_a_sentence_for_people(animatic: Verb, verb: str) -> None:
    said = animatic(*WRONG[verb].split(), "--json")
    assert said.code == 2
    found = said.json
    assert isinstance(found, dict)
    error: dict[str, Any] = found["error"]
    assert error.keys() == {"code", "exit_code", "message", "hint", "problems"}
    assert error["exit_code"] == 2
    assert error["message"]
    first = said.err.splitlines()[0]
    assert "error: " in first
    plain = animatic(*WRONG[verb].split())
    assert (plain.code, plain.out, plain.err) == (2, "", said.err)


def test_mistakes_of_a_file_are_problems_with_places(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(BAD)
    found = animatic("plan", "--json").json
    assert isinstance(found, dict)
    problems = found["error"]["problems"]
    assert len(problems) >= 2
    assert all(problem["line"] for problem in problems)


def test_being_over_the_budget_is_in_the_json_of_a_plan(animatic: Verb) -> None:
    text = Path("pipelines.yaml").read_text()
    Path("pipelines.yaml").write_text(text.replace("budget_usd: 1.00", "budget_usd: 0.10"))
    said = animatic("plan", "--json")
    assert said.code == 3
    assert isinstance(said.json, dict)
    assert said.json["error"]["code"] == "over_budget"
    assert said.json["steps"], "the plan is there all the same"


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ANIMATIC": f"{sys.executable} -m animatic"}
    return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    done = shell("set -o pipefail; $ANIMATIC schema | head -1", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_a_closed_standard_output_is_no_error(tmp_path: Path) -> None:
    done = shell("$ANIMATIC models >&-; echo $?", tmp_path)
    assert done.stdout == "0\n", done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_standard_output_is_said_without_a_traceback(tmp_path: Path) -> None:
    done = shell("$ANIMATIC models > /dev/full", tmp_path)
    assert done.returncode == 6
    assert "cannot write the output: no space left on the device" in done.stderr
    assert "itself failed" not in done.stderr


def test_options_mean_the_same_on_every_verb() -> None:
    """``--file``, ``--deliver``, ``--simulate``, ``--json`` and ``--param`` have one form each, and every verb about runs has them."""
    forms: dict[str, set[tuple[bool, bool]]] = {}
    taken: dict[str, set[str]] = {}
    for verb in VERBS:
        for option in command_of(verb).params:
            for name in option.opts:
                taken.setdefault(name, set()).add(verb)
                if name in {"--deliver", "--simulate", "--json", "--param", "--only"}:
                    forms.setdefault(name, set()).add((bool(getattr(option, "is_flag", False)), bool(getattr(option, "multiple", False))))
    assert all(len(form) == 1 for form in forms.values()), forms
    about_runs = {
        "run",
        "plan",
        "resume",
        "retake",
        "runs",
        "status",
        "watch",
        "takes",
        "use",
        "doubts",
        "adopt",
        "resubmit",
        "spend",
        "forecast",
    }
    for name in ("--file", "--deliver", "--simulate", "--json"):
        assert about_runs <= taken[name], (name, about_runs - taken[name])


def test_simulate_looks_at_simulated_runs_alone(animatic: Verb) -> None:
    said = animatic("status", "--simulate")
    assert (said.code, "there are no runs yet" in said.err) == (2, True)
    assert re.search(r"`animatic run --simulate`", said.err)
    assert json.loads(animatic("runs", "--simulate", "--json").out) == []


def test_an_interrupt_is_heard_from_the_first_import_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupting:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "animatic.cli", Interrupting())
    with pytest.raises(SystemExit) as leaving:
        entry()
    assert (leaving.value.code, capsys.readouterr().err) == (130, "error: interrupted: this command had submitted nothing\n")


@pytest.mark.parametrize(
    ("file", "text", "variable", "said"),
    [
        (None, "", {"PREFECT_API_REQUEST_TIMEOUT": "sesame"}, "refuses its settings: PREFECT_API_REQUEST_TIMEOUT: input should be"),
        ("prefect.toml", "[server.api]\nport = 'sesame'\n", {}, "refuses its settings: port of ServerAPISettings: input should be"),
        ("prefect.toml", "x = [", {}, "cannot read its settings: Failed to load Prefect settings from prefect.toml"),
    ],
)
def test_what_prefect_refuses_of_its_settings_is_a_mistake_of_whoever_wrote_them(
    tmp_path: Path, file: str | None, text: str, variable: dict[str, str], said: str
) -> None:
    (tmp_path / "pipelines.yaml").write_text(GOOD)
    if file is not None:
        (tmp_path / file).write_text(text)
    words = [sys.executable, "-m", "animatic", "deploy", "--write", "--json"]
    done = subprocess.run(words, cwd=tmp_path, env=os.environ | variable, capture_output=True, text=True, check=False)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["exit_code"]) == (2, 2)
    assert said in error["message"]
    assert "sesame" not in done.stdout


def test_a_value_error_of_our_own_is_no_setting_of_prefects() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert settings_error(caught.value) is None
