"""Unpooling (section 3.2 of the paper): where each vertex of a mesh lies on the coarser one, as a mix of three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .collapse import is_usable
from .spirals import components_of, edges_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_PLANE = 0.9
"""Cosine above which a triangle lies as the vertex does."""


def unpooling(
    vertices: NDArray[np.floating[Any]],
    triangles: NDArray[np.integer[Any]],
    keep: NDArray[np.integer[Any]],
    coarse_triangles: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The closest point of the coarse mesh to each vertex, looked for where the surface leads and not across a gap.

    Lips touch at rest, and so do lids and eyes: the nearest surface through the air is often that of the other lip,
    which moves the other way. So a vertex is carried only by coarse triangles round the kept vertex that is nearest
    *along the surface*, rather by those that face its own way; a little further off only by those that lie as it does.
    Vertices of a component that is gone follow whatever is
    nearest. Vertices outside the coarse surface's border land on the border, so weights stay in [0, 1]; the collapse
    holds the corners of a flat sheet, so a linear field on one comes back exactly.

    Args:
        vertices: (N, 3) mm, the fine mesh.
        triangles: (F, 3) of the fine mesh.
        keep: (M,) indices of the fine vertices that are the coarse mesh's, ascending.
        coarse_triangles: (G, 3) indices into `keep`.

    Returns:
        (N, 3) int32 indices into the coarse mesh, and (N, 3) float32 weights in [0, 1] whose rows sum to 1. A kept
        vertex has three times itself, with the weights 1, 0, 0.
    """
    points = np.asarray(vertices, np.float64)
    usable = coarse_triangles[is_usable(points[keep][coarse_triangles])]
    component = components_of(triangles, len(points))
    nearest = _nearest_along_surface(points, triangles, keep)
    alone = nearest < 0
    if alone.any():
        nearest[alone] = _nearest_through_air(points[alone], points[keep])
    index = np.repeat(nearest[:, None], 3, axis=1)
    weight = np.tile([1.0, 0.0, 0.0], (len(points), 1))
    dropped = np.ones(len(points), bool)
    dropped[keep] = False
    if len(usable):
        corners = points[keep][usable]
        here = np.flatnonzero(dropped & np.isin(component, component[keep]))
        queries, faces, further = _round(nearest[here], usable, len(keep))
        alike = _alike(_normals(points, triangles), corners, here[queries], faces)
        fit = ~further | (alike > _SAME_PLANE)
        queries, faces, alike = queries[fit], faces[fit], alike[fit]
        lost = np.flatnonzero(dropped & alone)
        lost_queries, lost_faces = _within_reach(points[lost], corners, points[keep])
        query = np.concatenate([here[queries], lost[lost_queries]])
        face = np.concatenate([faces, lost_faces])
        behind = np.concatenate([alike < 0, np.zeros(len(lost_faces), bool)])
        found, chosen, mix = _land(points, corners, query, face, behind)
        index[found], weight[found] = usable[chosen], mix
    return index.astype(np.int32), weight.astype(np.float32)


def _nearest_along_surface(
    points: NDArray[np.float64], triangles: NDArray[np.integer[Any]], keep: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """(N,) the kept vertex nearest along the edges, as an index into `keep`; -1 where none can be reached."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    edges = edges_of(triangles)
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    # An edge between two vertices at one place still is an edge; scipy would take a zero for none.
    length = np.maximum(length, 1e-9 * max(float(length.max(initial=0)), 1e-30))
    graph = coo_matrix((length, edges.T), shape=(len(points),) * 2).tocsr()
    _, _, source = dijkstra(graph, directed=False, indices=keep, min_only=True, return_predecessors=True)
    place = np.full(len(points) + 1, -1, np.int64)
    place[keep] = np.arange(len(keep))
    return np.asarray(place[np.where(source < 0, len(points), source)])


def _nearest_through_air(points: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.int64]:
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(places).query(points)[1], np.int64)


def _round(
    nearest: NDArray[np.int64], triangles: NDArray[np.integer[Any]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """All pairs (query, triangle) in which the triangle lies round the query's nearest vertex.

    Within one edge of it, that is, or (True in the third array) within two.
    """
    from scipy.sparse import coo_matrix

    size = len(triangles)
    touching = coo_matrix(
        (np.ones(3 * size), (triangles.ravel(), np.repeat(np.arange(size), 3))), (count, size)
    ).tocsr()
    neighbours = (touching @ touching.T).tocsr()
    one, two = (neighbours @ touching).tocsr(), (neighbours @ neighbours @ touching).tocsr()
    one.data[:], two.data[:] = 1, 1
    pairs = (one + two)[nearest].tocoo()
    return pairs.row.astype(np.int64), pairs.col.astype(np.int64), pairs.data < 2


def _land(
    points: NDArray[np.float64],
    corners: NDArray[np.float64],
    query: NDArray[np.int64],
    face: NDArray[np.int64],
    behind: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For each vertex with candidates the nearest triangle, and its barycentric weights there.

    Triangles `behind`, those that face away, count only where no other is left.
    """
    from trimesh.triangles import closest_point, points_to_barycentric

    landed = closest_point(corners[face], points[query])
    away = np.linalg.norm(landed - points[query], axis=1)
    order = np.lexsort((face, away, behind, query))
    found, first = np.unique(query[order], return_index=True)
    best = order[first]
    mix = np.clip(points_to_barycentric(corners[face[best]], landed[best]), 0.0, 1.0)
    return found, face[best], mix / mix.sum(axis=1, keepdims=True)


def _alike(
    facing: NDArray[np.float64], corners: NDArray[np.float64], vertex: NDArray[np.int64], face: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(Q,) cosine between the normals of vertices and of triangles, pair by pair; 0 where a vertex has none."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(facing, axis=1)[vertex] * np.linalg.norm(normal, axis=1)[face]
    return np.asarray(np.einsum("qk,qk->q", facing[vertex], normal[face]) / np.maximum(lengths, 1e-300))


def _normals(points: NDArray[np.float64], triangles: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(N, 3) area-weighted normals of the vertices, not of unit length."""
    corners = points[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(points)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], normal)
    return total


def _within_reach(
    queries: NDArray[np.float64], corners: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs (query, triangle) in which the triangle may be nearer than the nearest of the places."""
    from scipy.spatial import cKDTree

    if len(queries) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    bound = cKDTree(places).query(queries)[0]
    centre = corners.mean(axis=1)
    radius = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
    near = cKDTree(queries).query_ball_point(centre, (radius + bound.max()) * (1 + 1e-9), return_sorted=True)
    face = np.repeat(np.arange(len(corners)), [len(one) for one in near])
    which = np.concatenate([np.asarray(one, np.int64) for one in near])
    reach = np.linalg.norm(queries[which] - centre[face], axis=1) - radius[face]
    possible = reach <= bound[which] * (1 + 1e-9)
    return which[possible], face[possible]
