"""Counts flashes that may harm people with photosensitive epilepsy, by the rule of ITU-R BT.1702 and WCAG 2.2 (2.3.1) for brightness.

A flash is a pair of opposing changes of relative luminance, by a tenth or more of its greatest value, where the darker picture is below
0.8, in a quarter of the picture at least. More than three within a second are too many. Saturated red, which both documents judge apart, is
not looked at.
"""

from __future__ import annotations

import functools
import itertools
from collections import deque

import numpy as np
import numpy.typing as npt

Small = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.float32]

_GRID = 18, 32
"""Cells whose brightness is looked at: so large that moving detail does not count, so small that a quarter of the picture is many."""
_CHANGE, _DARKER, _AREA = 0.1, 0.8, 0.25
_MOST_CHANGES = 6
"""Changes within a second: three flashes."""
_ROUNDING = 1e-6
_TOGETHER = 3
"""Frames within which cells change together."""


class Flashes:
    """Is shown gray pictures in order of time; knows at the end when too many of them flashed."""

    def __init__(self) -> None:
        self._highest: Cells | None = None
        self._lowest: Cells | None = None
        self._rising: npt.NDArray[np.int8] | None = None
        self._recent: dict[int, deque[npt.NDArray[np.bool_]]] = {1: deque(maxlen=_TOGETHER), -1: deque(maxlen=_TOGETHER)}
        self._last = 0
        self._changes: list[float] = []

    def add(self, time: float, picture: Small) -> None:
        """Take the picture that is shown from that time on, full range."""
        cells = _luminance(picture)
        if self._highest is None or self._lowest is None or self._rising is None:
            self._highest, self._lowest, self._rising = cells.copy(), cells.copy(), np.zeros(cells.shape, dtype=np.int8)
            return
        np.maximum(self._highest, cells, out=self._highest)
        np.minimum(self._lowest, cells, out=self._lowest)
        up = (self._rising <= 0) & (cells - self._lowest >= _CHANGE) & (self._lowest < _DARKER)
        down = (self._rising >= 0) & (self._highest - cells >= _CHANGE) & (cells < _DARKER)
        # From here on a cell's other extreme is looked for.
        self._highest[up | down] = cells[up | down]
        self._lowest[up | down] = cells[up | down]
        self._rising[up], self._rising[down] = 1, -1
        for way, changed in ((1, up), (-1, down)):
            recent = self._recent[way]
            recent.append(changed)
            if way != self._last and np.logical_or.reduce(list(recent)).mean() >= _AREA:
                self._last = way
                self._changes.append(time)
                recent.clear()

    def found(self) -> list[tuple[float, float]]:
        """Return the stretches, in seconds, in which every second has too many flashes."""
        stretches: list[tuple[float, float]] = []
        for first, last in zip(self._changes, self._changes[_MOST_CHANGES:], strict=False):
            if last - first >= 1 - _ROUNDING:
                continue
            if stretches and first <= stretches[-1][1]:
                stretches[-1] = (stretches[-1][0], last)
            else:
                stretches.append((first, last))
        return stretches


def _luminance(picture: Small) -> Cells:
    """Return the relative luminance of every cell: means over the pixels of each, made linear."""
    down, across = _shares(*picture.shape)
    means: Cells = down @ _LINEAR.take(picture).astype(np.float32, copy=False) @ across
    return means


@functools.lru_cache(maxsize=8)
def _shares(height: int, width: int) -> tuple[Cells, Cells]:
    """Return what multiplies a picture of that size, from the left and from the right, to the means over its cells."""
    down, across = (_means(side, cells) for side, cells in zip((height, width), _GRID, strict=True))
    return down, across.T.copy()


def _means(side: int, cells: int) -> Cells:
    """Return a matrix, cells by pixels, that takes the mean over the pixels of each cell; where there are more cells, one pixel each."""
    begins = np.linspace(0, side, cells + 1).astype(int)
    matrix = np.zeros((cells, side), dtype=np.float32)
    for cell, (begin, following) in enumerate(itertools.pairwise(begins)):
        end = max(following, begin + 1)
        matrix[cell, begin:end] = 1 / (end - begin)
    return matrix


_LINEAR = (np.arange(256, dtype=np.float32) / 255) ** np.float32(2.2)
"""Relative luminance of a gray level."""
