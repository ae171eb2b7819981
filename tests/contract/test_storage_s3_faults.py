"""A bucket when things go wrong: lost answers, trouble at the store, refused credentials.

Faults are made at the transport of a real client.
"""

from __future__ import annotations

import hashlib
import io
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import BotoCoreError, FlexibleChecksumError, ReadTimeoutError, SSLError
from botocore.httpsession import URLLib3Session

from animatic.errors import StorageError, UsageError
from animatic.plan import destination_of
from animatic.spec import load_declaration
from animatic.storage import StorageRefusedError, open_storage
from animatic.storage.s3 import S3Storage
from animatic.storage.s3_client import PatientClient, make_client
from tests.present import present
from tests.s3server import S3

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.anyio

Fault = Callable[[AWSPreparedRequest], AWSResponse | None]
"""Looks at a request that is about to leave: answers it, raises, changes it, or lets it go on (None)."""

SECRET = "AKIDEXAMPLE-never-shown"


class Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def answer(status: int, code: str, body: bytes | None = None, **headers: str) -> AWSResponse:
    xml = f"<Error><Code>{code}</Code><Message>no</Message><AWSAccessKeyId>{SECRET}</AWSAccessKeyId></Error>".encode()
    return AWSResponse("http://s3", status, HTTPHeaders.from_dict(headers), Body(xml if body is None else body))


def says(status: int, code: str) -> Fault:
    return lambda _: answer(status, code)


def lost_answer(request: AWSPreparedRequest) -> AWSResponse:
    with closing(URLLib3Session()) as session:
        assert session.send(request).status_code == 200
    raise ReadTimeoutError(endpoint_url=request.url)


@dataclass
class Wire:
    """The faults to come, one per request; afterwards requests go through."""

    faults: list[Fault] = field(default_factory=list)
    requests: list[AWSPreparedRequest] = field(default_factory=list)
    always: Fault | None = None
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        self.requests.append(request)
        if self.always:
            return self.always(request)
        return self.faults.pop(0)(request) if self.faults else None

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def clock(self) -> float:
        return sum(self.slept)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def watched(wire: Wire) -> PatientClient:
    def make() -> Any:
        client = make_client()
        answering: Any = wire  # the stubs know of handlers that answer nothing alone
        client.meta.events.register("before-send.s3", answering)
        return client

    return PatientClient(patience=60, sleep=wire.sleep, clock=wire.clock, make=make)


@pytest.fixture
def home(s3: S3, wire: Wire) -> S3Storage:
    return S3Storage(s3.bucket, "boards/", watched(wire))


@pytest.mark.parametrize(
    "fault",
    [says(500, "InternalError"), says(503, "SlowDown"), says(409, "ConditionalRequestConflict"), says(429, "TooManyRequests")],
    ids=["500", "503", "409", "429"],
)
async def test_trouble_that_passes_is_waited_out(home: S3Storage, wire: Wire, fault: Fault) -> None:
    wire.faults += [fault] * 4
    assert await home.create("record", b"1")
    assert await home.read("record") == b"1"
    assert len(wire.slept) == 4
    assert all(pause > 0 for pause in wire.slept)
    assert wire.slept[-1] > wire.slept[0]


async def test_patience_ends_with_what_the_store_keeps_saying(home: S3Storage, wire: Wire) -> None:
    wire.always = says(503, "SlowDown")
    with pytest.raises(StorageError, match=r"keeps answering SlowDown for s3://.*/boards/record") as caught:
        await home.create("record", b"1")
    assert caught.value.retryable
    assert caught.value.exit_code == 6
    assert 50 < sum(wire.slept) <= 60


async def test_a_lost_answer_to_create_is_still_ours(home: S3Storage, wire: Wire) -> None:
    wire.faults.append(lost_answer)
    assert await home.create("record", b"write_id 1")
    assert await home.read("record") == b"write_id 1"


async def test_a_lost_answer_does_not_make_a_loser_win(home: S3Storage, wire: Wire) -> None:
    await home.create("record", b"theirs")
    wire.faults.append(lambda request: _raise(ReadTimeoutError(endpoint_url=request.url)))
    assert not await home.create("record", b"ours")
    assert await home.read("record") == b"theirs"


async def test_a_lost_answer_to_an_upload_is_still_ours(home: S3Storage, wire: Wire, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames" * 10_000)
    wire.faults.append(lost_answer)
    assert await home.store("clip.mp4", clip, content_type="video/mp4", sha256=hashlib.sha256(clip.read_bytes()).hexdigest())
    assert await home.read("clip.mp4") == clip.read_bytes()


async def test_an_upload_is_conditional_typed_and_checked_by_the_store(home: S3Storage, wire: Wire, s3: S3, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    digest = hashlib.sha256(b"frames")
    await home.store("clip.mp4", clip, content_type="video/mp4", sha256=digest.hexdigest())
    headers = {name.lower(): value for name, value in wire.requests[0].headers.items()}
    assert headers["if-none-match"] in {"*", b"*"}
    stored = s3.client().head_object(Bucket=s3.bucket, Key="boards/clip.mp4", ChecksumMode="ENABLED")
    assert stored["ContentType"] == "video/mp4"
    assert b64decode(stored["ChecksumSHA256"]) == digest.digest()


async def test_copies_are_conditional(home: S3Storage, wire: Wire) -> None:
    await home.create("from", b"1")
    await home.copy("from", "to")
    (copy,) = [request for request in wire.requests if "x-amz-copy-source" in {name.lower() for name in request.headers}]
    assert copy.headers["If-None-Match"] in {"*", b"*"}
    wire.faults += [says(404, "NoSuchKey"), says(412, "PreconditionFailed")]
    assert not await home.copy("from", "elsewhere")


async def test_a_cut_download_is_made_again_and_never_shown(home: S3Storage, wire: Wire, tmp_path: Path) -> None:
    await home.create("clip.mp4", b"all of it")
    target = tmp_path / "clip.mp4"
    target.write_bytes(b"older")

    def cut(_: AWSPreparedRequest) -> AWSResponse:
        assert target.read_bytes() == b"older"
        return answer(200, "", b"all", **{"content-length": "9"})

    wire.faults += [cut, cut]
    assert await home.fetch("clip.mp4", target)
    assert target.read_bytes() == b"all of it"
    assert unfinished(tmp_path) == []


async def test_a_cut_record_is_read_again(home: S3Storage, wire: Wire) -> None:
    await home.create("record", b'{"version": 1}')
    wire.faults.append(lambda _: answer(200, "", b'{"ver', **{"content-length": "14"}))
    assert await home.read("record") == b'{"version": 1}'


async def test_a_store_that_ignores_conditions_is_refused_at_the_start(home: S3Storage, wire: Wire) -> None:
    def deaf(request: AWSPreparedRequest) -> None:
        if "If-None-Match" in request.headers:
            del request.headers["If-None-Match"]

    wire.always = deaf
    with pytest.raises(StorageRefusedError, match="it overwrites objects that must be created only once") as caught:
        await home.check()
    assert "If-None-Match" in present(caught.value.hint)
    assert await home.list("") == []


async def test_a_lost_answer_to_the_copy_of_the_check_is_no_store_that_cannot_copy(home: S3Storage, wire: Wire) -> None:
    lost: list[AWSPreparedRequest] = []

    def loses_one(request: AWSPreparedRequest) -> AWSResponse | None:
        if "x-amz-copy-source" in request.headers and not lost:
            lost.append(request)
            return lost_answer(request)
        return None

    wire.always = loses_one
    await home.check()
    assert lost
    assert await home.list("") == []


async def test_a_store_that_does_not_know_conditions_is_refused(home: S3Storage, wire: Wire) -> None:
    wire.faults.append(says(501, "NotImplemented"))
    with pytest.raises(StorageRefusedError, match="does not know conditional writes"):
        await home.check()


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        (lambda home, _: home.create("record", b"1"), "s3:PutObject"),
        (lambda home, _: home.read("record"), "s3:GetObject and s3:ListBucket"),
        (lambda home, path: home.fetch("record", path / "target"), "s3:GetObject and s3:ListBucket"),
        (lambda home, _: home.head("record"), "s3:GetObject and s3:ListBucket"),
        (lambda home, _: home.list(""), "s3:ListBucket"),
        (lambda home, _: home.delete("record"), "s3:DeleteObject"),
    ],
    ids=["create", "read", "fetch", "head", "list", "delete"],
)
async def test_a_missing_permission_is_named(home: S3Storage, wire: Wire, tmp_path: Path, call: Any, permission: str) -> None:
    wire.always = says(403, "AccessDenied")
    with pytest.raises(StorageRefusedError, match="access denied") as caught:
        await call(home, tmp_path)
    assert permission in present(caught.value.hint)
    assert not caught.value.retryable
    assert wire.slept == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "InvalidAccessKeyId", "the access key is unknown"),
        (403, "SignatureDoesNotMatch", "secret key does not fit"),
        (400, "AuthorizationHeaderMalformed", "in another region"),
        (400, "SomethingNew", "PutObject was answered with SomethingNew"),
        (404, "NoSuchBucket", "there is no such bucket"),
    ],
)
async def test_refusals_say_what_to_do_and_show_no_credentials(home: S3Storage, wire: Wire, status: int, code: str, words: str) -> None:
    wire.always = says(status, code)
    with pytest.raises(StorageRefusedError, match=words) as caught:
        await home.create("record", b"1")
    assert caught.value.hint
    assert SECRET not in str(caught.value)
    assert wire.slept == []


@pytest.mark.parametrize(
    ("headers", "words", "remedy"),
    [({"x-amz-bucket-region": "eu-west-1"}, "in another region", "eu-west-1"), ({}, "address of another place", "AWS_ENDPOINT_URL_S3")],
)
@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_store_that_sends_everything_elsewhere_is_followed_to_no_end(
    home: S3Storage, wire: Wire, status: int, headers: dict[str, str], words: str, remedy: str
) -> None:
    page = b"<html><head><title>Moved</title></head></html>"
    wire.always = lambda _: answer(status, "", page, Location="https://127.0.0.1/", **headers)
    for call in (home.create("record", b"1"), home.head("record"), home.list("")):
        with pytest.raises(StorageRefusedError, match=words) as caught:
            await call
        assert remedy in present(caught.value.hint)
    assert len(wire.requests) <= 9


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (
            SSLError(endpoint_url="https://s3", error=OSError("self-signed certificate")),
            "no certificate that is trusted.*self-signed",
            "AWS_CA_BUNDLE",
        ),
        (FlexibleChecksumError(error_msg="Expected checksum a did not match b"), "comes cut or altered", "what stands before it"),
    ],
    ids=["certificate", "checksum"],
)
async def test_what_is_no_outage_is_not_called_one(home: S3Storage, wire: Wire, error: BotoCoreError, words: str, remedy: str) -> None:
    def raises(_: AWSPreparedRequest) -> AWSResponse:
        raise error

    wire.always = raises
    with pytest.raises(StorageError, match=words) as caught:
        await home.read("record")
    assert remedy in present(caught.value.hint)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "code", "words", "tries"),
    [(400, "ExpiredToken", "session token has expired", 8), (403, "RequestTimeTooSkewed", "clock is wrong", 3)],
)
async def test_what_may_be_over_in_a_moment_is_asked_again_but_not_for_long(
    home: S3Storage, wire: Wire, status: int, code: str, words: str, tries: int
) -> None:
    wire.always = says(status, code)
    with pytest.raises(StorageRefusedError, match=words):
        await home.create("record", b"1")
    assert len(wire.requests) == tries
    assert sum(wire.slept) < 30


async def test_a_single_answer_about_the_clock_is_not_believed(home: S3Storage, wire: Wire) -> None:
    wire.faults += [says(403, "RequestTimeTooSkewed")] * 2
    assert await home.create("record", b"1")


async def test_credentials_that_were_renewed_meanwhile_are_read_anew(home: S3Storage, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await home.create("record", b"1")

    def expired(request: AWSPreparedRequest) -> AWSResponse:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "renewed")
        return answer(400, "ExpiredToken")

    wire.faults.append(expired)
    assert await home.read("record") == b"1"
    used = [str(request.headers["Authorization"]) for request in wire.requests]
    assert ["Credential=renewed/" in text for text in used] == [False, False, True]


def refuses_copies(status: int, code: str, *, condition: bool) -> Fault:
    def fault(request: AWSPreparedRequest) -> AWSResponse | None:
        copies = "x-amz-copy-source" in request.headers
        return answer(status, code) if copies and (not condition or "If-None-Match" in request.headers) else None

    return fault


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (400, "InvalidArgument"), (400, "InvalidRequest")])
@pytest.mark.parametrize("condition", [True, False], ids=["no conditional copies", "no copies"])
async def test_a_store_that_lacks_copies_or_conditions_on_them_gets_its_clips_otherwise(
    home: S3Storage, wire: Wire, s3: S3, tmp_path: Path, status: int, code: str, condition: bool
) -> None:
    wire.always = refuses_copies(status, code, condition=condition)
    await home.check()
    assert await home.list("") == []
    (tmp_path / "clip.mp4").write_bytes(b"clip" * 1000)
    sha256 = hashlib.sha256(b"clip" * 1000).hexdigest()
    assert await home.store("take.mp4", tmp_path / "clip.mp4", content_type="video/mp4", sha256=sha256)
    wire.requests.clear()
    assert await home.copy("take.mp4", "run/01-dawn.mp4")
    assert not await home.copy("take.mp4", "run/01-dawn.mp4")
    assert await home.read("run/01-dawn.mp4") == b"clip" * 1000
    assert s3.client().head_object(Bucket=s3.bucket, Key="boards/run/01-dawn.mp4")["ContentType"] == "video/mp4"
    asked = [request for request in wire.requests if "x-amz-copy-source" in request.headers]
    assert len(asked) == (1 if condition else 0), "what was refused once is not asked for again"
    with pytest.raises(StorageRefusedError, match="there is no such object"):
        await home.copy("nothing", "elsewhere")


async def test_a_copy_that_is_denied_is_no_copy_that_is_unknown(home: S3Storage, wire: Wire) -> None:
    assert await home.create("a", b"1")
    wire.always = refuses_copies(403, "AccessDenied", condition=False)
    with pytest.raises(StorageRefusedError, match="access denied"):
        await home.copy("a", "b")


async def test_every_put_and_copy_is_protected_as_the_destination_says_and_media_are_kept_so(s3: S3, wire: Wire, tmp_path: Path) -> None:
    text = f"{s3.url}/films?sse=aws:kms&kms_key=alias/film&acl=bucket-owner-full-control&storage_class=STANDARD_IA&cache_control=max-age=60"
    home = open_storage(text)
    assert isinstance(home, S3Storage)
    assert home.url == f"{s3.url}/films"
    home._client = watched(wire)
    deeper = home.below("simulated")
    assert await deeper.create("record", b"1")
    await deeper.write("index.html", b"page", content_type="text/html")
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    await deeper.store("clip.mp4", tmp_path / "clip.mp4", content_type="video/mp4", sha256=hashlib.sha256(b"clip").hexdigest())
    assert await deeper.copy("clip.mp4", "01-dawn.mp4")
    puts = [request.headers for request in wire.requests if request.method == "PUT"]
    assert len(puts) == 4
    for headers in puts:
        sent = {name.lower(): as_text(value) for name, value in headers.items()}
        assert sent["x-amz-server-side-encryption"] == "aws:kms"
        assert sent["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/film"
        assert sent["x-amz-acl"] == "bucket-owner-full-control"
    look = s3.client().head_object
    for name in ("clip.mp4", "01-dawn.mp4"):
        found = look(Bucket=s3.bucket, Key=f"films/simulated/{name}")
        assert (found["StorageClass"], found["CacheControl"], found["ServerSideEncryption"]) == ("STANDARD_IA", "max-age=60", "aws:kms")
    for name in ("record", "index.html"):
        found = look(Bucket=s3.bucket, Key=f"films/simulated/{name}")
        assert "StorageClass" not in found
        assert "CacheControl" not in found


@pytest.mark.parametrize("copies", [True, False], ids=["copied", "put again"])
async def test_whoever_delivers_first_between_the_look_and_the_copy_wins(home: S3Storage, wire: Wire, s3: S3, copies: bool) -> None:
    assert await home.create("take", b"ours")
    theirs = {"Bucket": s3.bucket, "Key": "boards/run/clip", "Body": b"theirs"}

    def somebody_is_quicker(request: AWSPreparedRequest) -> AWSResponse | None:
        if request.method != "PUT":
            return None
        if "x-amz-copy-source" not in request.headers:
            s3.client().put_object(**theirs)
            return None
        if not copies:
            return answer(501, "NotImplemented")
        s3.client().put_object(**theirs)
        assert as_text(request.headers["If-None-Match"]) == "*"
        return answer(412, "PreconditionFailed")  # the store of these tests knows no condition on copies

    wire.always = somebody_is_quicker
    assert not await home.copy("take", "run/clip")
    assert await home.read("run/clip") == b"theirs"


MAPPING = """
version: 1
pipelines:
  teaser:
    params: {client: {enum: [acme, beta], default: acme}}
    deliver:
      to: "s3://%s/films/{{ params.client }}"
      sse: aws:kms
      kms_key: alias/film & tv
      acl: public-read
      storage_class: STANDARD_IA
      cache_control: "public, max-age=60"
    shots: [{id: dawn, model: xai/grok-video, prompt: Dawn}]
"""


@pytest.mark.parametrize("copies", [True, False], ids=["copied", "put again"])
async def test_what_deliver_says_as_a_mapping_is_what_lies_in_the_bucket(s3: S3, wire: Wire, tmp_path: Path, copies: bool) -> None:
    """A template in `to`, and every option behind it, from the file to the store and read back there."""
    (tmp_path / "pipelines.yaml").write_text(MAPPING % s3.bucket)
    spec = load_declaration((tmp_path / "pipelines.yaml",)).pipelines["teaser"]
    home = open_storage(destination_of(spec, None, {"client": "beta"}))
    assert isinstance(home, S3Storage)
    home._client = watched(wire)
    if not copies:
        wire.always = refuses_copies(501, "NotImplemented", condition=False)
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    assert await home.create("record", b"1")
    assert await home.store("clip.mp4", tmp_path / "clip.mp4", content_type="video/mp4", sha256=hashlib.sha256(b"clip").hexdigest())
    assert await home.copy("clip.mp4", "01-dawn.mp4")
    client = s3.client()
    for name in ("record", "clip.mp4", "01-dawn.mp4"):
        key = f"films/beta/{name}"
        found = client.head_object(Bucket=s3.bucket, Key=key)
        assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/film & tv"), name
        grants = client.get_object_acl(Bucket=s3.bucket, Key=key)["Grants"]
        assert ("http://acs.amazonaws.com/groups/global/AllUsers", "READ") in {
            (grant["Grantee"].get("URI"), grant["Permission"]) for grant in grants
        }, name
        kept = (found.get("StorageClass"), found.get("CacheControl"))
        assert kept == ((None, None) if name == "record" else ("STANDARD_IA", "public, max-age=60")), name


def as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def test_a_bucket_that_is_emptied_is_not_taken_for_an_empty_one(home: S3Storage, s3: S3) -> None:
    assert await home.create(".animatic/claims/job-1.json", b"{}")
    assert await home.create(".animatic/claims/job-2.json", b"{}")
    s3.client().delete_object(Bucket=s3.bucket, Key="boards/.animatic/claims/job-1.json")
    with pytest.raises(StorageRefusedError, match="is not what it was") as caught:
        await home.create(".animatic/claims/job-3.json", b"{}")
    assert "`animatic resume`" in present(caught.value.hint)
    assert await home.read(".animatic/claims/job-3.json") is None
    s3.client().put_object(Bucket=s3.bucket, Key="boards/.animatic/claims/job-1.json", Body=b"{}")
    assert await home.create(".animatic/claims/job-3.json", b"{}")
    await home.delete(".animatic/claims/job-1.json")  # one that is removed on purpose is not missed
    assert await home.create(".animatic/claims/job-4.json", b"{}")


async def test_a_bucket_that_is_not_there_is_never_an_empty_one(s3: S3) -> None:
    home = open_storage("s3://no-such-bucket-here/boards")
    for operation in (home.read("record"), home.list(""), home.create("record", b"1"), home.check()):
        with pytest.raises(StorageRefusedError, match="no such bucket"):
            await operation


async def test_missing_credentials_are_asked_for(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageRefusedError, match="no usable AWS credentials") as caught:
        await open_storage(s3.url).check()
    assert "AWS_ACCESS_KEY_ID" in present(caught.value.hint)
    assert caught.value.exit_code == 6


async def test_a_profile_that_does_not_exist_is_said_so(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageRefusedError) as caught:
        await open_storage(s3.url).check()
    assert "AWS_PROFILE" in present(caught.value.hint)


@pytest.mark.parametrize("call", ["head", "digest", "create"])
async def test_what_has_expired_is_known_also_where_only_the_head_is_asked_for(home: S3Storage, wire: Wire, call: str) -> None:
    assert await home.create("record", b"1")

    def expired(request: AWSPreparedRequest) -> AWSResponse:
        return answer(400, "", b"") if request.method == "HEAD" else answer(400, "ExpiredToken")

    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "head": lambda: home.head("record"),
        "digest": lambda: home.digest("record"),
        "create": lambda: home.create("other", b"2"),
    }
    wire.always = lambda request: None if wire.slept else expired(request)  # they are renewed in the first pause
    assert await calls[call]()
    assert len(wire.slept) == 1
    wire.always = expired
    with pytest.raises(StorageRefusedError, match="session token has expired"):
        await calls[call]()


@pytest.mark.parametrize(
    ("process", "words", "tries"),
    [
        ("echo never-shown", "its credential_process prints is no JSON", 7),
        (
            """echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"never-shown","Expiration":"2020-01-01T00:00:00Z"}'""",
            "those that were given last have expired",
            7,
        ),
        ("false", "no usable AWS credentials", 0),
    ],
    ids=["no JSON", "expired", "fails"],
)
async def test_what_gives_the_credentials_may_fail(
    s3: S3, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: str, words: str, tries: int
) -> None:
    script = tmp_path / "credentials.sh"
    script.write_text(f"#!/bin/sh\n{process}\n")
    script.chmod(0o755)
    (tmp_path / "config").write_text(f"[profile made]\ncredential_process = {script}\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "made")
    with pytest.raises(StorageRefusedError, match=words) as caught:
        await S3Storage(s3.bucket, "", watched(wire)).read("record")
    assert "AWS_PROFILE" in present(caught.value.hint)
    assert "never-shown" not in str(caught.value)
    assert len(wire.slept) == tries


async def test_an_address_where_nobody_listens_is_unreachable(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"http://127\.0\.0\.1:9 cannot be reached") as caught:
        await open_storage(s3.url, patience=0.3).check()
    assert caught.value.retryable
    assert "AWS_ENDPOINT_URL_S3" in present(caught.value.hint)


@pytest.mark.parametrize("query", ["", "/?token=" + SECRET])
async def test_the_password_of_an_endpoint_is_not_told(s3: S3, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://me:{SECRET}@127.0.0.1:9{query}")
    with pytest.raises(StorageError) as caught:
        await open_storage(f"{s3.url}/films", patience=0.1).read("a")
    assert SECRET not in f"{caught.value}{caught.value.hint}"
    assert "http://127.0.0.1:9" in caught.value.message


async def test_other_stores_are_addressed_by_path(home: S3Storage, wire: Wire, s3: S3) -> None:
    await home.create("record", b"1")
    assert wire.requests[0].url == f"{s3.endpoint}/{s3.bucket}/boards/record"


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_amazon_is_addressed_as_amazon_wants(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "eu-central-1")
    client = make_client()
    assert client.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"
    config: Any = client.meta.config  # options are attributes that the stubs do not list
    assert config.s3["addressing_style"] == "auto"


def test_without_a_region_there_is_one() -> None:
    assert make_client().meta.region_name == "us-east-1"


async def test_finding_what_was_given_is_no_news(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("botocore").setLevel(logging.NOTSET)
    with caplog.at_level(logging.INFO):
        await open_storage(s3.url).check()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("botocore")] == []


async def test_no_credential_is_ever_logged(s3: S3, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key-never-logged")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token-never-logged")
    logging.getLogger("botocore").setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        await open_storage(s3.url).check()
    assert "never-logged" not in caplog.text
    assert "Signature" not in caplog.text


def test_the_server_of_the_tests_is_reached_by_anyone(s3: S3) -> None:
    client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    assert s3.bucket in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(".tmp-*"))


def _raise(error: Exception) -> AWSResponse:
    raise error


@pytest.mark.parametrize(
    "address", ["not a url", "host:9000", "ftp://host:21", "http://127.0.0.1:99999", "http://[::1", "http://me:opensesame@ho st"]
)
def test_an_endpoint_that_is_no_address_is_a_mistake_of_the_settings(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
    with pytest.raises(UsageError, match="S3 endpoint") as error:
        make_client()
    assert "AWS_ENDPOINT_URL_S3" in (error.value.hint or "")
    assert "opensesame" not in error.value.message
