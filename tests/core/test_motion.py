"""Cues, motion labels, eq. 6 and resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MotionError
from core.motion import EXPRESSIONS, Cue, check_labels, extremeness, labels_from_cues, resample

HAPPY = Cue("happy", 0.8, 1.0, 2.0, 3.0, 5.0)


def test_four_phases_of_figure_2() -> None:
    labels = labels_from_cues([HAPPY], 61, 10.0)
    happy = labels[:, EXPRESSIONS.index("happy")]
    assert labels.shape == (61, 6)
    assert labels.dtype == np.float32
    assert happy[:11].max() == 0  # neutral
    assert happy[15] == pytest.approx(0.4)  # half of the onset
    np.testing.assert_allclose(happy[20:31], 0.8, rtol=1e-6)  # apex
    assert happy[40] == pytest.approx(0.4)  # half of the offset
    assert happy[50:].max() == 0
    assert np.delete(labels, EXPRESSIONS.index("happy"), axis=1).max() == 0


def test_start_time_and_frame_rate_move_the_same_motion() -> None:
    slow = labels_from_cues([HAPPY], 61, 10.0)
    later = labels_from_cues([HAPPY], 41, 10.0, start_time=2.0)
    np.testing.assert_allclose(slow[20:], later, atol=1e-6)
    fast = labels_from_cues([HAPPY], 121, 20.0)
    np.testing.assert_allclose(slow, fast[::2], atol=1e-6)


def test_overlapping_cues_of_one_expression_take_the_stronger() -> None:
    other = Cue("happy", 0.5, 2.0, 3.0, 4.0, 6.0)
    both = labels_from_cues([HAPPY, other], 70, 10.0)
    single = np.maximum(labels_from_cues([HAPPY], 70, 10.0), labels_from_cues([other], 70, 10.0))
    np.testing.assert_array_equal(both, single)


@pytest.mark.parametrize(
    ("cue", "word"),
    [
        (("bored", 1, 0, 1, 2, 3), "bored"),
        (("happy", 2, 0, 1, 2, 3), "intensity"),
        (("happy", -0.1, 0, 1, 2, 3), "intensity"),
        (("happy", 1, 1, 0, 2, 3), "order"),
        (("happy", 1, 1, 1, 1, 1), "order"),
        (("happy", float("nan"), 0, 1, 2, 3), "finite"),
    ],
)
def test_bad_cues_are_told_in_a_sentence(cue: tuple, word: str) -> None:
    with pytest.raises(MotionError, match=word):
        Cue(*cue)


def test_no_frames_and_no_rate_are_refused() -> None:
    with pytest.raises(MotionError, match="no frames"):
        labels_from_cues([HAPPY], 0, 10.0)
    with pytest.raises(MotionError, match="frame rate"):
        labels_from_cues([HAPPY], 10, 0.0)


def test_extremeness_is_equation_6() -> None:
    means = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 9.0, 0.0])
    np.testing.assert_allclose(extremeness(means, 2.0, 1.0), [0.05, 0.25, 0.5, 0.75, 1.0, 1.0, 0.05])
    np.testing.assert_allclose(extremeness(means[:2], 1.0, 0.0), 0.5)  # all alike


@pytest.mark.parametrize("bad", [np.zeros((5, 5)), np.zeros((0, 6)), np.full((3, 6), np.nan), np.full((3, 6), 2.0)])
def test_labels_are_checked_at_the_door(bad: np.ndarray) -> None:
    with pytest.raises(MotionError):
        check_labels(bad)


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_resampling_is_exact_at_the_frames_and_holds_outside(frames: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((frames, 3)).astype(np.float32)
    times = np.arange(frames) / 12.0
    np.testing.assert_array_equal(resample(values, 12.0, times), values)
    np.testing.assert_array_equal(resample(values, 12.0, [-1.0, 1e6]), values[[0, -1]])


def test_resampling_follows_a_straight_line_and_a_smooth_curve() -> None:
    times = np.arange(40) / 12.0
    between = np.linspace(0.2, 3.0, 200)
    np.testing.assert_allclose(resample(times[:, None], 12.0, between)[:, 0], between, atol=1e-6)
    wave = np.sin(2 * times)[:, None]
    assert np.abs(resample(wave, 12.0, between)[:, 0] - np.sin(2 * between)).max() < 1e-3
