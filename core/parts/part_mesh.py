"""A part as arrays: what of an object's mesh has one role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..wrapping.meshes import welded

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PartMesh:
    """Some vertices of an object's mesh, at rest.

    Attributes:
        points: (M, 3) float64, mm in the template's axes, in the space of the head that they belong to.
        edges: (E, 2) integers, edges among them, as rows of `points`.
        vertices: (M,) int32, their indices in the object's mesh.
        vertex_count: how many vertices that mesh has.
    """

    points: NDArray[np.float64]
    edges: NDArray[np.integer[Any]]
    vertices: NDArray[np.int32]
    vertex_count: int

    @classmethod
    def whole(cls, points: NDArray[np.floating[Any]], edges: NDArray[np.integer[Any]]) -> PartMesh:
        """All of a mesh."""
        return cls(np.asarray(points, np.float64), edges, np.arange(len(points), dtype=np.int32), len(points))

    def only(self, rows: NDArray[np.integer[Any]]) -> PartMesh:
        """Some rows of it, ascending, with the edges among them."""
        place = np.full(len(self.points), -1)
        place[rows] = np.arange(len(rows))
        edges = place[self.edges]
        return PartMesh(self.points[rows], edges[(edges >= 0).all(axis=1)], self.vertices[rows], self.vertex_count)


_GRAIN = 0.01
"""Millimetres within which two vertices are at one place."""


def with_seams(points: NDArray[np.floating[Any]], edges: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The edges, and one between vertices at the same place: files of other programs cut meshes along their seams.

    Args:
        points: (M, 3) mm, finite.
        edges: (E, 2).

    Returns:
        (E', 2).
    """
    if not len(points):
        return np.zeros((0, 2), np.int64)
    place = welded(np.asarray(points, np.float64), _GRAIN, np.arange(len(points)))
    order = np.argsort(place, kind="stable")
    same = np.flatnonzero(np.diff(place[order]) == 0)
    return np.concatenate(
        [np.asarray(edges, np.int64).reshape(-1, 2), np.stack([order[same], order[same + 1]], axis=1)]
    )
