"""Where workers find a deployment's file: options that do not go together are refused before anything is written or asked."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import GOOD, Verb

PULL = ("--pull", "s3://boards/x")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pull", "./boards"), "it is no bucket"),
        (("--pull", "s3://B/x"), "cannot be the name of a bucket"),
        ((*PULL, "--git", "https://git.example/boards.git"), "--pull and --git both say"),
        ((*PULL, "--follow"), "--pull deploys one version"),
        (("--include", "refs/*"), "add --pull"),
        ((*PULL, "--include", "reffs/*"), "no file below"),
        ((*PULL, "--include", "/etc/passwd"), "no file below"),
    ],
)
def test_options_that_do_not_go_together_are_refused(animatic: Verb, options: tuple[str, ...], said: str) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("deliver: ./out", "deliver: s3://boards/out"))
    refused = animatic("deploy", *options)
    assert refused.code == 2, refused.err
    assert said in refused.err


@pytest.mark.parametrize("options", [PULL, ("--git", "https://git.example/boards.git")])
@pytest.mark.parametrize(
    ("deliver", "place"), [("deliver: ./out\n", "./out"), ("", "./out"), ("deliver: ~no-such-user/out\n", "~no-such-user/out")]
)
def test_a_destination_that_would_go_with_the_copy_of_a_worker_is_refused(
    animatic: Verb, options: tuple[str, ...], deliver: str, place: str
) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("deliver: ./out\n", deliver))
    refused = animatic("deploy", *options)
    assert refused.code == 2, refused.err
    assert f"pipeline 'teaser' delivers to {place}, a folder beside the pipelines file" in refused.err
    assert "s3://bucket/prefix" in refused.err


@pytest.mark.parametrize("deliver", ["s3://boards/out", "/srv/films", "~/films"])
def test_a_destination_that_stays_when_the_copy_goes_is_taken(animatic: Verb, deliver: str) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("./out", deliver))
    refused = animatic("deploy", *PULL, "--include", "none/*")
    assert "--include none/*: no file below" in refused.err, "the destination is not what is refused"


def test_a_prefect_yaml_of_a_repository_has_its_step(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("./out", "s3://boards/out"))
    Path("deployments").mkdir()
    written = animatic("deploy", "--write", "--git", "https://git.example/boards.git", "--branch", "main", "--git-token-block", "github")
    assert written.code == 0, written.err
    text = Path("deployments/prefect.yaml").read_text()
    assert "Workers clone https://git.example/boards.git, and read pipelines.yaml there." in text
    assert yaml.safe_load(text)["pull"] == [
        {
            "prefect.deployments.steps.git_clone": {
                "repository": "https://git.example/boards.git",
                "branch": "main",
                "access_token": "{{ prefect.blocks.secret.github }}",
            }
        }
    ]
