"""Writes ``prefect.yaml`` for those who deploy with Prefect's own command: the same deployments as ``animatic deploy`` makes.

Prefect's command never removes a schedule. So what an earlier ``prefect.yaml`` had and the pipelines file has no more stays in it, switched
off: deploying the file once more pauses it on the server, as often as one likes. (Prefect's ``replaces`` would rename a schedule once, and
have the second deployment of the same file refused.)
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.actions import DeploymentScheduleCreate

from animatic.catalog import Catalog
from animatic.files import write_whole
from animatic.prefect.deployments import Wanted, wanted_deployments
from animatic.prefect.origin import Origin
from animatic.settings import DEFAULT_FILE, FILE
from animatic.spec import Declaration

HEAD = """\
# Written by `animatic deploy --write{option}` from {file}; do not edit.
# Deploy with:  prefect work-pool create --type process {pool}
#               {environment}prefect --no-prompt deploy --all --prefect-file {target}
# from the folder in which this was written. {found}
"""
IN_FOLDER = "Workers find {file} in that folder; for a git repository put a `pull:` section here."
IN_BUCKET = "Workers fetch {file} as it is now from {place}."
IN_REPOSITORY = "Workers clone {place}, and read {file} there."
OFF = """\
# Schedules that are `active: false` here and not in {file} were in an earlier version: deploying switches them off.
"""
GONE = "# No longer in the file; remove with:  prefect deployment delete "
_GONE = re.compile(rf"^{re.escape(GONE)}'?(?P<name>[\w-]+)/", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """The text of a prefect.yaml, and what in it is there only to be switched off or removed: ``town: schedule-2``, names."""

    text: str
    off: tuple[str, ...]
    gone: tuple[str, ...]


def prefect_yaml(
    declaration: Declaration, path: Path, *, pool: str, target: Path, origin: Origin | None = None, before: str = ""
) -> Written:
    """Return a prefect.yaml for a declaration; ``before`` is the text that it replaces.

    ``origin``: where workers fetch the pipelines file from; None: they are in the folder in which this is written.
    """
    file = Path(os.path.relpath(path)).as_posix()
    wanted = wanted_deployments(declaration, origin or Origin(pull_steps=(), file=file), pool=pool, catalog=Catalog.load())
    earlier = _earlier(before)
    names = {item.name for item in wanted}
    gone = tuple(dict.fromkeys(name for name in (*earlier, *_GONE.findall(before)) if name not in names))
    off = {item.name: _left_over(item, earlier.get(item.name, ())) for item in wanted}
    deployments = [
        {
            "name": item.name,
            "description": item.facts["description"],
            "version": item.facts["version"],
            "tags": item.facts["tags"],
            "entrypoint": item.facts["entrypoint"],
            "concurrency_limit": None if item.collision is None else {"limit": 1, "collision_strategy": item.collision.value},
            "schedules": [
                *(_schedule(schedule) for schedule in item.schedules),
                *off[item.name],
            ],
            "work_pool": {"name": pool, "job_variables": item.facts["job_variables"]},
        }
        for item in wanted
    ]
    pull = {"pull": [dict(step) for step in origin.pull_steps]} if origin is not None else {}
    body = yaml.safe_dump({"name": "animatic", **pull, "deployments": deployments}, sort_keys=False, allow_unicode=True, width=120)
    plain = file == DEFAULT_FILE.as_posix()
    head = HEAD.format(
        file=file,
        pool=shlex.quote(pool),
        target=target,
        option="" if plain else f" --file {shlex.quote(file)}",
        environment="" if plain else f"{FILE}={shlex.quote(file)} ",
        found=_found(file, origin),
    )
    head += OFF.format(file=file) if any(off.values()) else ""
    head += "".join(f"{GONE}{name}/{name}\n" for name in gone)
    switched = tuple(f"{name}: {schedule['slug']}" for name, schedules in off.items() for schedule in schedules)
    return Written(text=head + body, off=switched, gone=gone)


def write_prefect_yaml(
    target: Path, declaration: Declaration, path: Path, *, pool: str, origin: Origin | None = None
) -> tuple[bool, Written]:
    """Write the file where it differs; True if it did. Raises OSError where it cannot be written."""
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    written = prefect_yaml(declaration, path, pool=pool, target=target, origin=origin, before=before)
    if written.text == before:
        return False, written
    write_whole(target, written.text)
    return True, written


def _found(file: str, origin: Origin | None) -> str:
    if origin is None:
        return IN_FOLDER.format(file=file)
    said = IN_REPOSITORY if origin.is_repository else IN_BUCKET
    return said.format(file=file, place=origin.project[0])


def _earlier(text: str) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """Return the schedules of an earlier prefect.yaml by deployment; none where it is not one of ours."""
    with contextlib.suppress(yaml.YAMLError, AttributeError, TypeError, KeyError):
        deployments = (yaml.safe_load(text) or {}).get("deployments") or ()
        return {str(item["name"]): tuple(item.get("schedules") or ()) for item in deployments}
    return {}


def _left_over(wanted: Wanted, earlier: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    """Return the schedules that were there before and are no more, switched off."""
    slugs = {schedule.slug for schedule in wanted.schedules}
    return [{**schedule, "active": False} for schedule in earlier if schedule.get("slug") and schedule["slug"] not in slugs]


def _schedule(wanted: DeploymentScheduleCreate) -> dict[str, Any]:
    schedule = wanted.model_dump(mode="json", exclude_none=True)
    rule = schedule["schedule"]
    kept = {key: rule[key] for key in ("cron", "interval", "anchor_date", "rrule", "timezone") if key in rule}
    return {**kept, "slug": schedule["slug"], "active": schedule["active"], "parameters": schedule["parameters"]}
