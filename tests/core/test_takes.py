"""Takes: the same seed is the same take, styles change at rest alone, and blocks are as good as the whole."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.chance import normal, uniform
from core.errors import MotionError
from core.takes import MAX_SEED, REST, Pieces, Take, style, styles

SAD, HAPPY = 4, 3


def labels_of(*runs: tuple[int, float], column: int = HAPPY) -> np.ndarray:
    out = np.zeros((sum(count for count, _ in runs), 6), np.float32)
    out[:, column] = np.repeat([value for _, value in runs], [count for count, _ in runs])
    return out


def test_a_style_changes_only_at_rest() -> None:
    labels = labels_of((5, 0), (8, 0.7), (1, 0), (6, 0.4), (4, 0), (7, 1.5), (3, 0))
    found, _ = styles(Take(3), labels, 16)
    changes = np.flatnonzero(np.abs(np.diff(found, axis=0)).max(axis=1)) + 1
    # A rest of one label ends no movement. Before a change the face is at rest: the gate lets nothing of it through.
    np.testing.assert_array_equal(changes, [5, 21, 24, 32])
    assert (labels[changes - 1] == 0).all()
    np.testing.assert_array_equal(found[[0, 22, -1]], np.repeat(style(Take(3), np.array([REST]), 16), 3, axis=0))


def test_a_movement_keeps_its_style_whatever_comes_before_it() -> None:
    """An artist who adds a sad cue, or moves the happy one, has not touched how the happy one is performed."""
    happy = labels_of((4, 0), (8, 0.7), (4, 0), (8, 0.9), (3, 0))
    alone, _ = styles(Take(3), happy, 16)
    assert np.abs(alone[5] - alone[17]).max() > 0.3, "the second smile is another one"
    sad = labels_of((6, 0), (10, 0.5), (3, 0), column=SAD)
    more, _ = styles(Take(3), np.concatenate([sad, happy]), 16)
    np.testing.assert_array_equal(more[len(sad) :][4:], alone[4:])
    assert np.abs(more[8] - alone[5]).max() > 0.3
    between, _ = styles(Take(3), np.concatenate([happy[:14], sad, happy[14:]]), 16)
    np.testing.assert_array_equal(between[len(sad) :][16:], alone[16:])
    later, _ = styles(Take(3), np.concatenate([np.zeros((50, 6), np.float32), happy]), 16)
    np.testing.assert_array_equal(later[50:], alone)


def test_what_begins_strongest_gives_a_movement_its_style() -> None:
    labels = labels_of((3, 0), (1, 0.1), (6, 0.8), (3, 0))
    alone, _ = styles(Take(3), labels, 16)
    with_sad = labels.copy()
    with_sad[3:7, SAD] = [0.05, 0.9, 1.2, 0.5]
    np.testing.assert_array_equal(styles(Take(3), with_sad, 16)[0], alone)
    with_sad[3, SAD] = 0.2
    assert np.abs(styles(Take(3), with_sad, 16)[0] - alone)[4].max() > 0.3


def test_blocks_give_what_the_whole_gives() -> None:
    rng = np.random.default_rng(0)
    labels = np.maximum(rng.normal(0, 1, (300, 6)), 0).astype(np.float32) * (rng.random((300, 1)) < 0.4)
    whole, left = styles(Take(11), labels.clip(0, 1.5), 8)
    assert sum(left.counts) > 10
    for size in (1, 2, 3, 50):
        parts, begun = [], None
        for first in range(0, 300, size):
            part, begun = styles(Take(11), labels[first : first + size].clip(0, 1.5), 8, begun)
            parts.append(part)
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        assert begun == left


def test_seeds_and_variation() -> None:
    labels = labels_of((3, 0), (9, 1))
    first, again, other = (styles(Take(seed), labels, 16)[0] for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.5
    half = styles(Take(7, variation=0.5), labels, 16)[0]
    unlimited = np.abs(first) < 2.4
    np.testing.assert_allclose(half[unlimited], first[unlimited] / 2, rtol=1e-5)
    for calm in (Take(), Take(7, variation=0)):
        np.testing.assert_array_equal(styles(calm, labels, 16)[0], 0)
    assert styles(Take(7), labels, 0)[0].shape == (12, 0)


def test_styles_are_as_wide_as_people() -> None:
    drawn = np.concatenate([style(Take(seed), np.arange(4), 16) for seed in range(400)])
    assert abs(drawn.mean()) < 0.05
    assert 0.9 < drawn.std() < 1.0  # a little less than 1: it is limited
    assert np.abs(drawn).max() == 2.5
    two = np.stack([style(Take(seed), np.array([0, 5]), 16) for seed in range(400)])
    within = np.corrcoef(two[:, 0].ravel(), two[:, 1].ravel())[0, 1]
    assert 0.52 < within < 0.68  # 0.6 of the variance is the take's


def test_the_numbers_of_a_seed_never_change() -> None:
    """A take that was kept must come back in a later version, and in every Blender."""
    np.testing.assert_allclose(uniform(1, 2, [3, -4]), KEPT_UNIFORM, rtol=1e-12)
    np.testing.assert_allclose(style(Take(5), np.array([0]), 3)[0], KEPT_STYLE, rtol=1e-5)


KEPT_UNIFORM = [0.4175580595044027, 0.7104489521577567]
KEPT_STYLE = [-1.4134804, -0.43347415, -0.04376169]


def test_chance_is_chance() -> None:
    x = normal(9, np.arange(60_000))
    assert abs(x.mean()) < 0.02
    assert abs(x.std() - 1) < 0.02
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) < 0.02
    assert abs(np.corrcoef(x, normal(10, np.arange(60_000)))[0, 1]) < 0.02
    u = uniform(0, np.arange(-30_000, 30_000))
    assert 0 < u.min() < u.max() < 1
    assert np.histogram(u, 10, (0, 1))[0].min() > 5600
    np.testing.assert_array_equal(uniform(3, np.array([5, 6]))[1], uniform(3, 6))


@pytest.mark.parametrize(
    "wrong",
    [{"seed": -1}, {"seed": 1.5}, {"seed": MAX_SEED + 1}, {"seed": True}, {"variation": 1.6}, {"variation": -0.1},
     {"variation": float("nan")}, {"life": 1.01}, {"life": float("inf")}],
)  # fmt: skip
def test_a_take_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(MotionError):
        Take(**wrong)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_plain_ones() -> None:
    """A record of a take is JSON, which knows none of numpy's."""
    take = Take(np.int64(3), np.float32(0.5), np.float32(1))  # type: ignore[arg-type]
    assert take == Take(3, 0.5, 1.0)
    assert json.loads(json.dumps(vars(take))) == {"seed": 3, "variation": 0.5, "life": 1.0}


def test_the_start_is_a_rest() -> None:
    assert Pieces() == ((0, 0, 0, 0, 0, 0), REST, True, True)
    found, left = styles(Take(1), labels_of((4, 1)), 4)
    assert left == ((0, 0, 0, 1, 0, 0), HAPPY, False, False)
    assert np.ptp(found, axis=0).max() == 0
