"""A preview: a reel with the cut's own times and the sheet, made of a plan alone, with nobody to ask."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatic.catalog import Catalog
from animatic.engine.preview import Preview, make_preview
from animatic.marks import read_mark
from animatic.media import Rendered, extract_frame, probe, render
from animatic.media.timeline import Timeline
from animatic.plan import build_plan
from animatic.spec import load_declaration

NOW = datetime(2026, 11, 27, tzinfo=UTC)
HEAD = """version: 1
defaults: {video: {model: xai/grok-video, resolution: 480p}, image: {model: google/nano-banana-pro}}
pipelines:
  coast:
"""


def previewed(folder: Path, text: str) -> tuple[Preview, list[str]]:
    file = folder / "pipelines.yaml"
    file.write_text(HEAD + text)
    catalog, drawn = Catalog.load(), list[str]()
    plan = build_plan(load_declaration((file,)), "coast", catalog, run_id="preview", started=NOW)
    return make_preview(plan, catalog, folder / "preview", "a4", NOW, drawn.append), drawn


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a preview asks nobody")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_preview_has_the_times_of_the_cut(tmp_path: Path) -> None:
    made, drawn = previewed(
        tmp_path,
        """    shots:
      - {id: title, kind: image, prompt: Title}
      - {id: dawn, prompt: Dawn, duration: 4, line: It begins}
      - {id: surf, prompt: Surf, duration: 3, start_image: dawn}
    cut:
      shots: [{shot: title, hold: 1}, {shot: dawn, trim: [1, 3]}, {shot: surf, transition: {crossfade: 0.5}}]
""",
    )
    assert sorted(drawn) == ["dawn", "surf", "title"]
    assert [path.relative_to(tmp_path / "preview").as_posix() for path in made.reels] == ["reel.mp4"]
    assert made.seconds == 5.5
    assert probe(made.reels[0]).duration == pytest.approx(5.5, abs=0.05)
    assert (tmp_path / "preview" / "sheet.pdf").read_bytes().startswith(b"%PDF")
    mark = read_mark(made.reels[0], "video/mp4")
    assert mark is not None
    assert mark.simulated


def test_variants_have_a_reel_each_and_one_sheet(tmp_path: Path) -> None:
    made, _ = previewed(
        tmp_path, '    matrix: {language: [en, de]}\n    shots: [{id: dawn, prompt: "{{ matrix.language }}", duration: 1}]\n    cut: {}\n'
    )
    assert [path.relative_to(tmp_path / "preview").as_posix() for path in made.reels] == ["en/reel.mp4", "de/reel.mp4"]


def test_a_pipeline_without_a_cut_is_shown_as_a_reel_of_its_clips(tmp_path: Path) -> None:
    made, _ = previewed(tmp_path, "    shots: [{id: a, prompt: A, duration: 1}, {id: b, prompt: B, duration: 2}]\n")
    assert made.seconds == 3


def test_sound_is_heard_before_it_is_paid_for(tmp_path: Path) -> None:
    made, _ = previewed(
        tmp_path,
        """    shots:
      - {id: vo, kind: audio, model: elevenlabs/tts, prompt: The town wakes}
      - {id: dawn, prompt: Dawn, duration: 2}
    cut: {sound: {voice: [{audio: vo, at: dawn}]}}
""",
    )
    assert probe(made.reels[0]).has_audio


def test_a_pipeline_of_stills_alone_has_its_sheet(tmp_path: Path) -> None:
    made, _ = previewed(tmp_path, "    shots: [{id: still, kind: image, prompt: A still}]\n")
    assert made.reels == []
    assert made.notes == ["no reel: no shot is a clip; a `cut` that names stills holds them"]
    assert (tmp_path / "preview" / "sheet.pdf").exists()


def test_the_label_of_each_variant_is_in_the_corner_of_its_reel(tmp_path: Path) -> None:
    text = "    matrix: {language: [en, de]}\n    shots: [{id: dawn, prompt: Dawn, duration: 1}]\n    cut: {}\n"
    label = "    provenance: {label: \"{{ {'en': 'AI generated', 'de': 'KI'}[matrix.language] }}\"}\n"
    plain, labelled = previewed(tmp_path, text)[0], tmp_path / "labelled"
    labelled.mkdir()
    marked, _ = previewed(labelled, label + text)
    corners = [np.asarray(_frame(path, tmp_path).crop((500, 0, 854, 60))) for path in (*plain.reels, *marked.reels)]
    assert (corners[0] == corners[1]).all()
    assert (corners[2] != corners[0]).any()
    assert (corners[3] != corners[2]).any(), "each in its own words"


def test_a_label_that_lies_where_a_slate_says_that_it_is_simulated_says_so_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels: list[str | None] = []

    def rendering(timeline: Timeline, target: Path) -> Rendered:
        labels.append(timeline.label)
        return render(timeline, target)

    monkeypatch.setattr("animatic.engine.preview.render", rendering)
    text = "    shots: [{id: dawn, prompt: Dawn, duration: 1}]\n    cut: {}\n"
    previewed(tmp_path, "    provenance: {label: AI generated}\n" + text)
    previewed(tmp_path, text)
    assert labels == ["SIMULATED · AI generated", None]


def _frame(reel: Path, folder: Path) -> Image.Image:
    target = folder / "frame.png"
    extract_frame(reel, 0.5, target)
    with Image.open(target) as image:
        return image.convert("RGB")
