"""Which files travel with a declaration: what it names, and nothing else that lies there."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from animatic.errors import UsageError
from animatic.plan.carried import CarriedFiles, carried_files
from animatic.spec import load_declaration

TEXT = """
version: 1
cast: {mara: {images: [refs/mara.png]}}
profiles: {draft: {video: {start_image: refs/draft.png}}}
pipelines:
  town:
    params:
      city: {type: string, default: lisbon}
      chosen: {type: string, default: refs/chosen.png}
    matrix: {language: [en, de]}
    shots:
      - {id: dawn, model: xai/grok-video, prompt: notes.txt, start_image: "{{ params.chosen }}"}
      - {id: logo, model: xai/grok-video, prompt: "{{ params.city }} at dawn", start_image: {file: ../brand/logo.png}}
      - {id: city, model: xai/grok-video, prompt: A city, start_image: "cities/{{ params.city }}.png"}
      - {id: web, model: xai/grok-video, prompt: A page, start_image: https://example.com/refs/mara.png}
    cut: {audio: "voice/{{ matrix.language }}.wav"}
"""
PICTURES = (
    "refs/mara.png",
    "refs/draft.png",
    "refs/chosen.png",
    "refs/unnamed.png",
    "cities/lisbon.png",
    "cities/porto.png",
    "../brand/logo.png",
)


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    folder = tmp_path / "boards"
    for name in PICTURES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    (folder / "voice").mkdir()
    for language in ("en", "de"):
        (folder / "voice" / f"{language}.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(24))
    for other in ("cities/readme.txt", "notes.txt", ".env", "voice/en.txt"):
        (folder / other).write_text("private")
    (folder / "pipelines.yaml").write_text(TEXT)
    return folder


def carried(boards: Path, *include: str) -> CarriedFiles:
    return carried_files(load_declaration((boards / "pipelines.yaml",)), boards / "pipelines.yaml", include)


def test_what_a_declaration_names_travels_and_nothing_else(boards: Path) -> None:
    found = carried(boards)
    assert found.start == "boards"
    assert sorted(found.files) == sorted(
        ["brand/logo.png"]
        + [f"boards/{name}" for name in (*PICTURES[:3], *PICTURES[4:6], "voice/de.wav", "voice/en.wav", "pipelines.yaml")]
    )
    assert all(path.resolve() == (boards.parent / name).resolve() for name, path in found.files.items())
    assert list(found.declared) == ["boards/pipelines.yaml"]


def test_further_files_travel_where_they_are_asked_for(boards: Path) -> None:
    assert set(carried(boards, "refs/*", "notes.txt").files) - set(carried(boards).files) == {"boards/refs/unnamed.png", "boards/notes.txt"}
    with pytest.raises(UsageError, match=r"--include reffs/\*: no file"):
        carried(boards, "reffs/*")


def test_an_absolute_path_stays_and_is_named(boards: Path, tmp_path: Path) -> None:
    picture = tmp_path / "elsewhere.png"
    Image.new("RGB", (8, 8)).save(picture)
    (boards / "pipelines.yaml").write_text(TEXT.replace("../brand/logo.png", str(picture)))
    found = carried(boards)
    assert found.staying == (str(picture),)
    assert found.start == ""
    assert "refs/mara.png" in found.files


def test_a_folder_of_pipelines_files_travels_with_all_of_them(boards: Path) -> None:
    (boards / "second.yaml").write_text("version: 1\npipelines: {other: {shots: [{id: a, prompt: A, model: xai/grok-video}]}}\n")
    found = carried_files(load_declaration((boards,)), boards)
    assert {"boards/pipelines.yaml", "boards/second.yaml"} <= set(found.files)
