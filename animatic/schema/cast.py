"""JSON Schema of the cast: its members, and the lists in which shots name them."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
_IMAGE: Schema = {"$ref": "#/definitions/reference image"}
_TEMPLATE: Schema = {"$ref": "#/definitions/template"}
CAST_LIST: Schema = {
    "description": "Members of the cast that the shot takes; null leaves those of the defaults out.",
    "anyOf": [{"type": "array", "items": {"type": "string"}}, _TEMPLATE, {"type": "null"}],
}
"""What a shot, a fallback or the defaults of a kind say."""
CAST: Schema = {
    "cast": {
        "type": "object",
        "description": "The cast: members by name; shots take them with cast: [NAME].",
        "propertyNames": {"pattern": _NAME, "maxLength": 100},
        "additionalProperties": {"$ref": "#/definitions/member"},
    },
    "member": {
        "type": "object",
        "description": "Who or what must look the same in every shot.",
        "properties": {
            "images": {
                "description": "Files, URLs or image shots of the pipeline that show it.",
                "anyOf": [_IMAGE, {"type": "array", "minItems": 1, "items": _IMAGE}],
            },
            "prompt": {
                "type": "string",
                "description": "Its words: cast.NAME in templates.",
                "examples": ["Mara, 34, cropped grey hair, red raincoat"],
            },
            "style": {"type": "string", "description": "Id of a style of Krea's."},
            "strength": {
                "description": "How much the style, or the images where their field takes a strength, count.",
                "anyOf": [{"type": "number"}, _TEMPLATE],
            },
        },
        "anyOf": [{"required": ["images"]}, {"required": ["prompt"]}, {"required": ["style"]}],
        "additionalProperties": False,
    },
}
"""Definitions of a cast and of a member."""
