"""Marks files whose structure another program should write: WebM, Ogg, FLAC. Packets are copied, nothing is encoded anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import av

from animatic.marks.model import Mark
from animatic.marks.xmp import mark_of, packet

FORMATS: Mapping[str, tuple[str, str]] = {
    "video/webm": ("matroska", "webm"),
    "audio/ogg": ("ogg", "ogg"),
    "audio/flac": ("flac", "flac"),
}
"""Names of the reader and of the writer, by MIME type."""
_TAG = "XMP"


def remux(source: Path, target: Path, mark: Mark, mime: str) -> bool:
    """Write the file anew with the mark among its tags; False where its streams cannot be copied."""
    reader, writer = FORMATS[mime]
    try:
        with (
            av.open(str(source), "r", format=reader, metadata_errors="replace") as before,
            av.open(str(target), "w", format=writer, options={"fflags": "+bitexact"}) as after,
        ):
            tags = {"comment": mark.sentence, _TAG: packet(mark).decode()}
            after.metadata.update({**before.metadata, **tags})
            streams = {
                stream.index: after.add_stream_from_template(stream)
                for stream in before.streams
                if isinstance(stream, av.VideoStream | av.AudioStream)
            }
            for stream in streams.values() if writer == "ogg" else ():  # Ogg keeps its tags with the stream
                stream.metadata.update(tags)
            for copied in before.demux([stream for stream in before.streams if stream.index in streams]):
                if copied.dts is not None:
                    copied.stream = streams[copied.stream.index]
                    after.mux(copied)
    except (av.FFmpegError, ValueError):
        return False
    return True


def read(path: Path, mime: str) -> Mark | None:
    """Return the mark among the tags of a file."""
    try:
        with av.open(str(path), "r", format=FORMATS[mime][0], metadata_errors="replace") as container:
            tags = {key.upper(): value for key, value in container.metadata.items()}
            for stream in container.streams.audio:
                tags |= {key.upper(): value for key, value in stream.metadata.items()}
    except av.FFmpegError:
        return None
    return mark_of(tags.get(_TAG, "").encode())
