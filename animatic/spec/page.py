"""Decode `page`: what the pages of a pipeline's runs tell."""

from __future__ import annotations

from animatic.spec.keys import PAGE
from animatic.spec.section import Section


def decode_page(section: Section) -> bool:
    """Read ``page`` of a pipeline; returns whether its pages tell prices, models and paths, as they do where nothing is said."""
    written = section.mapping("page", hint="write 'page: {money: false}'")
    if written is None:
        return True
    below = section.below("page", written, f"{section.label}, page")
    below.check_keys(PAGE)
    return below.boolean("money", default=True)
