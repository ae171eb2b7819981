"""Draws what a plan would make, without account, engine or simulator process: a slate for every shot, with what it would start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import assert_never

from animatic.catalog import Catalog
from animatic.files import sha256_of
from animatic.formats import medium_of_suffix
from animatic.media import extract_frame
from animatic.plan import FileInput, Input, Plan, ShotInput, Step, UrlInput
from animatic.plan.slates import slate_of
from animatic.simulator.render.recipe import Media, MediaPath, Recipe, recipe_of
from animatic.simulator.render.result import render_result

LONGEST_SIDE = 960
"""Pixels: enough to judge timing by, in seconds rather than minutes."""
_WORKERS = 2


def draw_slates(plan: Plan, catalog: Catalog, folder: Path, drawn: Callable[[str], None]) -> dict[str, Path]:
    """Draw the slate of every step into the folder; returns the files by step key. ``drawn`` is told each key when it is done.

    Steps of equal content are drawn once. Raises OSError and what the codecs raise for a reference file that does not decode.
    """
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="preview") as pool:
        files: dict[str, Future[Path]] = {}
        for step in plan.steps:  # in an order in which whoever is waited for has begun before
            files[step.key] = pool.submit(_draw, plan, step, catalog, folder, dict(files))
            files[step.key].add_done_callback(partial(_tell, drawn, step.key))
        return {key: future.result() for key, future in files.items()}


def _tell(drawn: Callable[[str], None], key: str, done: Future[Path]) -> None:
    if done.exception() is None:
        drawn(key)


def _draw(plan: Plan, step: Step, catalog: Catalog, folder: Path, before: Mapping[str, Future[Path]]) -> Path:
    recipe = _recipe(plan, step, catalog, folder, {key: future.result() for key, future in before.items() if key in step.depends_on})
    target = folder / f"{recipe.key}.{recipe.suffix}"
    if target.exists():
        return target
    render_result(recipe, target)
    return target


def _recipe(plan: Plan, step: Step, catalog: Catalog, folder: Path, earlier: Mapping[str, Path]) -> Recipe:
    request = step.request
    model = catalog.find(request.model)
    assert model is not None, "the plan was made with this catalogue"
    media: dict[MediaPath, Media] = {}
    for item in request.inputs:
        found = _media(item, folder, earlier)
        if found is not None:
            media[item.path] = found
    words = request.body.get("prompt") or request.body.get("text") or step.line or ""
    return recipe_of(
        model,
        request.body,
        str(words),
        media,
        variation=step.take - 1,
        longest_side=LONGEST_SIDE,
        note=slate_of(plan, step, request, shared=False),
    )


def _media(item: Input, folder: Path, earlier: Mapping[str, Path]) -> Media | None:
    """Return the local file of an input, a frame of a clip as a picture; None for an address: a preview asks nobody."""
    match item:
        case UrlInput():
            return None
        case FileInput():
            path = Path(item.file)
            moving = medium_of_suffix(path.suffix) == "video"
        case ShotInput():
            path = earlier[item.step]
            moving = medium_of_suffix(path.suffix) == "video"
            if item.frame is not None and moving:
                picture = folder / f"{path.stem}-{item.frame}.png"
                if not picture.exists():
                    extract_frame(path, item.frame, picture)
                path, moving = picture, False
        case _:
            assert_never(item)
    return Media(sha256=sha256_of(path), path=str(path), moving=moving)
