"""Tells a worker where the pipelines file of a deployment is: in a folder, or in a git repository or bucket that it fetches first.

The origin is also what tells the deployments of one project from those of another on the same server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatic.destination import BadDestinationError, Bucket, parse_destination
from animatic.errors import UsageError
from animatic.settings import FILE

FOLDER_STEP = "prefect.deployments.steps.set_working_directory"
GIT_STEP = "prefect.deployments.steps.git_clone"
BUCKET_STEP = "animatic.prefect.pull.from_s3"


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Pull steps as Prefect runs them before a run, and the file below the folder that they end in."""

    pull_steps: tuple[Mapping[str, Any], ...]
    file: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a worker needs beyond the pull steps."""
        return {FILE: self.file}

    @property
    def project(self) -> tuple[str, str]:
        """Folder, repository (whatever its branch) or bucket (whatever the version), and file: the same at each deployment."""
        return project_of(self.pull_steps, self.file)

    @property
    def folder(self) -> Path | None:
        """The folder that the workers share; None where they fetch a copy of their own."""
        steps = [step[FOLDER_STEP] for step in self.pull_steps if FOLDER_STEP in step]
        return Path(steps[0]["directory"]) if len(self.pull_steps) == 1 and steps else None

    @property
    def is_repository(self) -> bool:
        """Whether workers clone a repository."""
        return any(GIT_STEP in step for step in self.pull_steps)

    def __str__(self) -> str:
        """``pipelines.yaml in /srv/boards``."""
        return f"{self.file} in {self.project[0]}"


def in_folder(path: Path) -> Origin:
    """Return the origin of a pipelines file (or a folder of them) in a folder that the workers share.

    The folder is written as the user knows it, without ``..``; links are kept, since what they point to may change with each release.
    Raises UsageError where there is no such file.
    """
    if not path.exists():
        raise UsageError(f"there is no file {path}")
    absolute = Path(os.path.normpath(path.absolute()))
    folder, file = (absolute, ".") if absolute.is_dir() else (absolute.parent, absolute.name)
    return Origin(pull_steps=({FOLDER_STEP: {"directory": str(folder)}},), file=file)


def in_repository(url: str, path: Path, *, branch: str | None = None, token_block: str | None = None) -> Origin:
    """Return the origin of a pipelines file (relative to the repository's root) that workers clone.

    ``token_block``: name of a Prefect Secret block with an access token, for a private repository. Raises UsageError for a URL that holds
    credentials: it would be shown in the UI.
    """
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError(
            "the repository's URL holds a user name or token, which everybody who sees the deployment could read",
            hint="keep the token in a Prefect Secret block, and name that: --git-token-block NAME",
        )
    if path.is_absolute():
        raise UsageError(f"{path} is not in the repository", hint="give --file relative to the repository's root")
    fields: dict[str, Any] = {"repository": url}
    if branch is not None:
        fields["branch"] = branch
    if token_block is not None:
        fields["access_token"] = f"{{{{ prefect.blocks.secret.{token_block} }}}}"
    return Origin(pull_steps=({GIT_STEP: fields},), file=path.as_posix())


def in_bucket(location: str, path: Path, *, sha256: str, include: Sequence[str] = ()) -> Origin:
    """Return the origin of a pipelines file (or a folder of them) that workers fetch from ``s3://bucket/prefix``, in one version.

    ``include``: patterns by which further files came into it. Raises UsageError for another place.
    """
    try:
        place = parse_destination(location)
    except BadDestinationError as mistake:
        raise UsageError(f"cannot pull from {location!r}: {mistake.message}", hint="name a bucket: --pull s3://bucket/prefix") from None
    if not isinstance(place, Bucket):
        raise UsageError(f"cannot pull from {location!r}: it is no bucket", hint="name one: --pull s3://bucket/prefix")
    fields: dict[str, Any] = {"location": str(place), "sha256": sha256, **({"include": list(include)} if include else {})}
    return Origin(pull_steps=({BUCKET_STEP: fields},), file="." if path.is_dir() else path.name)


def same_project(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether two folders (or repositories) and files are the same, whatever path leads there."""
    return one == other or (Path(one[0]).is_absolute() and _real(one) == _real(other))


def _real(project: tuple[str, str]) -> str:
    return os.path.realpath(Path(*project))


def project_of(pull_steps: Sequence[Mapping[str, Any]] | None, file: str | None) -> tuple[str, str]:
    """Return folder, repository or bucket and file of a deployment; empty texts where it has none of them."""
    for step in pull_steps or ():
        for name, fields in step.items():
            if name == FOLDER_STEP:
                return str(fields.get("directory", "")), file or ""
            if name == GIT_STEP:
                return str(fields.get("repository", "")), file or ""
            if name == BUCKET_STEP:
                return str(fields.get("location", "")).partition("?")[0], file or ""
    return "", file or ""
