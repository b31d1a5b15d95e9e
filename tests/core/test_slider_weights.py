"""Bounded least squares on sliders, held against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from core.errors import MotionError
from core.slider_weights import RIDGE, SliderSolver

RNG = np.random.default_rng


def sliders(seed: int, count: int, vertices: int, alike: float = 0.0) -> np.ndarray:
    """Random shapes of very different sizes; `alike` 0..1 mixes a common one in."""
    rng = RNG(seed)
    shapes = rng.normal(size=(count, vertices, 3)) * np.exp(rng.normal(size=(count, 1, 1)))
    return ((1 - alike) * shapes + alike * rng.normal(size=(vertices, 3))).astype(np.float32)


def by_scipy(shapes: np.ndarray, lower: np.ndarray, upper: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The same problem, one frame, by scipy; what is fixed is taken out."""
    flat = shapes.reshape(len(shapes), -1).astype(np.float64)
    size = np.linalg.norm(flat, axis=1)
    matrix = np.vstack([flat.T, np.diag(np.where(size > 0, np.sqrt(RIDGE) * size, 1.0))])
    wanted = np.concatenate([frame.reshape(-1).astype(np.float64), np.zeros(len(shapes))])
    free = upper > lower
    wanted = wanted - matrix[:, ~free] @ lower[~free]
    out = lower.copy()
    out[free] = lsq_linear(matrix[:, free], wanted, (lower[free], upper[free]), method="bvls", tol=1e-15).x
    return out


@pytest.mark.parametrize("alike", [0.0, 0.9, 0.999])
def test_agrees_with_scipy(alike: float) -> None:
    shapes, rng = sliders(1, 24, 60, alike), RNG(2)
    shapes[3], shapes[7] = shapes[5], 0  # a duplicate and an empty one
    lower = np.where(rng.random(24) < 0.25, 0.25, -0.5 * (rng.random(24) < 0.3))
    upper = np.where(rng.random(24) < 0.25, lower, 1.0)
    values = rng.normal(size=(40, 24)) * 0.7 + 0.3
    frames = (np.tensordot(values, shapes, 1) + rng.normal(size=(40, 60, 3))).astype(np.float32)
    weights, errors = SliderSolver(shapes, lower, upper).solve(frames)
    assert weights.dtype == np.float32
    for frame, found in zip(frames, weights, strict=True):
        np.testing.assert_allclose(found, by_scipy(shapes, lower, upper, frame), atol=2e-5)
    assert (weights >= lower.astype(np.float32)).all()
    assert (weights <= upper.astype(np.float32)).all()
    shown = np.tensordot(weights, shapes, 1)
    np.testing.assert_allclose(errors, np.linalg.norm(frames - shown, axis=2).max(axis=1), rtol=1e-4)


def test_gives_back_the_values_that_made_the_frames() -> None:
    shapes = sliders(4, 52, 400)
    values = RNG(5).random((100, 52)) * (RNG(6).random((100, 52)) < 0.4)
    weights, errors = SliderSolver(shapes, np.zeros(52), np.ones(52)).solve(np.tensordot(values, shapes, 1))
    size = np.linalg.norm(shapes.reshape(52, -1), axis=1)
    # The ridge costs a ten-thousandth.
    assert (np.abs(weights - values) * size).max() < 5e-4 * size.max()
    assert errors.max() < 1e-3 * np.linalg.norm(shapes, axis=2).max()


def test_the_unit_does_not_matter() -> None:
    shapes, frames = sliders(7, 12, 30, 0.5), RNG(8).normal(size=(9, 30, 3)).astype(np.float32)
    low, high = np.zeros(12), np.ones(12)
    in_mm, error_mm = SliderSolver(shapes, low, high).solve(frames)
    in_km, error_km = SliderSolver(shapes * np.float32(1e-6), low, high).solve(frames * np.float32(1e-6))
    np.testing.assert_allclose(in_mm, in_km, atol=1e-5)
    np.testing.assert_allclose(error_mm, error_km * 1e6, rtol=1e-4)


def test_twins_share_and_small_changes_stay_small() -> None:
    one = RNG(9).normal(size=(1, 80, 3))
    twins = np.concatenate([one, one + 1e-5 * RNG(10).normal(size=one.shape)]).astype(np.float32)
    solver = SliderSolver(twins, np.full(2, -1.0), np.full(2, 1.0))
    frames = (0.8 * one + 0.02 * RNG(11).normal(size=(50, 80, 3))).astype(np.float32)
    weights, _ = solver.solve(frames)
    np.testing.assert_allclose(weights, 0.4, atol=0.05)
    assert np.abs(np.diff(weights, axis=0)).max() < 0.05


def test_fixed_and_empty_sliders_keep_to_their_range() -> None:
    shapes = sliders(12, 4, 20)
    shapes[2:] = 0
    lower, upper = np.array([0.3, -1.0, -1.0, 0.2]), np.array([0.3, 1.0, 1.0, 0.9])
    weights, _ = SliderSolver(shapes, lower, upper).solve(RNG(13).normal(size=(6, 20, 3)))
    np.testing.assert_allclose(weights[:, 0], 0.3, rtol=1e-6)
    np.testing.assert_array_equal(weights[:, 2], 0)
    np.testing.assert_allclose(weights[:, 3], 0.2, rtol=1e-6)


def test_chunks_no_frames_and_no_sliders() -> None:
    shapes, frames = sliders(14, 5, 10), RNG(15).normal(size=(7, 10, 3))
    solver = SliderSolver(shapes, np.zeros(5), np.ones(5))
    whole, errors = solver.solve(frames)
    np.testing.assert_allclose(np.concatenate([solver.solve(part)[0] for part in np.split(frames, [2, 3])]), whole)
    assert solver.solve(frames[:0])[0].shape == (0, 5)
    none, all_of_it = SliderSolver(shapes[:0], np.zeros(0), np.zeros(0)).solve(frames)
    assert none.shape == (7, 0)
    np.testing.assert_allclose(all_of_it, np.linalg.norm(frames, axis=2).max(axis=1), rtol=1e-5)
    assert (errors <= all_of_it + 1e-3).sum() >= 1


@pytest.mark.parametrize("patience", [-1, 0])
def test_one_exchange_at_a_time_reaches_the_same_optimum(monkeypatch: pytest.MonkeyPatch, patience: int) -> None:
    shapes, frames = sliders(18, 16, 30, 0.95), RNG(19).normal(size=(60, 30, 3)).astype(np.float32)
    solver = SliderSolver(shapes, np.full(16, -0.1), np.full(16, 0.3))
    usual, _ = solver.solve(frames)
    assert ((usual == np.float32(-0.1)) | (usual == np.float32(0.3))).any(axis=1).all()
    monkeypatch.setattr("core.slider_weights._PATIENCE", patience)
    monkeypatch.setattr(solver, "_descent", lambda *_: pytest.fail("the exchanges went in circles"))
    np.testing.assert_allclose(solver.solve(frames)[0], usual, atol=1e-6)


def test_descent_reaches_the_same_optimum() -> None:
    shapes, frames = sliders(16, 10, 30, 0.7), RNG(17).normal(size=(8, 30, 3)).astype(np.float32)
    solver = SliderSolver(shapes, np.zeros(10), np.ones(10))
    right = frames.reshape(8, -1) @ solver._unit.T
    slow = solver._descent(np.clip(right, solver._low, solver._high), right)
    np.testing.assert_allclose(slow, solver._optimum(right), atol=1e-5)


@pytest.mark.parametrize(
    ("shapes", "lower", "upper", "word"),
    [
        (np.zeros((2, 3)), [0, 0], [1, 1], "fit together"),
        (np.zeros((2, 3, 3)), [0], [1, 1], "fit together"),
        (np.full((1, 3, 3), np.nan), [0], [1], "finite"),
        (np.zeros((1, 3, 3)), [0], [np.inf], "finite"),
        (np.zeros((1, 3, 3)), [1], [0], "above"),
    ],
)
def test_bad_sliders_are_told_in_a_sentence(shapes: np.ndarray, lower: list, upper: list, word: str) -> None:
    with pytest.raises(MotionError, match=word):
        SliderSolver(shapes, np.array(lower, float), np.array(upper, float))


def test_bad_frames_are_told_in_a_sentence() -> None:
    solver = SliderSolver(sliders(1, 2, 5), np.zeros(2), np.ones(2))
    with pytest.raises(MotionError, match="do not fit"):
        solver.solve(np.zeros((3, 4, 3)))
    with pytest.raises(MotionError, match="finite"):
        solver.solve(np.full((1, 5, 3), np.inf))
