"""Files that broke off on their way are named where the storyboard names them, before anything is decoded or sent."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from animatic.formats import HEAD_BYTES, identify
from animatic.plan.cut_files import is_cut
from animatic.plan.files import BadFileError, inspect
from tests.krea_double import clip_bytes


def picture(format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((160, 90), 60).convert("RGB").save(file, format_, **options)
    return file.getvalue()


def with_a_thumbnail() -> bytes:
    """A JPEG with another one, whole, in its EXIF data."""
    small = picture("JPEG")
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + small
    whole = picture("JPEG")
    return whole[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + whole[2:]


WHOLE = {
    "PNG": picture("PNG"),
    "JPEG": picture("JPEG"),
    "JPEG, progressive": picture("JPEG", progressive=True),
    "JPEG with a thumbnail": with_a_thumbnail(),
    "WebP": picture("WEBP"),
    "MP4": clip_bytes(),
}


def cut_of(folder: Path, data: bytes) -> bool:
    file = folder / "file"
    file.write_bytes(data)
    format_ = identify(data[:HEAD_BYTES])
    assert format_
    return is_cut(file, format_.name)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_whole_is_not_cut_whatever_follows_its_end(tmp_path: Path, name: str) -> None:
    assert not cut_of(tmp_path, WHOLE[name])
    for rest in (bytes(100_000), b"\r\n", b"TAG" + b"x" * 125, b"uploaded by somebody"):
        assert not cut_of(tmp_path, WHOLE[name] + rest), "phones write a short film behind a picture, and uploaders their names"


@pytest.mark.parametrize("share", [0.5, 0.75, 0.95, 1.0])
@pytest.mark.parametrize("name", WHOLE)
def test_what_broke_off_anywhere_behind_its_head_is_cut(tmp_path: Path, name: str, share: float) -> None:
    data = WHOLE[name]
    assert cut_of(tmp_path, data[: min(int(len(data) * share), len(data) - 3)])


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n rest", b"\xff\xd8\xff rest of it", b"\0\0\0\x18ftypisom", b"\xff\xd8\xff"])
def test_what_is_not_understood_is_left_to_those_who_decode_it(tmp_path: Path, head: bytes) -> None:
    assert not cut_of(tmp_path, head)


@pytest.mark.parametrize("rest", [b"", b"\0\0", b"\0\0\0\x10junk", b"\0\0\0\0mdat", b"\0\0\0\x01mdat" + bytes(8)])
def test_boxes_that_say_nonsense_end_the_look(tmp_path: Path, rest: bytes) -> None:
    assert not cut_of(tmp_path, b"\0\0\0\x10ftypisom" + bytes(4) + rest)


def test_bytes_that_fill_up_before_a_segment_are_passed_over(tmp_path: Path) -> None:
    whole = WHOLE["JPEG"]
    filled = whole[:2] + b"\xff\xff" + whole[2:]
    assert not cut_of(tmp_path, filled)
    assert cut_of(tmp_path, filled[:-300])


def test_it_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "still.png").write_bytes(WHOLE["PNG"][:-200])
    with pytest.raises(BadFileError, match=r"still\.png is cut: its end is missing") as refused:
        inspect(tmp_path / "still.png", "still.png")
    assert refused.value.hint == "fetch or export it again"
