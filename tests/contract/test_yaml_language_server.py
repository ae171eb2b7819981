"""Editing pipelines.yaml with the schema that the project ships, in the language server that editors use (installed from npm)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import isolation
from tests.language_server import Editor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node and npm are needed for the language server"),
]

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "yaml-language-server@1.25.0"
SETTINGS = {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}
HEAD = "# yaml-language-server: $schema=./pipelines.schema.json\nversion: 1\n"
SHOT = HEAD + "pipelines:\n  p:\n    shots:\n      - id: a\n"


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor in a workspace that holds the shipped schema."""
    home = tmp_path_factory.mktemp("npm")
    installed = subprocess.run(
        ["npm", "install", "--prefix", ".", "--cache", "cache", "--no-fund", "--no-audit", "--loglevel=error", PACKAGE],
        cwd=home,
        env=isolation.REAL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    workspace = tmp_path_factory.mktemp("workspace")
    shutil.copy(ROOT / "pipelines.schema.json", workspace)
    server = home / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    with Editor(["node", str(server), "--stdio"], workspace, SETTINGS) as opened:
        yield opened


def underlined(editor: Editor, name: str, text: str) -> list[tuple[str, str]]:
    """Return the marked pieces of a text and what is said of them."""
    lines = text.split("\n")
    found = []
    for item in editor.diagnostics(name, text):
        start, end = item["range"]["start"], item["range"]["end"]
        found.append((lines[start["line"]][start["character"] : end["character"]], item["message"]))
    return found


def test_the_example_pipelines_have_nothing_underlined(editor: Editor) -> None:
    assert underlined(editor, "pipelines.yaml", (ROOT / "pipelines.yaml").read_text("utf-8")) == []


def test_a_model_is_completed_with_its_title(editor: Editor) -> None:
    offered = editor.completions("model.yaml", SHOT + "        model: |\n")
    assert len(offered) > 50
    assert offered["xai/grok-video"]["documentation"] == "Grok Imagine (video)"


def test_only_models_of_the_kind_are_offered_as_its_default(editor: Editor) -> None:
    offered = editor.completions("default.yaml", HEAD + "defaults:\n  image:\n    model: |\n")
    assert "google/nano-banana-pro" in offered
    assert "xai/grok-video" not in offered


def test_a_profile_offers_models_and_fields_of_its_kind_and_fallbacks(editor: Editor) -> None:
    models = editor.completions("profile-model.yaml", HEAD + "profiles:\n  draft:\n    image:\n      model: |\n")
    assert "google/nano-banana-pro" in models
    assert "xai/grok-video" not in models
    offered = editor.completions("profile-fields.yaml", HEAD + "profiles:\n  draft:\n    video:\n      |\n")
    assert {"model", "resolution", "duration", "fallback"} <= set(offered)
    assert "when" not in offered


def test_the_fields_of_a_shot_are_those_of_its_model_and_ours(editor: Editor) -> None:
    grok = editor.completions("grok.yaml", SHOT + "        model: xai/grok-video\n        |\n")
    kling = editor.completions("kling.yaml", SHOT + "        model: kling/kling-2.5\n        |\n")
    assert {"prompt", "start_image", "edit_video", "when", "retries"} <= set(grok)
    assert {"prompt", "start_image", "end_image", "when", "retries"} <= set(kling)
    assert "end_image" not in grok
    assert "edit_video" not in kling
    assert grok["duration"]["documentation"] == "Length of the clip in seconds."


def test_a_shot_without_a_model_of_its_own_is_offered_the_fields_of_its_kind(editor: Editor) -> None:
    assert "image_urls" in editor.completions("image.yaml", SHOT + "        kind: image\n        |\n")
    assert "edit_video" in editor.completions("video.yaml", SHOT + "        |\n")


@pytest.mark.parametrize(
    ("field", "offered"),
    [
        ("model: xai/grok-video\n        resolution: |", {"480p", "720p", "null"}),
        ("model: google/veo-3\n        duration: |", {"4", "6", "8", "null"}),
        ("start_image: {shot: dawn, frame: |}", {"first", "last"}),
    ],
    ids=["a longer name begins with this model's", "numbers", "frames"],
)
def test_values_are_completed_by_the_model(editor: Editor, field: str, offered: set[str]) -> None:
    assert set(editor.completions(f"{field.split(':', maxsplit=1)[0]}-{len(field)}.yaml", SHOT + f"        {field}\n")) == offered


def test_the_cast_is_completed_and_checked(editor: Editor) -> None:
    cast = "cast:\n  mara:\n    "
    assert {"images", "prompt", "style", "strength"} <= set(editor.completions("member.yaml", f"{HEAD}{cast}|\n"))
    assert {"cast", "line"} <= set(editor.completions("cast-of-shot.yaml", SHOT + "        model: xai/grok-video\n        |\n"))
    assert "cast" in editor.completions("cast-default.yaml", HEAD + "defaults:\n  video:\n    |\n")
    fields = ["model: xai/grok-video", "line: Hello", "cast: [mara]", "fallback: [{model: kling/kling-2.5, cast: null}]"]
    taken = "".join(f"        {field}\n" for field in fields)
    good = f"{HEAD}{cast}images: [refs/a.png, {{shot: dawn}}]\n{SHOT.removeprefix(HEAD)}{taken}"
    assert underlined(editor, "cast-good.yaml", good) == []
    bad = underlined(editor, "cast-bad.yaml", good.replace("images:", "imags:"))
    assert ("imags", "Property imags is not allowed.") in bad


def test_the_values_of_a_profile_are_completed_by_its_model(editor: Editor) -> None:
    offered = editor.completions("profile-model.yaml", HEAD + "profiles:\n  draft:\n    video:\n      model: |\n")
    assert "minimax/h3-max-turbo" in offered
    assert "google/nano-banana-pro" not in offered
    fields = editor.completions(
        "profile-fields.yaml", HEAD + "profiles:\n  draft:\n    video:\n      model: minimax/h3-max-turbo\n      |\n"
    )
    assert {"resolution", "seed"} <= set(fields)
    assert {"video", "image"} <= set(editor.completions("profile-kinds.yaml", HEAD + "profiles:\n  draft:\n    |\n"))


def test_sound_has_its_models_and_fields_and_shots_have_lines(editor: Editor) -> None:
    assert "audio" in editor.completions("kinds.yaml", SHOT + "        kind: |\n")
    assert "elevenlabs/tts" in editor.completions("voice.yaml", HEAD + "defaults:\n  audio:\n    model: |\n")
    assert {"voice_id", "line", "prompt"} <= set(editor.completions("sound.yaml", SHOT + "        kind: audio\n        |\n"))
    assert "music_length_ms" in editor.completions("music.yaml", SHOT + "        model: elevenlabs/music-v2\n        |\n")
    assert "spoken" in editor.hover("line.yaml", SHOT + "        li|ne: Nobody has been here for years.\n")


def test_the_cut_and_its_sound_are_completed_and_checked(editor: Editor) -> None:
    pipeline = HEAD + "pipelines:\n  p:\n    shots: [{id: a}]\n    cut:\n"
    assert {"shots", "transition", "size", "fps", "fit", "sound", "captions"} <= set(editor.completions("cut.yaml", pipeline + "      |\n"))
    sound = pipeline + "      sound:\n"
    assert {"clips", "bed", "voice", "loudness"} <= set(editor.completions("sound-of-cut.yaml", sound + "        |\n"))
    assert {"audio", "gain_db", "fade_in", "fade_out", "duck"} <= set(editor.completions("bed.yaml", sound + "        bed:\n          |\n"))
    assert {"srt", "vtt", "burn"} <= set(editor.completions("captions.yaml", pipeline + "      captions: [|]\n"))
    assert editor.hover("duck.yaml", sound + "        bed:\n          du|ck: true\n")
    parts = ("bed: {audio: theme, gain_db: -14, duck: true}", "voice: [{audio: vo, at: a}, {audio: vo, at: 7.5}]", "clips: mute")
    good = "".join(f"        {part}\n" for part in parts)
    assert underlined(editor, "sound-good.yaml", sound + good) == []
    assert [piece for piece, _ in underlined(editor, "sound-bad.yaml", sound + good.replace("duck: true", "duck: loud"))] == ["loud"]
    assert [piece for piece, _ in underlined(editor, "clips-bad.yaml", sound + good.replace("mute", "quiet"))] == ["quiet"]
    assert [piece for piece, _ in underlined(editor, "fit-bad.yaml", pipeline + "      fit: stretch\n")] == ["stretch"]


def test_every_starting_point_has_nothing_underlined(editor: Editor) -> None:
    for starter in sorted((ROOT / "animatic" / "cli" / "starters").glob("*.yaml")):
        assert underlined(editor, f"starter-{starter.name}", starter.read_text("utf-8")) == []


def test_the_parts_of_a_reference_are_completed(editor: Editor) -> None:
    assert {"shot", "frame", "file", "url"} <= set(
        editor.completions("reference.yaml", SHOT + "        model: xai/grok-video\n        start_image:\n          |\n")
    )


@pytest.mark.parametrize(
    ("fields", "piece", "message"),
    [
        ("model: xai/grok-video\n        duration: 20", "20", "above the maximum of 15"),
        ("model: google/veo-3\n        duration: 5", "5", "Valid values: 4, 6, 8"),
        ("model: xai/grok-video\n        resolution: 8K", "8K", 'Valid values: "480p", "720p"'),
        ("model: xai/grok-video\n        promt: Dawn", "promt", "promt is not allowed"),
        ("model: xai/grok-video\n        startImage: dawn", "startImage", "startImage is not allowed"),
        ("model: xai/grok-vidio", "xai/grok-vidio", "Valid values"),
        ("duration: long", "long", "Incorrect type"),
        ("edit_video: {shot: dawn, frame: last}", "frame", "frame is not allowed"),
        ("kind: sound", "sound", "Valid values"),
        ("line: [She, says]", "[She, says]", "Incorrect type"),
        ("model: elevenlabs/music-v2\n        music_length_ms: 12s", "12s", "Incorrect type"),
        ("model: elevenlabs/tts\n        duration: 4", "duration", "duration is not allowed"),
    ],
)
def test_a_mistake_is_underlined_where_it_stands(editor: Editor, fields: str, piece: str, message: str) -> None:
    found = underlined(editor, f"mistake-{abs(hash(fields))}.yaml", SHOT + f"        {fields}\n")
    assert [marked for marked, _ in found] == [piece]
    assert message in found[0][1]


def test_templates_references_and_unquoted_ratios_are_not_underlined(editor: Editor) -> None:
    fields = [
        "model: xai/grok-video",
        'duration: "{{ params.seconds }}"',
        "aspect_ratio: 16:9",
        "resolution: null",
        "start_image: {shot: dawn, frame: 2.5}",
        "reference_images: [refs/a.png, {file: refs/b.png}, https://x.example/c.png]",
    ]
    assert underlined(editor, "fine.yaml", SHOT + "".join(f"        {line}\n" for line in fields)) == []


def test_a_field_says_what_it_is(editor: Editor) -> None:
    said = editor.hover("hover.yaml", SHOT + "        model: xai/grok-video\n        dura|tion: 3\n")
    assert "Length of the clip in seconds." in said
