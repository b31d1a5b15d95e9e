"""A Gaussian mean over a skin, quick to compute: what lies on its vertices is gathered in cells first. numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .wrapping.meshes import areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLUR = 6.0  # mm, deviation of the Gaussian over which the Jacobians are averaged
_REACH = 2.5 * _BLUR
_CELL = 3.5  # mm, edge of the cells in which they are gathered for that


class Blur:
    """A Gaussian mean over the skin, in space and by area: over cells of some millimetres, read at each vertex.

    In space, because a corner of the mouth is a fold of many short edges: Jacobians that differ there from one vertex
    to the next would crumple it.
    """

    def __init__(self, vertices: NDArray[np.float64], triangles: NDArray[np.int64], skin: NDArray[np.intp]) -> None:
        self._skin, self._count = skin, len(vertices)
        share = np.repeat(areas(vertices, triangles) / 3, 3)
        self._area = np.bincount(triangles.ravel(), share, len(vertices))[skin] + 1e-9
        cells = np.floor(vertices[skin] / _CELL).astype(np.int64)
        self._cell = np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)
        self._cells = int(self._cell.max(initial=-1)) + 1
        total = np.bincount(self._cell, self._area, self._cells)
        middle = np.stack(
            [np.bincount(self._cell, self._area * vertices[skin, axis], self._cells) for axis in range(3)]
        )
        self._rows, self._columns, self._weights = _near(vertices[skin], (middle / total).T)
        self._first = np.flatnonzero(np.diff(self._rows, prepend=-1))  # every vertex is near its own cell

    def __call__(
        self, given: NDArray[np.float64], there: NDArray[np.bool_], whole: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(V, 3, 3), with the cells weighed by the area that is there -> (V, 3, 3); off the skin as given."""
        out = given.copy()
        if len(self._skin) == 0:
            return out
        area = self._area * there[self._skin]
        weight = self._weights * np.bincount(self._cell, area, self._cells).astype(np.float32)[self._columns]
        total = np.add.reduceat(weight, self._first, dtype=np.float64)
        # Means of what differs from the whole: the sums are small, and what is alone stays the whole.
        apart = (given[self._skin] - whole).reshape(-1, 9)
        smooth = np.empty_like(apart)
        for entry in range(9):
            held = np.bincount(self._cell, area * apart[:, entry], self._cells).astype(np.float32)
            smooth[:, entry] = np.add.reduceat(self._weights * held[self._columns], self._first, dtype=np.float64)
        smooth /= np.maximum(total, 1e-9)[:, None]
        out[self._skin] = whole + smooth.reshape(-1, 3, 3)
        return out


def _near(
    points: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Pairs of points and places within reach, by point, and the Gaussian of their distance."""
    rows, columns, weights = [], [], []
    # Block by block: what is far from a whole block is not looked at.
    block = np.unique(np.floor(points / _REACH).astype(np.int64), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(block, kind="stable")
    for here in np.split(order, np.flatnonzero(np.diff(block[order])) + 1) if len(order) else []:
        part = points[here]
        low, high = part.min(axis=0) - _REACH, part.max(axis=0) + _REACH
        there = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
        square = ((part[:, None] - places[there]) ** 2).sum(axis=2)
        one, other = np.nonzero(square <= _REACH**2)
        rows.append(here[one])
        columns.append(there[other])
        weights.append(np.exp(-0.5 * square[one, other] / _BLUR**2).astype(np.float32))
    empty = np.zeros(0, np.intp)
    row, column, weight = (np.concatenate([empty, *parts]) for parts in (rows, columns, weights))
    order = np.argsort(row, kind="stable")
    return row[order], column[order], weight[order].astype(np.float32)
