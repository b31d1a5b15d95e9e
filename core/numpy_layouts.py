"""Unpooling and spiral convolution of one frame in numpy, twice: which way is sooner depends on the machine's BLAS.

Both take features (N_coarse, in) and write (N_fine, out), bias included, without the ReLU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .folding import Level, fold, inverse

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Index = NDArray[np.integer[Any]]

BLOCK = 2**18
"""Multiplications in one product: what it reads stays in the cache, and OpenBLAS computes products up to this size in
the calling thread. Its own threads bring little here, and would spin on beside ours (and Blender's) for a while."""

_LANES = 4
"""Rows of so many floats are moved as one; three are not."""


class Layout(Protocol):
    """A way to compute one level. It owns buffers: one thread at a time."""

    def __call__(self, coarse: Floats, out: Floats) -> None:
        """(N_coarse, in) -> out (N_fine, out)."""

    def twin(self) -> Layout:
        """The same tables with buffers of its own, for one of several threads."""


class GatherLayout:
    """Unpool, gather the spirals of a block of vertices, one product: most arithmetic, for a machine with BLAS.

    Args:
        level: tables, -1 for padding.
        rows: (N,) vertices in the order of the result's rows.
        taps: (L, in, out).
        bias: (out,).
        matmul: product of two matrices, with `out`.
    """

    def __init__(self, level: Level, rows: Index, taps: Floats, bias: Floats, matmul: Callable[..., Any]) -> None:
        index, weight, table = level.index, level.weight, level.spirals
        count, length = table.shape
        self._count, self._length, self._inputs = count, length, taps.shape[1]
        self._corners = [np.ascontiguousarray(index[:, k], np.intp) for k in range(3)]
        # As wide as the features: numpy multiplies by a column of numbers several times slower.
        self._shares = [np.repeat(weight[:, k, None], self._inputs, axis=1) for k in range(3)]
        # Padding reads the row of zeros behind the last vertex.
        self._spirals = np.where(table < 0, count, table)[rows].astype(np.intp).ravel()
        self._taps = np.ascontiguousarray(taps.reshape(-1, taps.shape[2]))
        self._bias = np.tile(bias, count)
        self._matmul = matmul
        self._make_buffers()

    def _make_buffers(self) -> None:
        self._block = min(self._count, max(1, BLOCK // self._taps.size))
        self._fine = np.zeros((self._count + 1, self._inputs), np.float32)
        self._corner = np.empty((self._count, self._inputs), np.float32)
        self._gathered = np.empty((self._block * self._length, self._inputs), np.float32)

    def twin(self) -> GatherLayout:
        """The same tables with buffers of its own."""
        other = object.__new__(GatherLayout)
        other.__dict__.update(self.__dict__)
        other._make_buffers()
        return other

    def __call__(self, coarse: Floats, out: Floats) -> None:
        """See `Layout`."""
        fine = self._fine[:-1]
        for number, (corners, shares) in enumerate(zip(self._corners, self._shares, strict=True)):
            target = self._corner if number else fine
            np.take(coarse, corners, axis=0, out=target, mode="clip")
            np.multiply(target, shares, out=target)
            if number:
                np.add(fine, target, out=fine)
        for first in range(0, self._count, self._block):
            last = min(first + self._block, self._count)
            gathered = self._gathered[: (last - first) * self._length]
            spirals = self._spirals[first * self._length : last * self._length]
            np.take(self._fine, spirals, axis=0, out=gathered, mode="clip")
            self._matmul(gathered.reshape(last - first, -1), self._taps, out=out[first:last])
        flat = out.reshape(-1)
        np.add(flat, self._bias, out=flat)


class FoldedLayout:
    """Taps on the coarse level, then the folded operator (see `folding.py`): least arithmetic, for one without BLAS.

    Arguments as those of `GatherLayout`.
    """

    def __init__(self, level: Level, rows: Index, taps: Floats, bias: Floats, matmul: Callable[..., Any]) -> None:
        coarse_count = int(level.index.max()) + 1
        operator = fold(level, coarse_count)
        counts = np.diff(operator.starts)
        # Rows with most entries first: the k-th entries are then those of the first so many rows.
        order = np.argsort(-counts, kind="stable")
        length, inputs, outputs = taps.shape
        self._outputs, self._lanes, self._count = outputs, -(-outputs // _LANES) * _LANES, len(level.index)
        self._shape = (coarse_count, length * self._lanes)
        self._entries = []
        for entry in range(int(counts.max())):
            places = operator.starts[order[: int((counts > entry).sum())]] + entry
            shares = np.repeat(operator.values[places, None], self._lanes, axis=1)
            self._entries.append((operator.columns[places].astype(np.intp), shares))
        self._back = inverse(order)[rows].astype(np.intp)
        wide = np.zeros((inputs, length, self._lanes), np.float32)
        wide[:, :, :outputs] = taps.transpose(1, 0, 2)
        self._taps = wide.reshape(inputs, -1)
        # A vertex is always in its own spiral, and unpooling weights sum to 1: the first tap may carry the bias.
        self._bias = np.zeros((length, self._lanes), np.float32)
        self._bias[0, :outputs] = bias
        self._bias = np.tile(self._bias.ravel(), coarse_count)
        self._matmul = matmul
        self._make_buffers()

    def _make_buffers(self) -> None:
        self._dense = np.empty(self._shape, np.float32)
        self._sum, self._entry, self._turned = (np.empty((self._count, self._lanes), np.float32) for _ in range(3))

    def twin(self) -> FoldedLayout:
        """The same tables with buffers of its own."""
        other = object.__new__(FoldedLayout)
        other.__dict__.update(self.__dict__)
        other._make_buffers()
        return other

    def __call__(self, coarse: Floats, out: Floats) -> None:
        """See `Layout`."""
        self._matmul(coarse[: len(self._dense)], self._taps, out=self._dense)
        flat = self._dense.reshape(-1)
        np.add(flat, self._bias, out=flat)
        dense = _as_one(self._dense.reshape(-1, self._lanes))
        for number, (columns, shares) in enumerate(self._entries):
            target = (self._entry if number else self._sum)[: len(columns)]
            np.take(dense, columns, axis=0, out=_as_one(target), mode="clip")
            np.multiply(target, shares, out=target)
            if number:
                np.add(self._sum[: len(columns)], target, out=self._sum[: len(columns)])
        np.take(_as_one(self._sum), self._back, axis=0, out=_as_one(self._turned), mode="clip")
        out[...] = self._turned[:, : self._outputs]


def _as_one(rows: Floats) -> NDArray[Any]:
    """Rows of four floats as single numbers of 16 bytes, which numpy moves whole."""
    return rows.view(np.complex128) if rows.shape[1] == _LANES else rows
