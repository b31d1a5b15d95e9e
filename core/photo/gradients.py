"""What a photo shows around places of it: histograms of oriented gradients (Dalal and Triggs 2005).

Of the logarithms of brightness and of red beside green, so that neither light nor complexion counts, only where they
change; in the upright face, sized by its eyes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..detection.faces import Crop
from ..detection.views import box_mean, sample
from .search import piece_of
from .sight import upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Pixels = NDArray[np.float32]

EYES = 80.0
"""Pixels between the outer corners of the eyes in the upright crop."""

_SIDE = 240
"""Pixels of the crop's side: the face and what is around its outline."""

_CELLS, _CELL = 6, 7
"""A place is surrounded by so many cells in a row; their size in pixels."""

_BINS = 6
"""Ways in which brightness changes, over half a turn."""

FEATURES = 2 * _CELLS * _CELLS * _BINS

_DARK = 0.03
"""Of brightness from 0 to 1, what counts as none: the logarithm of noise is not looked at."""

_FAINT = 0.05
"""Gradients around a place that are as weak as this all together count half."""

_TRUNK = (33, 263, 61, 291, 4)
"""Points in whose middle the crop stands: corners of the eyes and of the mouth, the tip of the nose."""


class Around:
    """An upright crop of a face.

    Args:
        colours: (H, W, 3) the photo, 0 to 1.
        points: (468, 3) of the detector, in pixels of it.
        eyes: pixels between the outer corners of its eyes, were they seen from the front.
    """

    def __init__(self, colours: Pixels, points: Floats, eyes: float) -> None:
        turn = upright(points[:, :2] * [1.0, -1.0])
        # Up is positive where `upright` speaks, and down in pictures.
        angle = float(np.arctan2(-turn[0, 1], turn[0, 0]))
        self._crop = Crop(points[list(_TRUNK), :2].mean(axis=0), eyes * _SIDE / EYES, angle)
        piece = piece_of(colours, self._crop, _SIDE)
        shown = np.zeros((_SIDE, _SIDE, 3), np.float32) if piece is None else piece.crop.cut(piece.pixels, _SIDE)
        self._maps = np.concatenate([_oriented(one) for one in _changes(shown)], axis=-1)

    def features(self, places: Floats) -> NDArray[np.float32]:
        """(n, 432) at (n, 2) columns and rows of the photo; brightness first, then colour, each of length up to 1."""
        steps = (np.arange(_CELLS) - (_CELLS - 1) / 2) * _CELL
        down, across = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
        grid = np.stack([across, down], axis=-1)
        at = self._crop.from_picture(places)[:, None] * _SIDE + grid
        seen = sample(self._maps, at.reshape(-1, 2)).reshape(len(places), len(grid), 2, _BINS)
        whole = seen.transpose(0, 2, 1, 3).reshape(len(places), 2, -1)
        whole = whole / (np.linalg.norm(whole, axis=2, keepdims=True) + np.float32(_FAINT))
        return whole.reshape(len(places), FEATURES)


def flipped() -> NDArray[np.intp]:
    """(432,) which number of a place's features is which of the mirrored place's."""
    number = np.arange(FEATURES).reshape(2, _CELLS, _CELLS, _BINS)
    return number[:, :, ::-1][..., -np.arange(_BINS) % _BINS].ravel()


def _changes(shown: Pixels) -> list[Pixels]:
    """(S, S) of each: brightness, and how much redder than green; logarithms."""
    logs = np.log(shown + np.float32(_DARK))
    bright = np.log(shown @ np.array([0.3, 0.59, 0.11], np.float32) + np.float32(_DARK))
    return [_softened(bright), _softened(logs[..., 0] - logs[..., 1])]


def _softened(values: Pixels) -> Pixels:
    """1 2 1 over 4, both ways."""
    for axis in (0, 1):
        border = [(1, 1) if one == axis else (0, 0) for one in (0, 1)]
        wide, length = np.pad(values, border, mode="edge"), values.shape[axis]
        first, middle, last = (wide.take(range(at, at + length), axis=axis) for at in (0, 1, 2))
        values = (first + 2 * middle + last) / 4
    return values


def _oriented(values: Pixels) -> Pixels:
    """(S, S, 6) how strongly values change in each way, softened over a cell."""
    down, across = np.gradient(values)
    strength = np.hypot(across, down)
    place = np.arctan2(down, across) % np.pi / np.pi * _BINS
    lower = np.floor(place)
    share, bins = place - lower, lower.astype(np.intp)[..., None] % _BINS
    out = np.zeros((*values.shape, _BINS), np.float32)
    np.put_along_axis(out, bins, (strength * (1 - share))[..., None], axis=-1)
    np.put_along_axis(out, (bins + 1) % _BINS, (strength * share)[..., None], axis=-1)
    return box_mean(box_mean(out, _CELL // 2), _CELL // 2)
