"""Faces of a number of vertices that one wants: subdivided, and cropped round the nose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, vstack
from scipy.sparse.csgraph import dijkstra

from core.errors import TemplateError
from core.spirals import edges_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAPER_VERTICES = 28_431
"""The paper's finest level (table 1)."""


def subdivision(triangles: NDArray[np.integer[Any]], count: int) -> tuple[csr_matrix, NDArray[np.int64]]:
    """Every triangle cut in four at the middles of its edges.

    Args:
        triangles: (F, 3).
        count: N, vertices.

    Returns:
        (N + E, N) what of the old vertices the new ones are, the old ones first; (4 F, 3) the new triangles.
    """
    edges = edges_of(triangles)
    middles = np.arange(len(edges))
    halves = coo_matrix((np.full(2 * len(edges), 0.5), (np.tile(middles, 2), edges.T.ravel())), (len(edges), count))
    itself = coo_matrix((np.ones(count), (np.arange(count), np.arange(count))), (count, count))
    corners = np.asarray(triangles, np.int64)
    keys = edges[:, 0] * count + edges[:, 1]
    sides = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2)
    a, b, c = (count + np.searchsorted(keys, sides.min(axis=2) * count + sides.max(axis=2))).T
    one, two, three = corners.T
    new = np.stack([[one, a, c], [a, two, b], [c, b, three], [a, b, c]]).transpose(2, 0, 1).reshape(-1, 3)
    return csr_matrix(vstack([itself, halves])), new


def crop_round_nose(
    points: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]], tip: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The part of a mesh round a vertex that has exactly so many vertices, by the way along the edges.

    Args:
        points: (N, 3).
        triangles: (F, 3).
        tip: the vertex.
        count: how many.

    Returns:
        (count,) the kept vertices, ascending; (G, 3) the triangles between them, as positions in that array.

    Raises:
        TemplateError: no whole number of triangles leaves so many vertices.
    """
    away = _along_edges(tip, points, triangles)
    # Triangle by triangle from the nose: each vertex comes with its first triangle.
    ordered = np.asarray(triangles)[np.argsort(away[triangles].max(axis=1), kind="stable")]
    first = np.full(len(points), len(ordered))
    np.minimum.at(first, ordered.ravel(), np.repeat(np.arange(len(ordered)), 3))
    last = np.sort(first)[min(count, len(first)) - 1]
    kept = np.flatnonzero(first <= last)
    if len(kept) != count or last == len(ordered) or not np.isfinite(away[kept]).all():
        raise TemplateError(f"The mesh cannot be cropped to {count} vertices.", "Ask for another number.")
    place = np.full(len(points), -1, np.int64)
    place[kept] = np.arange(count)
    return kept, place[ordered[: last + 1]]


def reachable(tip: int, points: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]]) -> int:
    """How many vertices hang together with one."""
    return int(np.isfinite(_along_edges(tip, points, triangles)).sum())


def _along_edges(
    tip: int, points: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    edges = edges_of(triangles)
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    graph = coo_matrix((np.maximum(lengths, 1e-9), edges.T), shape=(len(points),) * 2)
    return np.asarray(dijkstra(graph, directed=False, indices=tip))
