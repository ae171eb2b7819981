"""What deployments are made of, without a server: versions, origins, prefect.yaml, addresses."""

from __future__ import annotations

import contextlib
import html
import re
import time
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

from animatic.cli.deploy import difference_lines
from animatic.columns import size
from animatic.errors import UsageError
from animatic.flows.tables import text_of
from animatic.flows.worker import check_version, version_of
from animatic.prefect.deployments import Difference, wanted_deployments
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
        TEXT + "profiles: {draft: {video: {resolution: 480p}}}\n",
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


NASTY = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "a | b ~~c~~ **d** _e_ `f` \\[g](h)",
    "&lt;b&gt; & <img src=x onerror=alert(1)> <https://evil.example>",
    "first\n# second\n\n- third\n[x]: https://evil.example",
]


@pytest.mark.parametrize("text", NASTY)
def test_texts_of_others_are_shown_as_they_were_written(text: str) -> None:
    page = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(f"- **surf**: {text_of(text)}")
    shown = re.fullmatch(r"<ul>\n<li><strong>surf</strong>: (.*)</li>\n</ul>\n", page)
    assert shown is not None, page
    assert "<" not in shown[1]
    assert html.unescape(shown[1]) == " ".join(text.split())


@pytest.mark.parametrize(
    "schedule",
    [
        '{cron: "0 6 * * 1-5", timezone: Europe/Lisbon}',
        '{cron: "0 6 * * *"}',
        "{interval: 24h, timezone: America/New_York}",
        '{rrule: "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=7", timezone: Europe/Lisbon}',
    ],
)
@pytest.mark.anyio
async def test_prefect_finds_the_times_of_every_kind_of_schedule(tmp_path: Path, schedule: str) -> None:
    """With other versions of what it depends on Prefect's scheduler fails in its log, and no run is ever made."""
    declaration = declared(tmp_path, TEXT.replace("{interval: 24h, timezone: Europe/Lisbon}", schedule))
    (wanted,) = wanted_deployments(declaration, in_folder(tmp_path / "pipelines.yaml"), pool=None)
    (made,) = wanted.schedules
    rule = made.schedule.model_dump(mode="json", exclude_none=True)
    kind = next(kind for kind in (CronSchedule, IntervalSchedule, RRuleSchedule) if kind.__name__ == type(made.schedule).__name__)
    assert len(await kind.model_validate(rule).get_dates(3)) == 3


@pytest.mark.parametrize("width", [60, 100, 200, None])
@pytest.mark.parametrize("name", ["town", "a-pipeline-of-a-campaign-with-a-long-name"])
def test_what_deploying_changes_fits_the_terminal(name: str, width: int | None) -> None:
    details = (
        "version 9575d44e",
        "comes from /home/somebody/films/summer instead of /srv/films",
        "schedule: every 24 hours, Europe/Lisbon",
    )
    shown = [
        Difference(name=name, change="new", details=details, owner="pipelines.yaml in /srv/films/summer"),
        Difference(name="gone", change="gone", details=("not in pipelines.yaml any more",), notes=("paused on the server: schedule",)),
    ]
    lines = difference_lines(shown, width)
    assert width is None or all(size(line) <= width for line in lines)
    assert [line for line in lines if line[:1] != " "] == [line for line in lines if line.startswith((f"+ {name}", "- gone"))]
    text = " ".join(" ".join(lines).split())
    for detail in (*details, "now of another project: pipelines.yaml in /srv/films/summer", "paused on the server: schedule"):
        assert detail in text
    if width is None:
        assert lines[0].endswith("  new; version 9575d44e")
        assert len({len(line) - len(line.lstrip()) for line in lines if line.startswith(" ")}) == 1, "details stand below each other"
