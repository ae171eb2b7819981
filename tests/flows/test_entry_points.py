"""Flows as Prefect loads them and what surrounds a run, without a server: entry points, parameters, credentials, events, links."""

from __future__ import annotations

import asyncio
import os
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect import Flow
from prefect.utilities.callables import parameter_schema, parameters_to_args_kwargs

from animatic.engine.progress import ProgressTracker
from animatic.errors import DeclarationError, PrefectError, UsageError
from animatic.flows import events, storyboards
from animatic.flows.artifacts import public_address
from animatic.flows.identity import run_id_of
from animatic.flows.launch import knowing
from animatic.flows.parameters import named, profile_asked
from animatic.flows.worker import use_aws_block
from animatic.manifest.parts import Choice, Finding, Quality
from animatic.prefect.health import CheckResult
from animatic.settings import FILE, Secret, export_aws_credentials

TEXT = """
version: 1
defaults: {video: {model: xai/grok-video}}
pipelines:
  old-town:
    params:
      shots: {type: integer, default: 3, minimum: 1, maximum: 9, description: How many}
      zoom: {type: number, default: 1.5, minimum: 0.5}
      rain: {type: boolean, default: false}
      city: {type: string, description: Town to show}
    shots:
      - {id: dawn, prompt: "Dawn in {{ params.city }}"}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "pipelines.yaml"
    path.write_text(TEXT)
    monkeypatch.setenv(FILE, str(path))
    return path


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is about to execute a flow run, as one that a worker started, with parameters that a form may send."""
    monkeypatch.setattr(storyboards, "flow_run", SimpleNamespace(id=str(uuid.uuid4()), flow_name="old-town", parameters=GIVEN))


GIVEN = {"city": "Porto", "fresh": False, "class": 1, "not-a-name": "x"}
"""Prefect's server takes names that Python does not."""


def test_a_pipeline_is_a_flow_with_typed_parameters(file: Path) -> None:
    assert "old_town" in dir(storyboards)
    flow = storyboards.old_town
    assert (flow.name, flow.fn.__name__) == ("old-town", "old_town")
    schema = parameter_schema(flow)
    kinds = {name: (field["type"], field.get("default")) for name, field in schema.properties.items()}
    assert kinds == {
        "shots": ("integer", 3), "zoom": ("number", 1.5), "rain": ("boolean", False), "city": ("string", None), "only": ("string", ""),
        "fresh": ("boolean", False),
    }  # fmt: skip
    said = {name: field.get("description", "") for name, field in schema.properties.items()}
    assert (said["shots"], said["zoom"], said["city"]) == ("How many (1 to 9)", "(0.5 or more)", "Town to show")
    assert said["only"].startswith("Make these shots alone")
    assert (schema.properties["shots"]["minimum"], schema.properties["shots"]["maximum"]) == (1, 9)
    assert schema.required == ["city"]


def test_an_edited_file_is_read_again(file: Path) -> None:
    assert storyboards.old_town.name == "old-town"
    file.write_text(TEXT.replace("old-town", "new-town"))
    os.utime(file, ns=(1, 1))
    assert storyboards.new_town.name == "new-town"
    with pytest.raises(AttributeError, match="there are: new_town"):
        _ = storyboards.old_town


def test_what_is_wrong_with_the_file_is_raised_to_who_asks_for_a_flow(file: Path) -> None:
    file.write_text(TEXT.replace("1.5", "wide"))
    with pytest.raises(DeclarationError):
        _ = storyboards.old_town
    file.unlink()
    with pytest.raises(UsageError, match="no pipelines file"):
        _ = storyboards.old_town


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("1.5", "wide"), "pipelines.yaml:8"),
        (("old-town", "new-town"), "there is no pipeline 'old_town'"),
        (None, "no pipelines file at"),
        (("city", "town"), "has no param city, class, not-a-name"),
    ],
)
@pytest.mark.usefixtures("starting")
def test_a_flow_run_that_starts_is_given_a_flow_that_fails_with_what_is_wrong(
    file: Path, change: tuple[str, str] | None, said: str
) -> None:
    if change is None:
        file.unlink()
    else:
        file.write_text(TEXT.replace(*change))
    flow: Flow[..., Any] = storyboards.old_town
    assert flow.name == "old-town"
    assert not flow.should_validate_parameters
    positional, values = parameters_to_args_kwargs(flow.fn, GIVEN)  # as Prefect's engine does it, which refuses unknown names
    assert positional == ()
    state = asyncio.run(flow.fn(**values))
    assert state.is_failed()
    assert said in (state.message or "")


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ("profiles: {drafts: {video: {resolution: 480p}}}\n", "there is no profile 'draft'"),
        ("", "has no param profile"),
    ],
)
def test_a_flow_run_whose_profile_left_the_file_fails_with_that(
    file: Path, monkeypatch: pytest.MonkeyPatch, profiles: str, said: str
) -> None:
    given = {"city": "Porto", "profile": "draft"}
    monkeypatch.setattr(storyboards, "flow_run", SimpleNamespace(id=str(uuid.uuid4()), flow_name="old-town", parameters=given))
    file.write_text(profiles + TEXT)
    _, values = parameters_to_args_kwargs(storyboards.old_town.fn, given)
    state = asyncio.run(storyboards.old_town.fn(**values))
    assert state.is_failed()
    assert said in (state.message or "")


def test_a_flow_offers_the_profiles_and_is_named_for_the_one_that_is_chosen(file: Path) -> None:
    file.write_text("profiles: {draft: {video: {resolution: 480p}}, final: {video: {resolution: 720p}}}\n" + TEXT)
    field = parameter_schema(storyboards.old_town).properties["profile"]
    assert (field["enum"], field["default"]) == (["as written", "draft", "final"], "as written")
    assert named("old-town", ("city",), {"city": "Porto", "profile": "draft"}) == "old-town · profile draft · Porto"
    for written in ({"profile": "as written"}, {"profile": None}, {"profile": ""}, {}):
        assert profile_asked(written) is None
        assert named("old-town", ("city",), {"city": "Porto", **written}) == "old-town · Porto"


def test_a_run_is_taken_up_under_a_profile_that_the_file_has_no_more(file: Path) -> None:
    spec = storyboards.declaration().pipelines["old-town"]
    flow = storyboards.pipeline_flow(knowing(spec, "draft"))
    assert flow.validate_parameters({"city": "Porto", "profile": "draft"})["profile"] == "draft"
    assert knowing(spec, None) is spec


def test_a_run_keeps_its_id_when_it_is_retried_and_ids_sort_by_time() -> None:
    flow_run, expected = str(uuid.uuid4()), datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    run_id = run_id_of(flow_run, expected)
    assert run_id == run_id_of(flow_run, expected.astimezone())
    assert run_id is not None
    assert run_id.startswith("20261121T120000Z-")
    later = run_id_of(flow_run, expected + timedelta(seconds=1))
    assert later is not None
    assert later > run_id
    assert run_id_of(None, expected) is None


def test_credentials_of_a_block_are_set_for_boto3_and_what_it_lacks_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "before")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "before")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    export_aws_credentials(access_key_id="AKIA", secret_access_key=Secret("shh"), session_token=None, region=None)
    there = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")}
    assert there == {
        "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "shh", "AWS_SESSION_TOKEN": None, "AWS_REGION": "eu-west-1"
    }  # fmt: skip


@pytest.mark.anyio
async def test_a_block_of_a_package_that_is_not_installed_is_refused() -> None:
    await use_aws_block(None)
    with pytest.raises(UsageError, match="prefect-aws is not installed"):
        await use_aws_block("production")


def test_a_check_has_one_severity() -> None:
    assert CheckResult(subject="s", message="m").severity == "ok"
    assert CheckResult(subject="s", message="m", warning=True).severity == "warning"
    assert CheckResult(subject="s", message="m", error=PrefectError("gone")).severity == "fail"


def record_of(key: str) -> Any:
    """The manifest's entry of a shot; looking at `seen` found something."""
    found = Finding(check="black", at=0.5, seconds=1.0, detail="the picture is black")
    qc = Quality(ok=False, findings=(found,)) if key == "seen" else None
    chosen = Choice(take=2, among=(1, 2), why="take 2 goes on") if key == "chosen" else None
    return SimpleNamespace(record=SimpleNamespace(qc=qc, continuity=0.9 if key == "seen" else None, choice=chosen))


def run_of(progress: ProgressTracker, **settings: Any) -> Any:
    return SimpleNamespace(
        progress=progress, manifest=SimpleNamespace(shot=record_of), plan=SimpleNamespace(pipeline="town", run_id="r1"),
        simulated=False, prefix="town/r1", state=SimpleNamespace(choices={}),
        settings=SimpleNamespace(**{"public_url": None, "custom_s3": False, **settings}), address=lambda name: f"s3://boards/town/r1/{name}",
    )  # fmt: skip


def test_events_tell_of_each_submission_and_each_end_once(monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[tuple[str, str, float | None]] = []
    monkeypatch.setattr(events, "emit_event", lambda event, resource, payload: emitted.append((event, payload["shot"], payload["usd"])))
    progress = ProgressTracker.of(dict.fromkeys(("dawn", "old", "odd", "lost", "left"), "xai/grok-video"))
    with events.announcing(run_of(progress)):
        progress.change("dawn", "preparing")
        progress.change("dawn", "submitting")
        progress.change("dawn", "running", job_id="j1", usd=Decimal("0.28"))
        progress.change("dawn", "running", "processing")
        progress.change("dawn", "fetching")
        progress.change("dawn", "delivered")
        progress.change("dawn", "delivered", "again")
        progress.change("old", "reused")
        progress.change("odd", "running", job_id="taken up")
        progress.change("odd", "in doubt")
        progress.change("lost", "submitting", usd=Decimal("0.30"))
        progress.change("lost", "failed", "moderated", billed=Decimal(0))
        progress.change("left", "skipped")
    progress.change("left", "failed")
    assert emitted == [
        ("animatic.shot.submitted", "dawn", 0.28),
        ("animatic.shot.delivered", "dawn", 0.28),
        ("animatic.shot.delivered", "old", None),
        ("animatic.shot.in-doubt", "odd", None),
        ("animatic.shot.failed", "lost", 0.0),
        ("animatic.shot.failed", "left", None),
    ]


def test_events_tell_what_the_checks_of_a_take_found(monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[tuple[object, object]] = []
    monkeypatch.setattr(events, "emit_event", lambda event, resource, payload: emitted.append((payload["qc"], payload["continuity"])))
    progress = ProgressTracker.of(dict.fromkeys(("seen", "unseen"), "xai/grok-video"))
    with events.announcing(run_of(progress)):
        progress.change("seen", "delivered")
        progress.change("unseen", "delivered")
    finding = {"check": "black", "at": 0.5, "for": 1.0, "detail": "the picture is black"}
    assert emitted == [({"ok": False, "findings": [finding]}, 0.9), (None, None)]


def test_an_event_tells_once_which_take_checks_have_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[tuple[str, object]] = []
    monkeypatch.setattr(events, "emit_event", lambda event, resource, payload: emitted.append((event, payload["choice"])))
    progress = ProgressTracker.of(dict.fromkeys(("chosen", "other"), "xai/grok-video"))
    run = run_of(progress)
    with events.announcing(run):
        progress.change("chosen", "delivered")
        run.state.choices["chosen"] = object()
        progress.change("chosen", "delivered", "take 2 goes on")
        progress.change("chosen", "delivered", "told already")
        progress.change("other", "delivered")
    said = {"take": 2, "among": [1, 2], "why": "take 2 goes on"}
    assert emitted == [("animatic.shot.delivered", said), ("animatic.shot.picked", said), ("animatic.shot.delivered", None)]


def test_an_event_that_cannot_be_sent_does_not_stop_a_shot(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise RuntimeError("no server")

    monkeypatch.setattr(events, "emit_event", refuse)
    progress = ProgressTracker.of({"dawn": "xai/grok-video"})
    with events.announcing(run_of(progress)):
        progress.change("dawn", "failed")
    assert progress.shots["dawn"].state == "failed"


def test_links_open_at_the_public_address_else_in_the_console_of_the_bucket() -> None:
    progress = ProgressTracker.of({})
    public = run_of(progress, public_url="https://cdn.example")
    assert public_address(public, "01-dawn.mp4") == "https://cdn.example/town/r1/01-dawn.mp4"
    public.simulated = True
    assert public_address(public, "01-dawn.mp4") == "https://cdn.example/simulated/town/r1/01-dawn.mp4"
    bucket = run_of(progress)
    assert public_address(bucket, "index.html") == "https://console.aws.amazon.com/s3/object/boards?prefix=town/r1/index.html"
    assert public_address(run_of(progress, custom_s3=True), "index.html") is None
    bucket.address = lambda name: f"/out/town/r1/{name}"
    assert public_address(bucket, "index.html") is None
