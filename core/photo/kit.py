"""What photos are read by on one template: where the detector's points lie, how far it is off, expressions, UVs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..detection.faces import POINTS
from ..errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..template import Template

_PREFIX = "photo."
_MOST = 200
"""Expressions, or ways in which the points err together."""
TURNS = 6
"""Functions of how a face is turned that the points' bias consists of; see `turn_terms`."""


@dataclass(frozen=True)
class PhotoKit:
    """Checked when made.

    Attributes:
        expressions: (E, V, 3) float16 mm, ways in which a face moves, one standard deviation each.
        vertices: (468, 3) int32 corners of the template's triangle in which each of the detector's points lies.
        shares: (468, 3) float32 where in it, from 0 to 1.
        bias: (6, 468, 3) float32, how far the detector usually is off: see `turn_terms`.
        heard: (Q, 468, 3) float32, what of a face's difference from the mean, in eye distances, makes the detector err.
        leaning: (Q, 468, 3) float16, how it then errs: towards the faces that it knows, most of all.
        person: (S, 468, 3) float16, how else it errs in all photos of a person alike, each row at one standard
            deviation.
        factor: (K, 468, 3) float16, how points err together in one photo, each row at one standard deviation.
        spread: (468, 3) float32, standard deviation of what each point errs by itself.
        uv: (P, 4, 2) float32 from 0 to 1, where each corner of the template's polygons lies on its texture.

    The last three numbers of an error are to the right, up and towards the viewer in the upright
    picture, in distances between the eyes' outer corners.

    Raises:
        TemplateError: arrays that do not fit together, or hold numbers that are not finite.
    """

    expressions: NDArray[np.float16]
    vertices: NDArray[np.int32]
    shares: NDArray[np.float32]
    bias: NDArray[np.float32]
    heard: NDArray[np.float32]
    leaning: NDArray[np.float16]
    person: NDArray[np.float16]
    factor: NDArray[np.float16]
    spread: NDArray[np.float32]
    uv: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name, dtype in _TYPES.items():
            given = np.asarray(getattr(self, name))
            if given.dtype.kind not in ("iu" if dtype is np.int32 else "f"):
                raise TemplateError(f"The {name} of a photo kit are of the type {given.dtype}.")
            copy: NDArray[Any] = np.array(given, dtype, order="C")
            if not np.isfinite(copy).all():
                raise TemplateError(f"The {name} of a photo kit hold values that are not finite numbers.")
            copy.flags.writeable = False
            object.__setattr__(self, name, copy)
        fits = self.vertices.shape == self.shares.shape == self.spread.shape == (POINTS, 3)
        ways = (self.heard, self.leaning, self.person, self.factor)
        fits = fits and self.bias.shape == (TURNS, POINTS, 3) and len(self.heard) == len(self.leaning)
        fits = fits and all(one.ndim == 3 and one.shape[1:] == (POINTS, 3) for one in ways)
        fits = fits and self.expressions.ndim == 3 and self.expressions.shape[2] == 3
        fits = fits and self.uv.ndim == 3 and self.uv.shape[1:] == (4, 2)
        if not fits or max(len(one) for one in (self.expressions, *ways)) > _MOST:
            raise TemplateError("The arrays of a photo kit do not have the shapes they should.")
        if self.spread.min() <= 0 or self.vertices.min() < 0:
            raise TemplateError("The points of a photo kit make no sense.")

    def check(self, template: Template) -> None:
        """Raises TemplateError where it is not one of this template."""
        fits = self.expressions.shape[1:] == template.vertices.shape and len(self.uv) == len(template.polygons)
        if not fits or self.vertices.max() >= template.vertex_count:
            raise TemplateError("The photo kit does not fit the template.")

    def points_of(self, vertices: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(468, 3) where the detector's points lie on a face (V, 3)."""
        return np.asarray((vertices[self.vertices] * self.shares[:, :, None]).sum(axis=1), np.float64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays for a bundle."""
        return {_PREFIX + name: getattr(self, name) for name in _TYPES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> PhotoKit | None:
        """The inverse of `to_arrays`; None where there is none.

        Raises:
            TemplateError: an array is missing or damaged.
        """
        if not any(name.startswith(_PREFIX) for name in arrays):
            return None
        missing = [name for name in _TYPES if _PREFIX + name not in arrays]
        if missing:
            raise TemplateError(f"The photo kit lacks {', '.join(missing)}.")
        return cls(**{name: arrays[_PREFIX + name] for name in _TYPES})


_TYPES: dict[str, type] = {
    "expressions": np.float16,
    "vertices": np.int32,
    "shares": np.float32,
    "bias": np.float32,
    "heard": np.float32,
    "leaning": np.float16,
    "person": np.float16,
    "factor": np.float16,
    "spread": np.float32,
    "uv": np.float32,
}


def turn_terms(rotation: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(6,) 1, y, p, y^2, y p, p^2 of a face's turn.

    Args:
        rotation: (3, 3) of a `Camera`. y is how far the face looks to the picture's right, p how far up: the first two
            of its forward axis, sines of angles.
    """
    y, p = rotation[0, 2], rotation[1, 2]
    return np.array([1.0, y, p, y * y, y * p, p * p])
