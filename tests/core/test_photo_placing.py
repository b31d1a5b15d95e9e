"""Landmarks in a photo: told by the detector's points, or by those that a person has placed so far."""

from __future__ import annotations

import numpy as np
import pytest

from core.photo import guide, placing
from core.wrapping import landmarks


@pytest.fixture(scope="module")
def face(bundle):
    template = bundle.template
    return {
        mark.name: template.vertices[template.landmarks[mark.name]].astype(np.float64)
        for mark in guide.GUIDE
        if mark.name in template.landmarks
    }


@pytest.fixture(scope="module")
def handles(bundle):
    return placing.Handles(bundle.photo, bundle.template)


def photographed(places, yaw=0.0, roll=0.0, scale=2.5):
    """(n, 3) mm -> (n, 3) columns, rows and depths of a photo without perspective; turned to the picture's right."""
    turn, tilt = np.radians(yaw), np.radians(roll)
    aside = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    lean = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    return (places @ (lean @ aside).T * scale) * [1, -1, 1] + [400, 300, 0]


def seen(face, **how):
    return dict(zip(face, photographed(np.array(list(face.values())), **how)[:, :2], strict=True))


def points_of(bundle, **how):
    return photographed(bundle.photo.points_of(bundle.template.vertices.astype(np.float64)), **how)


def off(found, truth, scale=2.5):
    """mm."""
    return {name: float(np.linalg.norm(place - truth[name])) / scale for name, place in found.items()}


def test_the_guide_begins_with_what_a_wrap_needs_and_names_real_landmarks(bundle):
    names = [mark.name for mark in guide.GUIDE]
    assert tuple(names[:12]) == landmarks.NEEDED
    assert len(set(names)) == len(names) == 25
    assert set(names) <= set(bundle.template.landmarks)
    assert guide.mark_of("left_lid_upper").title == "Left upper lid"
    assert guide.is_known("chin")
    assert not guide.is_known("left_ear_lobe")


@pytest.mark.parametrize("how", [{}, {"yaw": 35.0, "roll": 20.0}, {"yaw": -50.0, "scale": 0.7}])
def test_handles_lie_where_the_landmarks_are_however_the_face_is_turned(bundle, face, handles, how):
    assert set(handles.names) == set(face)
    found = handles.places(points_of(bundle, **how))
    assert max(off(found, seen(face, **how), how.get("scale", 2.5)).values()) < 1e-4
    assert handles.scale(points_of(bundle, **how)) == pytest.approx(how.get("scale", 2.5), rel=1e-5)


def test_points_follow_a_landmark_softly(bundle, handles):
    points = points_of(bundle)
    own = handles.places(points)
    assert handles.pulled(points, {}) is points
    assert handles.pulled(points, {"left_ear_lobe": np.zeros(2)}) is points
    there = own["left_mouth_corner"] + [20.0, -10.0]
    moved = handles.pulled(points, {"left_mouth_corner": there})
    way = np.linalg.norm((moved - points)[:, :2], axis=1)
    near = np.linalg.norm(points[:, :2] - own["left_mouth_corner"], axis=1)
    assert 0.8 < way[near.argmin()] / np.hypot(20, 10) <= 1.0
    assert way[near > 2.5 * 45].max() < 0.01
    assert (np.diff(way[np.argsort(near)]) < 1e-9).all()  # the nearer, the more
    assert (moved[:, 2] == points[:, 2]).all()
    # What stands by a person's word keeps the points round it where they are.
    still = handles.pulled(points, {"left_mouth_corner": there, "lower_lip_bottom": own["lower_lip_bottom"]})
    lip = np.linalg.norm(points[:, :2] - own["lower_lip_bottom"], axis=1).argmin()
    assert np.linalg.norm((still - points)[lip, :2]) < 0.2 * way[lip] + 0.3


def test_two_that_pull_against_each_other_do_not_tear_the_points(bundle, handles):
    points = points_of(bundle)
    own = handles.places(points)
    pulls = {"upper_lip_bottom": np.array([0.0, -25.0]), "lower_lip_top": np.array([0.0, 25.0])}
    moved = handles.pulled(points, {name: own[name] + pull for name, pull in pulls.items()})
    assert np.linalg.norm((moved - points)[:, :2], axis=1).max() < 26


@pytest.mark.parametrize("how", [{}, {"roll": -30.0}, {"yaw": 30.0, "roll": 10.0}])
def test_what_is_placed_tells_where_the_rest_is(face, how):
    truth = seen(face, **how)
    names = list(face)
    assert placing.suggest(face, {names[0]: truth[names[0]]}) == {}
    assert placing.suggest(face, truth) == {}
    errors = []
    for count in (2, 4, 6, 12):
        found = placing.suggest(face, {name: truth[name] for name in names[:count]})
        assert set(found) == set(names[count:])
        errors.append(np.mean(list(off(found, truth).values())))
    assert errors[-1] < 3
    assert errors[0] < (1e-6 if "yaw" not in how else 20)
    assert errors[-1] <= errors[0] + 1e-6


def test_landmarks_on_one_spot_tell_nothing(face):
    spot = np.array([5.0, 5.0])
    assert placing.suggest(face, {"nose_tip": spot, "chin": spot}) == {}
    assert placing.lay(face, {"nose_tip": spot}) is None
    assert not placing.is_swapped(face, dict.fromkeys(list(face)[:6], spot))


@pytest.mark.parametrize("yaw", [-40.0, 0.0, 40.0])
def test_the_other_side_is_noticed(face, yaw):
    truth = seen(face, yaw=yaw, roll=15)
    placed = {name: truth[name] for name in ("nose_tip", "chin")}
    eye = guide.mark_of("left_eye_outer")
    assert placing.own_side(eye, truth["left_eye_outer"], face, placed) == "left_eye_outer"
    if not yaw:
        assert placing.own_side(eye, truth["right_eye_outer"], face, placed) == "right_eye_outer"
    placed |= {name: truth[name] for name in ("left_eye_outer", "right_eye_outer")}
    for stem in ("eye_inner", "mouth_corner", "nose_wing"):
        mark = guide.mark_of(f"left_{stem}")
        assert placing.own_side(mark, truth[f"left_{stem}"], face, placed) == f"left_{stem}"
        assert placing.own_side(mark, truth[f"right_{stem}"], face, placed) == f"right_{stem}"
    # Where the other side is there already, the place counts as what was asked for.
    placed["right_nose_wing"] = truth["right_nose_wing"]
    wing = guide.mark_of("left_nose_wing")
    assert placing.own_side(wing, truth["right_nose_wing"], face, placed) == "left_nose_wing"
    assert placing.own_side(guide.mark_of("chin"), truth["chin"], face, placed) == "chin"


@pytest.mark.parametrize("yaw", [-45.0, 0.0, 45.0])
def test_sides_that_are_exchanged_throughout_are_noticed(face, yaw):
    truth = seen(face, yaw=yaw)
    placed = {name: truth[name] for name in list(face)[:6]}
    assert not placing.is_swapped(face, placed)
    assert placing.is_swapped(face, placing.exchanged(placed))
    assert placing.exchanged(placing.exchanged(placed)) == placed


def test_what_is_asked_goes_through_the_guide_and_leaves_out_what_is_hidden(face):
    names = list(face)
    assert placing.next_mark(names, {}).name == "nose_tip"
    assert placing.next_mark(names, {"nose_tip": 0}, ["chin"]).name == "left_eye_outer"
    assert placing.next_mark(names[:2], {"nose_tip": 0}, ["chin"]) is None
