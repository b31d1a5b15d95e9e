"""The face that is fitted to photos, and how far the points on it are off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..detection.faces import eye_distance
from .noise import Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..bundle import Bundle
    from .kit import PhotoKit

    Floats = NDArray[np.float64]

_DEPTH_SOMEWHERE = 30.0
"""Eye distances: where the face is in depth the points do not tell."""


@dataclass(frozen=True)
class Model:
    """A template whose identity and expression are linear in unknown strengths.

    Attributes:
        bundle: its template and modes; has a kit.
    """

    bundle: Bundle

    @cached_property
    def kit(self) -> PhotoKit:
        """What photos are read by."""
        assert self.bundle.photo is not None
        return self.bundle.photo

    @cached_property
    def vertices(self) -> Floats:
        """(V, 3) the mean face."""
        return self.bundle.template.vertices.astype(np.float64)

    @cached_property
    def moves(self) -> Floats:
        """(M + E, V, 3) identity's modes, then expressions."""
        return np.concatenate([self.bundle.modes, self.kit.expressions]).astype(np.float64)

    @property
    def modes(self) -> int:
        """M."""
        return len(self.bundle.modes)

    @cached_property
    def eyes(self) -> float:
        """Mm between the outer corners of the template's eyes."""
        return eye_distance(self.points)

    @cached_property
    def points(self) -> Floats:
        """(468, 3) where the detector's points lie on the mean face."""
        return self.kit.points_of(self.vertices)

    @cached_property
    def point_moves(self) -> Floats:
        """(M + E, 468, 3) of the detector's points."""
        return self.kit.points_of(self.moves)

    @cached_property
    def noise(self) -> Noise:
        """Of the points in one photo, in eye distances."""
        somewhere = np.zeros((1, *self.kit.spread.shape))
        somewhere[..., 2] = _DEPTH_SOMEWHERE
        return Noise(somewhere.reshape(1, -1), self.kit.spread.reshape(-1))

    def posed(self, person: Floats, expressions: Floats) -> Floats:
        """(V, 3) mm, a person with an expression; (M,) and (E,) strengths."""
        return self.vertices + np.tensordot(np.concatenate([person, expressions]), self.moves, axes=1)
