"""The version of a deployed pipeline: a hash of what it declares to be rendered, so that a worker knows whether the file has changed under it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from animatic.errors import UsageError
from animatic.spec import PipelineSpec

NOT_RENDERED = frozenset({"description", "schedule", "schedules", "tags"})
"""Keys of a pipeline that change when and under which label it runs, not what comes out."""
SHARED = ("version", "defaults", "deliver", "budget")
DIGITS = 16


def version_of(spec: PipelineSpec) -> str:
    """Return the version of a pipeline: the same as long as its meaning is, whatever its comments and the order of its keys."""
    data: dict[str, Any] = spec.document.data
    own = {key: value for key, value in data["pipelines"][spec.name].items() if key not in NOT_RENDERED}
    content = {"pipeline": own, **{key: data[key] for key in SHARED if key in data}}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()[:DIGITS]


def check_version(spec: PipelineSpec, deployed: str | None, *, follow: bool) -> None:
    """Refuse to render what was not deployed. Raises UsageError; ``deployed`` None: the run has no deployment to compare with."""
    found = version_of(spec)
    if deployed is None or follow or deployed == found:
        return
    raise UsageError(
        f"pipeline {spec.name!r} is not what was deployed: {spec.document.path} holds version {found}, the deployment is version {deployed}",
        hint="deploy again (animatic deploy), bring the worker's copy of the file up to date, or deploy with --follow to render whatever the file says",
    )
