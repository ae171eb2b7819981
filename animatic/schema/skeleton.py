"""JSON Schema of the parts of a pipelines file that no model changes: the file, pipelines, params, schedules, references.

Key names are those of `animatic.spec.keys`; a test holds the two together.
"""

from __future__ import annotations

from typing import assert_never

from animatic.catalog.model import KINDS, MEDIA, Media
from animatic.destination import ACL, SSE, STORAGE_CLASS
from animatic.schema.basics import ID, SPAN, TIMEZONE, USD, Schema, text
from animatic.schema.cast import CAST, CAST_LIST
from animatic.schema.cut import CUT
from animatic.schema.runs import MATRIX, PARAM, SCHEDULE
from animatic.spec.model import C2PA, ON_FAILURE, ON_TIMEOUTS, OVERLAP, PICKS, QC, REUSE, UNKNOWN_PRICE
from animatic.spec.takes import MAX_TAKES


def _media_words(media: Media) -> str:
    match media:
        case "image":
            return "An image, or a frame of a clip"
        case "video":
            return "A clip"
        case "audio":
            return "A sound"
        case "any":
            return "An image or a clip"
        case _:
            assert_never(media)


def _reference(media: Media) -> Schema:
    """Return what may be written where media is due; a frame is taken of a clip only where an image is due."""
    shot: Schema = {
        "type": "object",
        "required": ["shot"],
        "properties": {"shot": text("Id of another shot of the pipeline.")},
        "additionalProperties": False,
    }
    if media in {"image", "any"}:
        frame: Schema = {
            "anyOf": [{"enum": ["first", "last"]}, {"type": "number", "minimum": 0}],
            "description": "Frame of its clip: first, last or seconds.",
        }
        shot["properties"]["frame"] = frame
    options = [
        {"type": "string"},
        shot,
        {
            "type": "object",
            "required": ["file"],
            "properties": {"file": text("Local file, relative to the pipelines file.")},
            "additionalProperties": False,
        },
        {"type": "object", "required": ["url"], "properties": {"url": text("URL, passed on as it is.")}, "additionalProperties": False},
    ]
    return {"description": f"{_media_words(media)}: the id of a shot, a file or a URL.", "anyOf": options}


SHOT: Schema = {
    "id": text("Name of the shot; other shots refer to it, files are named for it.", pattern=ID, maxLength=100),
    "scene": text(
        "The scene that the shot belongs to; shots of one that follow each other stand together.", examples=["2 EXT. HARBOUR - DAWN"]
    ),
    "title": text("What people read instead of the id."),
    "cast": CAST_LIST,
    "line": text("What is spoken or written over the shot: the text of captions, and shot.line in templates."),
    "kind": {"enum": list(KINDS), "description": "What the shot yields; picks that kind's default model."},
    "model": {"$ref": "#/definitions/model", "description": "Krea model, provider/model."},
    "fallback": {
        "description": "Models to use when the first one is gone or refuses.",
        "type": "array",
        "items": {"$ref": "#/definitions/fallback"},
    },
    "retries": {"type": "integer", "minimum": 0, "description": "Further attempts after a failed one."},
    "timeout": {**SPAN, "description": "How long one job may take: seconds, or as in 10m."},
    "takes": {"type": "integer", "minimum": 1, "maximum": MAX_TAKES, "description": "Results that are made and paid for."},
    "approve": {
        "description": "A person looks before anything that depends on the shot is paid for.",
        "anyOf": [
            {"type": "boolean"},
            {
                "type": "object",
                "properties": {
                    "timeout": {**SPAN, "description": "How long the person has: seconds, or as in 48h."},
                    "on_timeout": {"enum": list(ON_TIMEOUTS), "description": "Then: the run stops, or its first take goes on."},
                },
                "required": ["timeout"],
                "additionalProperties": False,
            },
        ],
    },
    "pick": {
        "enum": list(PICKS),
        "description": "The take that goes on: the first, the best by its checks, or a person's choice.",
    },
    "qc": {
        "enum": list(QC),
        "default": "warn",
        "description": "What follows from the checks of its take: people are told, one further take is made, or nothing is looked at.",
    },
    "when": {"type": ["boolean", "string"], "description": "The shot is left out unless this is true; usually a template."},
    "extra_body": {"type": "object", "description": "Sent as it stands, unchecked."},
}
"""A shot's own keys; everything else is a field of the model's request."""

FALLBACK: Schema = {"model": SHOT["model"], "cast": SHOT["cast"]}
FALLBACKS: Schema = {
    "fallback": {
        "description": "Fallbacks instead of those of the shots; null for none.",
        "anyOf": [{"type": "array", "items": {"$ref": "#/definitions/fallback"}}, {"type": "null"}],
    }
}
"""What a profile may name beside fields."""

_DELIVER: Schema = {
    "description": "Where clips and records go.",
    "anyOf": [
        text("A folder, or s3://bucket/prefix.", examples=["./out", "s3://bucket/prefix"]),
        {
            "type": "object",
            "description": "A prefix of a bucket, and how objects are put there.",
            "required": ["to"],
            "properties": {
                "to": text("s3://bucket/prefix"),
                "sse": {"enum": list(SSE), "description": "Encryption at rest."},
                "kms_key": text("Id or ARN of the KMS key, with sse: aws:kms."),
                "acl": {"enum": list(ACL), "description": "Canned ACL of every object."},
                "storage_class": {"enum": list(STORAGE_CLASS), "description": "Storage class of clips, stills and reels."},
                "cache_control": text("Cache-Control of clips, stills and reels.", examples=["public, max-age=31536000"]),
            },
            "additionalProperties": False,
        },
    ],
}
_PIPELINE: Schema = {
    "type": "object",
    "description": "A storyboard.",
    "required": ["shots"],
    "properties": {
        "description": text("What the pipeline is for."),
        "title": text("What people call it: heads page, sheet and plan.", examples=["A morning at the coast"]),
        "params": {"type": "object", "additionalProperties": {"$ref": "#/definitions/param"}},
        "matrix": {"$ref": "#/definitions/matrix"},
        "cast": {"$ref": "#/definitions/cast"},
        "defaults": {"$ref": "#/definitions/defaults"},
        "deliver": _DELIVER,
        "budget_usd": {**USD, "description": "Refuse to start, and to go on, beyond this."},
        "unknown_price": {
            "enum": list(UNKNOWN_PRICE),
            "description": "What to do where a price is unknown; block where a budget is set.",
        },
        "concurrency": {"type": "integer", "minimum": 1, "description": "At most this many Krea jobs of this pipeline at once."},
        "on_failure": {"enum": list(ON_FAILURE), "default": "continue", "description": "What a failed shot means for the others."},
        "reuse": {
            "enum": list(REUSE),
            "default": "always",
            "description": "Whether a take of an earlier run is used again.",
        },
        "retries": SHOT["retries"],
        "timeout": SHOT["timeout"],
        "qc": SHOT["qc"],
        "schedule": {"$ref": "#/definitions/schedule"},
        "schedules": {"type": "array", "items": {"$ref": "#/definitions/schedule"}},
        "overlap": {
            "enum": list(OVERLAP),
            "default": "queue",
            "description": "What becomes of a deployed run that is due while another goes on: it waits, is skipped, or runs beside it.",
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "shots": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/shot"}},
        "cut": {"$ref": "#/definitions/cut"},
        "cuts": {
            "type": "object",
            "description": "Several reels from one storyboard, NAME.mp4 each.",
            "minProperties": 1,
            "propertyNames": {"pattern": ID, "maxLength": 100},
            "additionalProperties": {"$ref": "#/definitions/cut"},
        },
        "page": {
            "type": "object",
            "description": "What the page of a run tells.",
            "properties": {
                "money": {
                    "type": "boolean",
                    "default": True,
                    "description": "false hides prices, models and paths.",
                }
            },
            "additionalProperties": False,
        },
        "provenance": {
            "type": "object",
            "description": "Marks of origin beyond those that every delivered file has.",
            "properties": {
                "c2pa": {
                    "enum": list(C2PA),
                    "default": "keep",
                    "description": "Sign files with content credentials, keep those of providers, or look at neither.",
                },
                "label": text("Text in a corner of every reel.", examples=["AI generated"]),
                "timestamp": {
                    "type": "string",
                    "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^\\s{}]+$",
                    "description": "Address of a time stamp service (RFC 3161), with 'c2pa: sign': signatures outlive their certificate.",
                    "examples": ["https://tsa.example/rfc3161"],
                },
            },
            "additionalProperties": False,
        },
    },
    "allOf": [{"not": {"required": ["schedule", "schedules"]}}, {"not": {"required": ["cut", "cuts"]}}],
    "additionalProperties": False,
}

DEFINITIONS: Schema = {
    "template": {"type": "string", "pattern": r"\{\{|\{%", "description": "Template, filled in when the plan is made."},
    **{f"reference {media}": _reference(media) for media in MEDIA},
    "param": PARAM,
    "schedule": SCHEDULE,
    "matrix": MATRIX,
    **CAST,
    "cut": CUT,
    "pipeline": _PIPELINE,
}


def file_schema() -> Schema:
    """Return the top level of the schema."""
    return {
        "type": "object",
        "required": ["version", "pipelines"],
        "properties": {
            "version": {"const": 1, "description": "Version of the language."},
            "definitions": {"description": "A home for YAML anchors; never interpreted."},
            "cast": {"$ref": "#/definitions/cast"},
            "defaults": {"$ref": "#/definitions/defaults"},
            "profiles": {
                "type": "object",
                "description": "Named values that win over defaults and shots, chosen with --profile.",
                "propertyNames": {"pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"},
                "additionalProperties": {"$ref": "#/definitions/profile"},
            },
            "deliver": _DELIVER,
            "timezone": TIMEZONE,
            "budget": {
                "type": "object",
                "description": "Limits for all pipelines together.",
                "properties": {"per_day_usd": USD, "per_month_usd": USD},
                "additionalProperties": False,
            },
            "pipelines": {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/definitions/pipeline"}},
        },
        "patternProperties": {"^x-": {"description": "A home for YAML anchors; never interpreted."}},
        "additionalProperties": False,
    }
