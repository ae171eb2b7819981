"""The small modules at the bottom that every room builds on: formats, files, money, destinations, pauses, error codes."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import random
import re
from decimal import Decimal
from pathlib import Path

import pytest

import animatic.cli.main
import animatic.engine.run
import animatic.prefect.api
from animatic.backoff import Backoff
from animatic.destination import BadDestinationError, Bucket, Folder, absolute, parse_destination
from animatic.errors import AnimaticError
from animatic.files import replace_whole, sha256_of, write_whole, writing_whole
from animatic.formats import identify, suffix_of
from animatic.money import dollars


@pytest.mark.parametrize(
    ("head", "name", "medium", "accepted"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG", "image", True),
        (b"\x89PNG\r\n\x1a\n", "PNG", "image", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP", "image", True),
        (b"\0\0\0\x18ftypheic", "HEIC", "image", True),
        (b"\0\0\0\x18ftypavif", "AVIF", "image", False),
        (b"\0\0\0\x18ftypqt  ", "MOV", "video", True),
        (b"\0\0\0\x18ftypmp42", "MP4", "video", True),
        (b"\0\0\0\x18ftypM4A ", "AAC in MP4", "audio", False),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "MOV", "video", True),
        (b"\x1a\x45\xdf\xa3....webm", "WebM", "video", True),
        (b"\x1a\x45\xdf\xa3....matroska", "Matroska", "video", False),
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV", "audio", True),
        (b"RIFF\0\0\0\0AVI LIST", "AVI", "video", False),
        (b"ID3\x04", "MP3", "audio", True),
        (b"\xff\xfb\x90\x64", "MP3", "audio", True),
        (b"GIF89a", "GIF", "image", False),
        (b"\0\0\0\x18ftyphevc", "HEIC", "image", True),
        (b"\0\0\0\x18ftypF4A ", "AAC in MP4", "audio", False),
        (b"\0\0\0\x08free\0\0\0\0mdat", "MOV", "video", True),
        (b"\xff\xfd\x90\x64", "MP2", "audio", False),
        (b"\xff\xf1\x50\x80", "AAC", "audio", False),
        (b"glTF\x02", "GLB", "model", True),
        (b"%PDF-1.7", "PDF", "document", False),
    ],
)
def test_format_is_told_by_the_first_bytes(head: bytes, name: str, medium: str, accepted: bool) -> None:
    found = identify(head)
    assert found is not None
    assert (found.name, found.medium, found.accepted) == (name, medium, accepted)


@pytest.mark.parametrize("head", [b"", b"hello", b"\xff\xfeh\0e\0", b"<svg xmlns", b"\xff\xff\xff\xff", b"RIFF\0\0\0\0xxxx"])
def test_no_media_is_no_format(head: bytes) -> None:
    assert identify(head) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("0.28"), "$0.28"),
        (Decimal("0.3"), "$0.30"),
        (Decimal("0.0065"), "$0.0065"),
        (Decimal("0.125"), "$0.125"),
        (Decimal(0), "$0.00"),
        (Decimal(1234), "$1,234.00"),
        (Decimal("-0.5"), "-$0.50"),
        (None, "unknown"),
    ],
)
def test_money_has_one_spelling(amount: Decimal | None, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("s3://brand-media", Bucket("brand-media", "")),
        ("s3://brand-media/a/b/", Bucket("brand-media", "a/b")),
        ("./out", Folder("./out")),
        ("/srv/media", Folder("/srv/media")),
    ],
)
def test_destinations_are_parsed(text: str, found: Bucket | Folder) -> None:
    assert parse_destination(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s3://",
        "s3://Bad_Bucket/x",
        "s3://a/b",
        "s3://a..b/x",
        "s3://bucket/a//b",
        "s3://bucket/../x",
        "gs://b/x",
        "S3://b/x",
        "a\nb",
    ],
)
def test_what_is_no_destination_is_answered_with_what_to_write(text: str) -> None:
    with pytest.raises(BadDestinationError) as caught:
        parse_destination(text)
    assert caught.value.message
    assert caught.value.hint


def test_destinations_are_made_absolute() -> None:
    assert absolute("s3://bucket/x/", below=Path("/p")) == "s3://bucket/x"
    assert absolute("../out", below=Path("/p/q")) == "/p/out"


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "plan.json"
    write_whole(target, "first")
    assert sha256_of(target) == hashlib.sha256(b"first").hexdigest()

    def fails(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_whole(target, fails)
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["plan.json"], "no temporary file is left"


def test_a_reader_sees_the_old_file_or_the_new(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    with target.open() as reader:
        with writing_whole(target) as part:
            part.write_text("new")
        assert reader.read() == "old"
    with target.open() as reader:
        write_whole(target, "newer")
        assert reader.read() == "new"
    assert target.read_text() == "newer"


def test_code_that_writes_to_a_path_leaves_a_whole_file_or_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    with writing_whole(target) as part:
        part.write_text("first")
        assert (part.parent, part.suffix) == (tmp_path, ".mp4")
        assert not target.exists()
    assert target.read_text() == "first"

    def fails() -> None:
        with writing_whole(target) as part:
            part.write_text("half of the seco")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fails()
    assert target.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["clip.mp4"], "no temporary file is left"


def test_a_mime_type_has_one_suffix() -> None:
    assert [suffix_of(mime) for mime in ("video/mp4", "image/jpeg", "video/x-matroska", "text/html")] == [".mp4", ".jpg", ".mkv", None]


def test_pauses_double_up_to_the_longest_and_a_server_may_ask_for_its_own() -> None:
    exact = Backoff(first=1, longest=5, least_factor=1)
    assert [exact.next() for _ in range(4)] == [1, 2, 4, 5]
    assert exact.next(asked_for=33.0) == 33.0
    spread = [Backoff(first=8, longest=8, randomness=random.Random(seed)).next() for seed in range(50)]
    assert all(4 <= pause <= 8 for pause in spread)
    assert len(set(spread)) > 40


@pytest.fixture(scope="module")
def all_modules() -> None:
    """Import whatever may define an error, whichever tests came before."""
    for module in pkgutil.walk_packages(animatic.__path__, "animatic."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def every_error(base: type[AnimaticError] = AnimaticError) -> list[type[AnimaticError]]:
    return [base, *(found for child in base.__subclasses__() for found in every_error(child))]


@pytest.mark.usefixtures("all_modules")
def test_every_error_has_a_code_of_its_own_and_one_spelling() -> None:
    public = [error for error in every_error() if not error.__name__.startswith("_") and error.__module__.startswith("animatic.")]
    assert len(public) > 25
    codes = {error.__name__: error.__dict__.get("code") for error in public}
    assert all(isinstance(code, str) and re.fullmatch(r"[a-z][a-z_]+", code) for code in codes.values()), codes
    assert len(set(codes.values())) == len(codes), codes


def test_no_module_is_longer_than_a_stranger_reads() -> None:
    root = Path(animatic.__file__).parent
    modules = [path for folder in (root, root / "flows", root / "tasks") for path in folder.rglob("*.py")]
    assert len(modules) > 300
    assert [path.name for path in modules if len(path.read_bytes().splitlines()) > 300] == []
