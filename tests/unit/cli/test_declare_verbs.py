"""The verbs that pay nothing: what they print where, their exit codes, and what they must not load."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from animatic.cli import main

GOOD = """\
version: 1
defaults:
  video: {model: xai/grok-video}
deliver: ./out
pipelines:
  teaser:
    params: {city: {type: string, default: Lisbon}}
    budget_usd: 1.00
    shots:
      - {id: dawn, prompt: "{{ params.city }}", duration: 4}
      - {id: surf, prompt: Surf, duration: 4, start_image: dawn}
    cut: {}
  other:
    matrix: {language: [en, de]}
    shots:
      - {id: spin, prompt: "{{ matrix.language }}"}
"""
BAD = GOOD.replace("duration: 4, start_image: dawn", "duration: 40, startImage: dwan")


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


Verb = Callable[..., Said]


@pytest.fixture
def animatic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Return a function that runs a command line in an empty folder with a good pipelines file."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "pipelines.yaml").write_text(GOOD, encoding="utf-8")

    def run(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as leaving:
            main(list(arguments))
        captured = capsys.readouterr()
        code = leaving.value.code
        return Said(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


def written() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


def test_validate_counts_what_is_declared(animatic: Verb) -> None:
    said = animatic("validate")
    assert (said.code, said.err) == (0, "")
    assert said.out == "2 pipelines, 3 shots, 1 edge, 4 shots with all variants: no errors\n"
    assert animatic("validate", "other").out.startswith("1 pipeline, 1 shot, 0 edges")


def test_validate_shows_every_mistake_with_its_line_and_exits_2(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(BAD, encoding="utf-8")
    said = animatic("validate")
    assert (said.code, said.out) == (2, "")
    assert "pipelines.yaml:11:44: error: shot 'surf' of 'teaser': duration 40 is out of range for xai/grok-video (1 to 15)" in said.err
    assert "pipelines.yaml:11:48: error: shot 'surf' of 'teaser': 'startImage' was retired by Krea" in said.err
    assert "   11 |" in said.err
    assert "^^^^^^^^^^ write start_image" in said.err
    assert said.err.endswith("2 errors\n")


def test_validate_speaks_json(animatic: Verb) -> None:
    good = animatic("validate", "--json").json
    assert good == {"valid": True, "problems": [], "pipelines": 2, "shots": 3, "steps": 4, "edges": 1}
    Path("pipelines.yaml").write_text(BAD, encoding="utf-8")
    said = animatic("validate", "--format", "json")
    assert said.code == 2
    assert isinstance(said.json, dict)
    assert [(problem["code"], problem["line"]) for problem in said.json["problems"]] == [("out-of-range", 11), ("retired-name", 11)]


def test_validate_annotates_pull_requests(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(BAD, encoding="utf-8")
    said = animatic("validate", "--format", "github")
    assert said.code == 2
    assert [line.partition(" ")[0] for line in said.out.splitlines()] == ["::error", "::error"]
    assert "line=11,col=44" in said.out


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_a_file_that_is_no_yaml_is_reported_in_every_form(animatic: Verb, form: str) -> None:
    Path("pipelines.yaml").write_text("version: [1\npipelines: {", encoding="utf-8")
    said = animatic("validate", "--format", form)
    assert said.code == 2
    assert "pipelines.yaml" in (said.err if form == "text" else said.out)
    assert "Traceback" not in said.err


def test_validate_reads_other_files_and_folders(animatic: Verb) -> None:
    Path("boards").mkdir()
    Path("boards/one.yaml").write_text(GOOD, encoding="utf-8")
    Path("boards/two.yaml").write_text(GOOD.replace("teaser", "second").replace("other", "third"), encoding="utf-8")
    assert animatic("validate", "--file", "boards").out.startswith("4 pipelines")
    assert animatic("validate", "--file", "nowhere.yaml").code == 2
    assert animatic("validate", "nothing").code == 2


def test_validate_loads_nothing_that_only_running_needs(tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(GOOD, encoding="utf-8")
    script = (
        "import sys, animatic.cli\n"
        "try: animatic.cli.main(['validate'])\n"
        "except SystemExit as leaving: assert not leaving.code\n"
        "heavy = {'prefect', 'boto3', 'httpx', 'av', 'numpy', 'PIL', 'rich', 'pydantic', 'jinja2', 'asyncio', 'jsonschema'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_plan_shows_shots_money_and_the_budget_and_writes_nothing(animatic: Verb) -> None:
    before = written()
    said = animatic("plan", "teaser", "--param", "city=Porto")
    assert said.code == 0
    assert "teaser (city=Porto)" in said.out
    assert "to pay    $0.56" in said.out
    assert "budget    $1.00: $0.44 left" in said.out
    assert "no take of this request yet" in said.out
    assert written() == before


def test_plan_without_a_name_takes_the_first_pipeline(animatic: Verb) -> None:
    assert animatic("plan").out.startswith("teaser")


def test_plan_over_the_budget_prints_the_plan_and_exits_3(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("budget_usd: 1.00", "budget_usd: 0.50"), encoding="utf-8")
    said = animatic("plan")
    assert said.code == 3
    assert "exceeded by $0.06" in said.out
    assert "over its budget" in said.err


def test_plan_speaks_json(animatic: Verb) -> None:
    said = animatic("plan", "--json")
    assert isinstance(said.json, dict)
    assert (said.json["to_pay_usd"], said.json["unpriced"], said.json["destination_read"]) == (0.56, 0, True)
    assert [(step["key"], step["action"], step["usd"]) for step in said.json["steps"]] == [("dawn", "run", 0.28), ("surf", "run", 0.28)]
    assert said.json["critical_path"] == ["dawn", "surf"]


def test_plan_goes_to_a_file_that_reads_back(animatic: Verb) -> None:
    from animatic.plan import plan_from_json

    said = animatic("plan", "--out", "plan.json")
    assert said.code == 0
    assert [step.key for step in plan_from_json(json.loads(Path("plan.json").read_text())).steps] == ["dawn", "surf"]
    assert animatic("plan", "--out", "nowhere/plan.json").code == 2


def test_plan_draws_graphs(animatic: Verb) -> None:
    assert animatic("plan", "--graph", "mermaid").out.startswith("flowchart LR\n")
    assert ET.fromstring(animatic("plan", "--graph", "svg").out).tag.endswith("svg")


def test_plan_of_a_selection(animatic: Verb) -> None:
    assert "surf" not in animatic("plan", "--only", "dawn").out
    said = animatic("plan", "--only", "dwan")
    assert said.code == 2
    assert "did you mean dawn?" in said.err


def test_plan_without_its_destination_says_so_and_plans_all_the_same(animatic: Verb) -> None:
    Path("file").write_text("in the way")
    said = animatic("plan", "--deliver", "file")
    assert said.code == 0
    assert "warning: the destination cannot be read" in said.err
    assert "to pay    $0.56" in said.out


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("plan", "teasr"), "did you mean teaser?"),
        (("validate", "teasr"), "did you mean teaser?"),
        (("run", "teasr", "--simulate"), "did you mean teaser?"),
        (("plan", "--param", "town=x"), "no param 'town'"),
        (("plan", "--param", "city"), "is not of the form name=value"),
        (("models", "xai/grok-vidio"), "did you mean xai/grok-video"),
        (("models", "--takes", "edit_vdeo"), "no model has a field 'edit_vdeo'"),
        (("models", "--max-price", "cheap"), "is not an amount of USD"),
        (("models", "--kind", "sound"), "Invalid value"),
        (("new", "../x"), "cannot be the name of a pipeline"),
        (("fix", "--file", "nowhere.yaml"), "cannot read nowhere.yaml"),
    ],
)
def test_a_wrong_command_line_exits_2_with_advice(animatic: Verb, arguments: tuple[str, ...], advice: str) -> None:
    said = animatic(*arguments)
    assert (said.code, said.out) == (2, "")
    assert advice in said.err


def test_models_are_listed_and_filtered(animatic: Verb) -> None:
    said = animatic("models", "--takes", "edit_video")
    assert said.out.splitlines()[0].split() == ["MODEL", "KIND", "SECONDS", "PRICE", "TAKES"]
    assert "xai/grok-video " in said.out
    assert "models, as of" in said.err
    listed = animatic("models", "--kind", "video", "--max-price", "0.50", "--json").json
    assert isinstance(listed, dict)
    assert all(model["kind"] == "video" and model["usd"] <= 0.5 for model in listed["models"])
    assert any(model["name"] == "xai/grok-video" for model in listed["models"])


def test_one_model_is_described(animatic: Verb) -> None:
    said = animatic("models", "xai/grok-video")
    assert "POST /generate/video/xai/grok-video" in said.out
    assert "start_image" in said.out
    described = animatic("models", "xai/grok-video", "--json").json
    assert isinstance(described, dict)
    assert described["fields"]["duration"]["maximum"] == 15


@pytest.fixture
def krea() -> Iterator[str]:
    """Serve an OpenAPI document with one route on this machine."""
    body = {
        "type": "object",
        "required": ["prompt"],
        "properties": {"prompt": {"type": "string"}, "duration": {"type": "number", "maximum": 99}},
    }
    pricing = {"type": "fixed", "unit": "second", "currency": "USD", "price_points": [{"amount": "0.11", "dimensions": {}}]}
    operation = {"requestBody": {"content": {"application/json": {"schema": body}}}, "x-krea-pricing": pricing}
    document = {"openapi": "3.1.0", "info": {"title": "Krea"}, "paths": {"/generate/video/xai/grok-video": {"post": operation}}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(document).encode()
            self.send_response(200 if self.path == "/openapi.json" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_models_are_refreshed_from_krea_and_the_next_plan_uses_them(animatic: Verb, krea: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KREA_API_URL", krea)
    said = animatic("models", "--refresh", "--max-price", "1", "--kind", "video")
    assert said.code == 0
    assert "~ xai/grok-video" in said.err
    assert "(refreshed)" in said.err
    monkeypatch.delenv("KREA_API_URL")
    Path("pipelines.yaml").write_text(GOOD.replace("duration: 4, start_image: dawn", "duration: 40"), encoding="utf-8")
    said = animatic("plan")
    assert "$4.40" in said.out
    assert said.code == 3


def test_the_schema_accepts_what_validates(animatic: Verb) -> None:
    import jsonschema
    import yaml

    said = animatic("schema", "--out", "pipelines.schema.json")
    assert (said.code, said.out) == (0, "")
    schema = json.loads(Path("pipelines.schema.json").read_text())
    assert schema == animatic("schema").json
    declared = yaml.safe_load(GOOD)
    jsonschema.validate(declared, schema)
    declared["pipelines"]["teaser"]["shots"][0] |= {"model": "xai/grok-video", "duration": 99}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(declared, schema)


def test_fix_shows_the_difference_first_and_writes_when_told(animatic: Verb) -> None:
    text = GOOD.replace("start_image: dawn}", "startImage: dawn}  # chained")
    Path("pipelines.yaml").write_text(text.replace("\n", "\r\n"), encoding="utf-8", newline="")
    shown = animatic("fix")
    assert "+      - {id: surf, prompt: Surf, duration: 4, start_image: dawn" in shown.out
    assert "animatic fix --write" in shown.err
    assert "startImage" in Path("pipelines.yaml").read_text()
    assert animatic("fix", "--write").code == 0
    assert Path("pipelines.yaml").read_bytes().decode() == text.replace("startImage", "start_image").replace("\n", "\r\n")
    assert animatic("fix").err == "nothing to fix\n"
    assert animatic("validate").code == 0


def test_fix_speaks_json(animatic: Verb) -> None:
    Path("pipelines.yaml").write_text(GOOD.replace("start_image", "startImage"), encoding="utf-8")
    said = animatic("fix", "--json")
    assert isinstance(said.json, list)
    assert said.json[0]["written"] is False
    assert [(change["line"], change["before"], change["after"]) for change in said.json[0]["changes"]] == [
        (11, "startImage", "start_image")
    ]


def test_new_writes_a_file_that_validates_and_never_over_another(animatic: Verb) -> None:
    before = Path("pipelines.yaml").read_text()
    said = animatic("new")
    assert said.code == 2
    assert Path("pipelines.yaml").read_text() == before
    assert animatic("new", "my-board", "--file", "board.yaml").code == 0
    assert animatic("validate", "--file", "board.yaml").out == "1 pipeline, 2 shots, 1 edge: no errors\n"
    assert animatic("plan", "my-board", "--file", "board.yaml").code == 0
