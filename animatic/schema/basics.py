"""What several parts of the JSON Schema are made of: texts, names, lengths of time, amounts."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

ID = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
SPAN: Schema = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?\s*[smhd]\s*)+$|^\s*\d+(\.\d+)?\s*$"},
    ]
}
USD: Schema = {"type": "number", "minimum": 0}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}


def text(description: str, **more: Any) -> Schema:
    """Return the schema of a text."""
    return {"type": "string", "description": description, **more}


TIMEZONE = text("Name such as Europe/Lisbon.", examples=["Europe/Lisbon", "America/New_York", "UTC"])
