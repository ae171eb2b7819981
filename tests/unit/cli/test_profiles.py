"""``--profile`` and ``--params-file`` on the command line: both prices, saved plans, and what is wrong told with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Verb

FILE = """\
version: 1
defaults:
  video: {model: xai/grok-video, resolution: 720p}
profiles:
  draft: {video: {resolution: 480p}}
deliver: ./out
pipelines:
  teaser:
    params:
      city: {type: string, default: Lisbon}
      seconds: {type: integer, default: 4, minimum: 1, maximum: 15}
      sides: {type: list, default: ["16:9"]}
    matrix: {side: "{{ params.sides }}"}
    budget_usd: 3.00
    shots:
      - {id: dawn, prompt: "{{ params.city }}", duration: "{{ params.seconds }}", aspect_ratio: "{{ matrix.side }}"}
"""


@pytest.fixture
def studio(animatic: Verb) -> Verb:
    Path("pipelines.yaml").write_text(FILE, encoding="utf-8")
    return animatic


def test_a_plan_under_a_profile_shows_both_prices(studio: Verb) -> None:
    lines = studio("plan", "--profile", "draft").out.splitlines()
    assert lines[0].startswith("teaser (city=Lisbon, seconds=4, sides=16:9), profile draft")
    assert lines[lines.index("to pay     $0.20") + 1] == "as written $0.28"
    facts = studio("plan", "--profile", "draft", "--json").json
    assert isinstance(facts, dict)
    assert (facts["profile"], facts["to_pay_usd"]) == ("draft", 0.2)
    assert facts["as_written"] == {"to_pay_usd": 0.28, "estimated_usd": 0.28, "unpriced": 0}
    assert facts["plan"]["profile"] == "draft"


def test_a_plan_as_written_has_one_price(studio: Verb) -> None:
    assert "as written" not in studio("plan").out
    facts = studio("plan", "--json").json
    assert isinstance(facts, dict)
    assert (facts["profile"], facts["as_written"]) == (None, None)


@pytest.mark.parametrize("verb", ["plan", "run --simulate", "retake dawn --simulate", "takes dawn", "use dawn 1"])
def test_an_unknown_profile_is_a_mistake_of_the_command_line(studio: Verb, verb: str) -> None:
    said = studio(*verb.split(), "--profile", "drfat")
    assert said.code == 2
    assert "there is no profile 'drfat'" in said.err
    assert "did you mean draft?" in said.err


def test_a_saved_plan_holds_its_profile_and_takes_no_other(studio: Verb) -> None:
    assert studio("plan", "--profile", "draft", "--out", "plan.json").code == 0
    assert json.loads(Path("plan.json").read_text())["asked"]["profile"] == "draft"
    assert studio("plan", "--check", "plan.json").code == 0
    for option in (("--profile", "draft"), ("--params-file", "x.yaml")):
        said = studio("run", "--plan", "plan.json", *option)
        assert said.code == 2
        assert option[0] in said.err
    Path("pipelines.yaml").write_text(FILE.replace("{resolution: 480p}", "{resolution: 720p, duration: 5}"), encoding="utf-8")
    changed = studio("plan", "--check", "plan.json")
    assert changed.code == 2
    assert "resolution '480p' -> '720p'" in changed.err


def test_a_file_gives_params_and_the_command_line_wins(studio: Verb) -> None:
    Path("some.yaml").write_text("# of autumn\ncity: Porto\nseconds: 3\nsides: [9:16, 1:1]\n", encoding="utf-8")
    said = studio("plan", "--params-file", "some.yaml", "--param", "seconds=5")
    assert said.code == 0
    assert said.out.startswith("teaser (city=Porto, seconds=5, sides=9:16,1:1)")
    assert "9x16/dawn" in said.out


def test_a_plan_does_not_need_the_params_file_any_more(studio: Verb) -> None:
    Path("some.yaml").write_text("sides: [9:16, 1:1]\nseconds: 3\n", encoding="utf-8")
    assert studio("plan", "--params-file", "some.yaml", "--out", "plan.json").code == 0
    Path("some.yaml").unlink()
    assert studio("plan", "--check", "plan.json").code == 0


def test_json_is_read_as_json(studio: Verb) -> None:
    text = '{\n\t"city": "\\ud83c\\udf0a Nazar\\u00e9",\n\t"seconds": 3.0,\n\t"sides": ["1:1"]\n}\n'
    Path("some.json").write_text(text, encoding="utf-8")
    assert studio("plan", "--params-file", "some.json").out.startswith("teaser (city=🌊 Nazaré, seconds=3, sides=1:1)")


WRONG: list[tuple[str, str, str]] = [
    ("p.yaml", "city: Porto\nsecnds: 3\n", "p.yaml:2:1: error: pipeline 'teaser' has no param 'secnds'"),
    ("p.yaml", "city: 3.10\n", 'quote it: "3.10"'),
    ("p.yaml", "seconds: '3'\n", "p.yaml:1:10: error: param 'seconds' must be a whole number, and it is the text '3'"),
    ("p.yaml", "seconds: 20\n", "p.yaml:1:10: error: param 'seconds' must be 15 or less"),
    ("p.yaml", "sides: 1:1\n", "p.yaml:1:8: error: param 'sides' must be a list"),
    ("p.yaml", "sides: [1:1, {a: b}]\n", "param 'sides' must be text, and it is a mapping"),
    ("p.yaml", "city:\n", "p.yaml:1:6: error: param 'city' must be text, and it is empty"),
    ("p.yaml", "city: a\ncity: b\n", "p.yaml:2:1: error: the key 'city' is already there"),
    ("p.yaml", "- city\n", "p.yaml:1:1: error: a file of params is a mapping, and this one is a list"),
    ("p.yaml", "", "p.yaml:1:1: error: a file of params is a mapping, and this one is empty"),
    ("p.yaml", "city: [\n", "p.yaml:"),
    ("p.json", '{"city": "a"; "b"}', "p.json:1:13: error: this is not JSON"),
    ("p.json", '{"city": "a",}', "p.json:1:1"),  # Python 3.13 names the comma, those before what follows it
    ("p.json", '{"city": "a",\n "city": "b"}', "p.json:2:2: error: the key 'city' is already there"),
    ("p.json", '{"seconds": NaN}', "error: this is not JSON: NaN is no number in it"),
    ("p.json", '{\n\t"city": "a",\n\t"secs": 3}', "p.json:3:2: error: pipeline 'teaser' has no param 'secs'"),
    ("p.json", "[" * 100_000, "p.json:1:1: error: this is not JSON"),
]


@pytest.mark.parametrize(("name", "text", "said"), WRONG)
def test_what_is_wrong_in_a_file_of_params_is_told_with_its_line(studio: Verb, name: str, text: str, said: str) -> None:
    Path(name).write_text(text, encoding="utf-8")
    for verb in ("plan", "run"):
        answer = studio(verb, "--params-file", name, *(["--simulate"] if verb == "run" else []))
        assert answer.code == 2
        assert said in answer.err
        assert "Traceback" not in answer.err
    failure: Any = studio("plan", "--params-file", name, "--json").json
    assert failure["error"]["exit_code"] == 2
    assert failure["error"]["problems"][0]["file"] == name


def test_a_file_of_params_that_is_not_there_or_is_a_folder(studio: Verb) -> None:
    assert "nowhere.yaml" in studio("plan", "--params-file", "nowhere.yaml").err
    Path("folder").mkdir()
    said = studio("plan", "--params-file", "folder")
    assert (said.code, "cannot be read" in said.err) == (2, True)
    Path("latin.yaml").write_bytes("city: Évora\n".encode("latin-1"))
    assert "UTF-8" in studio("plan", "--params-file", "latin.yaml").err


def test_advised_commands_carry_profile_and_params_file(studio: Verb) -> None:
    Path("some.yaml").write_text("city: Porto\n", encoding="utf-8")
    said = studio("retake", "dawn", "--profile", "draft", "--params-file", "some.yaml", "--simulate")
    assert said.code == 2
    assert "`animatic run teaser --profile draft --params-file some.yaml --simulate`" in " ".join(said.err.split())
