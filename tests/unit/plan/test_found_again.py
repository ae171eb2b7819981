"""A plan that is taken up on another machine finds its files below the pipelines file that is there."""

from __future__ import annotations

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from animatic.catalog import Catalog
from animatic.cut.model import SoundFile
from animatic.plan import FileInput, Plan, build_plan
from animatic.plan.found_again import found_again
from animatic.spec import load_declaration

STARTED = datetime(2027, 1, 4, 6, 30, tzinfo=UTC)


def planned(folder: Path) -> Plan:
    (folder / "refs").mkdir(parents=True)
    Image.new("RGB", (320, 180)).save(folder / "refs" / "a.png")
    (folder / "bed.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(24))
    (folder / "pipelines.yaml").write_text(
        "version: 1\npipelines: {town: {cut: {audio: bed.wav}, shots: "
        "[{id: a, prompt: A, duration: 1, model: xai/grok-video, start_image: refs/a.png}]}}\n"
    )
    declaration = load_declaration((folder / "pipelines.yaml",))
    return build_plan(declaration, "town", Catalog.load(), params={}, run_id="20270104T063000Z-000000000001", started=STARTED)


def files_of(plan: Plan) -> list[str]:
    inputs = [given for step in plan.steps for request in step.requests for given in request.inputs]
    sounds = [source for cut in plan.cuts for source in cut.sound.sources]
    return [item.file for item in (*inputs, *sounds) if isinstance(item, FileInput | SoundFile)]


@pytest.mark.parametrize("moved", [True, False])
def test_files_that_are_gone_are_found_below_the_file_that_is_there(tmp_path: Path, moved: bool) -> None:
    plan = planned(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    if moved:
        shutil.rmtree(tmp_path / "one")
    found = found_again(plan, tmp_path / "two" / "pipelines.yaml")
    where = tmp_path / ("two" if moved else "one")
    assert files_of(found) == [str(where / "refs/a.png"), str(where / "bed.wav")]
    assert [step.fingerprint for step in found.steps] == [step.fingerprint for step in plan.steps]


def test_files_that_are_nowhere_stay_as_they_were_planned(tmp_path: Path) -> None:
    plan = planned(tmp_path / "one")
    shutil.rmtree(tmp_path / "one")
    assert found_again(plan, tmp_path / "two" / "pipelines.yaml") == plan


def test_a_folder_of_somebody_else_is_one_in_which_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    look = Path.stat

    def closed(path: Path, **options: bool) -> os.stat_result:
        if path.is_relative_to(tmp_path / "one"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path, **options)

    monkeypatch.setattr(Path, "stat", closed)
    found = found_again(plan, tmp_path / "two" / "pipelines.yaml")
    assert files_of(found) == [str(tmp_path / "two" / "refs/a.png"), str(tmp_path / "two" / "bed.wav")]
