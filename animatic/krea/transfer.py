"""Downloads results from Krea and uploads references to it. A file arrives whole or not at all.

A download is written beside its target, hashed while it is written, compared with the length that was announced, and renamed. An upload
costs nothing and a second one does no harm, so both directions are retried freely.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from animatic import formats, proxies
from animatic.errors import BadClipError, BadMediaError, KreaUnreachableError, RequestRefusedError, StorageError
from animatic.files import writing_whole
from animatic.krea.errors import ExpiredUrlError, ResultUnreachableError, describe
from animatic.krea.session import Session
from animatic.krea.wire import Asset, parse_asset
from animatic.limits import MAX_DOWNLOAD_BYTES, MAX_UPLOAD_BYTES, megabytes
from animatic.redact import bare_url

MAX_TRIES = 3
MAX_PORT = 65535
CHUNK_BYTES = 1024 * 1024
DOWNLOAD_SECONDS = 1800.0
UPLOAD_SECONDS = 600.0
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.IGNORECASE)
_EXPIRED = frozenset({403, 404, 410})
_TAKEN = frozenset({200, 203, 206})
"""Answers that bring a file: 203 through a proxy that changed something, 206 from hosts that answer in ranges unasked."""
_NOT_READY = frozenset({202, 204, 205, 408, 425, 429})
"""Answers of a host that has not got the file yet, or has too much to do."""
_NO_ADDRESS = (httpx.InvalidURL, UnicodeError, OverflowError, ExceptionGroup)
"""What comes, besides httpx's own errors, of a host that no name can have, or a port that no host has; the group of trying several."""
_NO_MEDIA = ("text/html", "application/json", "application/xml", "text/xml")
"""Types that a file may be sent with by mistake: believed only where the first bytes are of no media either."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file that arrived whole: the SHA-256 of its content, and its size in bytes."""

    sha256: str
    size: int


class _CutError(BadClipError):
    """The file did not arrive whole: worth another try from the start."""


class _BusyError(Exception):
    """The host asks to come back later."""

    def __init__(self, text: str, asked_for: float | None) -> None:
        super().__init__(text)
        self.asked_for = asked_for


async def download(session: Session, url: str, target: Path, *, max_bytes: int = MAX_DOWNLOAD_BYTES) -> Download:
    """Fetch a result file to ``target``.

    Raises ExpiredUrlError (read the job again for a fresh URL), BadClipError (cut three times, not media, or larger than ``max_bytes``),
    ResultUnreachableError (the host does not answer for ``patience.outage``), StorageError (the local file cannot be written).
    """
    try:
        with writing_whole(target) as part:
            if url[:5].lower() == "data:":
                return _write_out(url, part, max_bytes)
            return await _fetch_patiently(session, url, part, max_bytes)
    except OSError as error:
        raise StorageError(
            f"cannot write {target}: {error.strerror or error}", hint="free some space, or name another folder for temporary files"
        ) from error


async def answers(session: Session, url: str) -> bool:
    """Return whether a file's URL can be fetched now, by asking for its first byte: signed URLs often allow no HEAD. One try."""
    try:
        address = _address(url)
        headers = {"Accept-Encoding": "identity", "Range": "bytes=0-0", **session.authorization(address)}
        async with (
            session.transfers,
            asyncio.timeout(session.patience.get),
            session.http.stream("GET", address, headers=headers, follow_redirects=True) as response,
        ):
            return response.is_success
    except (BadClipError, httpx.HTTPError, TimeoutError, *_NO_ADDRESS):
        return False


def _write_out(url: str, part: Path, max_bytes: int) -> Download:
    """Write the file that an address holds itself. Raises BadClipError where it holds none."""
    try:
        content = base64.b64decode("".join(url.partition(",")[2].split()), validate=True)
    except binascii.Error:
        content = b""
    if not content:
        raise _bad_url()
    if len(content) > max_bytes:
        raise _too_large(len(content), max_bytes)
    part.write_bytes(content)
    return Download(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


async def _fetch_patiently(session: Session, url: str, part: Path, max_bytes: int) -> Download:
    """Fetch the file; again where it was cut, and while the host does not answer. Raises OSError where it cannot be written."""
    address = _address(url)
    backoff, began, cuts = session.backoff(), session.monotonic(), 0
    while True:
        asked_for = None
        try:
            async with session.transfers, asyncio.timeout(DOWNLOAD_SECONDS):
                return await _fetch(session, address, part, max_bytes)
        except _CutError as error:
            cuts += 1
            if cuts >= MAX_TRIES:
                raise BadClipError(f"{error.message}, {MAX_TRIES} times", hint=error.hint, code=error.code) from error
            await session.sleep(backoff.next())
            continue
        except _BusyError as error:
            failure, asked_for = str(error), error.asked_for
        except (httpx.HTTPError, TimeoutError) as error:
            failure = describe(error)
        except _NO_ADDRESS as error:  # where it leads may be no address, too
            raise _bad_url() from error
        try:
            await session.pause(backoff, began, failure, asked_for=asked_for, who=address.host)
        except KreaUnreachableError as error:  # results lie on hosts of their own: one that is away says nothing about Krea
            hint = proxies.advised("the result is paid for: `animatic resume` fetches it again", url)
            raise ResultUnreachableError(error.message, hint=hint) from error


async def _fetch(session: Session, address: httpx.URL, part: Path, max_bytes: int) -> Download:
    headers = {"Accept-Encoding": "identity", **session.authorization(address)}
    async with session.http.stream("GET", address, headers=headers, follow_redirects=True) as response:
        _check_answer(response, max_bytes)
        announced = _whole_length(response)
        digest, size = hashlib.sha256(), 0
        file = _open(part)
        try:
            async for chunk in response.aiter_bytes(CHUNK_BYTES):
                if size == 0 and (mime := _media_type(response)) in _NO_MEDIA and formats.identify(chunk[: formats.HEAD_BYTES]) is None:
                    raise _CutError(f"{bare_url(str(response.url))} answers with {mime} instead of the file", code="not_media")
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(size, max_bytes)
                # Off the event loop: hashing is the one thing here that costs time, and it releases the interpreter's lock.
                await asyncio.to_thread(_append, file, digest, chunk)
        except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout, httpx.DecodingError) as error:
            raise _CutError(f"the download broke off after {response.num_bytes_downloaded} bytes", hint=describe(error)) from error
        finally:
            file.close()  # after a chunk that a cancelled download may still be writing: the file's own lock sees to that
        arrived = response.num_bytes_downloaded if "content-encoding" in response.headers else size
        if announced is not None and arrived != announced:
            raise _CutError(f"the download brought {arrived} of {announced} bytes")
        if size == 0:
            raise _CutError("the download is empty")
        return Download(sha256=digest.hexdigest(), size=size)


def _open(part: Path) -> IO[bytes]:
    return part.open("wb")


def _append(file: IO[bytes], digest: Any, chunk: bytes) -> None:
    digest.update(chunk)
    file.write(chunk)


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
        good = address.scheme in {"http", "https"} and bool(address.host) and (address.port or 0) <= MAX_PORT
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _bad_url() from error
    if not good:
        raise _bad_url()
    return address


def _bad_url() -> BadClipError:
    return BadClipError("the job's result is not a URL that can be fetched", code="bad_url")


def _check_answer(response: httpx.Response, max_bytes: int) -> None:
    status, where = response.status_code, bare_url(str(response.url))
    if status in _EXPIRED:
        raise ExpiredUrlError(f"{where} answers {status}: its URL has expired", hint="the job is read again for a fresh one")
    if status in _NOT_READY or status >= 500:  # noqa: PLR2004
        seconds = response.headers.get("retry-after", "")
        raise _BusyError(f"it answers {status}", min(float(seconds), 60.0) if seconds.isdigit() else None)
    if status not in _TAKEN:  # perhaps one machine of many is confused: asked again, but not for long
        raise _CutError(f"{where} answers {status} instead of the file", code="bad_answer")
    if (announced := _length(response)) is not None and announced > max_bytes:
        raise _too_large(announced, max_bytes)


def _too_large(size: int, max_bytes: int) -> BadClipError:
    return BadClipError(f"the file is larger than {max_bytes} bytes ({size} and more)", code="too_large")


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isdigit() else None


def _whole_length(response: httpx.Response) -> int | None:
    """Return the length that the whole file is said to have. Raises _CutError for an answer that states to be a part of it."""
    stated = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
    if response.status_code != 206 or stated is None:  # noqa: PLR2004
        return _length(response)
    first, last, whole = (int(number) if number.isdigit() else None for number in stated.groups())
    if first != 0 or (whole is not None and last is not None and last + 1 != whole):
        raise _CutError(f"{bare_url(str(response.url))} answers with a part of the file, unasked")
    return whole if whole is not None else _length(response)


def _media_type(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def upload(session: Session, path: Path, *, mime: str, description: str = "") -> Asset:
    """Upload a file to Krea's assets.

    Raises BadMediaError where the file is missing, empty, larger than 75 MB, or Krea refuses it; otherwise as `Session.read`.
    """
    try:
        file = await asyncio.to_thread(path.open, "rb")
        size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise BadMediaError(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        if size == 0:
            raise BadMediaError(f"{path} is empty")
        if size > MAX_UPLOAD_BYTES:
            raise BadMediaError(
                f"{path} has {megabytes(size)}; Krea takes up to {megabytes(MAX_UPLOAD_BYTES)} per file",
                hint="make it smaller, or pass a URL instead",
                code="too_large",
            )

        def build() -> httpx.Request:
            file.seek(0)
            data = {"description": description} if description else None
            return session.request("POST", "/assets", files={"file": (path.name, file, mime)}, data=data, timeout=session.patience.post)

        try:
            async with session.transfers:
                return await session.read(build, lambda answer: parse_asset(answer.json(), base=str(session.base)), seconds=UPLOAD_SECONDS)
        except RequestRefusedError as error:
            raise BadMediaError(f"{description or path.name} was not taken: {error.message}", code=error.code) from error
