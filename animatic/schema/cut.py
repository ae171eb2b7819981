"""JSON Schema of a cut: its shots, size, rate, sound and captions. Key names are those of `animatic.spec.keys`."""

from __future__ import annotations

from typing import Any

from animatic.cut.timing import HOLD_SECONDS
from animatic.spec.cut import LEAST_FPS, MOST_FPS
from animatic.spec.cut_model import CAPTION_FORMS, CLIP_SOUND, FITS
from animatic.spec.sound import LEAST_GAIN, LEAST_LOUDNESS, MIXED_LOUDNESS, MOST_GAIN, MOST_LOUDNESS

Schema = dict[str, Any]

_TEMPLATE: Schema = {"$ref": "#/definitions/template"}
_SECONDS: Schema = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?s\s*$"}, _TEMPLATE]}
_TIME: Schema = {"anyOf": [{"type": "number", "minimum": 0}, _TEMPLATE]}
_TRANSITION: Schema = {
    "description": "How a shot comes in: at once, over the end of the one before, or through black; in seconds.",
    "anyOf": [
        {"const": "cut"},
        {"type": "object", "required": ["crossfade"], "properties": {"crossfade": _SECONDS}, "additionalProperties": False},
        {"type": "object", "required": ["fade"], "properties": {"fade": _SECONDS}, "additionalProperties": False},
        _TEMPLATE,
    ],
}
_SHOT: Schema = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["shot"],
            "properties": {
                "shot": {"type": "string", "description": "Id of a shot of the pipeline."},
                "trim": {
                    "description": "From where to where, in seconds of the clip.",
                    "anyOf": [{"type": "array", "minItems": 2, "maxItems": 2, "items": _TIME}, _TEMPLATE],
                },
                "hold": {**_SECONDS, "description": "Seconds that a still stays.", "default": HOLD_SECONDS},
                "transition": _TRANSITION,
            },
            "additionalProperties": False,
        },
    ]
}
_AUDIO: Schema = {"$ref": "#/definitions/reference audio"}
_GAIN: Schema = {
    "anyOf": [{"type": "number", "minimum": LEAST_GAIN, "maximum": MOST_GAIN}, _TEMPLATE],
    "description": "Louder or softer, in dB.",
}
_BED: Schema = {
    "description": "The sound below the whole reel.",
    "anyOf": [
        _AUDIO,
        {
            "type": "object",
            "required": ["audio"],
            "properties": {
                "audio": _AUDIO,
                "gain_db": _GAIN,
                "fade_in": {**_SECONDS, "description": "Seconds."},
                "fade_out": {**_SECONDS, "description": "Seconds."},
                "duck": {"anyOf": [{"type": "boolean"}, _TEMPLATE], "description": "Softer while voices or clips are heard."},
            },
            "additionalProperties": False,
        },
    ],
}
_SOUND: Schema = {
    "type": "object",
    "description": "What is heard.",
    "properties": {
        "clips": {"anyOf": [{"enum": list(CLIP_SOUND)}, _TEMPLATE], "default": "keep", "description": "The clips' own sound."},
        "bed": _BED,
        "voice": {
            "description": "Sounds at their places.",
            "anyOf": [
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["audio"],
                        "properties": {
                            "audio": _AUDIO,
                            "at": {"type": ["string", "number"], "description": "A shot of the cut, or seconds of the reel."},
                            "gain_db": _GAIN,
                        },
                        "additionalProperties": False,
                    },
                },
                _TEMPLATE,
            ],
        },
        "loudness": {
            "anyOf": [{"type": "number", "minimum": LEAST_LOUDNESS, "maximum": MOST_LOUDNESS}, {"type": "null"}, _TEMPLATE],
            "description": f"Loudness of the reel in LUFS; null leaves it as it is. {MIXED_LOUDNESS:g} where there is a bed or a voice.",
        },
    },
    "additionalProperties": False,
}
CUT: Schema = {
    "type": "object",
    "description": "Assemble a reel.",
    "properties": {
        "shots": {
            "anyOf": [{"type": "array", "minItems": 1, "items": _SHOT}, _TEMPLATE],
            "description": "Shots in order; all video shots if left out.",
        },
        "transition": _TRANSITION,
        "size": {
            "anyOf": [{"type": "string", "pattern": r"^\s*\d+\s*[xX×]\s*\d+\s*$"}, _TEMPLATE],
            "description": "Pixels of the reel; those of the first clip if left out.",
            "examples": ["1920x1080", "1080x1920"],
        },
        "fps": {
            "anyOf": [{"type": "number", "minimum": LEAST_FPS, "maximum": MOST_FPS}, {"type": "string"}],
            "description": "Frames per second; those of the first clip if left out.",
            "examples": [24, 29.97, "30000/1001"],
        },
        "fit": {
            "anyOf": [{"enum": list(FITS)}, _TEMPLATE],
            "default": "letterbox",
            "description": "What becomes of clips of another shape.",
        },
        "audio": {**_AUDIO, "description": "Short for 'sound: {bed: ...}'."},
        "sound": _SOUND,
        "captions": {
            "anyOf": [{"type": "array", "items": {"anyOf": [{"enum": list(CAPTION_FORMS)}, _TEMPLATE]}}, _TEMPLATE],
            "description": "What is made of the shots' lines; srt if left out.",
        },
    },
    "additionalProperties": False,
}
