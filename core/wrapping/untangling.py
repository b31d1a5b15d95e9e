"""Folds taken out of a wrapped face: where it folds, it follows its surroundings instead of the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .head import flipped
from .meshes import edges_of, neighbours, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .meshes import Neighbours

_FIRST, _LAST = 2, 14
"""Rings round a fold that are let loose, at first and at last."""

_RELAXING = 5
_ENOUGH = 12  # vertices that tell an affine map
_MOST = 1500
"""Vertices of one patch: more are no fold but a wrap that failed, and a dense system that takes too long."""


def untangled(
    before: NDArray[np.float64], after: NDArray[np.float64], triangles: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The same surface without folds, as far as that can be had.

    Triangles that look the other way than before, and some rings round them, get the smoothest displacement that meets
    their surroundings (least |L u|^2, L the umbrella operator; exactly, for the patches are small).

    Args:
        before: (V, 3) where the surface came from, without folds.
        after: (V, 3) where it is.
        triangles: (F, 3).

    Returns:
        (V, 3).
    """
    edges = edges_of(triangles)[0]
    near = neighbours(edges, len(before))
    moved = after - before
    for rings in range(_FIRST, _LAST + 1):
        turned = triangles[flipped(before, before + moved, triangles)]
        if not len(turned):
            break
        loose = _grown(edges, turned, rings, len(before))
        inner = edges[loose[edges].all(axis=1)]
        label = pieces(inner, len(before))
        for patch in np.unique(label[loose]):
            members = np.flatnonzero(loose & (label == patch))
            if len(members) <= _MOST:
                moved[members] = _smoothest(near, moved, members)
    return _relaxed(edges, before, before + moved, triangles)


def _relaxed(
    edges: NDArray[np.int64], before: NDArray[np.float64], after: NDArray[np.float64], triangles: NDArray[np.int32]
) -> NDArray[np.float64]:
    """What still folds, slivers in a corner of the mouth, is laid as its surroundings lie: by one affine map."""
    best, fewest = after, len(flipped(before, after, triangles))
    for rings in range(1, _RELAXING):
        if not fewest:
            break
        turned = triangles[flipped(before, best, triangles)]
        loose = _grown(edges, turned, rings, len(before))
        wide = _grown(edges, turned, 2 * rings + 2, len(before))
        tried = best.copy()
        label = pieces(edges[wide[edges].all(axis=1)], len(before))
        for patch in np.unique(label[wide]):
            inside, around = loose & (label == patch), wide & ~loose & (label == patch)
            if around.sum() >= _ENOUGH:
                whole = np.column_stack([before, np.ones(len(before))])
                tried[inside] = whole[inside] @ np.linalg.lstsq(whole[around], best[around], rcond=None)[0]
        left = len(flipped(before, tried, triangles))
        if left < fewest:
            best, fewest = tried, left
    return best


def _grown(edges: NDArray[np.int64], start: NDArray[np.integer[Any]], rings: int, count: int) -> NDArray[np.bool_]:
    """(count,) bool: the vertices within so many rings of those to start from."""
    reached = np.zeros(count, bool)
    reached[start] = True
    for _ in range(rings):
        reached[edges[reached[edges].any(axis=1)]] = True
    return reached


def _smoothest(near: Neighbours, moved: NDArray[np.float64], members: NDArray[np.intp]) -> NDArray[np.float64]:
    """(m, 3) the displacement of the members that bends least, all others given."""
    rows = np.unique(np.concatenate([members, near.links(members)[1]]))
    place = np.full(len(moved), -1)
    place[members] = np.arange(len(members))
    matrix = np.zeros((len(rows), len(members)))
    known = np.zeros((len(rows), 3))
    owner, other = near.links(rows)
    weight = np.concatenate([np.ones(len(rows)), -1 / near.degree[rows[owner]]])
    row, column = np.concatenate([np.arange(len(rows)), owner]), np.concatenate([rows, other])
    free = place[column] >= 0
    np.add.at(matrix, (row[free], place[column[free]]), weight[free])
    np.add.at(known, row[~free], weight[~free, None] * moved[column[~free]])
    # Least squares by the normal equations: the umbrella operator of a patch with fixed surroundings is well behaved.
    square = matrix.T @ matrix
    square[np.diag_indices(len(square))] += 1e-9
    return np.asarray(np.linalg.solve(square, -matrix.T @ known))
