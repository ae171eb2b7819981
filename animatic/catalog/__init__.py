"""What Krea's models take and cost: data files, not code.

`Catalog` finds models; `check_body` says all that is wrong with a request body, `price_of` what it costs, `media_places` where it refers to media.
`animatic.catalog.refresh` takes up a live OpenAPI document, `animatic.schema.fields` and `animatic.schema.editor` write JSON Schema.
"""

from __future__ import annotations

from animatic.catalog.check import check_body
from animatic.catalog.finding import Finding
from animatic.catalog.model import Field, Kind, Media, Model, Price, PriceTable, Sunset, media_fields, media_places
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
    "is_stale",
    "media_fields",
    "media_places",
    "price_of",
]
