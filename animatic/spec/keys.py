"""Keys of each level of a pipelines file, and advice on others that people try.

To add a key to a shot:

1. here: its name in ``SHOT.known``. If a fallback or the defaults of a kind may have it as well, leave it out of ``FALLBACK_NOT`` or
   ``DEFAULTS_NOT``; otherwise add it there. A key of that name that is listed as advice goes.
2. `animatic.spec.model.ShotSpec`: a typed attribute; `animatic.spec.shots`: read it in ``_decode``.
3. `animatic.schema.skeleton.SHOT`: its JSON Schema, for editors. Then ``animatic schema --out pipelines.schema.json`` and
   ``python tools/write_reference.py``.

A key of a pipeline goes the same way through ``PIPELINE``, `PipelineSpec`, `animatic.spec.pipeline` and the skeleton. A new kind of shot is
one more word in `animatic.catalog.model.Kind`; the type check then names the places that have to know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from animatic.destination import OPTIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """The keys that one kind of mapping takes."""

    known: tuple[str, ...]
    advice: Mapping[str, str] = field(default_factory=dict)
    """Key that does not exist -> what to write instead."""
    unread: str | None = None
    """Keys that begin so are read and never interpreted: homes of YAML anchors."""


FILE = Level(
    known=("version", "definitions", "cast", "defaults", "profiles", "deliver", "budget", "timezone", "pipelines"),
    unread="x-",
    advice={
        "profile": "profiles are declared below 'profiles', and chosen with --profile",
        "params": "params belong to a pipeline: pipelines.NAME.params",
        "shots": "shots belong to a pipeline: pipelines.NAME.shots",
        "budget_usd": "a file has 'budget: {per_day_usd: ..., per_month_usd: ...}'; 'budget_usd' is for one run of a pipeline",
        "output": "where clips go is 'deliver'",
    },
)
BUDGET = Level(known=("per_day_usd", "per_month_usd"), advice={"budget_usd": "the limit of one run is 'budget_usd' of a pipeline"})
PIPELINE = Level(
    known=(
        "description",
        "title",
        "params",
        "matrix",
        "cast",
        "defaults",
        "deliver",
        "budget_usd",
        "unknown_price",
        "concurrency",
        "on_failure",
        "reuse",
        "retries",
        "timeout",
        "qc",
        "schedule",
        "schedules",
        "overlap",
        "tags",
        "shots",
        "cut",
        "cuts",
        "page",
        "provenance",
    ),
    advice={
        "budget": "the limit of one run is 'budget_usd'",
        "steps": "a storyboard is a list of 'shots'",
        "scenes": "a storyboard is a list of 'shots', each of which may say its 'scene'",
        "name": "the name of a pipeline is its key below 'pipelines'",
        "cron": "write 'schedule: {cron: \"0 6 * * 1-5\", timezone: Europe/Lisbon}'",
        "parameters": "parameters are declared below 'params'",
        "inputs": "parameters are declared below 'params'",
        "output": "where clips go is 'deliver'",
        "model": "a model for every shot goes into 'defaults: {video: {model: ...}}'",
        "strategy": "variants are declared below 'matrix'",
        "kind": "the kind is set shot by shot",
        "timezone": "a time zone belongs to a schedule, or to the file",
        "profiles": "profiles belong to the file, at its top: they hold for all of its pipelines",
        "profile": "a profile is chosen with --profile, or by a schedule",
        "concurrency_limit": "write 'overlap: queue' (one run after the other) or 'overlap: skip'",
    },
)
DELIVER = Level(
    known=("to", *OPTIONS),
    advice={
        "url": "the destination is 'to'",
        "bucket": "write 'to: s3://bucket/prefix'",
        "encryption": "write sse",
        "kms_key_id": "write kms_key",
        "ServerSideEncryption": "write sse",
        "SSEKMSKeyId": "write kms_key",
    },
)
PAGE = Level(
    known=("money",),
    advice={
        "prices": "write 'money: false', which hides prices, models and paths",
        "models": "write 'money: false', which hides prices, models and paths",
        "paths": "write 'money: false', which hides prices, models and paths",
        "client": "write 'money: false', which hides prices, models and paths",
        "title": "the title is that of the pipeline: pipelines.NAME.title",
    },
)
PROVENANCE = Level(
    known=("c2pa", "label", "timestamp"),
    advice={
        "tsa": "write 'timestamp: https://...', the address of a time stamp service (RFC 3161)",
        "tsa_url": "write 'timestamp: https://...', the address of a time stamp service (RFC 3161)",
        "ta_url": "write 'timestamp: https://...', the address of a time stamp service (RFC 3161)",
        "timestamps": "write 'timestamp: https://...', the address of a time stamp service (RFC 3161)",
        "sign": "write 'c2pa: sign'",
        "cert": "certificates are named by ANIMATIC_C2PA_CERT and ANIMATIC_C2PA_KEY, outside the file",
        "key": "certificates are named by ANIMATIC_C2PA_CERT and ANIMATIC_C2PA_KEY, outside the file",
    },
)
SHOT = Level(
    known=(
        "id",
        "scene",
        "title",
        "kind",
        "model",
        "cast",
        "line",
        "qc",
        "fallback",
        "retries",
        "timeout",
        "when",
        "extra_body",
        "takes",
        "pick",
        "approve",
    ),
    advice={
        "name": "the name of a shot is its 'id'",
        "needs": "remove it; what a shot depends on follows from its references, such as 'start_image: dawn'",
        "depends_on": "remove it; what a shot depends on follows from its references, such as 'start_image: dawn'",
        "after": "remove it; what a shot depends on follows from its references, such as 'start_image: dawn'",
        "characters": "who is in a shot is its 'cast: [NAME]'",
        "caption": "what is spoken or written over a shot is its 'line'",
        "subtitle": "what is spoken or written over a shot is its 'line'",
        "dialogue": "what is spoken or written over a shot is its 'line'",
        "if": "a condition is written 'when: \"{{ params.long }}\"'",
        "extraBody": "write extra_body",
    },
)
APPROVE = Level(
    known=("timeout", "on_timeout"),
    advice={
        "within": "write timeout",
        "after": "write timeout",
        "then": "write on_timeout",
        "by": "who has decided is in the manifest; anybody who sees the run may",
    },
)
FALLBACK_NOT = (
    *("id", "scene", "title", "kind", "line", "qc"),
    *("fallback", "retries", "timeout", "when", "extra_body", "takes", "approve", "pick"),
)
"""Keys of a shot that one of its fallbacks does not have."""
SHARED = tuple(key for key in SHOT.known if key not in FALLBACK_NOT)
"""Keys of a shot that fallbacks, defaults and profiles have, too."""
DEFAULTS_NOT = FALLBACK_NOT
"""Keys of a shot that have no default."""
PROFILED = (*SHARED, "fallback")
"""Keys of a shot that a profile sets."""
PROFILE_NOT = tuple(key for key in DEFAULTS_NOT if key != "fallback")
"""Keys of a shot that a profile does not set."""
MEMBER = Level(
    known=("images", "prompt", "style", "strength"),
    advice={
        "file": "write images",
        "url": "write images",
        "shot": "write images",
        "sheet": "write images",
        "refs": "write images",
        "reference_images": "write images",
        "image_urls": "write images",
        "description": "write prompt",
        "text": "write prompt",
        "look": "write prompt",
        "lora": "write style",
        "styles": "write style, with the id of one; each style is a member of its own",
        "weight": "write strength",
        "name": "the name of a member is its key below 'cast'",
    },
)
PARAM = Level(
    known=("type", "default", "enum", "description", "minimum", "maximum"),
    advice={
        "min": "write minimum",
        "max": "write maximum",
        "choices": "write enum",
        "options": "write enum",
        "values": "write enum",
        "help": "write description",
        "required": "remove it; a param without a default is required",
        "name": "the name of a param is its key below 'params'",
    },
)
SCHEDULE = Level(
    known=("cron", "interval", "rrule", "start", "timezone", "params", "fresh", "profile", "active", "slug", "late"),
    advice={
        "anchor": "write start",
        "anchor_date": "write start",
        "dtstart": "write start",
        "catchup": "write 'late: run' for runs that were missed; they are skipped otherwise",
        "overlap": "'overlap' belongs to the pipeline",
        "parameters": "write params",
        "tz": "write timezone",
        "every": "write interval",
        "name": "write slug",
        "enabled": "write active",
        "paused": "write 'active: false'",
    },
)
CUT = Level(
    known=("shots", "transition", "size", "fps", "fit", "audio", "sound", "captions"),
    advice={
        "music": "write 'audio: music/bed.mp3', or 'sound: {bed: ...}' with its gain and fades",
        "bed": "write 'sound: {bed: ...}', or short 'audio: ...'",
        "voice": "write 'sound: {voice: [...]}'",
        "loudness": "write 'sound: {loudness: -16}'",
        "clips": "the shots are listed below 'shots'; whether their sound is heard is 'sound: {clips: mute}'",
        "resolution": "write size, as in 'size: 1920x1080'",
        "aspect_ratio": "write size, as in 'size: 1080x1920'",
        "width": "write size, as in 'size: 1920x1080'",
        "height": "write size, as in 'size: 1920x1080'",
        "frame_rate": "write fps",
        "framerate": "write fps",
        "subtitles": "write captions",
        "transitions": "write transition: one for all, or one with each shot",
        "name": "a reel with a name of its own is an entry of 'cuts: {NAME: ...}'",
    },
)
CUT_SHOT = Level(
    known=("shot", "trim", "hold", "transition"),
    advice={
        "id": "write shot",
        "start": "write 'trim: [START, END]', in seconds of the clip",
        "end": "write 'trim: [START, END]', in seconds of the clip",
        "in": "write 'trim: [START, END]', in seconds of the clip",
        "out": "write 'trim: [START, END]', in seconds of the clip",
        "duration": "a still stays for 'hold' seconds; a clip is shortened with 'trim: [START, END]'",
        "crossfade": "write 'transition: {crossfade: 0.5}'",
        "fade": "write 'transition: {fade: 0.5}'",
        "line": "what is said over a shot belongs to the shot itself",
    },
)
SOUND = Level(
    known=("clips", "bed", "voice", "loudness"),
    advice={"audio": "write bed", "music": "write bed", "voices": "write voice", "lufs": "write loudness", "mute": "write 'clips: mute'"},
)
_AUDIO = {
    "file": "write 'audio: music/bed.mp3'",
    "shot": "write audio, with the id of the shot: 'audio: theme'",
    "url": "download it, and write 'audio: music/bed.mp3'",
}
"""Forms of a reference, where a sound is named beside its gain."""
BED = Level(
    known=("audio", "gain_db", "fade_in", "fade_out", "duck"),
    advice={"gain": "write gain_db", "volume": "write gain_db, in dB", "ducking": "write duck"} | _AUDIO,
)
VOICE = Level(
    known=("audio", "at", "gain_db"),
    advice={"gain": "write gain_db", "volume": "write gain_db, in dB", "file": "write audio", "start": "write at", "shot": "write at"},
)
RESERVED_PARAMS = frozenset({"fresh", "simulate", "only", "profile", "return_state", "wait_for"})
"""Options that every flow has beside the params of its pipeline: ours, and those of Prefect's calls."""
RESERVED_PIPELINES = frozenset({"simulated"})
"""Names that lie in the destination beside the folders of pipelines."""
