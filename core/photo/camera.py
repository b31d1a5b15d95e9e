"""A pinhole camera that looks at a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NEAREST = 1.0
"""mm before the lens; what is nearer, or behind it, is projected as if it were there."""


@dataclass(frozen=True)
class Camera:
    """From the template's millimetres to a photo's pixels.

    Attributes:
        rotation: (3, 3) rows of unit length: to the picture's right, up, and towards the viewer.
        shift: (3,) mm, where the template's origin lies before the lens; the last is below 0, as much as it is far.
        focal: length in pixels.
        centre: (2,) column and row that the lens looks at.
    """

    rotation: Floats
    shift: Floats
    focal: float
    centre: Floats

    def seen(self, points: NDArray[np.floating[Any]]) -> Floats:
        """(n, 3) mm of the template -> (n, 3) mm to the right, up, and towards the viewer; before the lens below 0."""
        return np.asarray(points @ self.rotation.T + self.shift)

    def project(self, points: NDArray[np.floating[Any]]) -> Floats:
        """(n, 3) mm of the template -> (n, 2) column and row; whole numbers are corners of pixels, row 0 is on top."""
        at = self.seen(points)
        depth = np.maximum(-at[:, 2], NEAREST)
        return np.asarray(self.centre + self.focal * at[:, :2] / depth[:, None] * [1.0, -1.0])

    def eye(self) -> Floats:
        """(3,) where the lens is, in the template's mm."""
        return np.asarray(-self.shift @ self.rotation)
