"""What a deployment says of itself before somebody starts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.prefect.describe import description_of
from animatic.spec import load_declaration

HEAD = """
version: 1
deliver: s3://brand/boards
budget: {per_day_usd: 20}
defaults: {video: {model: xai/grok-video, resolution: 480p, duration: 2}}
pipelines:
  town:
"""


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (
            "    description: A town.\n    budget_usd: 3\n    shots: [{id: a, prompt: x}, {id: b, prompt: x}]",
            (
                "A town.\n\n2 shots by xai/grok-video: $0.10 with the default parameters, less what is unchanged and reused. "
                "Budget: $3.00 a run, $20.00 a day. Delivers to s3://brand/boards"
            ),
        ),
        (
            "    shots: [{id: a, prompt: x}, {id: b, prompt: x, model: kling/kling-2.5, duration: 5}]",
            (
                "2 shots by xai/grok-video, kling/kling-2.5: $0.10 and 1 shot without a known price with the default parameters, "
                "less what is unchanged and reused. Budget: $20.00 a day. Delivers to s3://brand/boards"
            ),
        ),
        (
            "    params: {city: {type: string}}\n    shots: [{id: a, prompt: '{{ params.city }}'}]",
            "1 shot; what a run costs depends on its parameters. Budget: $20.00 a day. Delivers to s3://brand/boards",
        ),
    ],
)
def test_a_deployment_says_shots_models_price_budget_and_destination(tmp_path: Path, pipeline: str, said: str) -> None:
    path = tmp_path / "pipelines.yaml"
    path.write_text(HEAD + pipeline + "\n")
    declaration = load_declaration((path,))
    assert [problem for problem in declaration.problems if problem.severity == "error"] == []
    spec = declaration.pipelines["town"]
    assert description_of(declaration, spec, Catalog.load()) == said
    assert description_of(declaration, spec, Catalog.load()) == said, "deploying twice changes nothing"


def test_without_budget_and_destination_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "pipelines.yaml"
    path.write_text("version: 1\ndefaults: {video: {model: xai/grok-video}}\npipelines: {p: {shots: [{id: a, prompt: x}]}}\n")
    declaration = load_declaration((path,))
    assert description_of(declaration, declaration.pipelines["p"], Catalog.load()).endswith("No budget. Delivers to ./out")
