"""A moto server on this machine as a pytest plugin: ``pytest_plugins = ["tests.s3server"]``, then the fixture ``s3``.

PYTEST_DONT_REWRITE: it holds no assertions, and modules that name its types may import it first.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


class OneAtATime:
    """Without it two conditional writes may both win: moto looks and writes in two steps."""

    def __init__(self, app: Wsgi) -> None:
        self.app = app
        self.lock = threading.Lock()
        self.requests = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self.lock:
            self.requests += 1
            return list(self.app(environ, start_response))


@dataclass(frozen=True)
class S3:
    endpoint: str
    bucket: str
    environment: dict[str, str]
    """What a process needs to reach it."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    def client(self) -> Any:
        """A plain boto3 client, to look at the bucket from outside."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(s3={"addressing_style": "path"}),
        )


def moto() -> OneAtATime:
    return OneAtATime(DomainDispatcherApplication(create_backend_app))


@contextlib.contextmanager
def serving_s3(app: OneAtATime | None = None) -> Iterator[str]:
    """Serve an S3 of this process until the end of the block; yields its address. ``app``: given by who wants to count the requests."""
    app = app or moto()
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def s3_environment(endpoint: str) -> dict[str, str]:
    """Return what a process needs to reach it."""
    return {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with serving_s3() as endpoint:
        yield endpoint


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3:
    """A fresh bucket, with the environment set so that boto3 finds it."""
    environment = s3_environment(s3_endpoint)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    home = S3(endpoint=s3_endpoint, bucket=f"bucket-{secrets.token_hex(6)}", environment=environment)
    home.client().create_bucket(Bucket=home.bucket)
    return home
