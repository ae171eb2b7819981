"""JSON Schema of how often a pipeline is made: params, schedules, the matrix."""

from __future__ import annotations

from animatic.schema.basics import ID, SCALAR, SPAN, TIMEZONE, Schema, text
from animatic.spec.model import LATE, PARAM_TYPES

PARAM: Schema = {
    "type": "object",
    "description": "A parameter of the pipeline; required unless it has a default.",
    "properties": {
        "type": {"enum": list(PARAM_TYPES)},
        "default": {"anyOf": [SCALAR, {"type": "array", "items": SCALAR}]},
        "enum": {"type": "array", "minItems": 1, "items": SCALAR},
        "description": text("What it means."),
        "minimum": {"type": "number"},
        "maximum": {"type": "number"},
    },
    "additionalProperties": False,
}
SCHEDULE: Schema = {
    "type": "object",
    "description": "When a deployment of the pipeline runs by itself.",
    "properties": {
        "cron": text("Five fields: minute hour day-of-month month day-of-week.", examples=["0 6 * * 1-5"]),
        "interval": {**SPAN, "description": "Seconds, or as in 6h."},
        "rrule": text("Recurrence rule of RFC 5545, without COUNT.", examples=["FREQ=WEEKLY;BYDAY=MO;BYHOUR=6"]),
        "start": text("Day, or day and time, from which intervals and every-other-week rules count.", examples=["2027-01-04 06:00"]),
        "timezone": TIMEZONE,
        "params": {
            "type": "object",
            "description": "Parameters of the scheduled runs.",
            "additionalProperties": {"anyOf": [SCALAR, {"type": "array", "items": SCALAR}]},
        },
        "fresh": {"type": "boolean", "default": False, "description": "Generate anew, reuse nothing."},
        "profile": text("Profile of the file that the scheduled runs are made under.", examples=["draft"]),
        "active": {"type": "boolean", "default": True},
        "slug": text("Stable name of the schedule.", pattern=ID, maxLength=100),
        "late": {"enum": list(LATE), "default": "skip", "description": "What becomes of runs that were missed."},
    },
    "oneOf": [{"required": ["cron"]}, {"required": ["interval"]}, {"required": ["rrule"]}],
    "additionalProperties": False,
}
AXIS_VALUE: Schema = {"anyOf": [SCALAR, {"type": "object", "minProperties": 1, "additionalProperties": SCALAR}]}
MATRIX: Schema = {
    "type": "object",
    "description": "The pipeline is made once for every combination of these values.",
    "properties": {
        "include": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": AXIS_VALUE},
            "description": "Combinations to add.",
        },
        "exclude": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": AXIS_VALUE},
            "description": "Combinations to leave out.",
        },
    },
    "additionalProperties": {
        "anyOf": [{"type": "array", "minItems": 1, "items": AXIS_VALUE}, {"$ref": "#/definitions/template"}],
    },
}
