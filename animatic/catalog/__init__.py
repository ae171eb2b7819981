"""Krea's models, with the fields that they take and what they cost: data files, not code.

`Catalog` finds models, `check_body` checks a request body and `price_of` prices it; `animatic.catalog.refresh` takes up a live OpenAPI
document.
"""

from __future__ import annotations

from animatic.catalog.check import check_body
from animatic.catalog.finding import Finding
from animatic.catalog.model import Field, Kind, Media, Model, Price, PriceTable, Sunset, field_name, media_fields
from animatic.catalog.price import duration_of, is_stale, price_of
from animatic.catalog.store import Catalog

__all__ = [
    "Catalog",
    "Field",
    "Finding",
    "Kind",
    "Media",
    "Model",
    "Price",
    "PriceTable",
    "Sunset",
    "check_body",
    "duration_of",
    "field_name",
    "is_stale",
    "media_fields",
    "price_of",
]
