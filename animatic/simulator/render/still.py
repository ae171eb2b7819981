"""Simulated stills: a slate for image models; for enhancers the picture they were given, larger and marked."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from animatic.simulator.render.clip import COMMENT
from animatic.simulator.render.pictures import cover, load, output_size, size_of
from animatic.simulator.render.recipe import Recipe
from animatic.simulator.render.slate import badge, draw

_ENLARGED = 2


def render_still(recipe: Recipe, target: Path) -> None:
    """Write a PNG whole or not at all. Raises what Pillow raises if one of the recipe's files cannot be read."""
    if recipe.kind == "enhance" and recipe.start is not None:
        image = _enhanced(recipe)
    else:
        backdrop = load(recipe.start) if recipe.start else None
        image = draw(recipe, output_size(recipe, even=False), None, backdrop, [load(media) for media in recipe.references]).image
    notes = PngInfo()
    notes.add_text("Comment", COMMENT)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        image.save(part, format="PNG", compress_level=1, pnginfo=notes)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _enhanced(recipe: Recipe) -> Image.Image:
    assert recipe.start is not None
    natural = size_of(recipe.start)
    asked = (recipe.width, recipe.height) if recipe.width and recipe.height else (natural[0] * _ENLARGED, natural[1] * _ENLARGED)
    shrink = min(1.0, recipe.longest_side / max(asked))
    image = cover(load(recipe.start), (max(16, round(asked[0] * shrink)), max(16, round(asked[1] * shrink))))
    unit = min(image.size) / 720
    badge(ImageDraw.Draw(image), (round(32 * unit), image.height - round(76 * unit)), unit)  # its source may carry one at the top
    return image
