"""The environment is read in one place, and what is set for Prefect and for served runs is what a user left open."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import animatic
from animatic.errors import PrefectError, UsageError
from animatic.prefect.server import available_api, ensure_api
from animatic.settings import Settings, quieten_prefect, refuses_color, serve_file, simulate_served_runs, use_prefect_api

NOBODY = "http://127.0.0.1:9/api"


def test_the_command_line_reads_no_variable_by_itself() -> None:
    for path in Path(animatic.__file__).parent.joinpath("cli").glob("*.py"):
        names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not names & {"environ", "getenv", "putenv"}, path


@pytest.mark.parametrize(
    ("environment", "refused"), [({}, False), ({"NO_COLOR": "1"}, True), ({"NO_COLOR": ""}, False), ({"TERM": "dumb"}, True)]
)
def test_color_is_refused_as_people_expect(environment: dict[str, str], refused: bool) -> None:
    assert refuses_color(environment) is refused


def test_what_the_user_has_set_for_prefect_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PREFECT_LOGGING_INTERNAL_LEVEL": "DEBUG", "DO_NOT_TRACK": "0"})
    quieten_prefect()
    use_prefect_api("http://prefect.example/api")
    assert os.environ["PREFECT_LOGGING_INTERNAL_LEVEL"] == "DEBUG"
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "CRITICAL"
    assert os.environ["DO_NOT_TRACK"] == "0"
    assert Settings.from_environment().prefect_api_url == "http://prefect.example/api"


def test_served_runs_read_where_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HOME": "/nowhere"})
    simulate_served_runs(simulator_url="http://127.0.0.1:1", public_url="http://127.0.0.1:2")
    settings = Settings.from_environment()
    assert (settings.simulator_url, settings.public_url) == ("http://127.0.0.1:1", "http://127.0.0.1:2")


def test_served_runs_find_no_module_of_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They start in its folder, where a logging.py of the project would stand before Python's."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.chdir(tmp_path)
    serve_file(Path("pipelines.yaml"), follow=True)
    Path("logging.py").write_text("raise SystemExit('logging.py of the project')")
    assert subprocess.run([sys.executable, "-c", "import logging"], env=os.environ, check=False).returncode == 0


def test_no_process_of_ours_looks_for_modules_in_the_working_folder() -> None:
    """`python -m` would look there first."""
    package = Path(animatic.__file__).parent
    files = [path for folder in (package, package / "flows", package / "tasks") for path in folder.rglob("*.py")]
    starting = [(path.name, words) for path in files for words in _command_lines(path) if "-m" in words]
    assert {name for name, _ in starting} >= {"launch.py", "server.py", "settling.py"}
    assert not [name for name, words in starting if "-P" not in words]


def _command_lines(path: Path) -> list[list[object]]:
    """The words of each list in a file that begins with our interpreter."""
    lists = [node.elts for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.List) and node.elts]
    ours = [items for items in lists if ast.unparse(items[0]) == "sys.executable"]
    return [[item.value for item in items if isinstance(item, ast.Constant)] for items in ours]


def test_a_configured_prefect_api_is_asked_and_never_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert available_api(tmp_path) is None
    monkeypatch.setenv("PREFECT_API_URL", NOBODY)
    assert available_api(tmp_path) == NOBODY
    with pytest.raises(PrefectError, match="does not answer"):
        ensure_api(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KREA_API_URL", "krea.ai"),
        ("KREA_API_URL", "https://two words@krea.ai"),
        ("KREA_API_URL", "https://us:two words@krea.ai"),
        ("KREA_API_URL", "https://@krea.ai"),
        ("PREFECT_API_URL", "ftp://x"),
        ("ANIMATIC_WEBHOOK_PORT", "0"),
        ("ANIMATIC_POLL_SECONDS", "-1"),
        ("KREA_API_TOKEN", "two words"),
        ("KREA_API_TOKEN", '"two-words"'),
    ],
)
def test_a_variable_that_cannot_be_is_named_without_a_secret(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        Settings.from_environment({name: value})
    assert "two words" not in str(caught.value)


def test_a_home_that_cannot_be_written_to_is_no_words_of_prefects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        quieten_prefect()
        warnings.warn("Failed to create the Prefect home directory at /.prefect", stacklevel=1)
        warnings.warn("something else", stacklevel=1)
    assert [str(one.message) for one in said] == ["something else"]
