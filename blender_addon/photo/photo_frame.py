"""Where a photo lies in a 3D view while its landmarks are edited: fitted, zoomed, dragged about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..wrapping.picker_view import Box

    Floats = NDArray[np.float64]

_ROOM, _ROOM_OF_FACE = 1.04, 1.3
"""What is fitted leaves so much room round it."""

_NEAREST = 40.0
"""Pixels of the view that a pixel of the photo may take."""

_FARTHEST = 0.5
"""Share of the size at which the whole photo fits."""


class PhotoFrame:
    """The photo's pixels in those of a region; y of the region grows upwards, rows of the photo downwards.

    Args:
        size: (2,) width and height of the photo.

    Attributes:
        centre: (2,) column and row that lie in the middle of the free room.
        zoom: pixels of the region that a pixel of the photo takes.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = np.array(size, np.float64)
        self.centre = self._size / 2
        self.zoom = 1.0

    def fit(self, free: Box, around: Floats | None = None) -> None:
        """Shows all of the photo, or what is around some places.

        Args:
            free: the room, in the region's pixels.
            around: (n, 2) columns and rows.
        """
        low, high = (np.zeros(2), self._size) if around is None else (around.min(axis=0), around.max(axis=0))
        spare = _ROOM if around is None else _ROOM_OF_FACE
        room = np.array([free.right - free.left, free.top - free.bottom])
        self.centre = (low + high) / 2
        self.zoom = float((np.maximum(room, 1) / np.maximum(spare * (high - low), 1)).min())
        self._keep_in_sight(free)

    def to_view(self, places: Floats, free: Box) -> Floats:
        """(n, 2) columns and rows -> (n, 2) pixels of the region."""
        return np.asarray(_middle(free) + (places - self.centre) * [self.zoom, -self.zoom])

    def to_photo(self, x: float, y: float, free: Box) -> Floats:
        """(2,) column and row under a pixel of the region."""
        return np.asarray(self.centre + (np.array([x, y]) - _middle(free)) / [self.zoom, -self.zoom])

    def zoom_at(self, x: float, y: float, free: Box, factor: float) -> None:
        """Makes it bigger; what lies under a pixel of the region stays there."""
        under = self.to_photo(x, y, free)
        self.zoom *= factor
        self._keep_in_sight(free)
        self.centre = self.centre + under - self.to_photo(x, y, free)
        self._keep_in_sight(free)

    def drag(self, x: float, y: float, free: Box) -> None:
        """Moves it by pixels of the region."""
        self.centre = self.centre - np.array([x, y]) / [self.zoom, -self.zoom]
        self._keep_in_sight(free)

    def holds(self, place: Floats) -> bool:
        """Whether a place lies on the photo."""
        return bool((place >= 0).all() and (place <= self._size).all())

    def _keep_in_sight(self, free: Box) -> None:
        room = np.maximum([free.right - free.left, free.top - free.bottom], 1)
        least = _FARTHEST * float((room / self._size).min())
        self.zoom = float(np.clip(self.zoom, least, max(_NEAREST, least)))
        self.centre = np.clip(self.centre, 0, self._size)


def _middle(free: Box) -> Floats:
    return np.array([free.left + free.right, free.bottom + free.top]) / 2
