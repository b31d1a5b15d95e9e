"""A head to be wrapped: which of its surface counts, and how to ask it for its closest places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MeshError
from .meshes import areas, edges_of, face_normals, pieces, unit, vertex_normals, welded
from .visibility import OPEN, openness

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .surface import SurfaceOf, TreeSurface

_GRAIN = 0.01  # mm; vertices so near are one, as an importer splits them along seams
_MARGIN = 0.35  # of the template's size round about: what lies farther off is no head
_HIDES = 150.0  # mm; what is farther away hides nothing
_FLAT = 1e-7  # mm^2
_BESIDE = 20.0  # mm; landmarks farther off the surface are not on it
_LEAST = 100


@dataclass(frozen=True)
class Found:
    """Closest places on a head.

    Attributes:
        place: (n, 3) mm.
        normal: (n, 3) unit, smooth.
        distance: (n,) mm.
        inner: (n,) bool: not on an edge where the head's mesh ends.
    """

    place: NDArray[np.float64]
    normal: NDArray[np.float64]
    distance: NDArray[np.float64]
    inner: NDArray[np.bool_]


class Head:
    """The surface of a head that a wrap sees: one piece, near the landmarks, not hidden.

    Args:
        vertices: (N, 3) mm, the template's axes.
        triangles: (F, 3).
        landmarks: (n, 3) mm, on or near the surface; they say which piece is the skin.
        extent: (2, 3) mm, lowest and highest corner of where the template will lie.
        surface_of: makes a surface.
        cancelled: asked now and then.

    Attributes:
        vertices: as given.
        skin: (N,) bool: the vertices of the piece.
        triangles: (K, 3) those of the piece near the head.
        visible: (K,) bool.
        normals: (N, 3) unit, of the vertices of the piece; smooth across seams.
        openness: (N,) how much of the sky each vertex of the piece sees, 0..1; see visibility.py.

    Raises:
        MeshError: there is no surface near the landmarks.
        Cancelled: as asked.
    """

    def __init__(
        self,
        vertices: NDArray[np.float64],
        triangles: NDArray[np.integer[Any]],
        landmarks: NDArray[np.float64],
        extent: NDArray[np.float64],
        surface_of: SurfaceOf,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.vertices = vertices
        near = _near(vertices, triangles, extent)
        if len(near) < _LEAST:
            raise MeshError("There are hardly any polygons near the landmarks.", "Place the landmarks on the face.")
        everything = surface_of(vertices, near)
        place = welded(vertices, _GRAIN, near)
        label = pieces(edges_of(place[near])[0], int(place.max()) + 1)[place]
        self.skin = label == _piece(label[near[:, 0]], everything, landmarks)
        own = self.skin[near[:, 0]]
        self.triangles = near[own]
        self.normals = welded_normals(vertices, self.triangles, place)
        used = np.unique(self.triangles)
        seen_by = np.zeros(len(vertices))
        # By the skin alone: some heads have eyeballs in their mesh, others have not.
        skin = surface_of(vertices, self.triangles)
        seen_by[used] = openness(skin, vertices[used], self.normals[used], _HIDES, cancelled)
        self.openness = seen_by
        self._check_outside(skin, landmarks)
        self.visible = seen_by[self.triangles].mean(axis=1) > OPEN
        seen = self.triangles[self.visible]
        if len(seen) < _LEAST:
            raise MeshError(
                "Hardly anything of this mesh can be seen from outside.",
                "Recalculate its normals: in Edit Mode, Mesh > Normals > Recalculate Outside.",
            )
        self._surface = surface_of(vertices, seen)
        self._border = borders(place[self.triangles], int(place.max()) + 1)[place]

    def _check_outside(self, skin: TreeSurface, landmarks: NDArray[np.float64]) -> None:
        """Landmarks lie in the open: where they do not, but the other side of the polygons does, all is inside out."""
        triangle, place = skin.closest(landmarks)
        if np.median(np.linalg.norm(place - landmarks, axis=1)) > _BESIDE:
            raise MeshError("The landmarks do not lie on the head.", "Place them on its surface.")
        corners = self.triangles[triangle].reshape(-1)
        behind = openness(skin, self.vertices[corners], -self.normals[corners], _HIDES)
        if behind.mean() > self.openness[corners].mean():
            raise MeshError(
                "Where the landmarks are, the polygons look inwards.",
                "Check that the landmarks lie on the face; if so, in Edit Mode, Mesh > Normals > Recalculate Outside.",
            )

    def closest(self, points: NDArray[np.float64]) -> Found:
        """(n, 3) mm -> the closest places that can be seen."""
        triangle, place = self._surface.closest(points)
        corners = self._surface.triangles[triangle]
        shares = self._surface.shares(triangle, place)
        normal = unit(np.einsum("nk,nkx->nx", shares, self.normals[corners]))
        distance = np.linalg.norm(place - points, axis=1)
        return Found(place, normal, distance, ~on_border(shares, self._border[corners]))

    def distances(self, surface: TreeSurface) -> NDArray[np.float64]:
        """(N,) mm from each visible vertex of the skin to a surface; NaN for the others, and beyond its edge."""
        out = np.full(len(self.vertices), np.nan)
        seen = np.unique(self.triangles[self.visible])
        triangle, place = surface.closest(self.vertices[seen])
        border = borders(surface.triangles, len(surface.vertices))[surface.triangles[triangle]]
        inner = ~on_border(surface.shares(triangle, place), border)
        out[seen[inner]] = np.linalg.norm(place - self.vertices[seen], axis=1)[inner]
        return out


def _near(
    vertices: NDArray[np.float64], triangles: NDArray[np.integer[Any]], extent: NDArray[np.float64]
) -> NDArray[np.integer[Any]]:
    margin = _MARGIN * (extent[1] - extent[0]).max()
    inside = ((vertices > extent[0] - margin) & (vertices < extent[1] + margin)).all(axis=1)
    near = np.asarray(triangles)[inside[triangles].all(axis=1)]
    return np.asarray(near[areas(vertices, near) > _FLAT])


def _piece(label: NDArray[np.int64], surface: TreeSurface, landmarks: NDArray[np.float64]) -> int:
    """The piece that most landmarks lie on; of several the one with more triangles."""
    votes = np.bincount(label[surface.closest(landmarks)[0]])
    most = np.flatnonzero(votes == votes.max())
    return int(most[np.argmax([np.count_nonzero(label == one) for one in most])])


def welded_normals(
    vertices: NDArray[np.float64], triangles: NDArray[np.integer[Any]], place: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(N, 3) unit normals of (N, 3) vertices, smooth across seams: vertices of the same `place` (N,) have one."""
    where = np.zeros((int(place.max()) + 1, 3))
    where[place] = vertices
    return vertex_normals(where, place[triangles])[place]


def borders(triangles: NDArray[np.integer[Any]], count: int) -> NDArray[np.bool_]:
    """(count,) bool: the vertices on an edge that only one of the (F, 3) triangles has."""
    edges, uses = edges_of(triangles)
    out = np.zeros(count, bool)
    out[edges[uses == 1]] = True
    return out


def on_border(shares: NDArray[np.float64], border: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) bool: places whose (n, 3) barycentric shares are all of corners on a border, (n, 3) bool."""
    return np.asarray(~((shares > 1e-3) & ~border).any(axis=1))


def vertex_openness(
    vertices: NDArray[np.float64],
    triangles: NDArray[np.integer[Any]],
    surface_of: SurfaceOf,
) -> NDArray[np.float64]:
    """(N,) in 0..1, how much of the sky the vertices of a mesh in mm see; see visibility.py."""
    normals = vertex_normals(vertices, triangles)
    return openness(surface_of(vertices, triangles), vertices, normals, _HIDES)


def flipped(
    before: NDArray[np.float64], after: NDArray[np.float64], triangles: NDArray[np.integer[Any]]
) -> NDArray[np.intp]:
    """Indices of the triangles that look the other way after than before (no turn of the whole in between)."""
    turn = (face_normals(before, triangles) * face_normals(after, triangles)).sum(axis=1)
    return np.flatnonzero(turn < 0)
