"""``takes`` and ``use``: the pipeline is only needed where several have such a shot."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.cli.lookup import pipeline_and_shot
from animatic.errors import UsageError

TEXT = """
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video}}
pipelines:
  a: {shots: [{id: dawn, prompt: x}, {id: only, prompt: x}]}
  b: {shots: [{id: dawn, prompt: x}]}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, ...]:
    (tmp_path / "pipelines.yaml").write_text(TEXT)
    return (tmp_path / "pipelines.yaml",)


def test_one_pipeline_with_such_a_shot_need_not_bepipeline_and_shot(files: tuple[Path, ...]) -> None:
    assert pipeline_and_shot(["only"], "use", files) == ("a", "only")
    assert pipeline_and_shot(["16x9/only"], "use", files) == ("a", "16x9/only")
    assert pipeline_and_shot(["b", "dawn"], "use", files) == ("b", "dawn")


@pytest.mark.parametrize(
    ("words", "said"),
    [(["dawn"], "several pipelines"), (["noon"], "no pipeline"), (["a", "b", "c"], "name a shot"), ([], "name a shot")],
)
def test_anything_else_is_answered(files: tuple[Path, ...], words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        pipeline_and_shot(words, "use", files)
