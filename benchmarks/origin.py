"""Measures marks of origin against a plain copy, and looking at marked files, as `verify` does, against hashing them."""

from __future__ import annotations

import hashlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from animatic.catalog import Catalog
from animatic.engine.preview import make_preview
from animatic.files import sha256_of
from animatic.marks import Mark, read_mark, write_marked
from animatic.marks.credentials import has_credentials
from animatic.media import probe
from animatic.plan import build_plan
from animatic.spec import load_declaration
from benchmarks.declarations import write_declaration
from benchmarks.measure import Cost, call, in_turns
from benchmarks.tables import Results, Row

CLIPS, SIZE = 20, 20_000_000
SHOTS, PREVIEW_SECONDS = 12, 15.0
MP4 = "video/mp4"
MARK = Mark(run="20261127T060000Z-aaaaaa", pipeline="bench", shot="dawn", model="xai/grok-video", simulated=False, software="animatic 0")


def marks(folder: Path, rounds: int) -> Results:
    """Mark twenty clips of 20 MB, look at the marked ones, and make the preview of twelve shots."""
    file = write_declaration(folder / "pipelines.yaml", SHOTS, chain=1, seconds=4)
    declaration, catalog, now = load_declaration((file,)), Catalog.load(), datetime(2026, 1, 1, tzinfo=UTC)
    plan = build_plan(declaration, next(iter(declaration.pipelines)), catalog, run_id="bench", started=now)

    def preview() -> None:
        shutil.rmtree(folder / "preview", ignore_errors=True)
        make_preview(plan, catalog, folder / "preview", "a4", now, lambda _: None)

    preview()
    clips = [_padded(folder / "preview" / "reel.mp4", folder / f"clip-{number}.mp4") for number in range(CLIPS)]
    marked = [folder / f"marked-{number}.mp4" for number in range(CLIPS)]
    found = in_turns(
        rounds,
        {
            "copy": call(lambda: [_copied(clip, folder / "copy.mp4") for clip in clips]),
            "mark": call(lambda: [write_marked(clip, target, MARK, MP4) for clip, target in zip(clips, marked, strict=True)]),
            "hash": call(lambda: [sha256_of(path) for path in marked]),
            "look": call(lambda: [(sha256_of(path), read_mark(path, MP4), has_credentials(path, MP4)) for path in marked]),
            "preview": call(preview),
        },
    )
    length = probe(folder / "preview" / "reel.mp4").duration
    return Results(
        title=f"Marks of origin: {CLIPS} clips of {SIZE // 1_000_000} MB; a preview of {SHOTS} shots ({length:.0f} s)",
        limit="copyfile and SHA-256 for marking, which hashes what it writes; SHA-256 alone for looking; 15 s for the preview",
        rows=(
            Row(what="marked", cost=found["mark"], limit=found["copy"], target=f"{0.1 * CLIPS:g} s more"),
            Row(what="hash, mark and credentials read", cost=found["look"], limit=found["hash"], target="1.25"),
            Row(what="preview", cost=found["preview"], limit=Cost(wall=PREVIEW_SECONDS, cpu=0.0), target="1"),
        ),
    )


def _padded(source: Path, target: Path) -> Path:
    """Write a clip of the wanted size: what is missing is a box that players pass over."""
    data = source.read_bytes()
    missing = SIZE - len(data)
    target.write_bytes(data + missing.to_bytes(4) + b"free" + os.urandom(missing - 8))
    return target


def _copied(source: Path, target: Path) -> str:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
