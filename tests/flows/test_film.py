"""A film from a spreadsheet: nine shots, two people whose sheets are made first, two languages by two ratios, a draft, speech and music.

Walked as a producer walks it: the list is imported, the storyboard edited, planned and rendered with the simulator; then one sheet changes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from animatic.media import probe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

LIST = """\
Scene,Shot,Type,Title,Description,Characters,Dialogue,Length,Lens,Notes
,mara-sheet,image,Mara,"Character sheet of Mara, 34, cropped grey hair, red raincoat: front and side",,,,,made first
,jonas-sheet,image,Jonas,"Character sheet of Jonas, 70, white beard, blue knitted jumper",,,,,
SC010,SH010,,Harbour at dawn,"Wide on a harbour at dawn, rain on the stones",,,00:00:01:00,24mm,"hold; ""go"" then"
SC010,SH020,,She unlocks,"Mara unlocks the kiosk, seen from the street",Mara,Nobody has been here for years.,1 sec,35mm,
SC010,SH030,,The lamp,A lamp flickers on over the counter,,,1s,85mm,
,,,,,,,,,
SC020,SH010,,He was there,"Jonas looks up from behind the counter, Mara starts","Jonas, Mara",I come every morning.,00:01,50mm,=reverse
SC020,SH020,,Tea,Two cups steam between them,Mara & Jonas,,1,50mm,
SC020,SH030,,She laughs,"Close on Mara, she laughs",Mara,Then I am late.,1,85mm,
SC030,SH010,,Gulls,Gulls wheel over the boats,,,1,24mm,
SC030,SH020,,Side by side,"Mara and Jonas watch the boats leave, from behind",Mara; Jonas,,1,35mm,
SC030,SH030,,Sign,The sign of the kiosk is turned,,Open.,1,50mm,
"""
OPTIONS = ("--map", "Type=kind", "--cast", "Mara=mara-sheet", "--cast", "Jonas=jonas-sheet")
PROFILES = """\
    resolution: 720p
    aspect_ratio: "{{ matrix.aspect_ratio }}"
  audio:
    model: elevenlabs/tts

profiles:
  draft:
    video: {resolution: 480p}
    image: {model: google/nano-banana-flash-lite}
"""
MATRIX = """\
    matrix:
      aspect_ratio: [16:9, 9:16]
      language:
        - {name: en, years: Nobody has been here for years., morning: I come every morning.}
        - {name: de, years: Hier war seit Jahren niemand., morning: Ich komme jeden Morgen.}
"""
SOUND = """\
      - id: voice-years
        kind: audio
        prompt: "{{ shots.SC010_SH020.line }}"
      - id: voice-morning
        kind: audio
        prompt: "{{ shots.SC020_SH010.line }}"
      - id: theme
        model: elevenlabs/music-v2
        prompt: Sparse piano, rain, hopeful
        music_length_ms: 9000
    cut:
      sound:
        clips: mute
        bed: {audio: theme, gain_db: -14, fade_in: 1, fade_out: 2, duck: true}
        voice: [{audio: voice-years, at: SC010_SH020}, {audio: voice-morning, at: SC020_SH010}]
      captions: [srt, vtt]
"""
OF_MARA = {"SC010_SH020", "SC020_SH010", "SC020_SH020", "SC020_SH030", "SC030_SH020"}


def edited(text: str) -> str:
    """Add to an imported storyboard what no shot list says: variants, a draft, lines by language, speech and music."""
    for before, after in (
        ("    model: xai/grok-video\n", f"    model: xai/grok-video\n{PROFILES}"),
        ("    cast:\n      Mara:", f"{MATRIX}    cast:\n      Mara:"),
        ('line: "Nobody has been here for years."', 'line: "{{ matrix.language.years }}"'),
        ('line: "I come every morning."', 'line: "{{ matrix.language.morning }}"'),
        ("    cut: {}\n", SOUND),
    ):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_film_goes_from_a_spreadsheet_to_reels_and_back(animatic: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "film.csv").write_text(LIST, encoding="cp1252")
    said = animatic("import", "film.csv", "--out", "pipelines.yaml", *OPTIONS)
    assert said.code == 0, said.err
    assert "skipped 1 empty row: line 7" in said.err
    storyboard = tmp_path / "pipelines.yaml"
    imported = storyboard.read_text()
    as_listed = table(animatic("export").out)
    assert [row["id"] for row in as_listed][2:5] == ["SC010_SH010", "SC010_SH020", "SC010_SH030"]
    assert [row["prompt"] for row in as_listed] == [row["Description"] for row in table(LIST) if row["Description"]]
    assert as_listed[5]["Notes"] == "'=reverse"

    storyboard.write_text(edited(imported))
    valid = animatic("validate", "--json")
    assert (valid.code, json.loads(valid.out)["problems"]) == (0, [])
    draft, final = (json.loads(animatic("plan", "--json", "--simulate", *more).out) for more in (("--profile", "draft"), ()))
    assert 0 < draft["to_pay_usd"] < final["to_pay_usd"] == draft["as_written"]["to_pay_usd"]
    made = [step for step in draft["steps"] if step["action"] == "run"]
    assert len([step for step in made if step["key"].endswith("-sheet")]) == 2, "a sheet is made once for all variants"

    ran = animatic("run", "--profile", "draft", "--simulate", "--json", timeout=300)
    assert ran.code == 0, ran.err
    run = next((tmp_path / "out" / "simulated" / "film").glob("*/manifest.json")).parent
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["state"], manifest["profile"], len(manifest["shots"])) == ("completed", "draft", 56)
    sheets = {shot["key"]: shot for shot in manifest["shots"]}
    assert sheets["16x9-en/SC020_SH010"]["cast"] == ["Jonas", "Mara"]
    assert {given["shot"] for given in sheets["16x9-en/SC020_SH010"]["inputs"]} == {"16x9-en/jonas-sheet", "16x9-en/mara-sheet"}
    assert sheets["9x16-de/SC010_SH020"]["line"] == "Hier war seit Jahren niemand."
    assert sheets["9x16-de/voice-years"]["request"]["prompt"] == "Hier war seit Jahren niemand."
    assert len(manifest["reels"]) == 4
    for reel in manifest["reels"]:
        assert len(reel["shots"]) == 9
        wide = reel["variant"]["aspect_ratio"] == "16:9"
        assert (reel["width"] > reel["height"]) == wide
        assert probe(run / reel["file"]).duration == pytest.approx(9, abs=0.5)
        captions = (run / reel["file"]).with_suffix(".srt").read_text()
        assert reel["variant"]["language"]["years"] in captions
        assert "Then I am late." in captions, "a line that no variant changes"
        assert (run / reel["file"]).with_suffix(".vtt").read_text().startswith("WEBVTT")
        with av.open(run / reel["file"]) as opened:
            assert [stream.type for stream in opened.streams if stream.type != "subtitle"] == ["video", "audio"]
    page = (run / "index.html").read_text()
    assert "language de" in page
    assert "years Nobody" not in page, "a mapping goes by its name"

    rows = table(animatic("export", "--simulate").out)
    assert {row["state"] for row in rows} <= {"delivered", "reused"}
    assert all(Path(row["file"]).is_file() for row in rows)
    assert len(rows) == 56

    storyboard.write_text(edited(imported).replace("red raincoat", "yellow raincoat"))
    after = json.loads(animatic("plan", "--profile", "draft", "--simulate", "--json").out)
    stale = {step["key"].rpartition("/")[2] for step in after["steps"] if step["action"] == "run"}
    assert stale == {"mara-sheet", *OF_MARA}
    assert all(
        "Mara's sheet changed" in step["reason"]
        for step in after["steps"]
        if step["action"] == "run" and step["key"].rpartition("/")[2] in OF_MARA
    )
