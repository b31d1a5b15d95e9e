"""Hidden skin finds its place by walking: from vertex to vertex on the head, and as far on the template.

The insides of lips, lids and nostrils touch each other, so the closest place may be that of the wrong lip. But along
the surface there is only one way in. Vertex after vertex, outermost first, takes the best place near those of its
neighbours that have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled
from .surface import barycentric

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .meshes import Neighbours

_PARENTS = 3
_MOST_RINGS = 4
_TURN_MM = 4.0
"""Looking the opposite way is as bad as lying so many mm * sqrt(2) farther off."""


class Walk:
    """Walks hidden skin.

    Args:
        near: neighbours on the head.
        points: (N, 3) mm, the head.
        normals: (N, 3).
        template_near: neighbours on the template.
        laid: (V, 3) mm, the template on the head.
        laid_normals: (V, 3).
        face: (F, 3) the template's triangles.
    """

    def __init__(
        self,
        near: Neighbours,
        points: NDArray[np.float64],
        normals: NDArray[np.float64],
        *,
        template_near: Neighbours,
        laid: NDArray[np.float64],
        laid_normals: NDArray[np.float64],
        face: NDArray[np.int32],
    ) -> None:
        self._near, self._points, self._normals = near, points, normals
        self._laid, self._laid_normals, self._face = laid, laid_normals, face
        rings = 1 + int(np.ceil(_edge_length(near, points) / max(_edge_length(template_near, laid), 1e-9)))
        self._first, self._ring = _rings(template_near, min(rings, _MOST_RINGS))

    def __call__(
        self, corner: NDArray[np.int64], cancelled: Callable[[], bool] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Places for all vertices that can be reached.

        Args:
            corner: (N,) template vertex next to where each vertex lies; -1 for those that are to walk.
            cancelled: asked at each layer.

        Returns:
            (N,) triangles of the template, -1 for what is not reached; and (N, 3) shares. Of those that had a corner
            already, neither counts.
        """
        corner = corner.copy()
        waiting = np.flatnonzero(corner < 0)
        walked = []
        while len(waiting):
            if cancelled is not None and cancelled():
                raise Cancelled
            rows, parents = self._parents(waiting, corner)
            if not len(rows):
                break
            layer, found = self._best(rows, corner[parents])
            corner[layer] = found
            walked.append(layer)
            waiting = waiting[corner[waiting] < 0]
        triangle, shares = np.full(len(corner), -1), np.zeros((len(corner), 3))
        if walked:
            reached = np.concatenate(walked)
            triangle[reached], shares[reached] = self._refined(reached, corner[reached])
        return triangle, shares

    def _parents(
        self, waiting: NDArray[np.int64], corner: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (vertex, neighbour that has a place): a few for each vertex that has one at all, vertices ascending."""
        owner, others = self._near.links(waiting)
        rows = waiting[owner]
        known = corner[others] >= 0
        rows, others = rows[known], others[known]
        # The first few of each vertex.
        fresh = np.ones(len(rows), bool)
        fresh[_PARENTS:] = rows[_PARENTS:] != rows[:-_PARENTS] if len(rows) > _PARENTS else True
        return rows[fresh], others[fresh]

    def _best(self, rows: NDArray[np.int64], start: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(layer,) vertices, and for each the template vertex that suits it best, near those of its parents."""
        count = self._first[start + 1] - self._first[start]
        owner = np.repeat(rows, count)
        offset = np.repeat(self._first[start] - (np.cumsum(count) - count), count)
        candidate = self._ring[offset + np.arange(len(owner))]
        apart = ((self._points[owner] - self._laid[candidate]) ** 2).sum(axis=1)
        turned = 1 - (self._normals[owner] * self._laid_normals[candidate]).sum(axis=1)
        score = apart + _TURN_MM**2 * turned
        begin = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
        lowest = np.minimum.reduceat(score, begin)
        which = np.repeat(np.arange(len(begin)), np.diff(np.append(begin, len(owner))))
        hits = np.flatnonzero(score <= lowest[which])
        first = hits[np.unique(which[hits], return_index=True)[1]]
        return owner[first], candidate[first]

    def _refined(
        self, vertices: NDArray[np.int64], corner: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """From the best vertex to the best of its triangles."""
        order = np.argsort(self._face.reshape(-1), kind="stable")
        of_vertex = np.searchsorted(self._face.reshape(-1)[order], np.arange(len(self._laid) + 1))
        best = np.full(len(vertices), np.inf)
        triangle, shares = np.zeros(len(vertices), np.int64), np.zeros((len(vertices), 3))
        points = self._points[vertices]
        for turn in range(int(np.diff(of_vertex).max(initial=0))):
            there = np.flatnonzero(of_vertex[corner] + turn < of_vertex[corner + 1])
            one = order[of_vertex[corner[there]] + turn] // 3
            corners = self._laid[self._face[one]]
            part = barycentric(corners, points[there])
            apart = np.linalg.norm(np.einsum("nk,nkx->nx", part, corners) - points[there], axis=1)
            better = apart < best[there]
            chosen = there[better]
            best[chosen], triangle[chosen], shares[chosen] = apart[better], one[better], part[better]
        return triangle, shares


def _edge_length(near: Neighbours, points: NDArray[np.float64]) -> float:
    """Median, of edges longer than 0."""
    owner, other = near.links(np.arange(len(points)))
    length = np.linalg.norm(points[owner] - points[other], axis=1)
    return float(np.median(length[length > 0])) if (length > 0).any() else 1.0


def _rings(near: Neighbours, rings: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each vertex all within so many rings, itself too: (V + 1,) offsets into one list."""
    count = len(near.degree)
    pairs = np.arange(count) * (count + 1)  # owner * count + member
    for _ in range(rings):
        member, reached = near.links(pairs % count)
        pairs = np.unique(np.concatenate([pairs, pairs[member] // count * count + reached]))
    return np.searchsorted(pairs // count, np.arange(count + 1)), pairs % count
