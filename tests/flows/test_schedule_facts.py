"""Files and schedules of deployments, without a server: prefect.yaml, paths, what Prefect counts from, what stays paused."""

from __future__ import annotations

import asyncio
import shlex
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from animatic.prefect.deployments import wanted_deployments
from animatic.prefect.origin import in_folder, same_project
from animatic.prefect.prefect_yaml import Written, prefect_yaml
from animatic.prefect.schedules import as_deployed, changed_schedules, describe_rule, paused_on_server
from animatic.spec.occurrences import due
from tests.flows.test_deployment_facts import TEXT, declared

ONE = "    schedule: {interval: 24h, timezone: Europe/Lisbon}"
TWO = TEXT.replace("    schedule: {interval: 24h, timezone: Europe/Lisbon}", '    schedules: [{interval: 24h}, {cron: "0 6 * * *"}]')
TARGET = Path("deployments/prefect.yaml")


def schedules_of(text: str) -> dict[str, list[tuple[str, bool]]]:
    return {
        item["name"]: [(schedule["slug"], schedule["active"]) for schedule in item["schedules"]]
        for item in yaml.safe_load(text)["deployments"]
    }


def test_schedules_that_left_the_file_are_switched_off_by_prefects_own_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`prefect deploy` adds and changes schedules, and never removes one."""
    monkeypatch.chdir(tmp_path)

    def written(text: str, before: str) -> Written:
        return prefect_yaml(declared(tmp_path, text), Path("pipelines.yaml"), pool="p", target=TARGET, before=before)

    first = written(TWO, "")
    assert schedules_of(first.text) == {"town": [("schedule-1", True), ("schedule-2", True)]}
    assert written(TWO.replace("0 6", "0 7"), first.text).off == ()

    second = written(TWO.replace(', {cron: "0 6 * * *"}', ""), first.text)
    assert schedules_of(second.text) == {"town": [("schedule-1", True), ("schedule-2", False)]}
    assert second.off == ("town: schedule-2",)
    assert schedules_of(written(TWO, second.text).text) == {"town": [("schedule-1", True), ("schedule-2", True)]}

    third = written(TWO.replace("  town:", "  village:"), second.text)
    assert third.gone == ("town",)
    assert "prefect deployment delete town/town" in third.text
    assert written(TWO.replace("  town:", "  village:"), third.text).text == third.text
    assert written(TWO, third.text).gone == ("village",)


def test_a_prefect_yaml_of_slugs_made_from_content_is_brought_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = "deployments: [{name: town, schedules: [{cron: 0 6 * * *, slug: cron-d48929bf, active: true, parameters: {}}]}]"
    written = prefect_yaml(declared(tmp_path), Path("pipelines.yaml"), pool="p", target=TARGET, before=before)
    assert schedules_of(written.text) == {"town": [("schedule", True), ("cron-d48929bf", False)]}


@pytest.mark.parametrize("before", ["", "no: [yaml", "- a list", "deployments: 5", "deployments: [{}]", "deployments: [a, b]"])
def test_any_earlier_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    monkeypatch.chdir(tmp_path)
    written = prefect_yaml(declared(tmp_path), Path("pipelines.yaml"), pool="p", target=TARGET, before=before)
    assert schedules_of(written.text) == {"town": [("schedule", True)]}


@pytest.mark.parametrize(
    ("given", "file"),
    [("boards.yaml", "boards.yaml"), ("work/boards.yaml", "work/boards.yaml"), (".", "."), ("work", "work"), ("../x/a b.yaml", "a b.yaml")],
)
def test_the_written_command_names_a_file_of_any_name_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, file: str
) -> None:
    folder = tmp_path / "x"
    (folder / "inner").mkdir(parents=True)
    monkeypatch.chdir(folder)
    written = prefect_yaml(declared(tmp_path), Path(given), pool="p", target=TARGET)
    command = f"ANIMATIC_FILE={shlex.quote(file)} prefect --no-prompt deploy"
    assert command in written.text
    assert f"--write --file {shlex.quote(file)}`" in written.text
    environment = yaml.safe_load(written.text)["deployments"][0]["work_pool"]["job_variables"]["env"]
    assert environment == {"ANIMATIC_FILE": file}


def test_the_same_file_is_the_same_project_by_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "boards"
    (folder / "inner").mkdir(parents=True)
    (folder / "boards.yaml").write_text(TEXT)
    (tmp_path / "current").symlink_to(folder)
    monkeypatch.chdir(folder / "inner")
    paths = [folder / "boards.yaml", Path("../boards.yaml"), Path("../inner/../boards.yaml"), tmp_path / "current" / "boards.yaml"]
    first, *others = [in_folder(path) for path in paths]
    assert ".." not in str(others)
    assert all(same_project(first.project, other.project) for other in others)
    assert same_project((str(tmp_path), "boards/boards.yaml"), first.project)  # as `prefect deploy` writes it
    assert str(tmp_path / "current") in str(others[-1]), "what a link points to may change: it is deployed as it is written"
    assert in_folder(folder).project == (str(folder), ".")
    assert in_folder(Path("..")).project == (str(folder), ".")
    assert not same_project(first.project, in_folder(folder).project)
    assert not same_project(("https://git.example/boards.git", "boards.yaml"), first.project)


def deployment(name: str, slug: str | None, rule: IntervalSchedule | CronSchedule, *, active: bool = True) -> DeploymentSchedule:
    return DeploymentSchedule(
        id=uuid4(), deployment_id=uuid4(), schedule=rule, slug=slug, active=active, parameters={"city": name} if name else {}
    )


def test_a_paused_schedule_stays_paused_wherever_it_moves(tmp_path: Path) -> None:
    hourly, daily = CronSchedule(cron="0 * * * *", timezone="UTC"), CronSchedule(cron="0 6 * * *", timezone="UTC")
    text = TEXT.replace(
        "    schedule: {interval: 24h, timezone: Europe/Lisbon}", '    schedules: [{cron: "0 6 * * *"}, {cron: "0 7 * * *"}]'
    )
    (wanted,) = wanted_deployments(declared(tmp_path, text), in_folder(tmp_path / "pipelines.yaml"), pool="p")
    there = [deployment("", "schedule-1", hourly, active=False), deployment("", "schedule-2", daily)]
    # What runs at 6 is the second on the server and the first in the file; the paused one has left the file.
    assert [(item.slug, item.active) for item in as_deployed(wanted.schedules, there)] == [("schedule-1", True), ("schedule-2", True)]
    paused = [deployment("", "cron-d48929bf", daily, active=False)]
    assert [item.active for item in as_deployed(wanted.schedules, paused)] == [False, True]
    assert list(paused_on_server(wanted.schedules, paused)) == [
        "schedule schedule-1 is paused on the server, and stays so: resume it in the UI"
    ]
    # What was paused under the slug of the new schedule is the second one of the file now.
    text = TEXT.replace(ONE, '    schedules: [{cron: "0 7 * * *"}, {cron: "0 6 * * *"}]')
    (moved,) = wanted_deployments(declared(tmp_path, text), in_folder(tmp_path / "pipelines.yaml"), pool="p")
    before = [deployment("", "schedule-1", daily, active=False)]
    assert [item.active for item in as_deployed(moved.schedules, before)] == [True, False]
    lines = list(changed_schedules(wanted.schedules, paused))
    assert lines == ["schedule cron-d48929bf is called schedule-1 from now on", "new schedule schedule-2: cron 0 7 * * * (UTC)"]


def test_rules_are_told_in_one_line_each(tmp_path: Path) -> None:
    text = TEXT.replace(
        ONE,
        "    schedules:\n"
        "      - {interval: 24h}\n"
        "      - {interval: 1h30m, start: 2027-01-04 06:30}\n"
        '      - {rrule: "RRULE:FREQ=WEEKLY;INTERVAL=2", start: 2027-01-04}',
    )
    (wanted,) = wanted_deployments(declared(tmp_path, text), in_folder(tmp_path / "pipelines.yaml"), pool="p")
    assert [describe_rule(item.schedule) for item in wanted.schedules] == [
        "every 1 day from 2024-01-01 00:00 (UTC)",
        "every 1 hour 30 minutes from 2027-01-04 06:30 (UTC)",
        "rrule FREQ=WEEKLY;INTERVAL=2 from 2027-01-04 00:00 (UTC)",
    ]


def test_the_start_of_a_schedule_is_where_prefect_counts_from(tmp_path: Path) -> None:
    from prefect.server.schemas import schedules as reckoning

    text = TEXT.replace(
        ONE,
        "    schedules:\n"
        "      - {interval: 1d, start: 2027-01-04 06:30, timezone: Asia/Tokyo}\n"
        "      - {rrule: FREQ=WEEKLY;INTERVAL=2, start: 2027-01-04 06:00, timezone: Asia/Tokyo}",
    )
    declaration = declared(tmp_path, text)
    (wanted,) = wanted_deployments(declaration, in_folder(tmp_path / "pipelines.yaml"), pool="p")
    after = datetime(2027, 1, 6, tzinfo=UTC)
    found = []
    for item in wanted.schedules:
        rule = getattr(reckoning, type(item.schedule).__name__).model_validate(item.schedule.model_dump())
        found.append([f"{moment:%m-%d %H:%M}" for moment in asyncio.run(rule.get_dates(n=2, start=after))])
    assert found == [["01-07 06:30", "01-08 06:30"], ["01-18 06:00", "02-01 06:00"]]
    ours = [due(schedule, after, datetime(2027, 2, 2, tzinfo=UTC))[:2] for schedule in declaration.pipelines["town"].schedules]
    assert [[f"{moment:%m-%d %H:%M}" for moment in moments] for moments in ours] == found


@pytest.mark.parametrize(
    ("written", "collision"), [("", "ENQUEUE"), ("overlap: queue", "ENQUEUE"), ("overlap: skip", "CANCEL_NEW"), ("overlap: allow", None)]
)
def test_runs_of_a_pipeline_wait_for_each_other_unless_it_says_otherwise(tmp_path: Path, written: str, collision: str | None) -> None:
    text = TEXT.replace("    description: A town.", f"    description: A town.\n    {written}")
    (wanted,) = wanted_deployments(declared(tmp_path, text), in_folder(tmp_path / "pipelines.yaml"), pool="p")
    assert (wanted.collision.value if wanted.collision else None) == collision


def test_a_schedules_profile_is_a_parameter_of_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = TEXT.replace("pipelines:", "profiles: {draft: {video: {resolution: 480p}}}\npipelines:")
    text = text.replace("{interval: 24h, timezone: Europe/Lisbon}", "{interval: 24h, profile: draft}")
    (wanted,) = wanted_deployments(declared(tmp_path, text), in_folder(tmp_path / "pipelines.yaml"), pool="p")
    assert [schedule.parameters for schedule in wanted.schedules] == [{"profile": "draft"}]
    properties = wanted.facts["parameter_openapi_schema"]["properties"]
    assert (properties["profile"]["enum"], properties["profile"]["default"]) == (["as written", "draft"], "as written")
    assert "Under profiles: draft $" in wanted.facts["description"]
    written = prefect_yaml(declared(tmp_path, text), Path("pipelines.yaml"), pool="p", target=TARGET)
    assert yaml.safe_load(written.text)["deployments"][0]["schedules"][0]["parameters"] == {"profile": "draft"}
