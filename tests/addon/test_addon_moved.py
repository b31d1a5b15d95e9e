"""What happened to a whole mesh is told by some of its vertices, wherever others were sculpted to."""

from __future__ import annotations

import numpy as np
import pytest

TURN = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)
MATRICES = [np.eye(3), 100 * np.eye(3), 1.1 * np.eye(3), TURN, np.diag([1, 2, 1.0]), np.diag([-0.01, 0.01, 0.01])]


@pytest.fixture
def head():
    """(96, 3) places on an egg of a head's size in mm."""
    ways = np.random.default_rng(3).normal(size=(96, 3))
    return ways / np.linalg.norm(ways, axis=1, keepdims=True) * (80, 110, 95)


def pulled(head, reach, by):
    return head + np.exp(-(np.linalg.norm(head - (0, 0, 95), axis=1) ** 2) / 2 / reach**2)[:, None] * np.array(by)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("pull", [(1, 0, 1e-6), (15, 3, 1e-4), (40, 20, 0.01), (60, 10, 0.02)])
def test_scale_and_turn_are_told_whatever_was_sculpted(mien, head, matrix, pull):
    reach, by, off = pull
    found = mien.moved.moved_whole(head, pulled(head, reach, (0, 0, by)) @ matrix.T + (5, 6, 7))
    assert found.sure
    assert np.abs(found.matrix - matrix).max() < off * np.abs(matrix).max()
    np.testing.assert_allclose(found.matrix @ head[0] + found.shift, matrix @ head[0] + (5, 6, 7), atol=off * 12000)


@pytest.mark.parametrize("grain", [0.01, 0.5, 2.0])
def test_what_was_sculpted_all_over_stays_where_it_is(mien, head, grain):
    after = head + np.random.default_rng(4).normal(0, grain, head.shape)
    found = mien.moved.moved_whole(head, after)
    assert found.sure
    np.testing.assert_array_equal(found.matrix, np.eye(3))
    found = mien.moved.moved_whole(head, 50 * after @ TURN.T)
    assert found.sure
    assert np.abs(found.matrix - 50 * TURN).max() < 0.02 * 50


def test_half_of_the_vertices_may_have_gone_anywhere(mien, head):
    after = np.where(head[:, 1:2] > 10, head + np.array([0, 40, 0]), head)
    assert (after == head).all(axis=1).mean() > 0.5
    np.testing.assert_array_equal(mien.moved.moved_whole(head, after).matrix, np.eye(3))


def test_what_cannot_be_told_is_not_sure_and_never_fails(mien, head):
    whole = mien.moved.moved_whole
    lost = [(head, head[::-1]), (head, head * 0), (head, head * (1, 0, 1)), (head, head * np.nan), (head, head * 1e300)]
    lost += [(head * 1e300, head), (head * 0 + 1, head), (head[:0], head[:0]), (head[:2], head[:2] * 9)]
    for before, after in lost:
        found = whole(before, after)
        assert not found.sure
        np.testing.assert_array_equal(found.matrix, np.eye(3))
        np.testing.assert_array_equal(found.shift, np.zeros(3))
