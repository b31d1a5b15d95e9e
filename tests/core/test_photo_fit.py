"""People are found again in photos whose truth is known; the noise is what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

import core.photo.fit as fitting
from core.bundle import read_bundle
from core.detection.faces import LEFT_EYE, RIGHT_EYE
from core.detection.views import sample
from core.errors import Cancelled, MienError, TemplateError
from core.photo.camera import Camera
from core.photo.fit import fit
from core.photo.fitted import View
from core.photo.kit import PhotoKit
from core.photo.measurement import Measurement
from core.photo.noise import Noise
from core.photo.person import Model
from core.photo.picture import Picture
from core.photo.sight import begin, look, turn_terms
from core.photo.terms import PointTerms
from core.steps import waited
from core.wrapping.landmarks import GUIDE

SHIPPED = Path(__file__).parents[2] / "blender_addon" / "assets" / "makehuman.safetensors"
BLANK = Picture("blank.png", np.zeros((360, 360, 3), np.float32))
RNG = np.random.default_rng


@pytest.fixture(scope="module")
def shipped():
    return read_bundle(SHIPPED)


@pytest.fixture(scope="module")
def exact(shipped):
    """The bundle with a detector that has no bias, and errs by a fifth of a percent."""
    kit = shipped.photo
    return replace(shipped, photo=replace(kit, spread=np.full_like(kit.spread, 0.002), descent=None, coding=None))


def turned(yaw, pitch=0.0, roll=0.0):
    a, b, c = np.radians([yaw, pitch, roll])
    y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return z @ x @ y


def camera(yaw=0.0, pitch=0.0, roll=0.0, focal=800.0, depth=700.0):
    return Camera(turned(yaw, pitch, roll), np.array([4.0, 30.0, -depth]), focal, np.array([180.0, 180.0]))


def person(bundle, seed, expression=0.0):
    """A face of the modes, and the same with an expression."""
    rng = RNG(seed)
    strengths = rng.normal(0, 1, len(bundle.modes))
    neutral = bundle.template.vertices + np.tensordot(strengths, bundle.modes.astype(float), axes=1)
    moved = np.tensordot(rng.normal(0, expression, len(bundle.photo.expressions)), bundle.photo.expressions, axes=1)
    return neutral, neutral + moved


def seen(bundle, face, lens, noise=0.0, seed=0):
    """What a detector without bias sees."""
    points = bundle.photo.points_of(face)
    at = lens.seen(points)
    depth = at[:, 2] * lens.focal / -at[:, 2].mean()
    return np.column_stack([lens.project(points), depth]) + RNG(seed).normal(0, noise, (468, 3))


def off(bundle, face, truth):
    """Mm between the detector's points on two faces, the first laid onto the second."""
    here, there = bundle.photo.points_of(face), bundle.photo.points_of(truth)
    a, b = here - here.mean(axis=0), there - there.mean(axis=0)
    left, _, right = np.linalg.svd(b.T @ a)
    return float(np.linalg.norm(a @ (left @ right).T - b, axis=1).mean())


def test_three_exact_photos_find_the_person_and_what_each_shows(exact):
    neutral, _ = person(exact, 1)
    lenses = [camera(-35, 5, 3), camera(2, -4, -6, focal=900, depth=800), camera(38, 0, 4)]
    faces = [neutral, *(neutral + (person(exact, 1, 0.6)[1] - neutral) * share for share in (1.0, -0.5))]
    views = [View(replace(BLANK, focal=one.focal), seen(exact, f, one)) for one, f in zip(lenses, faces, strict=True)]
    found = waited(fit(exact, views))
    mean = off(exact, exact.template.vertices, neutral)
    assert off(exact, found.neutral, neutral) < 0.25 * mean
    for lens, face, fitted, posed in zip(lenses, faces, found.cameras, found.posed, strict=True):
        assert np.abs(fitted.rotation - lens.rotation).max() < 0.05
        points = exact.photo.points_of(face)
        there = fitted.project(exact.photo.points_of(posed))
        assert np.linalg.norm(there - lens.project(points), axis=1).mean() < 0.5
    assert max(found.off) < 0.6


def test_one_photo_tells_less_than_three_and_more_than_nothing(exact):
    errors = []
    for seed in range(4):
        neutral, _ = person(exact, seed)
        views = [View(BLANK, seen(exact, neutral, camera(yaw), 0.4, seed)) for yaw in (-30, 0, 30)]
        one, three = waited(fit(exact, views[1:2])), waited(fit(exact, views))
        errors.append([off(exact, face, neutral) for face in (exact.template.vertices, one.neutral, three.neutral)])
    mean, one, three = np.mean(errors, axis=0)
    assert three < one < 0.8 * mean


def test_an_expression_does_not_become_the_person(exact):
    neutral, smiling = person(exact, 5, 1.0)
    found = waited(fit(exact, [View(BLANK, seen(exact, smiling, camera(yaw))) for yaw in (-25, 5, 30)]))
    assert off(exact, found.neutral, neutral) < 0.6 * off(exact, smiling, neutral)


def test_the_same_photos_give_the_same_person(shipped):
    neutral, _ = person(shipped, 2)
    views = [View(BLANK, seen(shipped, neutral, camera(10)))]
    first, again = waited(fit(shipped, views)), waited(fit(shipped, views))
    assert np.array_equal(first.neutral, again.neutral)
    assert first.neutral.dtype == np.float32


def test_marks_alone_lay_the_face_into_the_photo(shipped):
    neutral, _ = person(shipped, 3)
    lens = camera(-12, 6, 8)
    names = [mark.name for mark in GUIDE if mark.needed]
    places = {name: neutral[shipped.template.landmarks[name]] for name in names}
    marks = {name: lens.project(place[None])[0] for name, place in places.items()}
    found = waited(fit(shipped, [View(BLANK, None, marks)]))
    there = found.cameras[0].project(found.posed[0][[shipped.template.landmarks[name] for name in names]])
    assert np.linalg.norm(there - list(marks.values()), axis=1).max() < 2.0
    assert np.abs(found.cameras[0].rotation - lens.rotation).max() < 0.25
    assert np.abs(found.strengths).max() < 4


def test_a_mark_is_believed_more_than_the_detector(shipped):
    neutral, _ = person(shipped, 4)
    points = seen(shipped, neutral, camera())
    corner = shipped.template.landmarks["left_mouth_corner"]
    wanted = camera().project(neutral[corner][None])[0] + [7.0, 0.0]
    plain = waited(fit(shipped, [View(BLANK, points)]))
    marked = waited(fit(shipped, [View(BLANK, points, {"left_mouth_corner": wanted})]))

    def miss(found):
        return float(np.linalg.norm(found.cameras[0].project(found.posed[0][[corner]])[0] - wanted))

    assert miss(marked) < 0.6 * miss(plain)


def test_what_points_tell_of_the_person_is_where_the_fit_begins_and_stays(shipped, monkeypatch):
    """Exact points say otherwise than the guesses; these are believed more, and two that agree more than one."""
    modes = len(shipped.modes)
    wanted = RNG(8).normal(0, 1, modes)
    neutral, _ = person(shipped, 8)
    views = [View(BLANK, seen(shipped, neutral, camera(yaw))) for yaw in (-15, 20)]

    def told(view, *_):
        return Measurement(view.points, view.points, shipped.photo.coding.answer.astype(float) @ wanted)

    plain = waited(fit(replace(shipped, photo=replace(shipped.photo, descent=None, coding=None)), views))
    monkeypatch.setattr(fitting, "measure", told)
    person_of, guess = shipped.photo.coding.person_of, told(views[0]).guess
    for count in (1, 2):
        found, middle = waited(fit(shipped, views[:count])), person_of([guess] * count).mean
        assert np.linalg.norm(found.strengths - middle) < 0.6 * np.linalg.norm(plain.strengths - middle)
    assert np.linalg.norm(person_of([guess] * 2).mean - wanted) < np.linalg.norm(person_of([guess]).mean - wanted)


def test_nonsense_is_told(shipped):
    with pytest.raises(MienError, match="no photo"):
        waited(fit(shipped, []))
    with pytest.raises(MienError, match="too few"):
        waited(fit(shipped, [View(BLANK, None, {"nose_tip": np.zeros(2), "chin": np.ones(2)})]))
    names = list(shipped.template.landmarks)[:8]
    with pytest.raises(MienError, match="one spot"):
        waited(fit(shipped, [View(BLANK, None, {name: np.array([9.0, 9.0]) for name in names})]))
    with pytest.raises(MienError, match="cannot read photos"):
        waited(fit(replace(shipped, photo=None), [View(BLANK, np.zeros((468, 3)))]))
    neutral, _ = person(shipped, 2)
    with pytest.raises(Cancelled):
        waited(fit(shipped, [View(BLANK, seen(shipped, neutral, camera()))], lambda: True))


def test_the_optimum_is_that_of_a_library(exact):
    """The same residuals under scipy's least squares end at the same place."""
    _, posed = person(exact, 6, 0.3)
    view = View(BLANK, seen(exact, posed, camera(15, 3), 0.3))
    found = waited(fit(exact, [view]))
    model = Model(exact)
    first = begin(view, model.kit, exact.template)
    terms = PointTerms(model, view, first)
    count = model.modes

    def residuals(step):
        sight = first.stepped(step[count:])
        left, _ = terms._points_off(step[:count], sight)
        focal = np.log(sight.camera.focal / sight.usual) / sight.deviation
        return np.concatenate([left.ravel() / 0.002, step[:count], sight.strengths, [focal]])

    start = np.zeros(count + 7 + len(first.strengths))
    theirs = least_squares(residuals, start, method="trf", x_scale="jac", max_nfev=60)
    assert np.abs(theirs.x[: model.modes] - found.strengths).max() < 0.15
    assert found.off[0] == pytest.approx(terms.off(theirs.x[:count], first.stepped(theirs.x[count:])), abs=0.02)


def test_jacobians_are_those_of_differences(shipped):
    model = Model(shipped)
    _, posed = person(shipped, 7, 0.5)
    view = View(BLANK, seen(shipped, posed, camera(20, 5, 5)))
    sight = begin(view, model.kit, shipped.template)
    terms = PointTerms(model, view, sight)
    count = model.modes
    who = RNG(0).normal(0, 0.3, count)
    left, jacobian = terms._points_off(who, sight)
    for row in (0, 5, count - 1, count, count + 4, count + 5, count + 6, -1):
        step = np.zeros(len(jacobian))
        step[row] = 1e-5
        then, _ = terms._points_off(who + step[:count], sight.stepped(step[count:]))
        moved = (left - then) / 1e-5
        expected = jacobian[row].copy()
        expected[:, 2] -= expected[:, 2].mean()
        assert np.abs(moved - expected).max() < 2e-3 * max(np.abs(expected).max(), 1e-3)
    assert np.isfinite(look(sight.camera, model.points, model.point_moves).jacobian).all()


def test_noise_is_the_inverse_of_the_covariance():
    rng = RNG(1)
    factor, spread = rng.normal(0, 1, (4, 30)), rng.uniform(0.5, 2, 30)
    covariance = factor.T @ factor + np.diag(spread**2)
    rows, rest = rng.normal(0, 1, (6, 30)), rng.normal(0, 1, 30)
    matrix, right = Noise(factor, spread).normal(rows, rest)
    inverse = np.linalg.inv(covariance)
    assert np.allclose(matrix, rows @ inverse @ rows.T)
    assert np.allclose(right, rows @ inverse @ rest)
    assert Noise(factor, spread).cost(rest) == pytest.approx(rest @ inverse @ rest)


def test_a_kit_comes_back_from_its_arrays_and_is_checked(shipped):
    kit, arrays = shipped.photo, shipped.photo.to_arrays()
    again = PhotoKit.from_arrays(arrays)
    assert all(np.array_equal(again.to_arrays()[name], value) for name, value in arrays.items())
    assert len(arrays) == 5 + 6 + 6
    assert PhotoKit.from_arrays({}) is None
    with pytest.raises(TemplateError, match="lacks spread"):
        PhotoKit.from_arrays({name: value for name, value in arrays.items() if name != "photo.spread"})
    for wrong in (
        {"spread": np.zeros_like(kit.spread)},
        {"spread": np.ones_like(kit.spread)},
        {"shares": kit.shares + 1},
        {"coding": None},
        {"vertices": -kit.vertices - 1},
        {"expressions": kit.expressions[0]},
        {"uv": np.full_like(kit.uv, np.nan)},
        {"vertices": kit.vertices.astype(float)},
        {"shares": kit.shares[:400]},
    ):
        with pytest.raises(TemplateError):
            replace(kit, **wrong)
    with pytest.raises(TemplateError, match="does not fit"):
        replace(kit, vertices=np.full_like(kit.vertices, 10**6)).check(shipped.template, len(shipped.modes))
    with pytest.raises(TemplateError, match="does not fit"):
        kit.check(shipped.template, len(shipped.modes) - 1)


def test_the_shipped_points_lie_where_their_names_say(shipped):
    points, marks = shipped.photo.points_of(shipped.template.vertices), shipped.template.landmarks
    for point, name in (
        (RIGHT_EYE[0], "right_eye_outer"),
        (LEFT_EYE[0], "left_eye_outer"),
        (1, "nose_tip"),
        (152, "chin_bottom"),
    ):
        assert np.linalg.norm(points[point] - shipped.template.vertices[marks[name]]) < 12
    mirrored = points * [-1, 1, 1]
    apart = np.linalg.norm(mirrored[:, None] - points[None], axis=2).min(axis=1)
    assert np.median(apart) < 2.5


def test_a_camera_and_its_terms():
    lens = camera(90)
    assert np.allclose(lens.seen(np.zeros((1, 3))), [[4, 30, -700]])
    assert np.allclose(lens.seen(lens.eye()[None]), 0)
    assert np.allclose(lens.project(np.zeros((1, 3)))[0], [180 + 800 * 4 / 700, 180 - 800 * 30 / 700])
    assert np.allclose(turn_terms(np.eye(3)), [1, 0, 0, 0, 0, 0])
    assert turn_terms(turned(30))[1] == pytest.approx(0.5)


def test_colours_between_pixels_are_mixed():
    values = np.zeros((2, 3, 1), np.float32)
    values[0, 0], values[0, 1] = 1.0, 3.0
    places = np.array([[0.5, 0.5], [1.0, 0.5], [-9, -9], [1.5, 1.0]])
    assert sample(values, places)[:, 0] == pytest.approx([1.0, 2.0, 1.0, 1.5])
