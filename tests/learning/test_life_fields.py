"""Blinks of the corpora's templates: they close the eye, stay outside of it, and say so in numbers."""

from __future__ import annotations

import numpy as np
import pytest

from core.lids import fit_sphere
from core.life import MICRO, NAMES
from training.corpora.life import MADE_OF, closing, life_of, round_the_eye
from training.corpora.template_makehuman import makehuman_template


@pytest.fixture(scope="module")
def life():
    return life_of("makehuman")


def test_every_motion_is_made_of_something():
    assert set(MADE_OF) | {"arc_left", "arc_right"} == set(NAMES)
    assert set(MICRO) < set(MADE_OF)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_blink_closes_the_eye_and_stays_outside_of_it(life, side):
    template = makehuman_template()
    neutral = template.vertices.astype(np.float64)
    eyes = np.unique(template.polygons[template.polygon_part == template.parts.index("eyes")])
    eyes = eyes[eyes >= 0]
    ball = eyes[(neutral[eyes, 0] > 0) == (side == "left")]
    centre, radius = fit_sphere(neutral[ball])
    blink, arc = life.field(f"blink_{side}"), life.field(f"arc_{side}")
    assert np.abs(arc).max() > 0.3
    height = np.linalg.norm(neutral - centre, axis=1) - radius
    lid = (np.linalg.norm(blink, axis=1) > 1) & (height > 0) & (height < 6)
    assert lid.sum() > 50
    for amount in np.linspace(0, 1, 11):
        face = neutral + amount * blink + 4 * amount * (1 - amount) * arc
        assert (np.linalg.norm(face[lid] - centre, axis=1) - radius).min() > -0.05
    upper, lower = (template.landmarks[f"{side}_lid_{which}"] for which in ("upper", "lower"))
    shut = neutral + blink
    assert neutral[upper, 1] - neutral[lower, 1] > 7
    assert -1.5 < shut[upper, 1] - shut[lower, 1] < 0.2


def test_a_jaw_that_drifts_keeps_the_lips_together(life):
    template = makehuman_template()
    top, bottom = template.landmarks["upper_lip_bottom"], template.landmarks["lower_lip_top"]
    jaw = life.field("jaw")
    assert np.linalg.norm(jaw, axis=1).max() > 10
    assert MICRO["jaw"] * 3 * np.linalg.norm(jaw[top] - jaw[bottom]) < 0.2  # mm, at three deviations


def test_round_a_sphere():
    """A point that goes from the top of a ball to its front by a straight line would go through it."""
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(300, 3))
    ball *= 12 / np.linalg.norm(ball, axis=1, keepdims=True)
    neutral = np.array([[0, 13.0, 0], [40, 0, 0], [0, 0, 11.0]])
    blink = np.array([[0, -13.0, 11.0], [0, 0, 0], [0, 1.0, 0]])
    closed, arc = round_the_eye(neutral, blink, ball)
    assert np.linalg.norm(neutral[0] + closed[0]) == pytest.approx(12.1, abs=0.02)
    assert np.linalg.norm(neutral[0] + closed[0] / 2 + arc[0]) == pytest.approx((13 + 12.1) / 2, abs=0.02)
    np.testing.assert_array_equal(closed[1], 0)
    np.testing.assert_array_equal(arc[1], 0)
    assert np.linalg.norm(closed[2] - blink[2]) < 1e-9  # inside at rest, and no nearer to the centre now


def test_a_blink_that_goes_too_far_is_shortened():
    neutral = np.array([[0, 5.0, 0], [0, -5.0, 0]])
    assert closing(neutral, np.array([[0, -20.0, 0], [0, 1.0, 0]]), 0, 1) == pytest.approx(0.6)
    assert closing(neutral, np.array([[0, -14.0, 0], [0, 0.0, 0]]), 0, 1) == pytest.approx(10.5 / 14)
    assert closing(neutral, np.array([[0, 1.0, 0], [0, 0.0, 0]]), 0, 1) == pytest.approx(1.3)


def test_templates_without_facial_actions_have_none():
    assert life_of("ict_skin") is None
    assert life_of("somebodys_folder") is None
