"""Makes of a picture what Krea takes: upright, of a format that it knows, small enough. What is so already is left as it is."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageOps

from animatic import formats
from animatic.errors import BadClipError, BadMediaError
from animatic.files import write_whole
from animatic.limits import MAX_UPLOAD_BYTES
from animatic.media.container import decoding, identify

_ORIENTATION = 0x0112
"""EXIF's tag that says how a picture is to be turned; 1: not at all."""
_AS_IT_IS = (None, 0, 1)
_JPEG_QUALITY = 95
_SHRINK = 0.8
"""Width and height of the next try by those of the last, where a picture is still too large."""
_HALF_A_BYTE_MORE = 256
"""Levels of 16-bit gray for one of 8 bits."""


def prepare_picture(path: Path, target: Path, *, max_bytes: int = MAX_UPLOAD_BYTES) -> tuple[Path, str] | None:
    """Write to ``target`` (its suffix is chosen here) what is to be uploaded instead of a picture; None where that is the file itself.

    Turned by its EXIF tag, which models do not heed; as PNG where Krea does not take the format, of animations the first picture; as JPEG,
    and smaller, where it has more than ``max_bytes``. Returns the file and its MIME type. Equal pictures give equal bytes. What is not
    decoded here (HEIC) is left as it is. Raises BadMediaError.
    """
    try:
        mime = identify(path)
        if not mime.startswith("image/") or mime == "image/heic":
            return None
        with decoding(path), Image.open(path) as image:
            turned = image.getexif().get(_ORIENTATION) not in _AS_IT_IS
            small = path.stat().st_size <= max_bytes
            if not turned and small and formats.is_taken(mime):
                return None
            image.load()
            made = _encoded(_plain(ImageOps.exif_transpose(image)), as_jpeg=mime == "image/jpeg" or not small, max_bytes=max_bytes)
    except BadClipError as error:
        raise BadMediaError(error.message, hint=error.hint, code="bad_media") from error
    data, mime = made
    target = target.with_suffix(formats.suffix_of(mime) or "")
    write_whole(target, data)
    return target, mime


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in 8 bits of gray, RGB or RGBA; the color profile of what was RGB or gray stays with it."""
    profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA", "L", "LA"} else None
    if image.mode.startswith("I"):
        plain = image.convert("I").point(lambda level: level / _HALF_A_BYTE_MORE).convert("L")
    elif image.mode in {"RGB", "RGBA", "L"}:
        plain = image.copy()
    else:
        see_through = image.mode in {"LA", "PA", "La", "RGBa"} or "transparency" in image.info
        plain = image.convert("RGBA" if see_through else "RGB")
    plain.info = {"icc_profile": profile} if profile else {}
    return plain


def _encoded(image: Image.Image, *, as_jpeg: bool, max_bytes: int) -> tuple[bytes, str]:
    """Return the picture's bytes and their type, of at most ``max_bytes``: without loss if that is possible and not asked otherwise."""
    profile = image.info.get("icc_profile")
    if not as_jpeg:
        data = _saved(image, "PNG", icc_profile=profile)
        if len(data) <= max_bytes:
            return data, "image/png"
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    while len(data := _saved(image, "JPEG", quality=_JPEG_QUALITY, subsampling=0, icc_profile=profile)) > max_bytes:
        image = image.resize((max(1, round(image.width * _SHRINK)), max(1, round(image.height * _SHRINK))), Image.Resampling.LANCZOS)
    return data, "image/jpeg"


def _saved(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **{name: value for name, value in options.items() if value is not None})
    return buffer.getvalue()
