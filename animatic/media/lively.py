"""Chooses the frame that stands for a clip; for whoever decodes it for something else as well, so that once is enough."""

from __future__ import annotations

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

_FLAT_CONTRAST = 6.0
"""Standard deviation of brightness below which a frame shows nothing: a fade, a black lead-in."""
_MAX_FLAT_FRAMES = 96
"""Frames to look through for one that is not flat."""
_LOOK = (64, 36)
"""Pixels in which is looked whether a frame shows anything: from its brightness alone, a fiftieth of the work of a picture in color."""


class Lively:
    """Is shown the frames of a clip in order of time; keeps the first from the middle on that is not flat, else the liveliest there.

    Where all of them are flat, one from halfway to the middle stands if it shows more: of a clip that ends in black.

    ``middle``: seconds, as the frames' times are counted. Of a clip that ends before it, its last frame stands.
    """

    def __init__(self, middle: float) -> None:
        self._middle = middle
        self._looker = VideoReformatter()
        self._seen = 0
        self._contrast = -1.0
        self._kept: VideoFrame | None = None
        self._early: VideoFrame | None = None
        """The first frame from halfway to the middle on."""

    @property
    def frame(self) -> VideoFrame | None:
        """The frame, once one was shown."""
        if self._seen and self._contrast < _FLAT_CONTRAST and self._early is not None and self._look(self._early) > self._contrast:
            return self._early
        return self._kept

    @property
    def found(self) -> bool:
        """Whether no later frame can be the one."""
        return self._contrast >= _FLAT_CONTRAST or self._seen > _MAX_FLAT_FRAMES

    def add(self, time: float, frame: VideoFrame) -> None:
        """Show the frame of that time."""
        if self.found:
            return
        if time < self._middle:
            if not self._seen:
                self._kept = frame
            if self._early is None and time >= self._middle / 2:
                self._early = frame
            return
        self._seen += 1
        contrast = self._look(frame)
        if contrast > self._contrast:
            self._kept, self._contrast = frame, contrast

    def _look(self, frame: VideoFrame) -> float:
        """Return how much the brightness of a frame varies."""
        small = self._looker.reformat(frame, *_LOOK, "gray", interpolation=Interpolation.AREA)
        return float(small.to_ndarray().std())
