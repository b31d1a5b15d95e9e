"""The similarity that lays a mesh on its template (numpy alone)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .engine import Layout, Template

_NEARLY = np.cos(np.radians(10))
_AXES = ("X", "Y", "Z")


@dataclass(frozen=True)
class Similarity:
    """target ≈ (point - origin) @ rotation / scale + centre.

    Attributes:
        scale: object units per millimetre.
        rotation: (3, 3), turns the template's axes into the object's; no reflection.
        origin: (3,) object units.
        centre: (3,) mm.
        residual: mm, root mean square.
    """

    scale: float
    rotation: NDArray[np.float64]
    origin: NDArray[np.float64]
    centre: NDArray[np.float64]
    residual: float

    def apply(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 3) in object units -> (n, 3) in the template's millimetres and axes."""
        return (points - self.origin) @ self.rotation / self.scale + self.centre


def align(points: NDArray[np.float64], target: NDArray[np.float64]) -> Similarity:
    """The similarity without reflection from points to target, by least squares (Umeyama 1991).

    Args:
        points: (n, 3) object units.
        target: (n, 3) mm.
    """
    origin, centre = points.mean(axis=0), target.mean(axis=0)
    here, there = points - origin, target - centre
    spread = float((here**2).sum())
    left, values, right = np.linalg.svd(there.T @ here)
    sign = np.ones(3)
    sign[2] = np.sign(np.linalg.det(left) * np.linalg.det(right))
    turn = (left * sign) @ right  # the object's axes into the template's
    mm_per_unit = float((values * sign).sum()) / spread if spread > 0 else 0.0
    if mm_per_unit <= 0:
        return Similarity(1.0, np.eye(3), origin, centre, float("inf"))
    residual = np.sqrt(((mm_per_unit * here @ turn.T - there) ** 2).sum(axis=1).mean())
    return Similarity(1 / mm_per_unit, turn.T, origin, centre, float(residual))


def turned(vectors: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Matrix @ vector for each vector (..., 3), axis by axis.

    Most faces lie along the axes, and then three products do. A matrix product would wake BLAS' threads, which get in
    the way of those that compute the next frames.
    """
    out = np.empty(vectors.shape, np.float32)
    # Next to the largest share a smaller one than float32 resolves is none.
    least = 1e-9 * float(np.abs(matrix).max())
    for row, shares in enumerate(matrix):
        first, *others = np.flatnonzero(np.abs(shares) > least)
        np.multiply(vectors[..., first], np.float32(shares[first]), out=out[..., row])
        for column in others:
            out[..., row] += vectors[..., column] * np.float32(shares[column])
    return out


def mouth_gap(points: NDArray[np.float64], template: Template, layout: Layout) -> float:
    """Millimetres between the lips beyond the template's own; 0 where the template does not name them.

    Args:
        points: (N, 3) all of the object's vertices, in the template's mm and axes.
        template: whose landmarks name the lips.
        layout: where its vertices lie in the object.
    """
    marks = [template.landmarks.get(name) for name in ("upper_lip_bottom", "lower_lip_top")]
    if None in marks or (layout.object_index[marks] < 0).any():
        return 0.0
    upper, lower = points[layout.object_index[marks]]
    own_upper, own_lower = template.vertices[marks].astype(np.float64)
    return float(np.linalg.norm(upper - lower) - np.linalg.norm(own_upper - own_lower))


def describe_turn(to_world: NDArray[np.float64]) -> str:
    """In words: what a metre is and where the face looks, such as "1 unit is about 1,000 mm, looks to -Y, up is +Z".

    Args:
        to_world: (3, 3), a vector in the template's mm to the scene's units.
    """
    scale = float(np.cbrt(abs(np.linalg.det(to_world))))
    if not (scale > 0 and math.isfinite(scale)):
        return ""
    # Heads differ in size by some percent, so the unit is known no better than that; most are a power of ten.
    unit = 1 / scale
    decade = 10.0 ** round(math.log10(unit))
    about = decade if 0.85 < unit / decade < 1.15 else float(f"{unit:.2g}")
    return f"1 unit is about {about:,.4g} mm, looks to {_axis(to_world[:, 2])}, up is {_axis(to_world[:, 1])}"


def _axis(vector: NDArray[np.float64]) -> str:
    unit = vector / np.linalg.norm(vector)
    longest = int(np.argmax(np.abs(unit)))
    name = f"{'-' if unit[longest] < 0 else '+'}{_AXES[longest]}"
    off = np.degrees(np.arccos(min(1.0, abs(unit[longest]))))
    return name if abs(unit[longest]) > _NEARLY else f"{name} turned by {off:.0f}°"
