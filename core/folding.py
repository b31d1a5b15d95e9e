"""Unpooling and spirals of a level folded into one sparse operator, with vertices in an order that caches like.

A spiral convolution (eq. 3) is linear, and so is the unpooling before it. So the L tap matrices may be applied on the
coarse level, Z = X W, and one fixed sparse operator C = [P_0 U, P_1 U, ...] carries Z to the fine level; U unpools and
P_j picks the j-th vertex of each spiral. numpy alone: both engines build on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Index = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Level:
    """What unpooling and convolution know of a level.

    Attributes:
        index: (N, 3) coarse vertices that each vertex is mixed from.
        weight: (N, 3) barycentric weights.
        spirals: (N, L); what is not in 0..N-1 is padding and reads as zero.
    """

    index: Index
    weight: NDArray[np.floating[Any]]
    spirals: Index


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix by rows (CSR).

    Attributes:
        starts: (rows + 1,) int32, where each row begins in the other two.
        columns: (entries,) int32.
        values: (entries,) float32.
        width: number of columns.
    """

    starts: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    width: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.starts) - 1

    @property
    def rows(self) -> NDArray[np.int32]:
        """(entries,) int32, the row of each entry."""
        return np.repeat(np.arange(self.height, dtype=np.int32), np.diff(self.starts))

    def transposed(self) -> Sparse:
        """The transpose, by rows as well."""
        order = np.argsort(self.columns, kind="stable")
        return Sparse(_starts(self.columns, self.width), self.rows[order], self.values[order], self.height)


def fold(level: Level, coarse_count: int) -> Sparse:
    """C of one level: row i mixes what its spiral's vertices unpool from.

    Args:
        level: the fine level.
        coarse_count: M, vertices of the coarse level.

    Returns:
        (N, M * L); column c * L + j is tap j at coarse vertex c.
    """
    count, length = level.spirals.shape
    row, tap = np.nonzero((level.spirals >= 0) & (level.spirals < count))
    source = level.spirals[row, tap]
    columns = level.index[source].astype(np.int64) * length + tap[:, None]
    width = coarse_count * length
    # A row meets the same tap of the same coarse vertex only where an unpooling names a vertex twice.
    place, where = np.unique((row[:, None] * width + columns).ravel(), return_inverse=True)
    values = np.bincount(where.ravel(), level.weight[source].ravel().astype(np.float64))
    kept = values != 0
    rows = (place // width)[kept]
    return Sparse(_starts(rows, count), (place % width)[kept].astype(np.int32), values[kept].astype(np.float32), width)


def in_cache_order(levels: Sequence[Level]) -> tuple[list[Level], list[Index]]:
    """The levels with their vertices in an order in which neighbours lie near each other in memory.

    The coarsest level stays as it is; on every finer one the vertices lie sorted by the coarse vertex they take most
    from, then by the second. So each coarse vertex has its neighbourhood in one place, on all levels at once.

    Args:
        levels: all but the coarsest, from coarse to fine.

    Returns:
        The same with -1 for padding; the order of each level, (N,): position -> vertex.
    """
    orders: list[Index] = []
    result = []
    for level in levels:
        corners = inverse(orders[-1])[level.index] if orders else level.index
        ranked = np.take_along_axis(corners, np.argsort(-level.weight, axis=1, kind="stable"), axis=1)
        order = np.lexsort((ranked[:, 2], ranked[:, 1], ranked[:, 0]))
        count = len(order)
        rank = np.append(inverse(order), -1)
        spirals = np.where((level.spirals >= 0) & (level.spirals < count), level.spirals, count)
        result.append(Level(corners[order], level.weight[order], rank[spirals[order]]))
        orders.append(order)
    return result, orders


def permuted_rows(matrix: Sparse, order: Index) -> Sparse:
    """The matrix whose row i is row order[i] of the given one."""
    counts = np.diff(matrix.starts)[order]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    entry = np.repeat(matrix.starts[order] - starts[:-1], counts) + np.arange(starts[-1])
    return Sparse(starts, matrix.columns[entry], matrix.values[entry], matrix.width)


def inverse(order: Index) -> Index:
    """The inverse of a permutation."""
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return back


def _starts(rows: Index, count: int) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))]).astype(np.int32)
