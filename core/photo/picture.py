"""A photo as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """A photo, upright.

    Attributes:
        name: of its file, for people.
        colours: (H, W, 3) float32 red, green and blue from 0 to 1, as on a screen; row 0 is on top.
        alpha: (H, W) float32 from 0 for what is see-through to 1; None where all is solid.
        focal: length in pixels, as the camera wrote it into the file; None where it did not.
        grey: whether it has no colours.
    """

    name: str
    colours: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    focal: float | None = None
    grey: bool = False

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.colours.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.colours.shape[1])

    def at(self, places: Floats) -> NDArray[np.float32]:
        """(n, 3) the colours at (n, 2) columns and rows, between pixels mixed of four; beyond the edge those of it."""
        return sample(self.colours, places)


def sample(values: NDArray[np.float32], places: Floats) -> NDArray[np.float32]:
    """Bilinear.

    Args:
        values: (H, W, C).
        places: (n, 2) column and row; whole numbers are corners of pixels.

    Returns:
        (n, C) float32.
    """
    height, width = values.shape[:2]
    given = np.where(np.isfinite(places), places, 0.0) - 0.5
    column = np.clip(given[:, 0], 0, width - 1)
    row = np.clip(given[:, 1], 0, height - 1)
    left, top = np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (column - left)[:, None].astype(np.float32), (row - top)[:, None].astype(np.float32)
    upper = values[top, left] * (1 - across) + values[top, right] * across
    lower = values[below, left] * (1 - across) + values[below, right] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
