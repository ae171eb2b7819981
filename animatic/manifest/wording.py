"""Words and figures of the page: states, money, times, sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, assert_never, get_args

from animatic.catalog.model import Yield
from animatic.errors import InDoubtError
from animatic.limits import megabytes
from animatic.manifest.model import Clip, Manifest, Shot, ShotState, TakeEntry
from animatic.manifest.parts import Finding
from animatic.money import dollars

ASKED: Final = "waits for approval"
"""What a shot is doing whose takes a person is to look at."""
_VERBS = {
    "start_image": "Starts from",
    "image": "Starts from",
    "end_image": "Ends on",
    "start_video": "Continues",
    "edit_video": "Reworks",
    "video": "Reworks",
    "reference_images": "Refers to",
    "image_urls": "Refers to",
    "reference_videos": "Refers to",
    "reference_audios": "Follows the sound of",
    "audio_url": "Follows the sound of",
    "image_url": "Made from",
    "video_url": "Enhances",
}
_MEDIA: Mapping[str, Yield] = {"video": "video", "image": "image", "audio": "audio", "model": "3d"}
_LENGTHS: Mapping[Yield, str] = {"video": "footage", "audio": "sound"}
"""What has a length, and how it is called."""
_CHANNELS = {1: "mono", 2: "stereo"}
_MINUTE, _HOUR = 60, 3600
_MIN_MEGABYTES = 100_000
"""Bytes from which on a size is given in MB and not in kB."""
_MAX_VALUE_LENGTH = 120
_MAX_NAMED = 5
"""Shots with findings that are named."""


def run_state(run: Manifest) -> str:
    """Return the run's state in words; a run that has not ended is in progress, whatever its shots wait for."""
    match run.state:
        case "completed":
            return "Completed"
        case "failed":
            return "Failed"
        case "partial":
            return "Partly delivered"
        case "waiting":
            return "In progress" if run.finished_at is None else "Waits for a person"
        case "cancelled":
            return "Cancelled"
        case _:
            assert_never(run.state)


def shot_state(state: ShotState) -> str:
    """Return a shot's state in words."""
    match state:
        case "delivered":
            return "Delivered"
        case "reused":
            return "Reused"
        case "failed":
            return "Failed"
        case "skipped":
            return "Skipped"
        case "in_doubt":
            return "In doubt"
        case "waiting":
            return "Waiting"
        case _:
            assert_never(state)


def standing(shot: Shot) -> str:
    """Return how a shot stands in words: of one that waits, what it is doing, as `status` says it."""
    return shot.doing.capitalize() if shot.state == "waiting" and shot.doing and shot.doing != ASKED else shot_state(shot.state)


NO_SHOTS = "nothing to make: `when` leaves every shot out"


def summary(run: Manifest) -> str:
    """Return ``3 shots: 2 delivered, 1 failed``, and the seconds of footage and of sound; of no shots why there are none."""
    if not run.shots:
        return NO_SHOTS
    counts = Counter(shot.state for shot in run.shots)
    parts = [f"{counts[state]} {shot_state(state).lower()}" for state in get_args(ShotState) if counts[state]]
    clips = [shot.clip for shot in run.shots if shot.clip]
    totals = {name: sum(clip.duration or 0 for clip in clips if medium(clip.mime) == made) for made, name in _LENGTHS.items()}
    lengths = [f" · {span(seconds)} of {name}" for name, seconds in totals.items() if seconds]
    return f"{len(run.shots)} {'shot' if len(run.shots) == 1 else 'shots'}: {', '.join(parts)}{''.join(lengths)}"


def medium(mime: str) -> Yield:
    """Return what a delivered file is, by its MIME type."""
    return _MEDIA.get(mime.partition("/")[0], "image")


def money(run: Manifest) -> tuple[tuple[str, str], ...]:
    """Return labels and amounts for the head of the page."""
    cost = run.cost
    unknown = f" + {cost.unpriced} unknown" if cost.unpriced else ""
    rows = [("Would be billed" if run.simulated else "Billed", f"{dollars(cost.billed_usd)}{unknown}")]
    rows.append(("Estimated", f"{dollars(cost.estimated_usd)}{unknown}"))
    if aside := set_aside(run.shots):
        rows.insert(1, ("Set aside", dollars(aside)))
    if cost.reused_usd is None or cost.reused_usd:
        rows.append(("Reused, worth", dollars(cost.reused_usd)))
    return tuple(rows)


def in_doubt(run: Manifest) -> bool:
    """Whether a person is to say whose job is whose before a run can go on."""
    return any(shot.error is not None and shot.error.code == InDoubtError.code for shot in run.shots)


def set_aside(shots: Iterable[Shot]) -> Decimal:
    """Return what may still be billed for submissions of which nobody knows yet how they end; shots that share a request are paid once."""
    return sum({shot.fingerprint: shot.set_aside_usd or Decimal(0) for shot in shots}.values(), Decimal(0))


def origin(run: Manifest) -> str:
    """Say what the files tell of how they were made."""
    made = "Every file says that it is simulated" if run.simulated else "Every file says that a model made it"
    return f"{made}{' and is signed with content credentials' if run.provenance.c2pa == 'signed' else ''}"


def price(shot: Shot) -> str:
    """Return what a shot cost, in words that cannot be taken for a bill where there was none."""
    match shot.state:
        case "reused":
            return "reused" if shot.usd is None else f"reused · was {dollars(shot.usd)}"
        case "delivered":
            return "price unknown" if shot.usd is None else dollars(shot.usd)
        case "failed" | "skipped" | "in_doubt" | "waiting":
            billed = [attempt.usd for attempt in shot.attempts if attempt.usd]
            parts = [dollars(sum(billed, Decimal(0)))] if billed else []
            return ", ".join([*parts, *([f"{dollars(shot.set_aside_usd)} set aside"] if shot.set_aside_usd else [])])
        case _:
            assert_never(shot.state)


def period(start: datetime, end: datetime | None) -> str:
    """Return when, and how long it took."""
    text = f"{start:%d %B %Y, %H:%M} UTC".lstrip("0")
    return text if end is None else f"{text} · took {span((end - start).total_seconds())}"


def span(seconds: float) -> str:
    """Return ``6.5 s``, ``2 min 05 s`` or ``1 h 20 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def clock(seconds: float, *, exact: bool = False) -> str:
    """Return ``0:08`` or ``1:02:03``: a place in a reel; where it is to be exact, ``0:08.25`` if it is not at a whole second."""
    hundredths = round(seconds * 100)
    whole = hundredths // 100 if exact else int(seconds)
    part = f".{hundredths % 100:02}".rstrip("0").removesuffix(".") if exact else ""
    minutes = f"{whole // _MINUTE % _MINUTE}:{whole % _MINUTE:02}{part}"
    return minutes if whole < _HOUR else f"{whole // _HOUR}:{minutes if whole % _HOUR >= 10 * _MINUTE else f'0{minutes}'}"


def taken(field: str, which: str | float | None) -> str:
    """Return what an arrow of the diagram stands for: ``last frame``, ``2.5 s``, ``clip``, ``reference``."""
    if which is not None:
        return f"{which} frame" if isinstance(which, str) else span(which)
    name = field.partition("[")[0]
    if "audio" in name:
        return "sound"
    return "reference" if name.startswith("reference") or name == "image_urls" else "clip" if "video" in name else "still"


def total(run: Manifest) -> str:
    """Return the money of a run in one line: ``billed $0.98 + 1 unknown, $0.10 set aside``; of a simulated one what it would have been."""
    unknown = f" + {run.cost.unpriced} unknown" if run.cost.unpriced else ""
    aside = f", {dollars(usd)} set aside" if (usd := set_aside(run.shots)) else ""
    return f"{'would be billed' if run.simulated else 'billed'} {dollars(run.cost.billed_usd)}{unknown}{aside}"


def clip_facts(clip: Clip) -> str:
    """Return ``6 s · 1280 × 720 · 24 fps · 3.1 MB``, as far as it is known."""
    parts = []
    if clip.duration:
        parts.append(span(clip.duration))
    if clip.width and clip.height:
        parts.append(f"{clip.width} × {clip.height}")
    if clip.fps:
        parts.append(f"{clip.fps:.2f}".rstrip("0").rstrip(".") + " fps")
    parts += _sound_facts(clip)
    if clip.triangles:
        parts.append(f"{clip.triangles:,} {'triangle' if clip.triangles == 1 else 'triangles'}")
    parts.append(megabytes(clip.size) if clip.size >= _MIN_MEGABYTES else f"{clip.size / 1e3:.1f} kB")
    return " · ".join(parts)


def checks(shot: Shot, *, simulated: bool) -> str:
    """Return what the checks of a shot's take say: what is to be looked at and where, and how it continues the shot before.

    Slates of the simulator continue nothing.
    """
    found = [_seen(finding) for finding in (shot.qc.findings if shot.qc else ())]
    parts = [f"To look at: {'; '.join(found)}"] if found else []
    if shot.continuity is not None and not simulated:
        parts.append(f"Continuity {shot.continuity:.2f}")
    return " · ".join(parts)


def checks_in_short(take: TakeEntry, *, simulated: bool) -> str:
    """Return ``black, cut · continuity 0.98``: what the checks of a take found, in a word for each."""
    found = list(dict.fromkeys(finding.check for finding in (take.qc.findings if take.qc else ())))
    parts = [", ".join(found)] if found else []
    if take.continuity is not None and not simulated:
        parts.append(f"continuity {take.continuity:.2f}")
    return " · ".join(parts)


def findings(run: Manifest) -> str:
    """Return ``to look at: 3 findings in 2 shots: dawn (black), surf (cut, length)``; nothing where nothing was found."""
    found = {shot.key or shot.id: tuple(dict.fromkeys(seen.check for seen in shot.qc.findings)) for shot in run.shots if shot.qc}
    found = {key: seen for key, seen in found.items() if seen}
    if not found:
        return ""
    number = sum(len(shot.qc.findings) for shot in run.shots if shot.qc)
    named = ", ".join(f"{key} ({', '.join(seen)})" for key, seen in list(found.items())[:_MAX_NAMED])
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    shots = "shot" if len(found) == 1 else "shots"
    return f"to look at: {number} {'finding' if number == 1 else 'findings'} in {len(found)} {shots}: {named}{more}"


def _seen(finding: Finding) -> str:
    if finding.at is None or finding.check == "damage":  # which says in words where
        return finding.detail
    return f"{finding.detail} (at {span(finding.at)}{f', for {span(finding.seconds)}' if finding.seconds else ''})"


def _sound_facts(clip: Clip) -> list[str]:
    """Return ``stereo``, ``44.1 kHz``, ``mp3`` and ``-16.2 LUFS``, as far as it is known."""
    parts = [] if clip.channels is None else [_CHANNELS.get(clip.channels, f"{clip.channels} channels")]
    if clip.sample_rate:
        parts.append(f"{clip.sample_rate / 1000:g} kHz")
    if clip.codec:
        parts.append(clip.codec)
    if clip.loudness is not None:
        parts.append(f"{clip.loudness:.1f} LUFS")
    elif clip.channels is not None:
        parts.append("silent")
    return parts


def verb(field: str) -> str:
    """Return the words for a media field: ``Starts from``; its own name where there are none."""
    name = field.partition("[")[0]
    return _VERBS.get(name, f"{name.replace('_', ' ').capitalize()}:")


def frame(which: str | float | None) -> str:
    """Return ``the last frame of``, or nothing where the whole is used."""
    if which is None:
        return ""
    return f"the {which} frame of" if isinstance(which, str) else f"the frame at {span(which)} of"


def settings(profile: str | None, params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what a run was asked for, in words: its profile, and the values of its parameters."""
    return (*((("profile", profile),) if profile else ()), *((name, value(given)) for name, given in params.items()))


def value(data: Any) -> str:
    """Return a JSON value in one short line."""
    if isinstance(data, bool):
        return "yes" if data else "no"
    if isinstance(data, float) and data.is_integer():
        return str(int(data))
    if isinstance(data, list | tuple):
        return shorten(", ".join(value(item) for item in data), _MAX_VALUE_LENGTH)
    if isinstance(data, Mapping):
        return shorten(", ".join(f"{name} {value(item)}" for name, item in data.items()), _MAX_VALUE_LENGTH)
    return shorten(str(data), _MAX_VALUE_LENGTH)


def shorten(text: str, max_length: int) -> str:
    """Return the text in one line of at most ``max_length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= max_length else line[: max_length - 1] + "…"
