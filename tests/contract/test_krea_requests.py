"""What the client sends is what Krea's OpenAPI document allows, and what the document promises is what the client reads.

The document is not part of this repository: without a copy of https://api.krea.ai/openapi.json at ``DOCUMENT``, these tests are skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from animatic.errors import AnimaticError, KreaRefusedError, OutOfCreditsError, RequestRefusedError
from animatic.krea import KreaClient, NotSentError
from animatic.settings import Patience, Secret

DOCUMENT = Path(__file__).parents[3] / "shared" / "krea" / "krea-openapi.json"
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not DOCUMENT.exists(), reason="no copy of Krea's OpenAPI document beside the repository"),
]
CHECK_FORMATS = jsonschema.FormatChecker()
JOB_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
SENT = datetime(2026, 11, 21, 10, 45, 12, 345678, tzinfo=UTC)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


def routes() -> list[str]:
    if not DOCUMENT.exists():
        return []
    return sorted(path for path in json.loads(DOCUMENT.read_text())["paths"] if path.startswith("/generate/"))


def sample(schema: dict[str, Any]) -> Any:
    """A value that the schema allows, with every property that it names."""
    if "example" in schema:
        return schema["example"]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return sample(schema[choice][0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema["items"])] * max(1, schema.get("minItems", 1))
    if kind == "string":
        text = {"uuid": JOB_ID, "uri": "https://gen.krea.ai/a.mp4", "date-time": "2026-11-21T10:45:12.000Z"}.get(
            schema.get("format", ""), "text"
        )
        return text.ljust(schema.get("minLength", 0), "x")
    return {"integer": int(schema.get("minimum", 1)), "number": schema.get("minimum", 1.0), "boolean": True, "null": None}.get(
        kind or "null"
    )


def body_for(document: dict[str, Any], route: str) -> dict[str, Any]:
    """The document's example; those lack required fields here and there."""
    content = document["paths"][route]["post"]["requestBody"]["content"]["application/json"]
    required = {name: sample(content["schema"]["properties"][name]) for name in content["schema"].get("required", [])}
    body: dict[str, Any] = required | content.get("example", {})
    return body


class DocumentedKrea:
    """Checks every request against the document and answers with what the document promises for ``status``."""

    def __init__(self, document: dict[str, Any], answer: int = 200, **changes: Any) -> None:
        self._paths = document["paths"]
        self._answer = answer
        self._changes = changes
        self.operations: list[tuple[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        template, arguments = self._find(request.url.path)
        operation = self._paths[template][request.method.lower()]
        self.operations.append((request.method, template))
        assert request.headers["authorization"].startswith("Bearer ")
        self._check_parameters(operation, request, arguments)
        if "requestBody" in operation:
            self._check_body(operation["requestBody"]["content"], request)
        content = operation["responses"][str(self._answer)].get("content")
        if content is None:
            return httpx.Response(self._answer)
        return httpx.Response(self._answer, json=sample(content["application/json"]["schema"]) | self._changes)

    def _find(self, path: str) -> tuple[str, dict[str, str]]:
        if path in self._paths:
            return path, {}
        for template in self._paths:
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            if found := re.fullmatch(pattern, path):
                return template, found.groupdict()
        raise AssertionError(f"Krea documents no {path}")

    def _check_parameters(self, operation: dict[str, Any], request: httpx.Request, arguments: dict[str, str]) -> None:
        declared = {(parameter["in"], parameter["name"].lower()): parameter for parameter in operation.get("parameters", [])}
        for name, text in request.url.params.items():
            schema = declared["query", name.lower()]["schema"]
            value = int(text) if schema["type"] == "integer" else text
            jsonschema.validate(value, schema, format_checker=CHECK_FORMATS)
        for name, text in arguments.items():
            jsonschema.validate(text, declared["path", name.lower()]["schema"], format_checker=CHECK_FORMATS)
        if callback := request.headers.get("x-webhook-url"):
            jsonschema.validate(callback, declared["header", "x-webhook-url"]["schema"], format_checker=CHECK_FORMATS)

    def _check_body(self, content: dict[str, Any], request: httpx.Request) -> None:
        kind = request.headers["content-type"]
        if kind == "application/json":
            jsonschema.validate(json.loads(request.content), content["application/json"]["schema"], format_checker=CHECK_FORMATS)
            return
        schema = content["multipart/form-data"]["schema"]
        message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.content)
        names = {part.get_param("name", header="content-disposition") for part in message.walk() if not part.is_multipart()}
        assert set(schema["required"]) <= names <= set(schema["properties"])


@pytest.fixture
def client_of() -> Callable[[DocumentedKrea], KreaClient]:
    def make(krea: DocumentedKrea) -> KreaClient:
        return KreaClient("https://api.krea.ai", Secret("tok"), patience=Patience(outage=0), transport=httpx.MockTransport(krea))

    return make


@pytest.mark.parametrize("route", routes())
async def test_submissions_follow_the_document(
    document: dict[str, Any], client_of: Callable[[DocumentedKrea], KreaClient], route: str
) -> None:
    krea = DocumentedKrea(document)
    async with client_of(krea) as client:
        job = await client.submit(route, body_for(document, route), webhook="https://hooks.example/hooks/" + "a" * 32)
    assert krea.operations == [("POST", route)]
    assert job.id == JOB_ID
    assert not job.terminal


@pytest.mark.parametrize(
    ("status", "error"), [(400, RequestRefusedError), (401, KreaRefusedError), (402, OutOfCreditsError), (429, NotSentError)]
)
async def test_documented_refusals_are_told_apart(
    document: dict[str, Any], client_of: Callable[[DocumentedKrea], KreaClient], status: int, error: type[AnimaticError]
) -> None:
    route = next(iter(routes()))
    async with client_of(DocumentedKrea(document, status)) as client:
        with pytest.raises(error):
            await client.submit(route, body_for(document, route))


async def test_every_documented_status_of_a_job_is_known(
    document: dict[str, Any], client_of: Callable[[DocumentedKrea], KreaClient], caplog: pytest.LogCaptureFixture
) -> None:
    schema = document["paths"]["/jobs/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    for status in schema["properties"]["status"]["enum"]:
        async with client_of(DocumentedKrea(document, status=status)) as client:
            job = await client.job(JOB_ID)
        assert job is not None
        assert job.status == status
        assert job.terminal == (status in {"completed", "failed", "cancelled"})
    assert "does not know" not in caplog.text


async def test_a_documented_result_is_found(document: dict[str, Any], client_of: Callable[[DocumentedKrea], KreaClient]) -> None:
    async with client_of(DocumentedKrea(document)) as client:
        job = await client.job(JOB_ID)
    assert job is not None
    assert job.urls == ("https://gen.krea.ai/a.mp4",)


async def test_jobs_are_listed_and_paged_as_documented(document: dict[str, Any], client_of: Callable[[DocumentedKrea], KreaClient]) -> None:
    cursor = SENT.isoformat().replace("+00:00", "Z")
    krea = DocumentedKrea(document, next_cursor=cursor)
    async with client_of(krea) as client:
        jobs = [job async for job in client.jobs(limit=1000)]
    assert [job.id for job in jobs] == [JOB_ID, JOB_ID]
    assert krea.operations == [("GET", "/jobs")] * 2


async def test_cancelling_assets_and_uploads_are_as_documented(
    document: dict[str, Any], client_of: Callable[[DocumentedKrea], KreaClient], tmp_path: Path
) -> None:
    file = tmp_path / "frame.png"
    file.write_bytes(b"x")
    krea = DocumentedKrea(document)
    async with client_of(krea) as client:
        assert await client.cancel(JOB_ID)
        uploaded = await client.upload(file, mime="image/png", description="last frame")
        assert uploaded.url == "https://gen.krea.ai/a.mp4"
        assert await client.asset(JOB_ID) is not None
    assert krea.operations == [("DELETE", "/jobs/{id}"), ("POST", "/assets"), ("GET", "/assets/{id}")]
