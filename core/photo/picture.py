"""A photo as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..detection.views import sample

if TYPE_CHECKING:
    import numpy as np
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
