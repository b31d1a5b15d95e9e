"""Lips that cross: how deep one lip is inside the other."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from core.template import Template
    from training.corpora.store import Corpus

    Points = NDArray[np.floating[Any]]

_BROAD = 9.0  # mm from the rim that count as lip, outside and inside
_INNER = 0.8  # of the way from the middle to a corner: in the corners both lips are one
_REACH = 4.0  # mm; what is farther from the other lip's surface is not in it


class Lips:
    """Looks at the bands around the inner rims of both lips.

    A vertex of one lip is inside the other where it lies behind the tangent plane of the other's nearest vertex. How
    deep it is at rest is taken off: the lips of some faces overlap there.

    Args:
        corpus: whose faces are looked at.
        upper: vertices of the upper lip.
        lower: of the lower one.
    """

    def __init__(self, corpus: Corpus, upper: NDArray[np.intp], lower: NDArray[np.intp]) -> None:
        self.corpus, self.upper, self.lower = corpus, upper, lower
        triangles = corpus.template.triangles
        both = np.isin(triangles, np.concatenate([upper, lower])).any(axis=1)
        self._triangles = triangles[both]
        self._deepest: list[float] = []

    @classmethod
    def of(cls, corpus: Corpus) -> Lips | None:
        """None where the template lacks the landmarks of the mouth."""
        marks = corpus.template.landmarks
        names = ("right_mouth_corner", "left_mouth_corner", "upper_lip_bottom", "lower_lip_top")
        if not set(names) <= set(marks):
            return None
        right, left, above, below = (marks[name] for name in names)
        return cls(corpus, *bands(corpus.template, right, left, above, below))

    def clear(self) -> None:
        """Forget what was seen."""
        self._deepest = []

    def look(self, subject: int, motion: Points) -> None:
        """At a performance, (T, V, 3) mm."""
        neutral = np.asarray(self.corpus.neutrals[subject], np.float64)
        rest = self.depths(neutral)
        self._deepest.append(max(float((self.depths(neutral + frame) - rest).max()) for frame in motion))

    def depths(self, face: Points) -> NDArray[np.float64]:
        """(n,) mm, of the vertices of both lips in a face (V, 3): how deep inside the other lip, 0 outside."""
        normals = self._normals(face)
        found = []
        for own, other in ((self.upper, self.lower), (self.lower, self.upper)):
            distance, nearest = cKDTree(face[other]).query(face[own])
            at = other[nearest]
            height = ((face[own] - face[at]) * normals[at]).sum(axis=1)
            found.append(np.where(distance < _REACH, np.maximum(-height, 0), 0))
        return np.concatenate(found)

    def _normals(self, face: Points) -> NDArray[np.float64]:
        """(V, 3) of unit length at the lips, by the triangles there; elsewhere without meaning."""
        a, b, c = (face[self._triangles[:, corner]] for corner in range(3))
        each = np.cross(b - a, c - a)
        whole = np.zeros((len(face), 3))
        for corner in range(3):
            np.add.at(whole, self._triangles[:, corner], each)
        return whole / np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), 1e-12)

    def result(self) -> dict[str, float]:
        """Of the deepest place of each performance, beyond rest, mm: worst and mean; the share deeper than 0.5 mm."""
        seen = np.maximum(self._deepest, 0)
        return {"worst_mm": float(seen.max()), "mean_mm": float(seen.mean()), "over_half": float((seen > 0.5).mean())}


def bands(
    template: Template, right: int, left: int, above: int, below: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The vertices of upper and lower lip: near the one rim or the other, by the way along the mesh.

    A rim is the shortest way from corner to corner by its middle.

    Args:
        template: whose vertices.
        right: vertex of the right corner of the mouth.
        left: of the left one.
        above: the middle of the upper lip's rim.
        below: the middle of the lower lip's rim.
    """
    graph = _graph(template)
    rims = [_way(graph, right, middle, left) for middle in (above, below)]
    points = template.vertices
    half = min(abs(float(points[corner, 0] - points[above, 0])) for corner in (right, left))
    inner = np.abs(points[:, 0] - points[above, 0]) < _INNER * half
    to_upper, to_lower = (
        dijkstra(graph, directed=False, indices=rim[inner[rim]], min_only=True, limit=3 * _BROAD) for rim in rims
    )
    upper = inner & (to_upper < _BROAD) & (to_upper < to_lower)
    lower = inner & (to_lower < _BROAD) & (to_lower < to_upper)
    return np.flatnonzero(upper), np.flatnonzero(lower)


def _graph(template: Template) -> csr_matrix:
    edges, points = template.edges, template.vertices.astype(np.float64)
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    return coo_matrix((length, (edges[:, 0], edges[:, 1])), shape=(len(points), len(points))).tocsr()


def _way(graph: csr_matrix, *stops: int) -> NDArray[np.intp]:
    """Vertices of the shortest way along the edges through some vertices."""
    way = [stops[0]]
    for _, end in pairwise(stops):
        _, before = dijkstra(graph, directed=False, indices=end, return_predecessors=True)
        while way[-1] != end:
            way.append(int(before[way[-1]]))
    return np.array(way)
