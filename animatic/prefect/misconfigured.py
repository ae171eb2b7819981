"""Tells what is wrong with Prefect's settings, read when it is imported: a mistake of the environment or of a file."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from animatic.errors import UsageError

_SETTINGS = Path("prefect") / "settings"
_FILES = "prefect.toml, pyproject.toml, .env and profiles.toml are read, too"


def settings_error(error: Exception, environment: Mapping[str, str] | None = None) -> UsageError | None:
    """Return the mistake in Prefect's settings that this is, with where it was made as far as that is known; None if it is something else.

    Prefect has no exception for it: a wrong value is pydantic's, a broken file the reader's. What they share is where they were raised.
    """
    if not isinstance(error, (ValueError, TypeError)) or not _while_reading_settings(error):
        return None
    environment = os.environ if environment is None else environment
    wrong = [_named(str(getattr(error, "title", "")), problem, environment) for problem in _problems(error)]
    if not wrong:
        text = " ".join(str(error).split())
        return UsageError(f"Prefect cannot read its settings: {text}", hint=f"correct that file; {_FILES}")
    return UsageError(f"Prefect refuses its settings: {'; '.join(wrong)}", hint=f"correct or unset it; {_FILES}")


def _while_reading_settings(error: Exception) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return any(_SETTINGS.as_posix() in Path(frame.filename).as_posix() for frame in frames)


def _problems(error: Exception) -> list[dict[str, Any]]:
    """Return what pydantic found, less what only follows from it; empty for an error of another library."""
    found = error.errors(include_url=False) if callable(getattr(error, "errors", None)) else []  # type: ignore[attr-defined]
    return [problem for problem in found if problem["type"] != "default_factory_not_called"]


def _named(title: str, problem: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Return one mistake with its variable, else with the setting. Never with the value, which may be a secret."""
    setting = ".".join(str(part) for part in problem["loc"])
    names = [name for name, value in environment.items() if _is_of(name, setting) and value == problem["input"]]
    where = " or ".join(sorted(names)) or f"{setting} of {title}"
    message = str(problem["msg"])
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _is_of(name: str, setting: str) -> bool:
    upper = name.upper()
    return upper.startswith("PREFECT_") and upper.endswith("_" + setting.rpartition(".")[2].upper())
