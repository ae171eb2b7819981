"""Draws the sample media of the example pipelines: run it again to get the same files. ``python tools/make_samples.py``."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

REFS = Path(__file__).resolve().parents[1] / "refs"
SIZE = (960, 540)


def bottle() -> Image.Image:
    """Draw a green bottle on slate under one soft light."""
    picture = Image.new("RGB", SIZE, (38, 42, 46))
    draw = ImageDraw.Draw(picture)
    for y in range(SIZE[1]):
        shade = int(58 - 34 * abs(y / SIZE[1] - 0.35))
        draw.line([(0, y), (SIZE[0], y)], fill=(shade, shade + 4, shade + 8))
    draw.rectangle([0, 430, SIZE[0], SIZE[1]], fill=(26, 29, 33))
    draw.ellipse([380, 440, 580, 480], fill=(16, 18, 20))
    picture = picture.filter(ImageFilter.GaussianBlur(6))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle([420, 210, 540, 460], radius=26, fill=(28, 92, 66))
    draw.polygon([(424, 232), (536, 232), (502, 170), (458, 170)], fill=(28, 92, 66))
    draw.rectangle([460, 96, 500, 176], fill=(24, 82, 58))
    draw.rounded_rectangle([454, 76, 506, 104], radius=6, fill=(176, 148, 96))
    draw.rectangle([432, 290, 528, 390], fill=(232, 226, 208))
    draw.rectangle([446, 330, 514, 336], fill=(60, 70, 66))
    draw.rectangle([458, 348, 502, 352], fill=(120, 128, 122))
    draw.rounded_rectangle([432, 226, 440, 450], radius=4, fill=(92, 168, 132))
    return picture


if __name__ == "__main__":
    REFS.mkdir(exist_ok=True)
    bottle().save(REFS / "bottle.png", optimize=True)
