"""Options that several verbs share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from animatic.errors import UsageError
from animatic.redact import redact

if TYPE_CHECKING:
    from animatic.spec import PipelineSpec

F = TypeVar("F", bound=Callable[..., Any])

file_option = click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Read another pipelines file, or a folder of them. Repeatable.",
)
one_file_option = click.option(
    "--file", "file", type=click.Path(path_type=Path), metavar="PATH", help="Read another pipelines file, or a folder of them."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
param_option = click.option("--param", "params", multiple=True, metavar="K=V", help="Set a parameter of the pipeline. Repeatable.")
params_file_option = click.option(
    "--params-file",
    "params_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take parameters from a file, YAML or JSON; --param wins over it.",
)
profile_option = click.option("--profile", metavar="NAME", help="Let the values of this profile win over defaults and shots.")
simulate_option = click.option(
    "--simulate", is_flag=True, help="Use the simulator: no account, nothing is paid, everything is marked as simulated."
)
simulated_option = click.option("--simulate", is_flag=True, help="Work with simulated runs instead of real ones.")
only_simulated_option = click.option("--simulate", is_flag=True, help="Look at simulated runs alone.")
only_option = click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Only these shots: A, A+ (A and everything downstream), +A (A and everything upstream), V/* (a variant). "
    "Repeatable; several, also with commas, mean all of them together.",
)
fresh_option = click.option("--fresh", is_flag=True, help="Generate new takes of all shots, even of unchanged ones.")
cancel_jobs_option = click.option(
    "--cancel-jobs", is_flag=True, help="When interrupted, also cancel the running jobs at Krea; they are not billed then."
)
deliver_option = click.option(
    "--deliver", metavar="PLACE", help="Use another destination than the file says: a folder or s3://bucket/prefix."
)


note_option = click.option("--note", metavar="TEXT", help="Why; kept in the ledger and the log of the shot.")


def text_of(written: str | None) -> str | None:
    """Return what somebody wrote, without blanks around it and without secrets; None where that is nothing."""
    return redact((written or "").strip()) or None


def joined(only: tuple[str, ...]) -> str | None:
    """Return the selection that several ``--only`` mean together; None where there is none."""
    return ",".join(only) if only else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a command line asks of a pipeline: texts of params by name, the file of the others, the profile."""

    params: Mapping[str, str] = field(default_factory=dict)
    params_file: Path | None = None
    profile: str | None = None

    @property
    def given(self) -> dict[str, object]:
        """What was given, by option; empty for what was not."""
        return {"--param": self.params, "--params-file": self.params_file, "--profile": self.profile}

    def values(self, spec: PipelineSpec) -> dict[str, Any]:
        """Return the values of params: those of the file, typed, and over them the texts. Raises DeclarationError for those of the file."""
        if self.params_file is None:
            return dict(self.params)
        from animatic.spec.params_file import read_params_file

        return {**read_params_file(self.params_file, spec), **self.params}


def asked_options(command: F) -> F:
    """Give a verb ``--param``, ``--params-file`` and ``--profile``; it has what they say as ``asked``."""

    @wraps(command)
    def read(*, params: tuple[str, ...], params_file: Path | None, profile: str | None, **others: Any) -> Any:
        return command(asked=Asked(params=parse_params(params), params_file=params_file, profile=profile), **others)

    return cast("F", param_option(params_file_option(profile_option(read))))


def parse_params(given: tuple[str, ...]) -> dict[str, str]:
    """Return ``{"city": "Porto"}`` for ``("city=Porto",)``. Raises UsageError where there is no ``=`` or a name comes twice."""
    return parse_assignments(given, option="--param", form="name=value")


def parse_assignments(given: tuple[str, ...], *, option: str, form: str) -> dict[str, str]:
    """Return the values of a repeatable ``NAME=VALUE`` option by name. Raises UsageError where there is no ``=`` or a name comes twice."""
    values: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{option} {item!r} is not of the form {form}")
        if name.strip() in values:
            raise UsageError(f"{option} {name.strip()} is given twice")
        values[name.strip()] = value
    return values
