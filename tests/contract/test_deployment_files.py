"""The files of deployments/ say nothing that is not there: variables, commands, options, paths, keys of work pools.

They are parsed, and held against this code, Prefect's settings, its command line and its work pools. No container is built.
"""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from animatic.cli.main import VERBS, cli, command_of
from animatic.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
OTHERS = {"PREFECT_REDIS_MESSAGING_HOST", "PREFECT_REDIS_MESSAGING_PORT"}
"""Variables of prefect-redis, which only the servers' image has."""
OWN = {"ANIMATIC_SOURCE"}
"""Defined where it is used."""
POOLS = {"process": ("prefect", "process"), "docker": ("prefect-docker", "docker"), "kubernetes": ("prefect-kubernetes", "kubernetes")}


def named(path: Path) -> str:
    return str(path.relative_to(FOLDER))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_is_what_its_name_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".yaml":
            assert isinstance(yaml.safe_load(text), dict)
        case ".json":
            assert isinstance(json.loads(text), dict)
        case ".service":
            unit = configparser.RawConfigParser(strict=False)
            unit.optionxform = str  # type: ignore[assignment, method-assign]
            unit.read_string(text)
            assert unit.sections() == ["Unit", "Service", "Install"]
            assert unit["Service"]["Restart"] == "always"
            assert "User" in unit["Service"] or unit["Service"]["DynamicUser"] == "true", "not root"
        case _:
            assert path.name == "Containerfile"
            assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"], "not root"
            assert "--require-hashes -r requirements.lock" in text
            for copied in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
                assert all((ROOT / name).exists() for name in copied.split()), copied


def prefect_variables() -> set[str]:
    from prefect.settings.legacy import _get_settings_fields
    from prefect.settings.models.root import Settings as PrefectSettings

    return set(_get_settings_fields(PrefectSettings))


def test_every_variable_is_one_that_is_read() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    used = set(re.findall(r"\b(?:PREFECT|ANIMATIC|KREA)_[A-Z][A-Z_]+\b", text))
    assert len(used) > 15
    reference = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")))
    assert used - prefect_variables() - reference - OTHERS - OWN == set()
    assert Settings.from_environment({"ANIMATIC_WEBHOOK_URL": "", "KREA_API_TOKEN": ""}).webhook_url is None, "compose hands empty ones on"


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of ours and of Prefect's, with the file that has it."""
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for line in re.findall(
            r"(?:^#\s+|ExecStart=/opt/animatic/bin/|run: |^# +.*:  )((?:animatic|prefect) [a-z].*)$", text, re.MULTILINE
        ):
            yield named(path), shlex.split(line)
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    for service in compose["services"].values():
        if (words := service.get("command")) and words[0] in {"animatic", "prefect"}:
            yield "compose.yaml", words


COMMANDS = list(commands())


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) >= 14
    assert {words[0] for _, words in COMMANDS} == {"animatic", "prefect"}


@pytest.mark.parametrize(("place", "words"), COMMANDS, ids=[f"{place} {' '.join(words)}" for place, words in COMMANDS])
def test_every_command_is_understood(place: str, words: list[str]) -> None:
    if words[0] == "animatic":
        assert words[1] in VERBS, place
        command_of(words[1]).make_context(words[1], words[2:], parent=click.Context(cli))
        return
    from prefect.cli._app import _app

    arguments = [word for word in words[1:] if word != "--no-prompt"]
    _, _, unused = _app.parse_args(arguments, exit_on_error=False, print_error=False)
    assert not unused, place


@pytest.mark.parametrize("name", POOLS)
def test_a_work_pool_has_only_keys_that_its_workers_know_and_variables_that_are_used(name: str) -> None:
    spec = importlib.util.find_spec("prefect")
    assert spec is not None
    assert spec.origin is not None
    known = json.loads((Path(spec.origin).parent / "server/api/collections_data/views/aggregate-worker-metadata.json").read_text())
    package, kind = POOLS[name]
    theirs = known[package][kind]["default_base_job_configuration"]
    ours: dict[str, Any] = json.loads((FOLDER / "pools" / f"{name}.json").read_text(encoding="utf-8"))
    assert set(ours) == {"job_configuration", "variables"}
    assert set(ours["job_configuration"]) <= set(theirs["job_configuration"])
    variables = set(ours["variables"]["properties"])
    assert variables <= set(theirs["variables"]["properties"])
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(ours["job_configuration"])))
    assert used == variables


def test_the_services_of_the_compose_file_refer_to_what_is_there() -> None:
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert {"postgres", "redis", "server-1", "server-2", "worker-1", "worker-2", "webhook", "store"} <= set(services)
    for name, service in services.items():
        for needed, condition in service.get("depends_on", {}).items():
            assert needed in services, name
            assert condition["condition"] != "service_healthy" or "healthcheck" in services[needed], f"{name} waits for {needed} for ever"
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (FOLDER / source).exists(), f"{name}: {source}"
        for config in service.get("configs", ()):
            assert config["source"] in compose["configs"], name
        if build := service.get("build"):
            assert (FOLDER / build["context"] / build["dockerfile"]).is_file(), name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name} is published to everybody: {port}"
    assert (FOLDER / ".." / "refs").is_dir()


def test_servers_and_helm_values_keep_what_they_share_in_redis() -> None:
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    environment = compose["services"]["server-1"]["environment"]
    values = yaml.safe_load((FOLDER / "helm" / "prefect-server.yaml").read_text(encoding="utf-8"))
    chart = {item["name"]: item["value"] for item in values["global"]["prefect"]["env"]}
    assert {name: environment[name] for name in chart} == chart
    assert environment["PREFECT_SERVER_EVENTS_MESSAGING_BROKER"] == values["backgroundServices"]["messaging"]["broker"]
    assert compose["services"]["services"]["environment"] == compose["services"]["server-2"]["environment"] == environment
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    version = re.search(r"^prefect==(\S+)", lock, re.MULTILINE)
    assert version is not None
    tags = [compose["services"]["server-1"]["image"].partition(":")[2], values["global"]["prefect"]["image"]["prefectTag"]]
    assert all(tag.startswith(f"{version[1]}-") for tag in tags), "the servers are those with which the runs were tested"


def test_links_in_what_the_image_copies_lead_to_what_it_copies() -> None:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for name in line.split()}
    links = [path for name in copied if (ROOT / name).is_dir() for path in (ROOT / name).iterdir() if path.is_symlink()]
    assert links
    assert {path.resolve().relative_to(ROOT).parts[0] for path in links} <= copied
