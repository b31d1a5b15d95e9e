"""The contour of the lips, matched as a curve: where skin turns from the open into the hidden.

Closest places alone let a face slide across the rim of a lip, for on both sides of the rim there is surface. A rim is
found alike on every mesh, whatever its topology: it is where a vertex sees half of the sky (visibility.py). Lids are
left to the modes of people and to closest places: their rims are so sharp that a few triangles more or less decide what
a vertex sees there, and matching them moved lids by up to 4 mm (docs/wrapping.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .meshes import unit, vertex_normals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .head import Head

LEVEL = 0.5

_CORNERS = ("left_mouth_corner", "right_mouth_corner")
_BESIDE, _ABOVE = 0.65, 0.3  # of the mouth's width, from its middle
_REACH = 5.0  # mm; a rim farther off is another one
_ALIKE = 0.3  # cosine between the normals of what may be matched: an upper lip is no lower lip


@dataclass(frozen=True)
class Rim:
    """The rims of a template: places on its edges.

    Attributes:
        edges: (n, 2) vertices; the first is the nearer one.
        share: (n,) where between them: 0 at the first.
    """

    edges: NDArray[np.int64]
    share: NDArray[np.float64]

    def places(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(V, 3) -> (n, 3)."""
        here, there = points[self.edges[:, 0]], points[self.edges[:, 1]]
        return np.asarray(here + self.share[:, None] * (there - here))


@dataclass(frozen=True)
class Curve:
    """The rims of a head.

    Attributes:
        start: (m, 3) mm.
        end: (m, 3) mm, of each segment.
        normal: (m, 3) unit, of the surface there.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    normal: NDArray[np.float64]


def rim_of(
    vertices: NDArray[np.float64],
    edges: NDArray[np.integer[Any]],
    openness: NDArray[np.float64],
    landmarks: Mapping[str, int],
) -> Rim:
    """The rims of a template's lips; empty where it does not name the corners of the mouth.

    Args:
        vertices: (V, 3) mm, y up.
        edges: (E, 2) of the skin.
        openness: (V,).
        landmarks: name -> vertex.
    """
    if any(name not in landmarks for name in _CORNERS):
        return Rim(np.zeros((0, 2), np.int64), np.zeros(0))
    inside = _round(vertices, vertices[[landmarks[name] for name in _CORNERS]])
    crossing = edges[inside[edges].all(axis=1) & ((openness[edges] > LEVEL).sum(axis=1) == 1)]
    values = openness[crossing]
    share = (LEVEL - values[:, 0]) / (values[:, 1] - values[:, 0])
    other = share > 0.5
    crossing[other] = crossing[other][:, ::-1]
    return Rim(crossing.astype(np.int64), np.where(other, 1 - share, share))


def _round(points: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    width = float(np.linalg.norm(corners[1] - corners[0]))
    away = points - corners.mean(axis=0)
    flat = np.linalg.norm(away, axis=1) < _BESIDE * width
    return np.asarray(flat & (np.abs(away[:, 1]) < _ABOVE * width))


def curve_of(head: Head, around: NDArray[np.float64]) -> Curve:
    """The rims of a head near a template's.

    Args:
        head: the surface.
        around: (n, 3) mm, where the template's rims lie now; n at least 1.
    """
    low, high = around.min(axis=0) - _REACH, around.max(axis=0) + _REACH
    inside = ((head.vertices > low) & (head.vertices < high)).all(axis=1)
    triangles = head.triangles[inside[head.triangles].all(axis=1)]
    above = head.openness[triangles] > LEVEL
    cut = (above.sum(axis=1) % 3) != 0
    triangles, above = triangles[cut], above[cut]
    # The corner that stands alone comes first: the curve crosses the two sides that leave it.
    alone = np.where((above.sum(axis=1) == 1)[:, None], above, ~above).argmax(axis=1)
    rows = np.arange(len(triangles))
    corners = np.stack([triangles[rows, (alone + turn) % 3] for turn in range(3)], axis=1)
    value, place = head.openness[corners], head.vertices[corners]

    def crossing(other: int) -> NDArray[np.float64]:
        share = (LEVEL - value[:, 0]) / (value[:, other] - value[:, 0])
        return np.asarray(place[:, 0] + share[:, None] * (place[:, other] - place[:, 0]))

    normals = unit(head.normals[corners].mean(axis=1))
    return Curve(crossing(1), crossing(2), normals)


def rim_pulls(
    rim: Rim, curve: Curve, current: NDArray[np.float64], triangles: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where the vertices beside a template's rims should go, so that these lie on the head's.

    Args:
        rim: the template's.
        curve: the head's.
        current: (V, 3) mm, where the template is.
        triangles: (F, 3) of its skin.

    Returns:
        (k,) vertices, some perhaps twice, and (k, 3) mm places for them.
    """
    if not len(rim.edges) or not len(curve.start):
        return np.zeros(0, np.int64), np.zeros((0, 3))
    places = rim.places(current)
    normals = vertex_normals(current, triangles)[rim.edges[:, 0]]
    way = curve.end - curve.start
    length = np.maximum((way**2).sum(axis=1), 1e-12)
    along = np.clip(((places[:, None] - curve.start) * way).sum(axis=-1) / length, 0, 1)
    nearest = curve.start + along[..., None] * way
    distance = np.linalg.norm(nearest - places[:, None], axis=-1)
    distance[normals @ curve.normal.T < _ALIKE] = np.inf
    best = distance.argmin(axis=1)
    rows = np.flatnonzero(distance[np.arange(len(places)), best] < _REACH)
    vertices = rim.edges[rows, 0]
    return vertices, current[vertices] + nearest[rows, best[rows]] - places[rows]
