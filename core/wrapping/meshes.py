"""What a wrap needs to know of a triangle mesh: normals, neighbours, pieces, borders (numpy alone)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def face_normals(vertices: NDArray[np.float64], triangles: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(F, 3) unit normals; zero for a flat triangle."""
    corners = vertices[triangles]
    return unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))


def vertex_normals(vertices: NDArray[np.float64], triangles: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(N, 3) unit normals, means of the triangles round a vertex by their areas; zero where there are none."""
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros((len(vertices), 3))
    for axis in range(3):
        for corner in range(3):
            total[:, axis] += np.bincount(triangles[:, corner], normals[:, axis], len(vertices))
    return unit(total)


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) of length 1; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0))


def areas(vertices: NDArray[np.float64], triangles: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(F,)."""
    corners = vertices[triangles]
    return np.asarray(
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    )


def edges_of(triangles: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(E, 2) edges, smaller vertex first, each once; and (E,) how many triangles have each."""
    sides = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    count = int(sides.max(initial=0)) + 1
    keys, uses = np.unique(sides[:, 0].astype(np.int64) * count + sides[:, 1], return_counts=True)
    return np.stack([keys // count, keys % count], axis=1), uses


def pieces(edges: NDArray[np.integer[Any]], count: int) -> NDArray[np.int64]:
    """(count,) the smallest index of the vertices that edges join with each vertex."""
    label = np.arange(count)
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, edges[:, 0], label[edges[:, 1]])
        np.minimum.at(lowest, edges[:, 1], label[edges[:, 0]])
        while True:
            nearer = lowest[lowest]
            if np.array_equal(nearer, lowest):
                break
            lowest = nearer
        if np.array_equal(lowest, label):
            return label
        label = lowest


def welded(vertices: NDArray[np.float64], grain: float, triangles: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """(N,) for each vertex the number of its place: vertices of triangles within the same cell of `grain` are one.

    Vertices of no triangle, wherever they are, stay by themselves.
    """
    used = np.unique(triangles)
    points = vertices[used]
    cells = np.round((points - points.min(axis=0)) / grain).astype(np.int64)
    keys = (cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]) * (cells[:, 2].max() + 1) + cells[:, 2]
    joined = np.unique(keys, return_inverse=True)[1].reshape(-1)
    out = int(joined.max()) + 1 + np.arange(len(vertices))
    out[used] = joined
    return out


@dataclass(frozen=True)
class Neighbours:
    """Who is next to whom, one list after the other.

    Attributes:
        index: (2 E,) the neighbours of vertex 0, then those of vertex 1, and so on; a vertex without any has itself.
        first: (N,) where each vertex's list begins.
        degree: (N,) float64 number of neighbours, at least 1.
        alone: (n,) vertices without neighbours.
    """

    index: NDArray[np.intp]
    first: NDArray[np.intp]
    degree: NDArray[np.float64]
    alone: NDArray[np.intp]

    def links(self, vertices: NDArray[np.integer[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(k,) positions in `vertices`, ascending, and (k,) neighbours: one pair for each neighbour of each of them."""
        degree = self.degree[vertices].astype(np.intp)
        owner = np.repeat(np.arange(len(vertices)), degree)
        start = np.repeat(self.first[vertices] - (np.cumsum(degree) - degree), degree)
        return owner, self.index[start + np.arange(len(owner))]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., N) -> (..., N) the sum over the neighbours; 0 without any. Axis by axis, which is what gathers fast."""
        flat = values.reshape(-1, values.shape[-1])
        out = np.empty(flat.shape)
        for row, axis in enumerate(flat):
            np.add.reduceat(axis.take(self.index), self.first, out=out[row])
        out[:, self.alone] = 0.0
        return out.reshape(values.shape)

    def mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., N) -> (..., N) the mean over the neighbours; 0 without any."""
        return np.asarray(self.total(values) / self.degree)


def neighbours(edges: NDArray[np.integer[Any]], count: int) -> Neighbours:
    """The lists of (E, 2) edges, each given once."""
    alone = np.setdiff1d(np.arange(count), edges)
    both = np.concatenate([edges, edges[:, ::-1], np.stack([alone, alone], axis=1)])
    both = both[np.argsort(both[:, 0], kind="stable")]
    degree = np.bincount(both[:, 0], minlength=count)
    first = np.cumsum(degree) - degree
    return Neighbours(np.ascontiguousarray(both[:, 1], np.intp), first, degree.astype(np.float64), alone)
