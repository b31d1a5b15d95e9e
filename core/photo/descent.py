"""Points put right by what a photo shows around them (supervised descent, Xiong and De la Torre 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..arrays import Stored
from ..detection.faces import POINTS
from ..errors import TemplateError
from .gradients import FEATURES, Around, flipped
from .sight import upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Features = NDArray[np.float32]

_FARTHEST = 0.12
"""Eye distances that a point is put right by at most, beside the usual shift."""


@dataclass(frozen=True)
class Descent(Stored):
    """How points are put right; checked when made.

    All but the first are of one of each pair of points that mirror each other, in the order of `own`; lengths are in
    distances between the eyes' outer corners, to the right and up in the upright picture.

    Attributes:
        partner: (468,) int32, the number of each point's partner on the other side; its own where it is in the middle.
        usual: (H, 432) float16, `Around.features` on average.
        deviation: (H, 432) float16, their standard deviations, above 0.
        shift: (H, 2) float32, how far points usually have to go.
        steps: (H, 432, 2) float16, how much farther for each feature beyond the usual.
        familiar: (H, 2) float32, how strange what is around a point may look, see `strangeness`: up to the first number
            all is believed, from the second on nothing.

    Raises:
        TemplateError: arrays that do not fit together, or hold numbers that are not finite.
    """

    prefix = "photo.descent."
    what = "the photo kit's descent"
    types: ClassVar = {
        "partner": np.int32,
        "usual": np.float16,
        "deviation": np.float16,
        "shift": np.float32,
        "steps": np.float16,
        "familiar": np.float32,
    }

    partner: NDArray[np.int32]
    usual: NDArray[np.float16]
    deviation: NDArray[np.float16]
    shift: NDArray[np.float32]
    steps: NDArray[np.float16]
    familiar: NDArray[np.float32]

    def __post_init__(self) -> None:
        self._make_own()
        fits = self.partner.shape == (POINTS,) and np.array_equal(np.sort(self.partner), np.arange(POINTS))
        fits = fits and np.array_equal(self.partner[self.partner], np.arange(POINTS))
        own = len(self.own) if fits else 0
        fits = fits and self.usual.shape == self.deviation.shape == (own, FEATURES)
        fits = fits and self.steps.shape == (own, FEATURES, 2) and self.shift.shape == self.familiar.shape == (own, 2)
        if not fits:
            raise TemplateError(f"The arrays of {self.what} do not have the shapes they should.")
        if self.deviation.min() <= 0 or (self.familiar[:, 0] >= self.familiar[:, 1]).any():
            raise TemplateError(f"The numbers of {self.what} make no sense.")

    @property
    def own(self) -> NDArray[np.intp]:
        """(H,) numbers of the points that stand for their partners, too."""
        return np.flatnonzero(np.arange(POINTS) <= self.partner)

    def put_right(self, colours: NDArray[np.float32], points: Floats, eyes: float) -> Floats:
        """(468, 3) the points, moved in the picture to where what is around them says.

        Args:
            colours: (H, W, 3) the photo, 0 to 1.
            points: (468, 3) the detector's: column, row and depth in pixels.
            eyes: pixels between the eyes' outer corners, were the face seen from the front.
        """
        return self.moved(points, Around(colours, points, eyes).features(points[:, :2]), eyes)

    def moved(self, points: Floats, features: Features, eyes: float) -> Floats:
        """(468, 3) the same, by what is around the points, (468, 432)."""
        out = points.copy()
        out[:, :2] += self.moves(features) @ upright(points * [1.0, -1.0, 1.0]) * [1.0, -1.0] * eyes
        return out

    def moves(self, features: Features) -> Floats:
        """(468, 2) how far points go by what is around them, (468, 432)."""
        out, own = np.empty((POINTS, 2)), self.own
        out[self.partner[own]] = self._moves(features[self.partner[own]][:, flipped()]) * [-1.0, 1.0]
        out[own] = self._moves(features[own])
        return out

    def _moves(self, features: Features) -> Floats:
        beyond = features - self.usual
        low, high = self.familiar.T
        believed = np.clip((high - strangeness(beyond, self.deviation)) / (high - low), 0, 1)
        moves = np.einsum("hf,hfx->hx", beyond, self.steps.astype(np.float32)) * believed[:, None]
        length = np.linalg.norm(moves, axis=1, keepdims=True)
        return np.asarray(self.shift + moves * np.minimum(1, _FARTHEST / np.maximum(length, 1e-9)), np.float64)


def strangeness(beyond: Features, deviation: NDArray[np.floating[Any]]) -> Features:
    """(...) mean square of features (..., 432) beyond the usual, in their deviations; about 1 as a rule."""
    return np.asarray(((beyond / deviation.astype(np.float32)) ** 2).mean(axis=-1), np.float32)
