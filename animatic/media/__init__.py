"""Measures local media files and makes others from them: frames, thumbnails, contact sheets and reels.

Owns all decoding and encoding outside the simulator. Everything is synchronous and CPU-bound (callers use threads), reads and
writes local files only, and needs no ffmpeg on the PATH: PyAV brings the codecs. Files that are written appear whole or not at all.

Errors: BadClipError for footage that came from Krea and is cut, empty or does not decode (a new download may help);
BadMediaError for a reference that cannot be what it is used as (a new download does not help).
"""

from __future__ import annotations

from animatic.media.damage import Decoding, Gap, gaps
from animatic.media.facts import Facts, probe, sniff
from animatic.media.frames import contact_sheet, extract_frame, thumbnail
from animatic.media.likeness import fingerprint_of_picture, likeness
from animatic.media.measure import AnyFacts, draw, kind_of, measure
from animatic.media.mesh import MeshFacts, probe_mesh
from animatic.media.quality import Expected, Finding, check_take, continuity
from animatic.media.reel import Rendered, render
from animatic.media.sound import SoundFacts, probe_sound, waveform
from animatic.media.upload import prepare_picture

__all__ = [
    "AnyFacts",
    "Decoding",
    "Expected",
    "Facts",
    "Finding",
    "Gap",
    "MeshFacts",
    "Rendered",
    "SoundFacts",
    "check_take",
    "contact_sheet",
    "continuity",
    "draw",
    "extract_frame",
    "fingerprint_of_picture",
    "gaps",
    "kind_of",
    "likeness",
    "measure",
    "prepare_picture",
    "probe",
    "probe_mesh",
    "probe_sound",
    "render",
    "sniff",
    "thumbnail",
    "waveform",
]
