"""Options that several verbs share, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from animatic.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

file_option = click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Another pipelines file, or a folder of them. Repeatable.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
param_option = click.option("--param", "params", multiple=True, metavar="K=V", help="A value for a parameter of the pipeline. Repeatable.")
simulate_option = click.option(
    "--simulate", is_flag=True, help="Rehearse with the simulator: no account, nothing is paid, everything is marked as simulated."
)
only_option = click.option(
    "--only", metavar="ID", help="Only these shots: A, A+ (and all that hangs on it), +A (and all it hangs on); several by comma."
)
fresh_option = click.option("--fresh", is_flag=True, help="Make new takes of everything, even if nothing changed.")
cancel_jobs_option = click.option(
    "--cancel-jobs", is_flag=True, help="When interrupted, also cancel the jobs that are waited for at Krea; they are not billed then."
)
deliver_option = click.option("--deliver", metavar="PLACE", help="Deliver to another folder or s3://bucket/prefix than the file says.")


def parse_params(given: tuple[str, ...]) -> dict[str, str]:
    """Return ``{"city": "Porto"}`` for ``("city=Porto",)``. Raises UsageError where there is no ``=`` or a name comes twice."""
    values: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--param {item!r} is not of the form name=value")
        if name.strip() in values:
            raise UsageError(f"--param {name.strip()} is given twice")
        values[name.strip()] = value
    return values
