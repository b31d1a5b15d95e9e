"""Folded operators against their definition, written out densely; orders and permutations."""

from __future__ import annotations

import numpy as np
import pytest

from core.folding import Level, Sparse, fold, in_cache_order, inverse, permuted_rows
from core.topology import Topology


def dense(matrix: Sparse) -> np.ndarray:
    full = np.zeros((matrix.height, matrix.width))
    np.add.at(full, (matrix.rows, matrix.columns), matrix.values)
    return full


def levels_of(topology: Topology) -> list[Level]:
    parts = zip(topology.unpool_index, topology.unpool_weight, topology.spirals, strict=True)
    return [Level(*part) for part in reversed(list(parts))]


def by_definition(level: Level, coarse_count: int) -> np.ndarray:
    """[P_0 U, P_1 U, ...] with the columns of a coarse vertex side by side."""
    count, length = level.spirals.shape
    unpool = np.zeros((count, coarse_count))
    for vertex in range(count):
        for corner in range(3):
            unpool[vertex, level.index[vertex, corner]] += level.weight[vertex, corner]
    operator = np.zeros((count, coarse_count, length))
    for vertex in range(count):
        for tap, source in enumerate(level.spirals[vertex]):
            if 0 <= source < count:
                operator[vertex, :, tap] += unpool[source]
    return operator.reshape(count, -1)


def test_the_operator_is_taps_of_unpooling(small_topology: Topology) -> None:
    for level, coarse_count in zip(levels_of(small_topology), small_topology.sizes[:0:-1], strict=True):
        matrix = fold(level, coarse_count)
        np.testing.assert_allclose(dense(matrix), by_definition(level, coarse_count), atol=1e-6)
        assert matrix.starts.dtype == matrix.columns.dtype == np.int32
        assert (matrix.values != 0).all()
        # Sorted and each once, as CSR products want it.
        places = matrix.rows.astype(np.int64) * matrix.width + matrix.columns
        assert (np.diff(places) > 0).all()


def test_padding_is_no_vertex_whichever_way_it_is_written() -> None:
    index, weight = np.zeros((3, 3), np.int32), np.tile(np.float32([1, 0, 0]), (3, 1))
    spirals = np.array([[0, 1, 2], [1, 0, -1], [2, -1, -1]])
    minus = fold(Level(index, weight, spirals), 1)
    beyond = fold(Level(index, weight, np.where(spirals < 0, 3, spirals)), 1)
    np.testing.assert_array_equal(dense(minus), [[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(dense(beyond), dense(minus))


def test_transposed_and_permuted() -> None:
    rng = np.random.default_rng(5)
    full = rng.standard_normal((7, 5)) * (rng.random((7, 5)) < 0.4)
    full[3] = 0
    rows, columns = np.nonzero(full)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=7))]).astype(np.int32)
    matrix = Sparse(starts, columns.astype(np.int32), full[rows, columns].astype(np.float32), 5)
    np.testing.assert_allclose(dense(matrix.transposed()), full.T, rtol=1e-6)
    order = rng.permutation(7)
    np.testing.assert_allclose(dense(permuted_rows(matrix, order)), full[order], rtol=1e-6)


def test_another_order_is_the_same_operator(small_topology: Topology) -> None:
    levels = levels_of(small_topology)
    turned, orders = in_cache_order(levels)
    finest = orders[-1]
    assert sorted(finest) == list(range(small_topology.sizes[0]))
    np.testing.assert_array_equal(finest[inverse(finest)], np.arange(len(finest)))
    # Carried through all levels, taps all 1: the numbers are the same ones in another order.
    features = np.random.default_rng(0).standard_normal((small_topology.sizes[-1], 1))
    plain, sorted_ = features, features
    for level, other in zip(levels, turned, strict=True):
        length = level.spirals.shape[1]
        plain = dense(fold(level, len(plain))) @ np.repeat(plain, length, axis=0) / length
        sorted_ = dense(fold(other, len(sorted_))) @ np.repeat(sorted_, length, axis=0) / length
    np.testing.assert_allclose(sorted_, plain[finest], atol=1e-6)


def test_neighbours_lie_near_each_other(bundle: object) -> None:
    """What the order is for: a spiral's vertices span fewer rows than in a random order, by far."""
    levels = levels_of(bundle.topology)  # type: ignore[attr-defined]
    turned, _ = in_cache_order(levels)
    spirals = turned[-1].spirals
    span = np.where(spirals < 0, spirals[:, :1], spirals)
    reach = np.median(span.max(axis=1) - span.min(axis=1))
    assert reach < 0.2 * len(spirals)


@pytest.mark.parametrize("length", [1, 4])
def test_a_level_of_one_coarse_vertex(length: int) -> None:
    index, weight = np.zeros((2, 3), np.int32), np.tile(np.float32([0.5, 0.25, 0.25]), (2, 1))
    spirals = np.full((2, length), -1)
    spirals[:, 0] = [0, 1]
    matrix = fold(Level(index, weight, spirals), 1)
    assert (matrix.height, matrix.width) == (2, length)
    np.testing.assert_allclose(dense(matrix)[:, 0], 1)
