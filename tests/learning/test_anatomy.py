"""What the shape of a face says of a manner: measures, scores, and the share that follows from them."""

from __future__ import annotations

import numpy as np
import pytest

from core.motion import EXPRESSIONS
from training.corpora.anatomy import AMPLITUDES, CHOICES, LEAN, UNITS, Anatomy, measures
from training.corpora.manner import Habits, draw_style
from training.corpora.prototypes import MIDDLE, SIDED, unit_names
from training.corpora.recipe import child_generator

MIDDLES = {
    "nose_tip": (0, -40, 45), "nose_bridge": (0, 0, 25), "glabella": (0, 18, 28), "subnasale": (0, -51, 34),
    "upper_lip_top": (0, -64, 38), "upper_lip_bottom": (0, -73, 31), "lower_lip_top": (0, -72.4, 32.6),
    "lower_lip_bottom": (0, -84, 33), "chin": (0, -97, 27), "chin_bottom": (0, -113, 20),
}  # fmt: skip
PAIRS = {
    "eye_inner": (21, -3, 13), "eye_outer": (45, -2, 9), "lid_upper": (32, 3, 18), "brow_inner": (11, 11, 26),
    "brow_middle": (35, 18, 23), "brow_outer": (49, 10, 14), "mouth_corner": (26, -74, 22), "nose_wing": (20, -42, 21),
    "cheek": (46, -45, 11), "cheekbone": (64, -26, -7), "jaw_angle": (61, -77, -45), "ear_front": (76, -29, -67),
    "ear_lobe": (77, -51, -76),
}  # fmt: skip
POINTS = {name: np.array(place, float) for name, place in MIDDLES.items()} | {
    f"{side}_{name}": np.array(place) * (sign, 1.0, 1.0)
    for name, place in PAIRS.items()
    for side, sign in (("left", 1), ("right", -1))
}
LANDMARKS = {name: number for number, name in enumerate(POINTS)}
FACE = np.stack(list(POINTS.values()))
ALL_MEASURES = set(measures(LANDMARKS, FACE[None]))


def crowd(count=300, even=False):
    """Faces that differ by 2 mm at each landmark."""
    shifts = np.random.default_rng(0).normal(0, 2, (count, *FACE.shape))
    if even:
        mirror = [LANDMARKS[_other(name)] for name in LANDMARKS]
        shifts = (shifts + shifts[:, mirror] * (-1, 1, 1)) / 2
    return FACE + shifts


def _other(name):
    if name.startswith("left_"):
        return "right_" + name[5:]
    return "left_" + name[6:] if name.startswith("right_") else name


@pytest.fixture(scope="module")
def anatomy():
    return Anatomy(LANDMARKS, crowd())


def gains(habits, faces, seed=0):
    """(S, U) log gains of the people with these faces."""
    return np.log([draw_style(child_generator(seed, n), habits, face).gain for n, face in enumerate(faces)])


def test_every_unit_and_expression_has_its_row_of_known_measures():
    assert set(UNITS) == SIDED | MIDDLE
    assert set(AMPLITUDES) == set(CHOICES) == set(EXPRESSIONS)
    for table in (*UNITS.values(), *AMPLITUDES.values(), *CHOICES.values(), LEAN):
        assert table
        assert set(table) <= ALL_MEASURES


def test_measures_do_not_change_with_scale_turn_and_place():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    here, there = measures(LANDMARKS, crowd(5)), measures(LANDMARKS, 1.7 * crowd(5) @ turn.T + (9, 8, 7))
    for name in here:
        np.testing.assert_allclose(here[name], there[name], atol=1e-9)


def test_measures_measure_what_they_are_called():
    wide = FACE.copy()
    wide[[LANDMARKS["left_mouth_corner"], LANDMARKS["right_mouth_corner"]]] += [[5, 0, 0], [-5, 0, 0]]
    before, after = (measures(LANDMARKS, face[None]) for face in (FACE, wide))
    between_eyes = 66.0
    assert after["mouth_width"] - before["mouth_width"] == pytest.approx(10 / between_eyes, rel=0.01)
    assert before["mouth_lean"] == pytest.approx(0)
    left = FACE.copy()
    left[LANDMARKS["left_mouth_corner"]] += (0, -5, 0)
    assert measures(LANDMARKS, left[None])["mouth_lean"] > 0.03


def test_scores_have_unit_variance_among_the_people(anatomy):
    read = [anatomy(face) for face in crowd()]
    for group in ("units", "amplitudes", "choices", "leans"):
        values = np.array([list(getattr(face, group).values()) for face in read])
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.05)
        np.testing.assert_allclose(values.std(axis=0), 1, atol=0.05)
    assert np.std([face.lean for face in read]) == pytest.approx(1, abs=0.05)


def test_a_short_upper_lip_shows_the_teeth(anatomy):
    short = FACE.copy()
    short[LANDMARKS["subnasale"]] -= (0, 4, 0)
    assert anatomy(short).units["mouthUpperUp"] > anatomy(FACE).units["mouthUpperUp"] + 1
    assert anatomy(short).choices["happy"] > anatomy(FACE).choices["happy"]


def test_even_people_have_no_lean_that_could_tell_anything():
    read = Anatomy(LANDMARKS, crowd(even=True))(FACE)
    assert np.isnan(read.lean)
    assert all(np.isnan(value) for value in read.leans.values())
    assert np.isfinite(list(read.units.values())).all()
    style = draw_style(child_generator(0, 1), Habits(anatomy=1.0), read)
    assert np.isfinite(style.gain).all()
    assert style.gain[unit_names().index("mouthSmileLeft")] != style.gain[unit_names().index("mouthSmileRight")]


def test_without_anatomy_a_manner_does_not_know_the_face(anatomy):
    one, other = (draw_style(child_generator(0, 4), Habits(anatomy=0), anatomy(face)) for face in crowd(2))
    np.testing.assert_array_equal(one.gain, other.gain)
    assert (one.amplitudes, one.choices, one.extras) == (other.amplitudes, other.choices, other.extras)
    aware = draw_style(child_generator(0, 4), Habits(), anatomy(crowd(1)[0]))
    assert not np.array_equal(one.gain, aware.gain)


def test_with_anatomy_alone_equal_faces_have_equal_manners(anatomy):
    face = anatomy(crowd(1)[0])
    one, other = (draw_style(child_generator(seed, 4), Habits(anatomy=1.0), face) for seed in (0, 1))
    np.testing.assert_allclose(one.gain, other.gain)
    assert one.amplitudes == pytest.approx(other.amplitudes)
    assert one.occasion == 0


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_explains_as_much_and_changes_no_distribution(anatomy, share):
    habits = Habits(anatomy=share, asymmetry=0.0)
    faces = [anatomy(face) for face in crowd()]
    known = gains(habits, faces)
    assert known.std(axis=0).mean() == pytest.approx(habits.gain, rel=0.05)
    assert known.mean() == pytest.approx(-(habits.gain**2) / 2, abs=0.005)
    units = [name.removesuffix("Left").removesuffix("Right") for name in unit_names()]
    scores = np.array([[face.units[unit] for unit in units] for face in faces])
    explained = [np.corrcoef(known[:, u], scores[:, u])[0, 1] ** 2 for u in range(len(units))]
    assert np.mean(explained) == pytest.approx(share, abs=0.05)


def test_traits_have_unit_variance_over_people_and_occasions(anatomy):
    for habits in (Habits(), Habits(anatomy=0.2, occasion=0.8)):
        styles = [draw_style(child_generator(0, n), habits, anatomy(face)) for n, face in enumerate(crowd())]
        for group in ("amplitudes", "choices", "extras"):
            values = np.array([list(getattr(style, group).values()) for style in styles])
            assert (values**2).mean() + styles[0].occasion ** 2 == pytest.approx(1, abs=0.1)
