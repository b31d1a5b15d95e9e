"""What is around points puts them right; all points together tell the person, and how surely."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.bundle import read_bundle
from core.detection.views import box_mean
from core.errors import TemplateError
from core.photo.coding import Coding
from core.photo.descent import Descent, strangeness
from core.photo.fitted import View
from core.photo.gradients import EYES, FEATURES, Around, flipped
from core.photo.measurement import Home, measure
from core.photo.picture import Picture
from core.photo.placing import Handles

SHIPPED = Path(__file__).parents[2] / "blender_addon" / "assets" / "makehuman.safetensors"
RNG = np.random.default_rng
SIZE = 320


@pytest.fixture(scope="module")
def shipped():
    return read_bundle(SHIPPED)


@pytest.fixture(scope="module")
def front(shipped):
    """(468, 3) the mean face from the front, in the middle of a picture, with 110 pixels between the eyes."""
    home = Home.of(shipped.photo, shipped.template)
    at = home.points * 110 / home.eyes
    return at * [1, -1, 1] + [SIZE / 2, SIZE / 2 - 30, 0]


def blobs(seed=0):
    """A picture with something everywhere."""
    noise = RNG(seed).uniform(0.1, 0.9, (SIZE, SIZE, 3)).astype(np.float32)
    return box_mean(box_mean(noise, 4), 3) * 4 - 1.5


def test_mirrored_pictures_have_mirrored_features(shipped, front):
    picture, partner = blobs(), shipped.photo.descent.partner
    across = (front * [-1, 1, 1] + [SIZE, 0, 0])[partner]
    here = Around(picture, front, 110.0).features(front[:, :2])
    there = Around(np.ascontiguousarray(picture[:, ::-1]), across, 110.0).features(across[:, :2])
    assert here.shape == (468, FEATURES)
    # The crops do not stand on the same pixels to the last thousandth.
    assert np.abs(there - here[partner][:, flipped()]).max() < 0.05
    assert np.abs(there - here[partner]).max() > 0.2


def test_light_and_size_and_turn_do_not_count(front):
    picture = np.clip(blobs(1), 0.2, 1)
    plain = Around(picture, front, 110.0).features(front[:, :2])
    darker = Around(picture * 0.6, front, 110.0).features(front[:, :2])
    assert np.corrcoef(plain.ravel(), darker.ravel())[0, 1] > 0.99
    twice = np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)
    larger = Around(twice, front * 2, 220.0).features(front[:, :2] * 2)
    assert np.corrcoef(plain.ravel(), larger.ravel())[0, 1] > 0.98
    quarter = front[:, [1, 0, 2]] * [1, -1, 1] + [0, SIZE, 0]
    lying = Around(np.ascontiguousarray(np.rot90(picture)), quarter, 110.0).features(quarter[:, :2])
    assert np.corrcoef(plain.ravel(), lying.ravel())[0, 1] > 0.98


def test_an_edge_is_where_it_is_and_as_it_runs(front):
    picture = np.full((SIZE, SIZE, 3), 0.3, np.float32)
    place = front[4, :2]
    picture[:, int(place[0]) :] = 0.8
    found = Around(picture, front, EYES).features(place[None]).reshape(2, 6, 6, 6)
    assert found[0].sum() > 0
    assert found[0, :, 2:4, 0].sum() > 0.8 * found[0].sum()  # beside the point, and changing across
    assert np.abs(found[1]).max() == pytest.approx(0, abs=1e-4)  # grey has no colour to change
    assert np.abs(Around(picture * 0, front, EYES).features(place[None])).max() == 0


def lesson(seed=0, own=248, points=468):
    rng = RNG(seed)
    partner = np.arange(points, dtype=np.int32)
    pairs = rng.permutation(points)[: 2 * (points - own)].reshape(-1, 2)
    partner[pairs[:, 0]], partner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    usual = rng.uniform(0, 0.2, (own, FEATURES))
    familiar = np.tile([1.5, 3.0], (own, 1))
    steps = rng.normal(0, 0.02, (own, FEATURES, 2))
    return Descent(partner, usual, np.full((own, FEATURES), 0.1), rng.normal(0, 0.01, (own, 2)), steps, familiar)


def test_pairs_share_what_was_learned_and_strange_places_move_as_usual():
    descent = lesson()
    features = np.zeros((468, FEATURES), np.float32)
    own, partner = descent.own, descent.partner
    features[own] = descent.usual + RNG(1).normal(0, 0.05, descent.usual.shape)
    features[partner[own]] = features[own][:, flipped()]
    middle = own[partner[own] == own]
    moves = descent.moves(features)
    pairs = own[partner[own] != own]
    assert np.allclose(moves[partner[pairs]], moves[pairs] * [-1, 1])
    assert len(middle) == 28
    assert np.abs(moves[own] - descent.shift).max() > 0.005
    assert np.linalg.norm(moves[own] - descent.shift, axis=1).max() < 0.1201
    strange = features + 0.3
    assert (strangeness(strange[own] - descent.usual, descent.deviation) > 3).all()
    assert np.allclose(descent.moves(strange)[own], descent.shift, atol=1e-7)


def test_points_are_moved_in_the_picture(shipped, front):
    """A descent that always says up and to the right, in faces that stand askew."""
    plain = shipped.photo.descent
    shift = np.where((np.arange(468) == plain.partner)[plain.own, None], [0.0, 0.1], [0.05, 0.1])
    descent = replace(plain, steps=np.zeros_like(plain.steps), shift=shift)
    for angle in (0.0, 0.5, -2.0):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        points = front.copy()
        points[:, :2] = (front[:, :2] - SIZE / 2) @ turn + SIZE / 2
        moved = descent.put_right(blobs(), points, 110.0) - points
        back = moved[:, :2] @ turn.T / 110
        assert back[:, 1] == pytest.approx(np.full(468, -0.1), abs=2e-3)
        assert back[[33, 263, 4], 0] == pytest.approx([0.05, -0.05, 0.0], abs=2e-3)
        assert np.array_equal(moved[:, 2], np.zeros(468))


def small_coding(modes=3, codes=5, seed=0):
    rng = RNG(seed)
    within, between = np.diag(rng.uniform(0.2, 0.4, modes)), np.diag(rng.uniform(0.05, 0.1, modes))
    answer = np.eye(modes) * 0.7 + rng.normal(0, 0.05, (modes, modes))
    shapes = (6, 468, 3), (codes, 468, 3), (6 + codes, 468, 3)
    return Coding(*(rng.normal(0, 0.05, one) for one in shapes), answer, between, within)


def test_the_person_is_the_likeliest_and_more_photos_are_surer():
    coding = small_coding()
    rng, answer = RNG(1), coding.answer.astype(float)
    errors = {1: [], 4: []}
    for _ in range(600):
        who, own = rng.normal(0, 1, 3), rng.multivariate_normal(np.zeros(3), coding.between)
        guesses = [answer @ who + own + rng.multivariate_normal(np.zeros(3), coding.within) for _ in range(4)]
        for count, found in errors.items():
            found.append(coding.person_of(guesses[:count]).mean - who)
    for count, found in errors.items():
        expected = np.linalg.inv(coding.person_of([np.zeros(3)] * count).precision)
        assert np.cov(np.array(found).T) == pytest.approx(expected, abs=0.06)
    assert np.var(errors[4]) < 0.7 * np.var(errors[1])
    surer = coding.person_of(guesses, 9.0)
    assert np.allclose(surer.mean, coding.person_of(guesses).mean)
    assert np.allclose(surer.precision, 9 * coding.person_of(guesses).precision)


def test_codes_are_read_and_decoded():
    coding = small_coding()
    terms, left = np.array([1.0, 0.2, -0.1, 0.04, -0.02, 0.01]), RNG(2).normal(0, 0.1, (468, 3))
    known, guess = coding.read(left, terms)
    beside = left - np.tensordot(terms, coding.turned, axes=1)
    codes = coding.codes.reshape(5, -1).astype(float) @ beside.ravel()
    assert np.allclose(guess, codes[:3])
    assert np.allclose(known.ravel(), np.r_[terms, codes] @ coding.points.reshape(11, -1).astype(float))


def test_what_was_learned_comes_back_from_its_arrays_and_is_checked():
    for made, kind in ((lesson(), Descent), (small_coding(), Coding)):
        arrays = made.to_arrays()
        again = kind.from_arrays(arrays)
        assert all(np.array_equal(one, again.to_arrays()[name]) for name, one in arrays.items())
        assert kind.from_arrays({}) is None
        name = next(iter(arrays))
        with pytest.raises(TemplateError, match="lacks"):
            kind.from_arrays({key: one for key, one in arrays.items() if key != name})
    descent, coding = lesson(), small_coding()
    rolled = np.roll(np.arange(468, dtype=np.int32), 1)
    for wrong in (
        {"partner": rolled},
        {"partner": np.zeros(468, np.int32)},
        {"deviation": np.zeros_like(descent.deviation)},
        {"familiar": descent.familiar[:, ::-1]},
        {"steps": descent.steps[:, :100]},
        {"usual": np.full_like(descent.usual, np.nan)},
    ):
        with pytest.raises(TemplateError):
            replace(descent, **wrong)
    for wrong in (
        {"between": -np.eye(3)},
        {"within": np.triu(np.ones((3, 3))) + np.eye(3)},
        {"codes": coding.codes[:2], "points": coding.points[:8]},
        {"turned": coding.turned[:5]},
        {"answer": np.eye(4)},
        {"answer": np.float32(1.0)},
        {"codes": np.float16(1.0)},
    ):
        with pytest.raises(TemplateError):
            replace(coding, **wrong)


def test_a_template_is_laid_and_a_kit_without_lessons_measures_nothing(shipped, front):
    home = Home.of(shipped.photo, shipped.template)
    assert home.pixels(front) == pytest.approx(110, abs=0.01)
    laid = home.laid(front)
    assert np.abs(laid.left).max() < 1e-6
    assert laid.terms == pytest.approx([1, 0, 0, 0, 0, 0], abs=1e-6)
    blank, picture = replace(shipped.photo, descent=None, coding=None), Picture("a", blobs())
    told = measure(View(picture, front), blank, shipped.template)
    assert told.guess is None
    assert np.array_equal(told.points, front)
    assert told.off(front[:, :2] + [3.0, 4.0], 100.0) == pytest.approx(5.0)
    assert measure(View(picture), blank, shipped.template) is None


def test_what_is_around_a_mark_goes_with_it(shipped, front):
    handles, picture = Handles(shipped.photo, shipped.template), Picture("a", blobs())
    plain = measure(View(picture, front), shipped.photo, shipped.template)
    wanted = handles.places(plain.points)["left_mouth_corner"] + [8.0, 3.0]
    marked = measure(View(picture, front, {"left_mouth_corner": wanted}), shipped.photo, shipped.template)
    assert np.linalg.norm(handles.places(marked.points)["left_mouth_corner"] - wanted) < 1.0
    assert np.abs(marked.guess - plain.guess).max() > 0.01
    far = np.linalg.norm(front[:, :2] - wanted, axis=1) > 90
    assert np.abs(marked.points - plain.points)[far].mean() < 1.0
