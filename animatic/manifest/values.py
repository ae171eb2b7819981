"""The kinds of values that a manifest holds, and the base of its records: exact amounts, UTC times, texts and URLs without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from animatic.redact import bare_url, redact, redact_body


def _decimal(value: Any) -> Any:
    """Read a float by its shortest text, which is what was written; its exact binary value is not."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


Usd = Annotated[
    Decimal, BeforeValidator(_decimal), PlainSerializer(lambda amount: round(float(amount), 6), return_type=float, when_used="json")
]
Moment = Annotated[datetime, AfterValidator(_utc)]
Url = Annotated[str, AfterValidator(bare_url)]
Text = Annotated[str, AfterValidator(redact)]
Json = Annotated[Mapping[str, Any], AfterValidator(redact_body)]


class Record(BaseModel):
    """Base of all parts: frozen, open to additional keys."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
