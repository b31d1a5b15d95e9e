"""Square windows over a photo, of several sizes, as the first network wants them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..detection.faces import Crop, Sighting
from .scaling import shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Pixels = NDArray[np.float32]

SEEN_FROM = 0.15
"""Share of a window's side from which on faces in it are seen surely."""

GREY = 0.5
"""What lies beside the photo."""

_WIDER, _FINER = 1.6, 2.5
"""The first window is so much wider than the photo, for faces that fill it; after the second, as wide as the photo,
windows are so much smaller on each level."""

_STEP = 0.6
"""Shares of its side from a window to the next: a face that one cuts lies whole in its neighbour, or is large enough
for the level before."""

_LEVELS = 4
_PIXELS = 128
"""Of a window's side, as the first network wants them."""


@dataclass(frozen=True)
class Level:
    """A picture in which the windows of a level are small.

    Attributes:
        pixels: (h, w, 3).
        side: of a window, in its pixels.
        scale: its pixels for each of the picture's that it was made from.
    """

    pixels: Pixels
    side: int
    scale: float

    def window(self, corner: Floats) -> Pixels:
        """(side, side, 3) from a corner on, which is given in pixels of that picture; grey beside it."""
        found = np.full((self.side, self.side, 3), GREY, np.float32)
        column, row = np.round(corner * self.scale).astype(int)
        left, top = max(column, 0), max(row, 0)
        part = self.pixels[top : max(row + self.side, 0), left : max(column + self.side, 0)]
        found[top - row : top - row + part.shape[0], left - column : left - column + part.shape[1]] = part
        return found


@dataclass(frozen=True)
class Turned:
    """A small copy of the photo, turned.

    Attributes:
        pixels: (h, w, 3).
        quarter: quarter turns to the left.
        scale: pixels of the photo for each of its own.
    """

    pixels: Pixels
    quarter: int
    scale: float

    def levels(self, smallest: float) -> list[float]:
        """Sides of the windows, in its pixels."""
        longest = float(max(self.pixels.shape[:2]))
        sides = [longest * _WIDER, longest]
        while SEEN_FROM * sides[-1] * self.scale > smallest and len(sides) < _LEVELS:
            sides.append(sides[-1] / _FINER)
        return sides

    def windows(self, side: float) -> list[Floats]:
        """(2,) column and row of the upper left corner of each window, in its pixels."""
        height, width = self.pixels.shape[:2]
        return [np.array([column, row]) for row in _begins(height, side) for column in _begins(width, side)]

    def at(self, side: float) -> Level:
        """The picture with windows of this side as small as the network wants them."""
        scale = min(_PIXELS / side, 1.0)
        return Level(shrunk(self.pixels, scale), round(side * scale), scale)

    def in_photo(self, one: Sighting, level: Level, corner: Floats) -> Sighting:
        """What was seen in the window at a corner, in the photo."""
        centre = self._back(one.crop.centre[None] / level.scale + corner)[0]
        side = one.crop.side * self.scale / level.scale
        crop = Crop(centre, side, one.crop.angle + self.quarter * np.pi / 2)
        return Sighting(crop, self._back(one.points / level.scale + corner), one.score)

    def _back(self, places: Floats) -> Floats:
        height, width = self.pixels.shape[:2]
        column, row = places.T
        turned = {0: (column, row), 1: (height - row, column), 2: (width - column, height - row)}
        back = turned.get(self.quarter, (row, width - column))
        return np.stack(back, axis=1) * self.scale


def _begins(length: int, side: float) -> Floats:
    """Where windows begin that cover a length, evenly; one in the middle where it is wider than all."""
    if side >= length:
        return np.array([(length - side) / 2])
    return np.linspace(0, length - side, int(np.ceil((length - side) / (_STEP * side))) + 1)
