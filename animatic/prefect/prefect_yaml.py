"""Writes ``prefect.yaml`` for those who deploy with Prefect's own command: the same deployments as ``animatic deploy`` makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from animatic.catalog import Catalog
from animatic.files import write_whole
from animatic.prefect.deployments import wanted_deployments
from animatic.prefect.origin import Origin
from animatic.spec import Declaration

HEAD = """\
# Written by `animatic deploy --write` from {file}; do not edit.
# Deploy with:  prefect work-pool create --type process {pool}
#               prefect --no-prompt deploy --all --prefect-file {target}
# from the folder of {file}. Workers find it in that folder; for a git repository put a `pull:` section here.
"""


def prefect_yaml(declaration: Declaration, path: Path, *, pool: str, target: Path) -> str:
    """Return the text of a prefect.yaml for a declaration."""
    wanted = wanted_deployments(declaration, Origin(pull_steps=(), file=path.name), pool=pool, catalog=Catalog.load())
    deployments = [
        {
            "name": item.name,
            "description": item.facts["description"],
            "version": item.facts["version"],
            "tags": item.facts["tags"],
            "entrypoint": item.facts["entrypoint"],
            "schedules": [_schedule(schedule.model_dump(mode="json", exclude_none=True)) for schedule in item.schedules],
            "work_pool": {"name": pool, "job_variables": item.facts["job_variables"]},
        }
        for item in wanted
    ]
    body = yaml.safe_dump({"name": "animatic", "deployments": deployments}, sort_keys=False, allow_unicode=True, width=120)
    return HEAD.format(file=path.name, pool=pool, target=target) + body


def write_prefect_yaml(target: Path, declaration: Declaration, path: Path, *, pool: str) -> bool:
    """Write the file where it differs; True if it did. Raises OSError where it cannot be written."""
    text = prefect_yaml(declaration, path, pool=pool, target=target)
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return False
    write_whole(target, text)
    return True


def _schedule(schedule: dict[str, Any]) -> dict[str, Any]:
    rule = schedule["schedule"]
    kept = {key: rule[key] for key in ("cron", "interval", "anchor_date", "rrule", "timezone") if key in rule}
    return {**kept, "slug": schedule["slug"], "active": schedule["active"], "parameters": schedule["parameters"]}
