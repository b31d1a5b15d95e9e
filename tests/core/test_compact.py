"""Compact keys: few shapes, every vertex of every frame within the tolerance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bundle import Bundle
from core.compact import Compact, Compactor
from core.errors import Cancelled, MotionError
from core.generator import Generator
from core.motion import Cue, labels_from_cues

RNG = np.random.default_rng


def compact(frames: np.ndarray, tolerance: float, pieces: int = 3) -> Compact:
    compactor = Compactor()
    for part in np.array_split(frames, pieces):
        compactor.add(part)
    return compactor.finish(tolerance)


def motion(count: int, vertices: int, rank: int, seed: int = 1) -> np.ndarray:
    """(T, M, 3) float32 frames of that rank, each further shape a third as strong."""
    rng = RNG(seed)
    curves = rng.normal(size=(count, rank)) / 3.0 ** np.arange(rank)
    return (curves @ rng.normal(size=(rank, vertices * 3))).reshape(count, vertices, 3).astype(np.float32)


def check(found: Compact, frames: np.ndarray, tolerance: float) -> None:
    """What must hold of any compact keys."""
    count = len(found.shapes)
    assert found.shapes.shape == (count, *frames.shape[1:])
    assert found.weights.shape == (len(frames), count)
    assert found.shapes.dtype == found.weights.dtype == np.float32
    shown = np.tensordot(found.weights, found.shapes, 1)
    error = np.linalg.norm(frames.astype(np.float64) - shown, axis=2).max(initial=0)
    assert found.error <= tolerance
    assert error == pytest.approx(found.error, rel=1e-3, abs=1e-6 * np.abs(frames).max(initial=0))
    if count:
        np.testing.assert_array_equal(np.abs(found.weights).max(axis=0), 1)
        np.testing.assert_array_equal(found.weights.max(axis=0), 1)


@pytest.mark.parametrize("tolerance", [0.5, 0.1, 0.02])
def test_real_performance_in_few_keys(bundle: Bundle, tolerance: float) -> None:
    cues = [Cue("happy", 0.8, 0.1, 0.7, 1.3, 2.0), Cue("sad", 0.7, 1.9, 2.3, 3.0, 3.8)]
    times = np.arange(80) / 24
    frames = Generator(bundle, "numpy").generate(labels_from_cues(cues, 48, 12.0), times=times)
    found = compact(frames, tolerance)
    check(found, frames, tolerance)
    # Never more than the plain singular value decomposition, cut where it keeps the tolerance, and mostly fewer.
    flat = frames.reshape(80, -1).astype(np.float64)
    left, values, right = np.linalg.svd(flat, full_matrices=False)
    for plain in range(1, 81):
        off = flat - (left[:, :plain] * values[:plain]) @ right[:plain]
        if np.linalg.norm(off.reshape(80, -1, 3), axis=2).max() <= tolerance:
            break
    assert len(found.shapes) <= plain - (tolerance < 0.5)
    assert len(found.shapes) < 50


@pytest.mark.parametrize(("count", "vertices"), [(40, 100), (200, 9), (1, 50), (2, 1), (25, 3)])
def test_finds_the_rank(count: int, vertices: int) -> None:
    rank = min(3, count, vertices * 3)
    frames = motion(count, vertices, rank)
    found = compact(frames, 1e-4)
    check(found, frames, 1e-4)
    assert len(found.shapes) <= rank


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 8), st.floats(1e-4, 3), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_tolerance_holds_whatever_comes(count: int, vertices: int, rank: int, tolerance: float, seed: int) -> None:
    frames = motion(count, vertices, rank, seed)
    frames[RNG(seed).random(count) < 0.3] = 0
    check(compact(frames, tolerance, 2), frames, tolerance)


def test_a_brief_frame_is_not_forgiven() -> None:
    frames = motion(100, 40, 2)
    frames[50, 7] += 3  # one vertex in one frame
    found = compact(frames, 0.5)
    check(found, frames, 0.5)


def test_rest_needs_no_key() -> None:
    for frames in (np.zeros((10, 5, 3), np.float32), motion(10, 5, 2) * np.float32(1e-3)):
        found = compact(frames, 0.1)
        check(found, frames, 0.1)
        assert len(found.shapes) == 0
        assert found.error == pytest.approx(np.linalg.norm(frames, axis=2).max(), rel=1e-5)


def test_frames_at_rest_stay_at_rest() -> None:
    frames = motion(30, 20, 3)
    frames[:5] = 0
    found = compact(frames, 0.01)
    assert np.abs(np.tensordot(found.weights[:5], found.shapes, 1)).max() < 1e-5


@pytest.mark.parametrize("frames", [motion(12, 30, 12), motion(40, 2, 6)])
def test_no_tolerance_gives_the_frames_themselves(frames: np.ndarray) -> None:
    frames[3] = 0
    found = compact(frames, 0.0)
    check(found, frames, 0.0)
    np.testing.assert_array_equal(np.tensordot(found.weights, found.shapes, 1), frames)


def test_unit_does_not_matter() -> None:
    frames = motion(60, 50, 10)
    in_mm, in_km = compact(frames, 0.05), compact(frames * np.float32(2.0**-20), 0.05 * 2.0**-20)
    assert len(in_mm.shapes) == len(in_km.shapes)
    check(in_km, frames * np.float32(2.0**-20), 0.05 * 2.0**-20)


def test_a_chunk_that_is_used_again_was_copied() -> None:
    frames, room = motion(20, 10, 4), np.empty((5, 10, 3), np.float32)
    compactor = Compactor()
    for part in np.split(frames, 4):
        room[:] = part
        compactor.add(room)
    check(compactor.finish(0.01), frames, 0.01)


def test_cancelled_and_wrong_input_are_told() -> None:
    asked = []
    compactor = Compactor(cancelled=lambda: len(asked) > 3 or asked.append(1))
    compactor.add(motion(20, 10, 4))
    with pytest.raises(Cancelled):
        compactor.finish(0.01)
    with pytest.raises(MotionError, match="no frames"):
        Compactor().finish(0.1)
    with pytest.raises(MotionError, match="shape"):
        compactor.add(np.zeros((2, 11, 3), np.float32))
    with pytest.raises(MotionError, match="shape"):
        Compactor().add(np.zeros((2, 11), np.float32))
    with pytest.raises(MotionError, match="finite"):
        compactor.add(np.full((1, 10, 3), np.nan, np.float32))
    for tolerance in (-1.0, float("nan"), float("inf")):
        with pytest.raises(MotionError, match="tolerance"):
            compactor.finish(tolerance)
