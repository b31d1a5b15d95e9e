"""Pictures made smaller by areas: every pixel counts, so nothing flickers and no detail is counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 64
"""Rows made at a time: sums need double precision, and a whole photo of that would be gigabytes."""


def shrunk(values: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """The same picture with fewer pixels, each the mean of what it covers.

    Args:
        values: (H, W, C).
        scale: new pixels for each old one, above 0; from 1 on nothing changes.

    Returns:
        (h, w, C) float32, at least one pixel wide and high; its edges are those of the picture.
    """
    if scale >= 1:
        return values
    height, width = (max(round(length * scale), 1) for length in values.shape[:2])
    return _narrower(_narrower(values, height).transpose(1, 0, 2), width).transpose(1, 0, 2)


def limited(values: NDArray[np.float32], longest: int) -> NDArray[np.float32]:
    """Shrunk so far that neither side is longer than so many pixels."""
    return shrunk(values, longest / max(values.shape[:2]))


def _narrower(values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The first axis with fewer places, each the mean over its share of the old ones."""
    edges = np.linspace(0, len(values), length + 1)
    found = np.empty((length, *values.shape[1:]), np.float32)
    for first in range(0, length, _ROWS):
        last = min(first + _ROWS, length)
        own = edges[first : last + 1]
        start, stop = int(own[0]), min(int(np.ceil(own[-1])), len(values))
        summed = np.concatenate([np.zeros((1, *values.shape[1:])), values[start:stop].cumsum(axis=0, dtype=np.float64)])
        whole = np.minimum(np.floor(own - start).astype(np.intp), len(summed) - 2)
        part = (own - start - whole)[:, None, None]
        until = summed[whole] * (1 - part) + summed[whole + 1] * part
        found[first:last] = np.diff(until, axis=0) / np.diff(own)[:, None, None]
    return found
