"""What deployments are made of, without a server: versions, origins, prefect.yaml, addresses, tables."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from animatic.engine.progress import ProgressTracker
from animatic.errors import UsageError
from animatic.flows.tables import end_markdown, headline, percent_ended, shot_rows
from animatic.flows.worker import check_version, version_of
from animatic.manifest import Cost, Failure, Manifest, Reel, Shot
from animatic.manifest.model import Source
from animatic.prefect.deployments import wanted_deployments
from animatic.prefect.origin import in_folder, in_repository
from animatic.prefect.prefect_yaml import prefect_yaml
from animatic.spec import Declaration, load_declaration

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = """
version: 1
defaults: {video: {model: xai/grok-video}}
pipelines:
  town:
    description: A town.
    schedule: {interval: 24h, timezone: Europe/Lisbon}
    shots:
      - {id: dawn, prompt: Dawn}
"""


def declared(folder: Path, text: str = TEXT) -> Declaration:
    path = folder / "pipelines.yaml"
    path.write_text(text)
    declaration = load_declaration((path,))
    assert not declaration.problems
    return declaration


def test_the_version_follows_what_is_rendered_and_nothing_else(tmp_path: Path) -> None:
    version = version_of(declared(tmp_path).pipelines["town"])
    for same in (
        TEXT.replace("A town.", "Another word for it."),
        TEXT.replace("24h", "12h"),
        "# a comment\n" + TEXT,
        TEXT.replace("{id: dawn, prompt: Dawn}", "{prompt: Dawn, id: dawn}"),
    ):
        assert version_of(declared(tmp_path, same).pipelines["town"]) == version
    for other in (
        TEXT.replace("prompt: Dawn", "prompt: Dusk"),
        TEXT.replace("xai/grok-video", "kling/kling-2.5"),
        TEXT + "deliver: ./else\n",
    ):
        assert version_of(declared(tmp_path, other).pipelines["town"]) != version


def test_a_worker_renders_only_the_version_that_was_deployed_unless_told_to_follow(tmp_path: Path) -> None:
    spec = declared(tmp_path).pipelines["town"]
    check_version(spec, version_of(spec), follow=False)
    check_version(spec, None, follow=False)
    check_version(spec, "0000", follow=True)
    with pytest.raises(UsageError, match="is not what was deployed") as caught:
        check_version(spec, "0000", follow=False)
    assert "animatic deploy" in str(caught.value)


def test_an_interval_is_anchored_so_that_deploying_again_does_not_move_it(tmp_path: Path) -> None:
    declaration = declared(tmp_path)
    origin = in_folder(tmp_path / "pipelines.yaml")
    first = wanted_deployments(declaration, origin, pool="p")
    time.sleep(0.01)
    assert wanted_deployments(declaration, origin, pool="p") == first
    assert "2024-01-01T00:00:00" in str(first[0].schedules[0].schedule.model_dump(mode="json")["anchor_date"])


def test_a_repository_is_cloned_with_a_token_that_only_the_server_knows() -> None:
    origin = in_repository("https://git.example/boards.git", Path("pipelines.yaml"), branch="main", token_block="git")
    assert origin.pull_steps[0]["prefect.deployments.steps.git_clone"] == {
        "repository": "https://git.example/boards.git",
        "branch": "main",
        "access_token": "{{ prefect.blocks.secret.git }}",
    }
    with pytest.raises(UsageError, match="user name or token"):
        in_repository("https://me:tok@git.example/boards.git", Path("pipelines.yaml"))


def test_the_prefect_yaml_of_this_project_is_in_step_with_its_pipelines() -> None:
    declaration = load_declaration((REPOSITORY / "pipelines.yaml",))
    there = (REPOSITORY / "deployments" / "prefect.yaml").read_text(encoding="utf-8")
    with contextlib.chdir(REPOSITORY):
        written = prefect_yaml(declaration, Path("pipelines.yaml"), pool="animatic", target=Path("deployments/prefect.yaml"), before=there)
    assert there == written.text, "run: animatic deploy --write"


def test_the_live_table_links_what_is_delivered_and_tells_money_as_it_is() -> None:
    progress = ProgressTracker.of({"dawn": "xai/grok-video", "surf": "xai/grok-video", "old": "xai/grok-video", "odd": "kling/kling-2.5"})
    progress.change("dawn", "delivered", job_id="j1", usd=Decimal("0.280"))
    progress.change("surf", "running", "processing", job_id="j2", usd=Decimal("0.28"))
    progress.change("old", "reused", usd=Decimal("0.28"))
    progress.change("odd", "running", job_id="j3")

    rows = shot_rows(progress, {"dawn": "01-dawn.mp4"}, lambda name: f"https://cdn.example/{name}")

    assert [(row["shot"], row["state"], row["usd"]) for row in rows] == [
        ("dawn", "delivered", "0.28"),
        ("surf", "running", "0.28"),
        ("old", "reused", "paid before"),
        ("odd", "running", "unknown"),
    ]
    assert rows[0]["clip"] == "[01-dawn.mp4](https://cdn.example/01-dawn.mp4)"
    assert shot_rows(progress, {"dawn": "01-dawn.mp4"}, lambda _: None)[0]["clip"] == "01-dawn.mp4"
    assert percent_ended(progress) == 50
    assert headline(progress) == "2 of 4 shots: 1 delivered, 2 running, 1 reused; billed $0.28, $0.28 set aside"


def test_a_table_of_very_many_shots_shows_those_that_need_attention_first() -> None:
    progress = ProgressTracker.of({f"s{number}": "xai/grok-video" for number in range(3000)})
    progress.change("s2999", "failed", "moderation refused the prompt")
    rows = shot_rows(progress, {}, lambda _: None)
    assert len(rows) == 1000
    assert rows[0]["shot"] == "s2999"


def test_the_account_of_a_failed_run_names_the_shots_and_why() -> None:
    lost = Failure(code="job_failed", message="the job\nfailed")
    manifest = Manifest(
        pipeline="town", run_id="r1", state="partial", simulated=True, started_at=datetime.now(UTC), animatic="0",
        source=Source(file="pipelines.yaml", sha256="0"),
        cost=Cost(estimated_usd=None, billed_usd=Decimal("0.28"), reused_usd=None, unpriced=1),
        shots=(Shot(id="dawn", model="m", fingerprint="f", take=1), Shot(id="surf", model="m", fingerprint="g", take=1, error=lost)),
        reels=(Reel(key="reel.mp4", sha256="0", size=1, mime="video/mp4", file="reel.mp4"),),
    )  # fmt: skip
    text = end_markdown(manifest, address=lambda _: None, location=lambda name: f"/out/{name}")
    assert "town: partial (simulated)" in text
    assert "**$0.28**" in text
    assert "an unknown amount" in text
    assert "- **surf**: the job failed" in text
    assert "- manifest: `/out/manifest.json`" in text
    assert "- reel: `/out/reel.mp4`" in text
    assert "dawn" not in text
