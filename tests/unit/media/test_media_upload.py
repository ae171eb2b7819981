"""What is uploaded of a picture that Krea would not take, or would see turned."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatic.errors import BadMediaError
from animatic.media import prepare_picture
from tests.unit.media.conftest import ClipMaker, channel

ORIENTATION = 0x0112


def two_halves(size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image


def opened(made: tuple[Path, str] | None) -> tuple[Image.Image, str]:
    assert made is not None
    with Image.open(io.BytesIO(made[0].read_bytes())) as image:
        image.load()
        return image, made[1]


@pytest.mark.parametrize(("name", "options"), [("a.jpg", {}), ("a.png", {}), ("a.webp", {}), ("b.jpg", {"exif": 1})])
def test_a_picture_that_krea_takes_is_left_as_it_is(tmp_path: Path, name: str, options: dict[str, int]) -> None:
    exif = Image.Exif()
    if options:
        exif[ORIENTATION] = options["exif"]
    two_halves().save(tmp_path / name, exif=exif)
    assert prepare_picture(tmp_path / name, tmp_path / "sent") is None


@pytest.mark.parametrize(("turn", "size", "red_at"), [(3, (64, 32), (60, 16)), (6, (32, 64), (16, 4)), (8, (32, 64), (16, 60))])
@pytest.mark.parametrize(("suffix", "mime"), [("jpg", "image/jpeg"), ("png", "image/png"), ("webp", "image/png")])
def test_a_photo_is_turned_as_its_camera_was(
    tmp_path: Path, turn: int, size: tuple[int, int], red_at: tuple[int, int], suffix: str, mime: str
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    two_halves().save(tmp_path / f"a.{suffix}", exif=exif)
    image, found = opened(prepare_picture(tmp_path / f"a.{suffix}", tmp_path / "sent"))
    assert (found, image.size) == (mime, size)
    assert channel(image, red_at, 0) > 200
    assert channel(image, red_at, 2) < 60
    assert image.getexif().get(ORIENTATION) in (None, 1)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(suffix, mode) for suffix in ("gif", "bmp", "tif", "avif") for mode in ("RGB", "L", "P")]
    + [("tif", "CMYK"), ("tif", "1"), ("tif", "RGBA"), ("bmp", "1"), ("avif", "RGBA"), ("jp2", "RGB"), ("jp2", "L"), ("jp2", "RGBA")],
)
def test_other_formats_become_png(tmp_path: Path, suffix: str, mode: str) -> None:
    path = tmp_path / f"a.{suffix}"
    two_halves().convert(mode).save(path)
    sent, mime = opened(prepare_picture(path, tmp_path / "sent"))
    assert (mime, sent.size, sent.format) == ("image/png", (64, 32), "PNG")
    with Image.open(path) as before:
        for at in ((8, 16), (56, 16)):
            for band in range(3):
                assert channel(sent.convert("RGB"), at, band) == pytest.approx(channel(before.convert("RGB"), at, band), abs=2)


def test_gray_of_16_bits_becomes_gray_of_8(tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))).save(tmp_path / "a.tif")
    sent, _ = opened(prepare_picture(tmp_path / "a.tif", tmp_path / "sent"))
    assert [channel(sent.convert("RGB"), (x, 16)) for x in (0, 32, 63)] == pytest.approx([0, 130, 255], abs=2)


def test_what_can_be_seen_through_stays_so(tmp_path: Path) -> None:
    image = two_halves().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "a.tif")
    sent, _ = opened(prepare_picture(tmp_path / "a.tif", tmp_path / "sent"))
    assert sent.mode == "RGBA"


def test_a_picture_too_large_is_made_smaller_until_it_fits(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    made = prepare_picture(tmp_path / "a.png", tmp_path / "sent", max_bytes=60_000)
    image, mime = opened(made)
    assert made is not None
    assert mime == "image/jpeg"
    assert made[0].suffix == ".jpg"
    assert 20_000 < made[0].stat().st_size <= 60_000
    assert image.width / image.height == pytest.approx(4 / 3, abs=0.02)


def test_equal_pictures_give_equal_bytes(tmp_path: Path) -> None:
    two_halves().save(tmp_path / "a.bmp")
    first, second = (prepare_picture(tmp_path / "a.bmp", tmp_path / name) for name in ("one", "two"))
    assert first is not None
    assert second is not None
    assert first[0].read_bytes() == second[0].read_bytes()


def test_clips_and_heic_are_left_as_they_are(make_clip: ClipMaker, tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    assert prepare_picture(tmp_path / "a.heic", tmp_path / "sent") is None
    assert prepare_picture(make_clip(), tmp_path / "sent") is None


@pytest.mark.parametrize("content", [b"BM" + bytes(60), b"GIF89a", b"II*\0" + bytes(20)])
def test_what_does_not_decode_is_bad_media(tmp_path: Path, content: Any) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BadMediaError):
        prepare_picture(tmp_path / "a", tmp_path / "sent")
