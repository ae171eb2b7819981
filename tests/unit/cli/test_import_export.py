"""Shot lists on the command line: what is written, what is said, what is refused."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pytest
import yaml

from tests.command import Said
from tests.unit.cli.conftest import Verb

REFERENCE = Path(__file__).resolve().parents[3] / "refs" / "bottle.png"
LIST = "Shot,Description,Length,Lens\nSC010/SH010,Dawn,4 sec,35mm\nSC010/SH020,Surf,00:00:04:10,\n"


def shots_of(said: Said) -> list[dict[str, object]]:
    assert said.code == 0, said.err
    pipelines = yaml.safe_load(said.out)["pipelines"]
    return list(next(iter(pipelines.values()))["shots"])


def test_a_list_is_written_to_a_new_file_and_nothing_over_another(animatic: Verb) -> None:
    Path("harbour day.csv").write_text(LIST)
    said = animatic("import", "harbour day.csv", "--out", "board.yaml")
    assert (said.code, said.out) == (0, "")
    assert said.err.splitlines() == [
        "Shot -> id",
        "Description -> prompt",
        "Length -> duration",
        "kept as comments: Lens",
        "frames were counted at 24 per second; --fps 25 counts otherwise",
        "wrote board.yaml with 2 shots; see what it costs: `animatic plan harbour-day --file board.yaml`",
    ]
    assert animatic("validate", "--file", "board.yaml").out == "1 pipeline, 2 shots, 0 edges: no errors\n"
    before = Path("board.yaml").read_text()
    again = animatic("import", "harbour day.csv", "--out", "board.yaml")
    assert (again.code, "is there already and was left alone" in again.err) == (2, True)
    assert Path("board.yaml").read_text() == before
    assert "cannot write nowhere/board.yaml" in animatic("import", "harbour day.csv", "--out", "nowhere/board.yaml").err


def test_options_say_what_a_list_leaves_open(animatic: Verb) -> None:
    Path("liste.csv").write_text("Nr;Beschreibung;Dauer\n7;Ein Hafen;00:00:04:05\n", encoding="utf-8-sig")
    said = animatic(
        *("import", "liste.csv", "--map", "Beschreibung=prompt", "--map", "Dauer=duration"),
        *("--fps", "25", "--pipeline", "hafen", "--model", "kling/kling-3.0"),
    )
    assert shots_of(said) == [{"id": "7", "prompt": "Ein Hafen", "duration": 4.2}]
    assert yaml.safe_load(said.out)["defaults"] == {"video": {"model": "kling/kling-3.0"}}
    assert "frames" not in said.err


def test_a_list_without_ids_is_numbered_when_that_is_asked_for(animatic: Verb) -> None:
    Path("list.csv").write_text("prompt\nDawn\n\nSurf\n")
    assert animatic("import", "list.csv").code == 2
    said = animatic("import", "list.csv", "--number")
    assert [shot["id"] for shot in shots_of(said)] == ["010", "020"]
    assert "skipped 1 empty row: line 3" in said.err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters_are_recognized(animatic: Verb, encoding: str, delimiter: str) -> None:
    text = 'id,prompt,duration\r\nA,Ein Löwe läuft für 5 € “so”,4\r\nB,"Zwei\r\nZeilen, é",5\r\n'
    Path("list.csv").write_bytes(text.replace("Zeilen,", "Zeilen;").replace(",", delimiter).encode(encoding))
    said = animatic("import", "list.csv")
    assert [shot["prompt"] for shot in shots_of(said)] == [
        "Ein Löwe läuft für 5 € “so”",
        "Zwei\nZeilen; é",
    ]
    assert ("Windows-1252" in said.err) == (encoding == "cp1252")


def test_an_encoding_that_nothing_tells_is_named(animatic: Verb) -> None:
    Path("list.csv").write_bytes("id,prompt\nA,Möwe\n".encode("mac_roman"))
    assert [shot["prompt"] for shot in shots_of(animatic("import", "list.csv", "--encoding", "mac_roman"))] == ["Möwe"]
    said = animatic("import", "list.csv", "--encoding", "klingon")
    assert (said.code, "there is no encoding 'klingon'" in said.err) == (2, True)
    assert animatic("import", "list.csv", "--encoding", "hex").code == 2


def test_a_delimiter_that_excel_wrote_down_counts(animatic: Verb) -> None:
    Path("list.csv").write_text('sep=;\nid;prompt\nA;Dawn, "slow"\n')
    assert shots_of(animatic("import", "list.csv")) == [{"id": "A", "prompt": 'Dawn, "slow"'}]


def test_what_stands_above_the_header_is_left_out_and_said(animatic: Verb) -> None:
    Path("list.csv").write_text("Harbour film,,\nDirector: X,,\nid,prompt,duration\nA,Dawn,4\n")
    said = animatic("import", "list.csv")
    assert len(shots_of(said)) == 1
    assert "the header is on line 3; what stands above it was left out" in said.err


def test_a_length_that_the_model_does_not_make_becomes_the_next_longer_one(animatic: Verb) -> None:
    Path("list.csv").write_text("id,prompt,model,duration\nA,Dawn,google/veo-3,5\n")
    said = animatic("import", "list.csv")
    assert shots_of(said)[0]["duration"] == 6
    assert "# length as listed: 5 s" in said.out
    assert "the next longer length that the model makes, for A" in said.err


def test_a_column_that_no_model_of_the_list_has_is_kept_as_a_comment(animatic: Verb) -> None:
    Path("list.csv").write_text("id,prompt,kind,duration,loop\nA,Dawn,image,4,yes\nB,Surf,,4,\n")
    said = animatic("import", "list.csv")
    assert shots_of(said) == [{"id": "A", "kind": "image", "prompt": "Dawn"}, {"id": "B", "prompt": "Surf", "duration": 4}]
    assert "# duration: 4" in said.out
    assert "column duration: google/nano-banana-pro has no such field" in said.err


def test_files_beside_the_list_are_found_from_where_the_storyboard_lies(animatic: Verb) -> None:
    Path("lists/refs").mkdir(parents=True)
    Path("boards").mkdir()
    for name in ("lists/refs/a.png", "boards/b.png"):
        shutil.copy(REFERENCE, name)
    Path("lists/day.csv").write_text('id,prompt,start_image,reference_images\nA,Dawn,refs/a.png,"b.png; refs/a.png"\nB,Surf,,\n')
    said = animatic("import", "lists/day.csv", "--out", "boards/day.yaml")
    assert said.code == 0, said.err
    shot = yaml.safe_load(Path("boards/day.yaml").read_text())["pipelines"]["day"]["shots"][0]
    assert (shot["start_image"], shot["reference_images"]) == ("../lists/refs/a.png", ["b.png", "../lists/refs/a.png"])
    assert animatic("validate", "--file", "boards/day.yaml").code == 0
    assert table(animatic("export", "--file", "boards/day.yaml"))[0]["reference_images"] == "b.png; ../lists/refs/a.png"


def test_sound_is_spoken_from_its_line_and_music_is_as_long_as_listed(animatic: Verb) -> None:
    Path("list.csv").write_text(
        "id,kind,prompt,Dialogue,model,duration\nvo,Audio,,She says: go,,\nbed,,Warm pads,,elevenlabs/music-v2,12.5\n"
    )
    said = animatic("import", "list.csv")
    assert shots_of(said) == [
        {"id": "vo", "kind": "audio", "line": "She says: go", "prompt": "She says: go"},
        {"id": "bed", "model": "elevenlabs/music-v2", "prompt": "Warm pads", "music_length_ms": 12500},
    ]
    assert "cut" not in said.out
    Path("board.yaml").write_text(said.out)
    Path("list.csv").unlink()
    Path("list.csv").write_text(animatic("export", "--file", "board.yaml").out)
    assert animatic("import", "list.csv").out == said.out


def test_names_become_the_cast_with_the_images_that_are_told(animatic: Verb) -> None:
    Path("list.csv").write_text(
        "id,kind,Characters,prompt,Dialogue\nmara sheet,image,Mara,Sheet of Mara,\nA,,Mara,Opens the kiosk,Nobody came.\n"
        "B,,Old man & mara,He answers,\nVO,audio,Old man,,Every day.\n"
    )
    said = animatic("import", "list.csv", "--cast", "Mara=mara sheet", "--cast", "Mara=https://refs.example/side.png")
    shots = shots_of(said)
    assert yaml.safe_load(said.out)["pipelines"]["list"]["cast"] == {
        "Mara": {"images": ["mara-sheet", "https://refs.example/side.png"], "prompt": "Mara"},
        "Old-man": {"prompt": "Old man"},
    }
    assert [shot.get("cast") for shot in shots] == [None, ["Mara"], ["Old-man", "Mara"], None]
    Path("board.yaml").write_text(said.out)
    assert animatic("validate", "--file", "board.yaml").err == ""
    back = animatic("export", "--file", "board.yaml")
    assert [row["cast"] for row in table(back)] == ["", "Mara", "Old man; Mara", ""]
    Path("list.csv").write_text(back.out)
    assert animatic("import", "list.csv", "--cast", "mara=mara-sheet", "--cast", "Mara=https://refs.example/side.png").out == said.out


def test_names_of_every_script_are_members_by_number(animatic: Verb) -> None:
    Path("list.csv").write_text("id,cast,prompt\nA,\u5c71\u7530,Dawn\nB,\u7530\u4e2d; \u5c71\u7530,Surf\n")
    said = animatic("import", "list.csv")
    assert [shot["cast"] for shot in shots_of(said)] == [["member-1"], ["member-2", "member-1"]]
    Path("board.yaml").write_text(said.out)
    back = animatic("export", "--file", "board.yaml")
    assert [row["cast"] for row in table(back)] == ["\u5c71\u7530", "\u7530\u4e2d; \u5c71\u7530"]
    Path("list.csv").write_text(back.out)
    assert animatic("import", "list.csv").out == said.out


def test_ids_of_every_script_are_numbered_when_that_is_asked_for(animatic: Verb) -> None:
    Path("list.csv").write_text("id,prompt,start_image\n\u4e00,Dawn,\n\u4e8c,Surf,\u4e00\n")
    refused = animatic("import", "list.csv")
    assert (refused.code, "--number" in refused.err) == (2, True)
    assert shots_of(animatic("import", "list.csv", "--number")) == [
        {"id": "010", "title": "\u4e00", "prompt": "Dawn"},
        {"id": "020", "title": "\u4e8c", "prompt": "Surf", "start_image": "010"},
    ]


def test_the_cast_of_a_list_that_cannot_be(animatic: Verb) -> None:
    Path("list.csv").write_text("id,cast,prompt\nA,Mara,Dawn\n")
    said = animatic("import", "list.csv", "--cast", "Mra=refs/a.png")
    assert said.code == 2
    assert "list.csv:1:1: error: --cast: no shot takes 'Mra'" in said.err
    assert "did you mean Mara?" in said.err
    assert animatic("import", "list.csv", "--cast", "Mara").code == 2
    Path("list.csv").write_text("id,cast,prompt,model\nA,Mara,Dawn,kling/kling-2.5\n")
    said = animatic("import", "list.csv", "--cast", "Mara=https://refs.example/a.png")
    assert (said.code, "list.csv:2:3: error: shot 'A' of 'list': cast: kling/kling-2.5 takes no references" in said.err) == (2, True)


def test_the_answer_for_programs(animatic: Verb) -> None:
    Path("list.csv").write_text(LIST)
    said = animatic("import", "list.csv", "--json")
    found = said.json
    assert isinstance(found, dict)
    assert (found["shots"], found["pipeline"], found["file"]) == (["SC010_SH010", "SC010_SH020"], "list", None)
    assert found["guesses"] == {"Shot": "id", "Description": "prompt", "Length": "duration"}
    assert found["comments"] == ["Lens"]
    assert yaml.safe_load(found["yaml"])["version"] == 1
    Path("list.csv").write_text("id,prompt\nA,\n")
    failed = animatic("import", "list.csv", "--json")
    assert failed.code == 2
    assert isinstance(failed.json, dict)
    problem = failed.json["error"]["problems"][0]
    assert (problem["file"], problem["line"], problem["code"]) == ("list.csv", 2, "missing")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("--fps", "0"), "--fps '0' is no number of frames"),
        (("--fps", "many"), "such as 24, 25"),
        (("--map", "prompt"), "is not of the form column=field"),
        (("--model", "xai/grok-vidio"), "did you mean xai/grok-video"),
        (("--pipeline", "a b"), "cannot be the name of a pipeline"),
    ],
)
def test_wrong_options_of_import(animatic: Verb, arguments: tuple[str, ...], advice: str) -> None:
    Path("list.csv").write_text(LIST)
    said = animatic("import", "list.csv", *arguments)
    assert (said.code, said.out, advice in said.err) == (2, "", True)


def table(said: Said) -> list[dict[str, str]]:
    assert said.code == 0, said.err
    return list(csv.DictReader(io.StringIO(said.out, newline="")))


def test_a_pipeline_is_exported_with_what_it_would_cost(animatic: Verb) -> None:
    rows = table(animatic("export", "teaser", "--param", "city=Porto"))
    assert [row["id"] for row in rows] == ["dawn", "surf"]
    assert rows[0] == {
        "id": "dawn",
        "prompt": "Porto",
        "duration": "4",
        "start_image": "",
        "state": "planned",
        "take": "",
        "price": "0.28",
        "file": "",
    }
    assert rows[1]["start_image"] == "dawn"


def test_each_variant_is_a_row_and_imports_as_a_shot_of_its_own(animatic: Verb) -> None:
    said = animatic("export", "other")
    assert [(row["variant"], row["id"], row["prompt"]) for row in table(said)] == [("en", "spin", "en"), ("de", "spin", "de")]
    Path("list.csv").write_text(said.out)
    assert [shot["id"] for shot in shots_of(animatic("import", "list.csv"))] == ["en_spin", "de_spin"]


def test_an_export_is_written_to_a_new_file(animatic: Verb) -> None:
    said = animatic("export", "teaser", "--out", "list.tsv", "--to", "tsv", "--bom", "--json")
    assert said.json == {"pipeline": "teaser", "format": "tsv", "run": None, "file": "list.tsv"}
    assert Path("list.tsv").read_bytes().startswith(b"\xef\xbb\xbfid\tprompt\t")
    assert animatic("export", "teaser", "--out", "list.tsv").code == 2
    assert "did you mean teaser?" in animatic("export", "teasr").err
    assert "did you mean csv?" in animatic("export", "teaser", "--to", "cvs").err


def test_comments_of_a_storyboard_that_was_written_by_hand_become_columns(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(
        "version: 1\npipelines:\n  p:\n    shots:\n      # Lens: of nobody\n      - id: a\n        model: xai/grok-video\n"
        "        # Lens: 35mm\n        # a remark without a name\n        prompt: |\n          Dawn\n          # Crew: no comment\n"
        "      - {id: b, model: xai/grok-video, prompt: Surf}\n        # prompt: not this one\n    # Crew: of the pipeline\n    cut: {}\n"
    )
    rows = table(animatic("export"))
    assert [row["Lens"] for row in rows] == ["35mm", ""]
    assert [row["prompt (list)"] for row in rows] == ["", "not this one"]
    assert "Crew" not in rows[0]


def test_a_list_holds_what_its_shots_have_from_defaults_so_that_it_means_the_same_elsewhere(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(
        "version: 1\ndeliver: ./out\n"
        "defaults: {video: {model: kling/kling-2.5, duration: 10}, image: {model: google/nano-banana-pro, resolution: 2K}}\n"
        "pipelines:\n  p:\n    shots:\n"
        "      - {id: still, kind: image, prompt: A still}\n"
        "      - {id: clip, prompt: A clip, start_image: still}\n"
        "      - {id: short, prompt: Short, duration: 5}\n"
    )
    planned = animatic("plan", "--json").json
    assert animatic("export", "p", "--to", "csv", "--out", "shots.csv").code == 0
    rows = list(csv.DictReader(Path("shots.csv").read_text().splitlines()))
    assert [(row["model"], row["duration"], row["resolution"]) for row in rows] == [
        ("", "", "2K"), ("kling/kling-2.5", "10", ""), ("kling/kling-2.5", "5", "")
    ]  # fmt: skip
    assert animatic("import", "shots.csv", "--pipeline", "p", "--out", "again.yaml").code == 0
    again = animatic("plan", "--json", "--file", "again.yaml").json
    assert isinstance(planned, dict)
    assert isinstance(again, dict)
    assert [step["fingerprint"] for step in again["steps"]] == [step["fingerprint"] for step in planned["steps"]]
