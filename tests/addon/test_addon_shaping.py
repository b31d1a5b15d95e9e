# ruff: noqa: PLR0917 - fixtures are asked for by name
"""Shaping: what the gains, the balance and the mask leave of a performance."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def apex(mien, happy, evaluated, positions):
    """(V, 3) the motion at frame 18 as it is baked with the settings of now, object units."""

    def bake():
        mien.api.bake(happy, start=16, end=20, engine_name="numpy")
        moved = evaluated(happy, 18) - positions(happy.data)
        mien.api.remove_bake(happy)
        return moved

    return bake


def reach(moved, template, *landmarks):
    return float(np.mean([np.linalg.norm(moved[template.landmarks[name]]) for name in landmarks]))


def test_the_overall_gain_scales_everything(happy, apex):
    plain = apex()
    happy.mien.gain = 0.5
    np.testing.assert_allclose(apex(), plain / 2, atol=1e-7)
    happy.mien.gain = 2.0
    np.testing.assert_allclose(apex(), 2 * plain, atol=1e-7)
    happy.mien.gain = 0.0
    assert not apex().any()


@pytest.mark.parametrize(
    ("region", "own", "other"),
    [
        ("mouth", ("left_mouth_corner", "right_mouth_corner", "chin"), ("left_brow_middle", "right_brow_middle")),
        ("brows", ("left_brow_middle", "right_brow_middle"), ("left_mouth_corner", "chin")),
        ("eyes", ("left_lid_lower", "right_lid_lower"), ("left_mouth_corner", "chin")),
    ],
)
def test_a_regions_gain_moves_that_region_alone(mien, happy, apex, template, region, own, other):
    mien.api.add_expression(happy, "surprise", 1.0, 0, 12, 24, 36)
    plain = apex()
    assert reach(plain, template, *own) > 2e-4
    setattr(happy.mien, region, 0.0)
    without = apex()
    assert reach(without, template, *own) < 0.15 * reach(plain, template, *own)
    assert reach(without, template, *other) == pytest.approx(reach(plain, template, *other), rel=0.05)


def test_the_balance_leaves_one_side(happy, apex, template):
    plain = apex()
    happy.mien.balance = 1.0
    left = apex()
    marks = template.landmarks
    winner, loser = marks["left_mouth_corner"], marks["right_mouth_corner"]
    np.testing.assert_allclose(left[winner], plain[winner], atol=1e-7)
    assert np.linalg.norm(left[loser]) < 0.05 * np.linalg.norm(plain[loser])
    happy.mien.balance = -1.0
    right = apex()
    assert np.linalg.norm(right[winner]) < 0.05 * np.linalg.norm(plain[winner])
    # Teeth stay whole: they do not shear between a side that moves and one that does not.
    part = np.flatnonzero(template.polygon_part == template.parts.index("teeth"))
    teeth = np.unique(template.polygons[part])
    teeth = teeth[teeth >= 0]
    share = (left[teeth] * plain[teeth]).sum() / (plain[teeth] ** 2).sum()
    assert 0.3 < share < 0.7
    np.testing.assert_allclose(left[teeth], share * plain[teeth], atol=2e-6)


def test_a_mask_scales_by_its_weights_and_leaves_the_rest_still(happy, apex):
    plain = apex()
    group = happy.vertex_groups.new(name="half")
    chosen = np.argsort(-np.linalg.norm(plain, axis=1))[:50].tolist()
    group.add(chosen[:25], 1.0, "REPLACE")
    group.add(chosen[25:], 0.5, "REPLACE")
    happy.mien.mask = "half"
    masked = apex()
    np.testing.assert_allclose(masked[chosen[:25]], plain[chosen[:25]], atol=1e-7)
    np.testing.assert_allclose(masked[chosen[25:]], plain[chosen[25:]] / 2, atol=1e-7)
    masked[chosen] = 0
    assert not masked.any()


def test_a_mask_that_is_not_there_is_told_and_changes_nothing(mien, happy):
    happy.mien.mask = "nobody"
    with pytest.raises(mien.engine.MotionError, match="no vertex group 'nobody'"):
        mien.api.bake(happy, start=0, end=5)
    assert happy.data.shape_keys is None
