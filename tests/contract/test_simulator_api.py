"""The simulator against Krea's own OpenAPI document (where a copy lies beside the repository), and against the catalogue's reading."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from PIL import Image

from animatic.catalog import Catalog, check_body
from animatic.catalog.model import Field, Model
from animatic.catalog.refresh import refresh
from animatic.settings import SIMULATOR_HEADER
from animatic.simulator import Running, SimulatorSettings, start
from animatic.simulator.checks import mistakes
from animatic.simulator.jobs import STATUSES
from animatic.simulator.openapi import document
from animatic.slate import SLATE_HEADER, SlateNote

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "krea" / "krea-openapi.json"
CATALOG = Catalog.load()
GROK = "/generate/video/xai/grok-video"
SETTINGS = SimulatorSettings(job_seconds=1.2, jitter=0, longest_side=64, concurrency=1)

needs_document = pytest.mark.skipif(not DOCUMENT.exists(), reason="no copy of Krea's OpenAPI document beside the repository")


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start(tmp_path_factory.mktemp("simulator"), settings=SETTINGS) as simulator:
        yield simulator


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, headers={"Authorization": "Bearer t"}, timeout=20, trust_env=False) as made:
        made.post("/_simulator/settings", content=json.dumps(SETTINGS.to_json())).raise_for_status()
        yield made


Validate = Callable[..., None]


@pytest.fixture
def valid(openapi: dict[str, Any]) -> Validate:
    def check(reply: httpx.Response, path: str, method: str, status: int) -> None:
        assert reply.status_code == status
        schema = openapi["paths"][path][method]["responses"][str(status)]["content"]["application/json"]["schema"]
        jsonschema.validate(reply.json(), schema, cls=jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())

    return check


@needs_document
def test_replies_are_what_the_document_says_and_every_status_is_reached(client: httpx.Client, valid: Validate) -> None:
    seen: set[str] = set()
    ids = []
    for prompt in ("First", "Second", "Third [sim: fail]", "Fourth [sim: empty]"):
        reply = client.post(GROK, json={"prompt": prompt, "duration": 1})
        valid(reply, GROK, "post", 200)
        seen.add(reply.json()["status"])
        ids.append(reply.json()["job_id"])
    doomed = client.post(GROK, json={"prompt": "Never"}).json()["job_id"]
    assert client.delete(f"/jobs/{doomed}").status_code == 200
    until = time.monotonic() + 30
    while seen != set(STATUSES):
        assert time.monotonic() < until, f"never reached: {set(STATUSES) - seen}"
        listing = client.get("/jobs")
        valid(listing, "/jobs", "get", 200)
        for job_id in (*ids, doomed):
            reply = client.get(f"/jobs/{job_id}")
            valid(reply, "/jobs/{id}", "get", 200)
            seen.add(reply.json()["status"])
        seen |= {item["status"] for item in listing.json()["items"]}
        time.sleep(0.02)


@needs_document
def test_the_statuses_are_those_of_the_document(openapi: dict[str, Any]) -> None:
    schema = openapi["paths"]["/jobs/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["properties"]["status"]["enum"] == list(STATUSES)


@needs_document
def test_errors_are_what_the_document_says(client: httpx.Client, valid: Validate) -> None:
    valid(client.post(GROK, json={"prompt": 5}), GROK, "post", 400)
    valid(client.post(GROK, json={"prompt": "[sim: credits]"}), GROK, "post", 402)
    valid(client.post(GROK, json={"prompt": "[sim: 429]"}), GROK, "post", 429)
    valid(client.get("/jobs/none"), "/jobs/{id}", "get", 404)
    valid(client.get("/jobs?limit=0"), "/jobs", "get", 400)
    valid(client.get("/assets/none"), "/assets/{id}", "get", 404)
    valid(client.post("/assets", files={"file": ("a.txt", b"text")}), "/assets", "post", 400)


@needs_document
def test_asset_replies_are_what_the_document_says(client: httpx.Client, valid: Validate) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format="PNG")
    made = client.post("/assets", files={"file": ("a.png", buffer.getvalue())})
    valid(made, "/assets", "post", 200)
    valid(client.get("/assets"), "/assets", "get", 200)
    path = f"/assets/{made.json()['id']}"
    valid(client.get(path), "/assets/{id}", "get", 200)
    valid(client.delete(path), "/assets/{id}", "delete", 200)


@needs_document
def test_every_route_of_the_document_is_there(openapi: dict[str, Any]) -> None:
    routes = {path for path in openapi["paths"] if path.startswith("/generate/")}
    assert routes <= {model.endpoint for model in CATALOG.models()}


def test_a_refresh_from_its_own_document_changes_nothing(tmp_path: Path) -> None:
    changes = refresh(json.loads(json.dumps(document(CATALOG))), tmp_path, today=date(2026, 11, 21))
    assert not changes, str(changes)
    assert changes.skipped == ()


def least_body(model: Model) -> dict[str, Any]:
    return {name: sample(field, random.Random(0)) for name, field in model.fields.items() if field.required}


def sample(field: Field, dice: random.Random) -> Any:
    """A value that fits the field."""
    if field.one_of:
        return sample(dice.choice(field.one_of), dice)
    if field.enum:
        return dice.choice(field.enum)
    if field.media is not None:
        return f"https://cdn.example/{dice.randrange(9)}.png"
    match field.type:
        case "string":
            return sample_text(field)
        case "number" | "integer":
            return sample_number(field, dice)
        case "boolean":
            return dice.random() < 0.5
        case "array":
            items = [field.items] * max(field.min_items or 0, 1)
            return [sample(item, dice) for item in items if item]
        case "object":
            return {name: sample(inner, dice) for name, inner in (field.properties or {}).items() if inner.required or dice.random() < 0.5}
        case _:
            return "anything"


def sample_text(field: Field) -> str:
    if field.format == "uuid":
        return "4d0e5f97-9721-4422-b88c-73a9032d7de1"
    if field.pattern:
        return "sample"
    return "word " * max(1, (field.min_length or 0) // 5 + 1)


def sample_number(field: Field, dice: random.Random) -> float:
    low = field.minimum if field.minimum is not None else (field.exclusive_minimum or 0) + 1
    high = field.maximum if field.maximum is not None else low + 10
    if -(-low // 1) > high:  # no whole number lies between them
        return low
    return dice.randint(int(-(-low // 1)), max(int(-(-low // 1)), int(high)))


@pytest.mark.parametrize("name", CATALOG.names())
def test_every_model_takes_its_least_body_and_a_full_one(name: str) -> None:
    model = CATALOG.find(name)
    assert model is not None
    least = least_body(model)
    assert list(mistakes(model, least)) == []
    assert [finding for finding in check_body(model, least, skip_references=False) if finding.severity == "error"] == []
    dice = random.Random(name)
    full = {field: sample(facts, dice) for field, facts in model.fields.items()}
    assert list(mistakes(model, full)) == []


SPOILED: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    3.5,
    10**9,
    "",
    "x" * 20_000,
    "nonsense",
    [],
    ["x"] * 50,
    {},
    {"unknown": 1},
    "https://cdn.example/a.png",
)


@pytest.mark.parametrize("name", CATALOG.names())
def test_both_readings_of_a_spoiled_body_agree(name: str) -> None:
    """What the client's checks let pass, the simulator accepts, and the other way round: neither repeats the other's code."""
    model = CATALOG.find(name)
    assert model is not None
    least = least_body(model)
    bodies = [{**least, field: value} for field in (*model.fields, "unheard_of") for value in SPOILED]
    bodies += [{name: value for name, value in least.items() if name != left_out} for left_out in least]
    for body in bodies:
        ours = [finding for finding in check_body(model, body, skip_references=False) if finding.severity == "error"]
        theirs = list(mistakes(model, body))
        changed = {name: value for name, value in body.items() if name not in least or least[name] != value}
        assert bool(ours) == bool(theirs), f"{changed}: catalogue {ours}, simulator {theirs}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs"),
        ("GET", "/jobs/none"),
        ("POST", GROK),
        ("POST", "/generate/no/such-model"),
        ("GET", "/assets"),
        ("GET", "/openapi.json"),
        ("GET", "/files/results/none/0.mp4"),
        ("GET", "/_simulator/stats"),
        ("PUT", "/jobs"),
        ("GET", "/no/such/path"),
    ],
)
def test_every_answer_says_who_gives_it_unless_it_is_told_not_to(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path, headers={"Authorization": "Bearer t"}).headers[SIMULATOR_HEADER] == "1"
    assert client.request(method, path, headers={"Authorization": ""}).headers[SIMULATOR_HEADER] == "1"
    client.post("/_simulator/settings", json={"anonymous": True}).raise_for_status()
    assert SIMULATOR_HEADER not in client.request(method, path).headers


@pytest.mark.parametrize("header", [SlateNote(shot="dawn", number=1, count=4).to_header(), "not a note"])
def test_a_slate_s_header_is_read_and_never_a_reason_to_refuse(client: httpx.Client, header: str) -> None:
    reply = client.post(GROK, json={"prompt": "Surf", "duration": 1}, headers={SLATE_HEADER: header})
    assert reply.status_code == 200
    assert "dawn" not in reply.text
