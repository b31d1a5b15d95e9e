"""How well a wrap lies on a head, as colours: blue is on the surface, red is far from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORST_MM = 3.0
"""Distance in mm, on a head of average size, from which on a vertex is simply red."""

STOPS = ((0.16, 0.38, 0.78), (0.60, 0.79, 0.90), (0.97, 0.88, 0.55), (0.89, 0.45, 0.23), (0.70, 0.07, 0.10))
"""Colours (0..1, as a screen shows them) from 0 mm to `WORST_MM`; blue to red, which the colour-blind can tell too."""

UNREACHED = (0.52, 0.52, 0.52)
"""Of what was not compared: hidden skin, and what the wrap does not reach."""

FLIPPED = (1.0, 0.0, 0.85)
"""Of triangles that are turned over."""

_LIGHT = (0.25, 0.45, 0.86)
_AMBIENT = 0.42


@dataclass(frozen=True)
class HeatMap:
    """A head and what the wrap's quality says about each of its vertices.

    Attributes:
        vertices: (N, 3) float64, the head at rest; the object's units and axes.
        triangles: (F, 3) int32.
        distance: (N,) float32 mm from the wrapped template; NaN for hidden skin, and where the wrap does not reach.
        flipped: (n, 3, 3) float64, the corners of the wrapped template's triangles that are turned over.
        wrapped: (V, 3) float64, where the template's vertices lie on the head.
        to_local: (3, 3) float64, from mm of the template to the object's units and axes.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    distance: NDArray[np.float32]
    flipped: NDArray[np.float64]
    wrapped: NDArray[np.float64]
    to_local: NDArray[np.float64]


def colours(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) mm -> (n, 3) float32 0..1."""
    place = np.nan_to_num(np.clip(distance / WORST_MM, 0, 1)) * (len(STOPS) - 1)
    stops = np.array(STOPS, np.float32)
    below = np.minimum(place.astype(int), len(STOPS) - 2)
    share = (place - below)[:, None]
    found = stops[below] * (1 - share) + stops[below + 1] * share
    found[~np.isfinite(distance)] = UNREACHED
    return found.astype(np.float32)


def vertex_normals(vertices: NDArray[np.float64], triangles: NDArray[np.int32]) -> NDArray[np.float64]:
    """(N, 3) unit normals out of a head, each triangle weighted by its area; 0 where there is none.

    What mirrors a head turns its triangles over, and some scans look inward altogether: the whole decides.
    """
    one, two, three = (vertices[triangles[:, corner]] for corner in range(3))
    normals = np.cross(two - one, three - one)
    total = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(normals[:, axis], 3), minlength=len(vertices)) for axis in range(3)],
        axis=1,
    )
    outward = np.sign((total * (vertices - vertices[triangles[:, 0]].mean(axis=0))).sum()) or 1.0
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return outward * total / np.where(length > 0, length, 1)


def shade(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) normals in the template's axes -> (n,) brightness 0..1: light from the front, a little left and above."""
    light = np.array(_LIGHT) / np.linalg.norm(_LIGHT)
    return _AMBIENT + (1 - _AMBIENT) * np.clip(normals @ light, 0, 1)


def painted(heat: HeatMap, vertices: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
    """(N, 3) float32 colours with light and shade, for a drawing that has no light of its own.

    Args:
        heat: the head.
        vertices: (N, 3) its present shape, where that is not its rest.
    """
    where = heat.vertices if vertices is None else vertices
    # Normals in the template's axes, so that the light comes from before the face, wherever it looks.
    axes = np.linalg.inv(heat.to_local)
    normals = vertex_normals(where @ axes.T, heat.triangles)
    return (colours(heat.distance) * shade(normals)[:, None]).astype(np.float32)
