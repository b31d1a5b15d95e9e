"""A surface that tells its closest points and what rays hit, over whatever tree of triangles there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    SurfaceOf = Callable[[NDArray[np.float64], NDArray[np.integer[Any]]], "TreeSurface"]
    """Makes a surface of (N, 3) vertices and (F, 3) triangles; where trees come from is the caller's matter."""


class Tree(Protocol):
    """What Blender's mathutils.bvhtree.BVHTree offers; None in an answer means nothing was found."""

    def find_nearest(self, origin: Sequence[float], /) -> tuple[Any, Any, Any, Any]:
        """Place, normal, triangle, distance."""

    def ray_cast(self, origin: Sequence[float], direction: Sequence[float], distance: float, /) -> tuple[Any, ...]:
        """Place, normal, triangle, distance."""


class TreeSurface:
    """Triangles in space.

    Args:
        vertices: (N, 3) any unit.
        triangles: (F, 3) corners; at least one.
        tree: of exactly these triangles.
    """

    def __init__(self, vertices: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]], tree: Tree) -> None:
        self.vertices = np.asarray(vertices, np.float64)
        self.triangles = np.asarray(triangles)
        self._tree = tree

    def closest(self, points: NDArray[np.floating[Any]]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The surface's closest places.

        Args:
            points: (n, 3), finite.

        Returns:
            (n,) triangles, and (n, 3) places on them.
        """
        triangles, places = np.zeros(len(points), np.intp), np.array(points, np.float64)
        find = self._tree.find_nearest
        for number, point in enumerate(places.tolist()):
            place, _, triangle, _ = find(point)
            if triangle is not None:
                triangles[number] = triangle
                places[number] = place
        return triangles, places

    def cast(
        self, origins: NDArray[np.floating[Any]], directions: NDArray[np.floating[Any]], reach: float = np.inf
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """What rays hit first.

        Args:
            origins: (n, 3).
            directions: (n, 3), or (3,) for all.
            reach: how far they go.

        Returns:
            (n,) distances, inf for a miss, and (n,) triangles, -1 for a miss.
        """
        distances, triangles = np.full(len(origins), np.inf), np.full(len(origins), -1, np.intp)
        cast, limit = self._tree.ray_cast, min(float(reach), 1e30)
        ways = np.broadcast_to(directions, (len(origins), 3)).tolist()
        for number, (origin, way) in enumerate(zip(np.asarray(origins, np.float64).tolist(), ways, strict=True)):
            _, _, triangle, distance = cast(origin, way, limit)
            if triangle is not None:
                distances[number], triangles[number] = distance, triangle
        return distances, triangles

    def misses(self, origins: list[list[float]], direction: NDArray[np.float64], reach: float) -> NDArray[np.bool_]:
        """(n,) bool: whether rays from these origins, all one way, hit nothing within reach."""
        cast, way = self._tree.ray_cast, direction.tolist()
        return np.array([cast(origin, way, reach)[2] is None for origin in origins], bool)

    def shares(self, triangle: NDArray[np.integer[Any]], place: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Barycentric coordinates of places on triangles.

        Args:
            triangle: (n,).
            place: (n, 3).

        Returns:
            (n, 3) in 0..1, rows sum to 1.
        """
        return barycentric(self.vertices[self.triangles[triangle]], place)


def barycentric(corners: NDArray[np.float64], place: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n, 3) barycentric coordinates, 0..1, of (n, 3) places in (n, 3, 3) corners; a third each in a flat one."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    rest = place - corners[:, 0]
    a, b, c = (np.einsum("ni,ni->n", *pair) for pair in ((first, first), (first, second), (second, second)))
    d, e = np.einsum("ni,ni->n", rest, first), np.einsum("ni,ni->n", rest, second)
    area = a * c - b * b
    flat = area <= 1e-14 * np.maximum(a, c) ** 2
    safe = np.where(flat, 1.0, area)
    v, w = (c * d - b * e) / safe, (a * e - b * d) / safe
    out = np.clip(np.stack([1 - v - w, v, w], axis=1), 0.0, 1.0)
    out[flat] = 1 / 3
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def on_triangles(
    values: NDArray[np.floating[Any]], corners: NDArray[np.integer[Any]], shares: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Values of vertices (..., V, 3) at places in triangles.

    Args:
        values: of vertices.
        corners: (n, 3) vertices of each place's triangle.
        shares: (n, 3) how much each counts.

    Returns:
        (..., n, 3).
    """
    return np.asarray((values[..., corners, :] * shares[:, :, None]).sum(axis=-2), np.float64)
