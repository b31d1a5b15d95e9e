"""Carry displacement fields from a generic face over to a person's: a wide mouth gets a wide smile."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, identity
from scipy.spatial import cKDTree

from core.jacobians import sorted_pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.template import Template

_BLUR = 6.0  # mm over which the Jacobians are averaged
_STRETCH = (0.65, 1.5)  # a Jacobian that says more than this speaks of a fold in the mesh, not of the face


class PushForward:
    """Maps displacement fields on a generic face to a person's face of the same topology.

    Where the skin is concerned, each vertex's displacement goes through the Jacobian of the map from the generic to the
    person's face, fitted over the vertex's 2-ring (least squares; the normals keep it from being flat) and smoothed
    over some millimetres. Eyes, teeth and tongue are carried whole, by one turn and one scale each. Lashes go with the
    skin next to them.

    Args:
        template: topology and parts.
        generic: (V, 3) the face the fields were made for, millimetres.
    """

    def __init__(self, template: Template, generic: NDArray[np.floating[Any]]) -> None:
        self.template = template
        self.generic = np.asarray(generic, dtype=np.float64)
        self.rigid, self.hanging = sorted_pieces(template)
        self.adjacency = vertex_adjacency(template)
        near = (self.adjacency @ self.adjacency + self.adjacency).tocoo()
        apart = near.row != near.col
        self._here, self._there = near.row[apart], near.col[apart]
        self._gather = csr_matrix(
            (np.ones(len(self._here)), (self._here, np.arange(len(self._here)))),
            shape=(template.vertex_count, len(self._here)),
        )
        self._generic_frames = self._frames(self.generic)

    @cached_property
    def skin(self) -> NDArray[np.bool_]:
        """(V,) bool: vertices that bend, neither carried whole nor hanging on others."""
        bends = np.ones(self.template.vertex_count, bool)
        for group in (*self.rigid, self.hanging):
            bends[group] = False
        return bends

    def jacobians(self, person: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(V, 3, 3) what the map from the generic face to the person's, (V, 3), does to small vectors."""
        target = np.asarray(person, dtype=np.float64)
        source_edges, source_normals = self._generic_frames
        edges, normals = self._frames(target)
        moment = self._sum_outer(source_edges, source_edges) + _outer(source_normals, source_normals)
        mixed = self._sum_outer(edges, source_edges) + _outer(normals, source_normals)
        jacobians = _limit_stretch(mixed @ np.linalg.inv(moment))
        smooth = (self._blur @ jacobians.reshape(-1, 9)).reshape(-1, 3, 3)
        for group in self.rigid:
            smooth[group] = similarity(self.generic[group], target[group])
        smooth[self.hanging] = smooth[self._anchors]
        return np.asarray(smooth)

    def __call__(self, fields: NDArray[np.floating[Any]], person: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(U, V, 3) fields on the generic face -> (U, V, 3) on the person's."""
        return np.asarray(np.einsum("vij,uvj->uvi", self.jacobians(person), fields, optimize=True))

    @cached_property
    def _anchors(self) -> NDArray[np.int64]:
        """For each hanging vertex the nearest one of the skin."""
        skin = np.flatnonzero(self.skin)
        return np.asarray(skin[cKDTree(self.generic[skin]).query(self.generic[self.hanging])[1]])

    @cached_property
    def _blur(self) -> csr_matrix:
        """(V, V) Gaussian mean over the skin around each of its vertices, in space and by area; elsewhere the identity.

        In space, because a corner of the mouth is a fold of many short edges: Jacobians that differ there from one
        vertex to the next would crumple it.
        """
        skin = np.flatnonzero(self.skin)
        area = vertex_areas(self.generic, self.template.triangles)
        tree = cKDTree(self.generic[skin])
        near = tree.sparse_distance_matrix(tree, 2.5 * _BLUR, output_type="coo_matrix")
        rows = np.concatenate([near.row, np.arange(len(skin))])
        columns = np.concatenate([near.col, np.arange(len(skin))])
        distance = np.concatenate([near.data, np.zeros(len(skin))])
        weight = np.exp(-0.5 * (distance / _BLUR) ** 2) * area[skin[columns]]
        count = self.template.vertex_count
        blur = csr_matrix((weight, (skin[rows], skin[columns])), shape=(count, count))
        rest = diags((~self.skin).astype(float))
        total = np.asarray(blur.sum(axis=1)).ravel()
        return diags(1 / np.where(self.skin, total, 1)) @ blur + rest

    @cached_property
    def averaging(self) -> csr_matrix:
        """(V, V) mean over a vertex and its neighbours."""
        ring = self.adjacency + identity(self.template.vertex_count, format="csr")
        return diags(1 / np.asarray(ring.sum(axis=1)).ravel()) @ ring

    def _frames(self, vertices: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(E, 3) vectors to all vertices of the 2-rings, and (V, 3) normals as long as all of those together."""
        edges = vertices[self._there] - vertices[self._here]
        size = np.sqrt(self._gather @ (edges**2).sum(axis=1) / 2)
        return edges, vertex_normals(vertices, self.template.triangles) * size[:, None]

    def _sum_outer(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._gather @ _outer(left, right).reshape(-1, 9)).reshape(-1, 3, 3)


def similarity(source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(3, 3) the turn times scale that carries the source points, (n, 3), best onto the target's, both centred."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, strength, vt = np.linalg.svd(b.T @ a)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return np.asarray((u * flip) @ vt * ((strength * flip).sum() / (a**2).sum()))


def rigid_alignment(
    moving: NDArray[np.floating[Any]], fixed: NDArray[np.floating[Any]], used: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(V, 3) the moving face turned and shifted, not scaled, onto the fixed one by the vertices used, (V,) bool."""
    turn = similarity(moving[used], fixed[used])
    turn /= np.cbrt(np.linalg.det(turn))
    return np.asarray((moving - moving[used].mean(axis=0)) @ turn.T + fixed[used].mean(axis=0))


def vertex_adjacency(template: Template) -> csr_matrix:
    """(V, V) symmetric, 1 where an edge runs."""
    first, second = template.edges.T
    count = template.vertex_count
    half = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    return (half + half.T).tocsr()


def vertex_normals(vertices: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(V, 3) unit normals, the triangles' weighed by their areas."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    face = np.cross(b - a, c - a)
    normals = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], face)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def vertex_areas(vertices: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(V,) a third of the area of the triangles around each vertex."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    face = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    return np.bincount(triangles.ravel(), np.repeat(face, 3), len(vertices)).astype(np.float64)


def _outer(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    return left[:, :, None] * right[:, None, :]


def _limit_stretch(jacobians: NDArray[np.float64]) -> NDArray[np.float64]:
    u, stretch, vt = np.linalg.svd(jacobians)
    return np.asarray((u * np.clip(stretch, *_STRETCH)[:, None, :]) @ vt)
