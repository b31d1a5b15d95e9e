"""The error in mm against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.metrics import error_per_frame, mean_error, vertex_distance


def test_distances_by_hand() -> None:
    truth = np.zeros((2, 2, 3))
    generated = np.array([[[3.0, 4, 0], [0, 0, 0]], [[0, 0, 1], [2, 3, 6]]])
    np.testing.assert_allclose(vertex_distance(generated, truth), [[5, 0], [1, 7]])
    np.testing.assert_allclose(error_per_frame(generated, truth), [2.5, 4])
    assert mean_error(generated, truth) == pytest.approx(3.25)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        mean_error(np.zeros((2, 3)), np.zeros((1, 3)))
