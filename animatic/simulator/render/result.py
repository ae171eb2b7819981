"""Renders whatever a recipe makes. Brings PyAV and Pillow: imported late by whoever answers requests meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from animatic.simulator.render import clip, mesh, sound
from animatic.simulator.render.recipe import Recipe


def render_result(recipe: Recipe, target: Path) -> None:
    """Write the result whole or not at all. Raises what the codecs raise if one of the recipe's files cannot be read."""
    match recipe.makes:
        case "video":
            clip.render_clip(recipe, target)
        case "image":
            clip.render_still(recipe, target)
        case "audio":
            sound.render_sound(recipe, target)
        case "3d":
            mesh.render_mesh(recipe, target)
        case _:
            assert_never(recipe.makes)
