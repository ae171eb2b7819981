"""Resolves a request into what is to be rendered: sizes, length, texts, and the local files that it starts from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never

from animatic.catalog.model import Kind, Model, Yield, field_name
from animatic.simulator.jobs import Flaw, Suffix
from animatic.slate import SlateNote

MediaPath = tuple[str | int, ...]
"""Where a media field stands in a request body."""

VERSION = 5
"""Part of every key: counts up when slates look different, so that a state folder never serves the old ones."""

_NAMED_SIDES = {"1k": 1024, "2k": 2048, "4k": 2160}
_DEFAULT_SIDE: Mapping[Kind, int] = {"video": 720, "image": 1024, "enhance": 1024, "audio": 720, "3d": 720}
SOURCE_FIELDS = ("video_url", "edit_video", "init_video", "video_reference", "start_video", "reference_videos")
END_FIELDS = ("end_image",)
START_FIELDS = ("start_image", "init_image_url", "image_url", "scene_image_url")
MAX_REFERENCES = 4
"""Pictures beside start and end that a slate shows."""
_MAX_SECONDS = 120.0
_MAX_SOUND_SECONDS = 600.0
_MUSIC_SECONDS = 10.0
"""Length of music whose request names none."""
_WORDS_PER_SECOND = 2.5
_LEAST_SPEECH_SECONDS = 0.6
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
"""Letters of scripts that set no blanks between words: two are about one word."""
_MIN_SIDE = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """One of the simulator's own files that a request names: hash of its content, absolute path, and whether it is a clip."""

    sha256: str
    path: str
    moving: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """All that determines a render. Sizes are in pixels, even for clips; None sizes follow the start picture or source."""

    kind: Kind
    model: str
    text: str
    variation: int
    """0 for the first request of its kind, then counting: a second take looks different."""
    width: int | None
    height: int | None
    aspect: float | None
    side: int
    """Length of the shorter side where neither width and height nor a picture decide."""
    longest_side: int
    fps: float
    seconds: float | None
    """None: as long as the source."""
    start: Media | None
    end: Media | None
    source: Media | None
    references: tuple[Media, ...]
    reference_fields: tuple[str, ...] = ()
    """The fields that took them, in their order."""
    note: SlateNote | None = None
    """Which shot it stands for, where somebody said."""
    of_clip: bool = False
    """Whether what is enhanced is a clip."""
    scale: float = 2.0
    """How many times larger an enhanced clip or still is where the request names no size."""
    spoken: bool = False
    """Whether a sound is speech; otherwise it is music."""
    sound_format: Literal["mp3", "wav"] = "mp3"
    flaw: Flaw | None = None
    """What is wrong with a clip on purpose."""

    @property
    def makes(self) -> Yield:
        """What comes out."""
        match self.kind:
            case "video" | "image" | "audio" | "3d":
                return self.kind
            case "enhance":
                return "video" if self.of_clip else "image"
            case _:
                assert_never(self.kind)

    @property
    def suffix(self) -> Suffix:
        """File name extension of the result."""
        match self.makes:
            case "video":
                return "mp4"
            case "image":
                return "png"
            case "audio":
                return self.sound_format
            case "3d":
                return "glb"
            case _:
                assert_never(self.makes)

    @property
    def key(self) -> str:
        """Name of the result by content: the same recipe is rendered once, wherever the files lie."""
        facts = json.dumps({**_without_paths(asdict(self)), "version": VERSION}, sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:32]


def recipe_of(
    model: Model,
    body: Mapping[str, Any],
    text: str,
    media: Mapping[MediaPath, Media],
    *,
    variation: int,
    longest_side: int,
    note: SlateNote | None = None,
    flaw: Flaw | None = None,
) -> Recipe:
    """Read a checked body: fields that are not set count with the model's default."""
    value = {name: body.get(name, field.default) for name, field in model.fields.items()}
    of_clip = model.kind == "enhance" and "video_url" in model.fields
    source = _first(media, SOURCE_FIELDS, moving=True) if model.kind == "video" or of_clip else None
    start = _first(media, START_FIELDS, moving=False)
    end = _first(media, END_FIELDS, moving=False)
    fps = _number(value.get("fps")) or 24.0
    references = [(path, item) for path, item in media.items() if item not in (start, end, source) and not item.moving][:MAX_REFERENCES]
    follows = model.kind == "video" and (start or source) is not None
    spoken = model.kind == "audio" and not any(name in model.name for name in ("music", "song", "sfx", "sound-effect"))
    width, height, ratio = (*_target(body), None) if of_clip else _shape(body, {} if follows else value)
    if ratio and (pixels := _pixels(ratio)):
        width, height = pixels
    return Recipe(
        kind=model.kind,
        model=model.name,
        text=text,
        variation=variation,
        width=round(width) if width and height else None,
        height=round(height) if width and height else None,
        aspect=_ratio(ratio),
        side=_side(value.get("resolution") or _shorter_side(value), model.kind),
        longest_side=longest_side,
        fps=min(max(fps, 1.0), 60.0),
        seconds=_sound_seconds(value, text, spoken=spoken) if model.kind == "audio" else _seconds(value, body, fps, source),
        start=start,
        end=end,
        source=source,
        references=tuple(item for _, item in references),
        reference_fields=tuple(field_name(path) for path, _ in references),
        note=note,
        of_clip=of_clip,
        scale=_number(value.get("upscale_factor")) or _number(value.get("image_scaling_factor")) or 2.0,
        spoken=spoken,
        sound_format=_sound_format(model, value),
        flaw=flaw,
    )


def _without_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_paths(inner) for name, inner in value.items() if name != "path"}
    if isinstance(value, list | tuple):
        return [_without_paths(inner) for inner in value]
    return value


def _first(media: Mapping[MediaPath, Media], names: tuple[str, ...], *, moving: bool) -> Media | None:
    return next((item for name in names for path, item in media.items() if path[0] == name and item.moving == moving), None)


def _seconds(value: Mapping[str, Any], body: Mapping[str, Any], fps: float, source: Media | None) -> float | None:
    asked = _number(body.get("duration"))
    if asked is None and source is not None:
        return None
    frames = _number(value.get("num_frames"))
    seconds = asked or (frames / fps if frames else _number(value.get("duration"))) or 5.0
    return min(max(seconds, 1 / fps), _MAX_SECONDS)


def _sound_seconds(value: Mapping[str, Any], text: str, *, spoken: bool) -> float:
    """Return how long a sound is: as asked for, else as long as its words take, else a usual length."""
    milliseconds = _number(value.get("music_length_ms"))
    asked = milliseconds / 1000 if milliseconds else _number(value.get("duration"))
    words = sum(max(1.0, len(_WITHOUT_BLANKS.findall(word)) / 2) for word in text.split())
    said = max(words / _WORDS_PER_SECOND, _LEAST_SPEECH_SECONDS)
    return min(asked or (said if spoken else _MUSIC_SECONDS), _MAX_SOUND_SECONDS)


def _sound_format(model: Model, value: Mapping[str, Any]) -> Literal["mp3", "wav"]:
    """Return the format that is asked for; models that take no such wish have one of their own."""
    asked = str(value.get("output_format") or value.get("format") or "").lower()
    if asked:
        return "wav" if asked.startswith(("wav", "pcm")) else "mp3"
    return "mp3" if model.name.startswith("elevenlabs/") else "wav"


def _target(body: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the size that an enhanced clip is to have, where the request says so."""
    return _number(body.get("target_width")), _number(body.get("target_height"))


def _shape(body: Mapping[str, Any], value: Mapping[str, Any]) -> tuple[float | None, float | None, str | None]:
    """Return width, height and ratio: of the request, else, if it says nothing of them, of ``value``, which holds defaults as well."""
    for fields in (body, value):
        width, height = _number(fields.get("width")), _number(fields.get("height"))
        ratio = next((str(fields[name]) for name in ("aspect_ratio", "ratio", "resolution") if ":" in str(fields.get(name))), None)
        if ratio or (width and height):
            return width, height, ratio
    return None, None, None


def _shorter_side(value: Mapping[str, Any]) -> str | None:
    """Return the shorter side of a model's own width and height as a resolution."""
    width, height = _number(value.get("width")), _number(value.get("height"))
    return f"{min(width, height):.0f}p" if width and height else None


def _side(resolution: Any, kind: Kind) -> int:
    text = str(resolution or "").lower()
    if found := re.fullmatch(r"(\d+)p", text):
        return max(int(found[1]), _MIN_SIDE)
    return _NAMED_SIDES.get(text, _DEFAULT_SIDE[kind])


def _pixels(text: str) -> tuple[float, float] | None:
    """Read ``1280:720``, as Runway spells sizes; ``16:9`` is none."""
    width, _, height = text.partition(":")
    if width.isdigit() and height.isdigit() and int(width) >= 100 and int(height) >= 100:  # noqa: PLR2004
        return float(width), float(height)
    return None


def _ratio(text: str | None) -> float | None:
    width, _, height = (text or "").partition(":")
    first, second = _number(width), _number(height)
    return first / second if first and second else None


def _number(value: Any) -> float | None:
    """Read 5, 5.0, "5" and "5s"; None for anything else that is no positive number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)s?", value.strip())
        value = float(found[1]) if found else None
    return float(value) if isinstance(value, int | float) and value > 0 else None
