"""Which shot ``takes`` and ``use`` mean: the pipeline is only needed where several have such a shot."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.cli.choose import _named
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


def test_one_pipeline_with_such_a_shot_need_not_be_named(files: tuple[Path, ...]) -> None:
    assert _named(["only"], "use", files) == ("a", "only")
    assert _named(["16x9/only"], "use", files) == ("a", "16x9/only")
    assert _named(["b", "dawn"], "use", files) == ("b", "dawn")


@pytest.mark.parametrize(
    ("words", "said"),
    [(["dawn"], "several pipelines"), (["noon"], "no pipeline"), (["a", "b", "c"], "a shot is to be named"), ([], "named")],
)
def test_anything_else_is_answered(files: tuple[Path, ...], words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _named(words, "use", files)
