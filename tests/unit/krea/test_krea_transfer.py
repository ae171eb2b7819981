"""Files arrive whole or not at all."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from animatic.errors import BadClipError, BadMediaError, StorageError
from animatic.krea import ExpiredUrlError, KreaClient, ResultUnreachableError
from animatic.krea.transfer import CHUNK_BYTES, download
from tests.unit.krea.conftest import FakeKrea, Time

pytestmark = pytest.mark.anyio
Make = Callable[..., KreaClient]
URL = "https://gen.krea.ai/clip.mp4?sig=SECRET"
DATA = bytes(range(256)) * 9000  # more than two chunks
VIDEO = {"content-type": "video/mp4"}


def nothing_left(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir() if path.name != "home") == sorted(names)


async def test_a_download_is_hashed_and_measured(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    krea.script.append(httpx.Response(200, content=DATA, headers=VIDEO))
    async with client:
        done = await client.download(URL, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == DATA
    assert (done.sha256, done.size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert nothing_left(tmp_path, "a.mp4")
    assert krea.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_an_expired_url_is_told_apart(krea: FakeKrea, client: KreaClient, tmp_path: Path, status: int) -> None:
    krea.script.append(httpx.Response(status, text="expired"))
    async with client:
        with pytest.raises(ExpiredUrlError) as caught:
            await client.download(URL, tmp_path / "a.mp4")
    assert "SECRET" not in str(caught.value)
    assert nothing_left(tmp_path)


async def test_a_cut_download_is_fetched_again_from_the_start(
    krea: FakeKrea, client: KreaClient, tmp_path: Path, broken_stream: Callable[[bytes], httpx.AsyncByteStream]
) -> None:
    krea.script += [
        httpx.Response(200, stream=broken_stream(DATA[:1000]), headers={**VIDEO, "content-length": str(len(DATA))}),
        httpx.Response(200, content=DATA, headers=VIDEO),
    ]
    async with client:
        done = await client.download(URL, tmp_path / "a.mp4")
    assert done.size == len(DATA)
    assert (tmp_path / "a.mp4").read_bytes() == DATA


async def test_a_file_shorter_than_announced_is_cut(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    class Short(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield DATA[:1000]

    def short(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Short(), headers={**VIDEO, "content-length": str(len(DATA))})

    (tmp_path / "a.mp4").write_bytes(b"what was there before")
    krea.script += [short] * 3
    async with client:
        with pytest.raises(BadClipError, match=re.escape(f"1000 of {len(DATA)} bytes, 3 times")):
            await client.download(URL, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b"what was there before"
    assert nothing_left(tmp_path, "a.mp4")
    assert len(krea.requests) == 3


@pytest.mark.parametrize(
    "answer", [{"html": "<title>Sign in</title>"}, {"json": {"error": "x"}}, {"content": b"", "headers": VIDEO}], ids=str
)
async def test_what_is_no_file_is_refused(krea: FakeKrea, client: KreaClient, tmp_path: Path, answer: dict[str, Any]) -> None:
    krea.script += [lambda _: httpx.Response(200, **answer)] * 3
    async with client:
        with pytest.raises(BadClipError):
            await client.download(URL, tmp_path / "a.mp4")
    assert nothing_left(tmp_path)


MP4 = b"\0\0\0\x20ftypisom" + DATA


@pytest.mark.parametrize("mime", ["text/html; charset=utf-8", "application/json", "text/plain", "application/xml", ""])
async def test_bytes_tell_what_a_file_is_and_not_its_content_type(krea: FakeKrea, client: KreaClient, tmp_path: Path, mime: str) -> None:
    krea.script.append(httpx.Response(200, content=MP4, headers={"content-type": mime}))
    async with client:
        assert (await client.download(URL, tmp_path / "a.mp4")).size == len(MP4)
    assert len(krea.requests) == 1


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (203, {}),
        (206, {}),
        (206, {"content-range": f"bytes 0-{len(MP4) - 1}/{len(MP4)}"}),
        (206, {"content-range": f"bytes 0-{len(MP4) - 1}/*"}),
    ],
)
async def test_answers_that_bring_the_whole_file_in_other_words_are_taken(
    krea: FakeKrea, client: KreaClient, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    krea.script.append(httpx.Response(status, content=MP4, headers={**VIDEO, **headers}))
    async with client:
        assert (await client.download(URL, tmp_path / "a.mp4")).size == len(MP4)


@pytest.mark.parametrize("stated", ["bytes 0-99/3000", "bytes 100-199/3000", "bytes 100-199/*"])
async def test_a_part_that_nobody_asked_for_is_no_file(krea: FakeKrea, client: KreaClient, tmp_path: Path, stated: str) -> None:
    krea.script += [
        httpx.Response(206, content=MP4[:100], headers={**VIDEO, "content-range": stated}),
        httpx.Response(200, content=MP4, headers=VIDEO),
    ]
    async with client:
        assert (await client.download(URL, tmp_path / "a.mp4")).size == len(MP4)


@pytest.mark.parametrize("status", [202, 204, 400, 401, 405, 416])
async def test_a_single_odd_answer_of_a_file_s_host_is_asked_again(krea: FakeKrea, client: KreaClient, tmp_path: Path, status: int) -> None:
    krea.script += [httpx.Response(status, text="" if status == 204 else "not now"), httpx.Response(200, content=MP4, headers=VIDEO)]
    async with client:
        assert (await client.download(URL, tmp_path / "a.mp4")).size == len(MP4)


async def test_an_odd_answer_that_stays_is_told(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    krea.script += [httpx.Response(400, text="no")] * 3
    async with client:
        with pytest.raises(BadClipError, match=r"answers 400 instead of the file, 3 times") as caught:
            await client.download(URL, tmp_path / "a.mp4")
    assert (caught.value.code, caught.value.retryable, "SECRET" in str(caught.value)) == ("bad_answer", False, False)


async def test_a_busy_host_is_waited_for(krea: FakeKrea, time: Time, client: KreaClient, tmp_path: Path) -> None:
    krea.script += [
        httpx.Response(503, headers={"Retry-After": "4"}),
        httpx.ConnectError("x"),
        httpx.Response(200, content=b"x", headers=VIDEO),
    ]
    async with client:
        await client.download(URL, tmp_path / "a.mp4")
    assert time.naps[0] == 4


async def test_a_host_that_stays_away_fails_its_file_alone(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    krea.down_until = 1e9
    async with client:
        with pytest.raises(ResultUnreachableError, match=r"gen\.krea\.ai") as caught:
            await client.download(URL, tmp_path / "a.mp4")
    assert (caught.value.exit_code, caught.value.retryable) == (4, False)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("announced", [True, False])
async def test_an_oversized_file_is_given_up_at_once(krea: FakeKrea, client: KreaClient, tmp_path: Path, announced: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100_000

    content = b"x" * 5_000_000 if announced else chunks()
    krea.script.append(httpx.Response(200, content=content, headers=VIDEO))
    async with client:
        with pytest.raises(BadClipError) as caught:
            await download(client._session, URL, tmp_path / "a.mp4", max_bytes=1_000_000)
    assert caught.value.code == "too_large"
    assert len(krea.requests) == 1
    assert nothing_left(tmp_path)


async def test_a_download_that_is_cancelled_leaves_nothing(client_for: Make, tmp_path: Path) -> None:
    begun = asyncio.Event()

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x" * CHUNK_BYTES
            begun.set()
            await asyncio.Event().wait()

    async with client_for(lambda _: httpx.Response(200, stream=Endless(), headers=VIDEO)) as client:
        downloading = asyncio.create_task(client.download(URL, tmp_path / "a.mp4"))
        await begun.wait()
        assert not nothing_left(tmp_path), "it has begun to write"
        downloading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await downloading
    assert nothing_left(tmp_path)


async def test_an_unwritable_target_is_our_own_trouble(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    krea.script.append(httpx.Response(200, content=DATA, headers=VIDEO))
    async with client:
        with pytest.raises(StorageError, match="cannot write"):
            await client.download(URL, tmp_path / "missing" / "a.mp4")


async def test_a_result_that_is_no_url_is_refused(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    async with client:
        for url in ("https://host:port/", "ftp://host/a.mp4", ""):
            with pytest.raises(BadClipError):
                await client.download(url, tmp_path / "a.mp4")


async def test_an_upload_is_one_multipart_file(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    file = tmp_path / "frame.png"
    file.write_bytes(b"PNG" * 1000)
    krea.script += [
        httpx.Response(502),
        httpx.Response(200, json={"id": "as-1", "image_url": "https://krea.test/as-1.png", "mime_type": "image/png"}),
    ]
    async with client:
        asset = await client.upload(file, mime="image/png", description="last frame of dawn")
    assert (asset.id, asset.url) == ("as-1", "https://krea.test/as-1.png")
    request = krea.requests[-1]
    assert (request.method, request.url.path) == ("POST", "/assets")
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    body = request.content
    assert b'name="file"; filename="frame.png"\r\nContent-Type: image/png' in body
    assert body.count(b"PNG") == 1000
    assert b"last frame of dawn" in body


async def test_files_that_krea_cannot_take_are_not_sent(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with (tmp_path / "big.mp4").open("wb") as file:
        file.truncate(75_000_001)
    async with client:
        for name in ("empty.png", "big.mp4", "missing.png"):
            with pytest.raises(BadMediaError, match=name):
                await client.upload(tmp_path / name, mime="image/png")
    assert krea.requests == []


@pytest.mark.parametrize(
    ("answer", "good"), [(200, True), (206, True), (403, False), (410, False), (500, False), (httpx.ConnectError("refused"), False)]
)
async def test_an_address_is_asked_once_for_its_first_byte_and_not_given_the_token(
    krea: FakeKrea, client: KreaClient, answer: int | Exception, good: bool
) -> None:
    krea.script.append(httpx.Response(answer, content=DATA) if isinstance(answer, int) else answer)
    async with client:
        assert await client.answers(URL) is good
        assert not await client.answers("file:///etc/passwd")
    (request,) = krea.requests
    assert (request.method, request.headers["range"]) == ("GET", "bytes=0-0")
    assert "authorization" not in request.headers


NO_ADDRESSES = [
    "http://127.0.0.1:99999/clip.mp4",
    "http://xn--a.com/clip.mp4",
    "http://[v1.x]/clip.mp4",
    "http://\u200b.com/clip.mp4",
    "ftp://gen.krea.ai/clip.mp4",
    "https:///clip.mp4",
    "data:video/mp4;base64,AAA=A",
    "data:video/mp4;base64,",
]


@pytest.mark.parametrize("url", NO_ADDRESSES)
async def test_what_is_no_address_ends_one_shot_and_not_the_run(client_for: Make, tmp_path: Path, url: str) -> None:
    """With the real transport: it raises errors of its own kinds for some of them."""
    client = client_for(None)
    async with client:
        client._session.http = httpx.AsyncClient()
        with pytest.raises(BadClipError) as caught:
            await client.download(url, tmp_path / "a.mp4")
        assert not await client.answers(url)
    assert (caught.value.code, caught.value.retryable) == ("bad_url", False)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("error", [UnicodeError("a label of it is no name"), ExceptionGroup("", [OverflowError("port must be 0-65535")])])
async def test_a_file_that_is_redirected_to_no_address_ends_one_shot(
    krea: FakeKrea, client: KreaClient, tmp_path: Path, error: Exception
) -> None:
    krea.script += [error, error]
    async with client:
        with pytest.raises(BadClipError) as caught:
            await client.download(URL, tmp_path / "a.mp4")
        assert not await client.answers(URL)
    assert caught.value.code == "bad_url"


async def test_a_file_that_its_address_holds_is_written_out(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    text = base64.b64encode(DATA).decode()
    async with client:
        done = await client.download(f"DATA:video/mp4;base64,{text[:70]}\n{text[70:]}", tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == DATA
    assert (done.sha256, done.size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert krea.requests == []
