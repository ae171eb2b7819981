"""Renders a run's manifest as one HTML page: a storyboard sheet that needs nothing but the files beside it.

All text of users and services reaches the page through Jinja2's escaping; all links are relative, or http(s) where a user gave one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from animatic.manifest.model import Manifest
from animatic.manifest.view import view_of


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("animatic.manifest", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2")


def render_page(manifest: Manifest | Mapping[str, Any]) -> str:
    """Return ``index.html`` of a run, for the folder that its manifest lies in. Raises ValueError for data that is no manifest."""
    record = manifest if isinstance(manifest, Manifest) else Manifest.model_validate(manifest)
    return _template().render(page=view_of(record))
