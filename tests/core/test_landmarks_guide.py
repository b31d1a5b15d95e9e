"""The guide of the landmarks, and what those that are placed tell about the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.bundle import read_bundle
from core.wrapping import landmarks, suggestions

BUNDLE = Path(__file__).resolve().parent.parent.parent / "blender_addon" / "assets" / "makehuman.safetensors"
FOUR = ("nose_tip", "chin", "left_eye_outer", "right_eye_outer")


@pytest.fixture(scope="module")
def bundle():
    return read_bundle(BUNDLE)


@pytest.fixture(scope="module")
def template(bundle):
    return landmarks.places_on(bundle.template)


@pytest.fixture(params=["Ada", "Ben", "Hana", "Otto", "Zola"])
def head(request, bundle, template):
    """Another person's landmarks, turned, scaled and shifted: (places, units per mm, rotation)."""
    name = next(one for one in bundle.samples if one.lower() == request.param.lower())
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    vertices = bundle.samples[name].astype(float) @ turn.T * 0.013 + (1, 2, 3)
    return {key: vertices[bundle.template.landmarks[key]] for key in template}, 0.013, turn


def test_the_guide_has_eighteen_that_the_template_names(template):
    assert len(landmarks.GUIDE) == 18
    assert len(landmarks.NEEDED) == 12
    assert list(template) == [mark.name for mark in landmarks.GUIDE]


def test_every_side_has_its_partner_and_they_differ_in_the_side_alone(template):
    names = {mark.name for mark in landmarks.GUIDE}
    assert len(names) == len({mark.title for mark in landmarks.GUIDE}) == 18
    for mark in landmarks.GUIDE:
        if not mark.side:
            assert mark.partner == ""
            assert abs(template[mark.name][0]) < 0.1
            continue
        other = landmarks.mark_of(mark.partner)
        assert other.partner == mark.name
        assert (other.needed, other.hint) == (mark.needed, mark.hint)
        assert other.name in names
        assert (template[mark.name][0] > 5) == (mark.side == "left")
        assert mark.seen_from in ("front", mark.side)


def test_they_are_asked_for_in_order_and_needed_ones_come_again():
    assert landmarks.next_mark(()).name == "nose_tip"
    assert landmarks.next_mark({"nose_tip"}).name == "chin"
    assert landmarks.next_mark({"nose_tip"}, ["chin"]).name == "left_eye_outer"
    optional = [mark.name for mark in landmarks.GUIDE if not mark.needed]
    rest = set(landmarks.NEEDED) - {"chin"}
    assert landmarks.next_mark(rest, ["chin"]).name == optional[0]
    assert landmarks.next_mark(rest, ["chin", *optional]).name == "chin"
    assert landmarks.next_mark(set(landmarks.NEEDED), optional) is None
    assert [mark.name for mark in landmarks.missing(rest)] == ["chin"]


def test_four_landmarks_suggest_all_others(template, head):
    places, scale, _ = head
    found = suggestions.suggest(template, {name: places[name] for name in FOUR})
    assert set(found) == set(places) - set(FOUR)
    off = {name: np.linalg.norm(found[name] - places[name]) / scale for name in found}
    assert max(off[name] for name in landmarks.NEEDED if name in off) < 10, off
    assert max(off.values()) < 25, off


def test_two_landmarks_or_a_line_suggest_nothing(template, head):
    places = head[0]
    assert suggestions.suggest(template, {name: places[name] for name in FOUR[:2]}) == {}
    line = {name: np.array([number, 0.0, 0.0]) for number, name in enumerate(FOUR)}
    assert suggestions.suggest(template, line) == {}
    assert suggestions.symmetry(template, line) is not None  # a pair tells one all the same
    same = dict.fromkeys(FOUR, np.ones(3))
    assert suggestions.suggest(template, same) == {}
    assert suggestions.symmetry(template, same) is None


def test_the_other_side_is_mirrored_better_than_guessed(template, head):
    places, scale, _ = head
    placed = {name: where for name, where in places.items() if not name.startswith("right_") or name in FOUR}
    mirrored = suggestions.suggest(template, placed)
    guessed = suggestions.suggest(template, placed, mirror=False)
    assert set(mirrored) == set(guessed) == {name for name in places if name.startswith("right_")} - set(FOUR)
    for name, where in mirrored.items():
        assert np.linalg.norm(where - places[name]) < 1 * scale, name
    assert any(np.linalg.norm(guessed[name] - places[name]) > 1 * scale for name in guessed)


def test_the_plane_of_symmetry_points_to_the_faces_own_left(template, head):
    places, scale, turn = head
    middle = {name: places[name] for name in ("nose_tip", "chin")}
    assert suggestions.symmetry(template, middle) is None
    for placed in (middle | {"left_eye_outer": places["left_eye_outer"]}, places):
        plane = suggestions.symmetry(template, placed)
        assert plane.left @ turn[:, 0] > 0.98
        assert abs(plane.offset(places["nose_tip"])) < 3 * scale


def test_the_viewers_left_is_taken_for_what_it_is(template, head):
    places, _, turn = head
    placed, mark = {name: places[name] for name in ("nose_tip", "chin")}, landmarks.mark_of("left_eye_outer")
    left, right = places["left_eye_outer"], places["right_eye_outer"]
    # Seen from the front, and a little from the side: the nose and the chin alone, and where the person looks from.
    for toward in (turn @ (0, 0, 1.0), turn @ (0.4, 0.1, 0.9), turn @ (-0.4, -0.1, 0.9)):
        assert suggestions.own_side(mark, right, template, placed, toward) == "right_eye_outer"
        assert suggestions.own_side(mark, left, template, placed, toward) == "left_eye_outer"
    assert suggestions.own_side(mark, right, template, placed) == "left_eye_outer"  # nothing tells
    four = {name: places[name] for name in FOUR}
    mouth = landmarks.mark_of("left_mouth_corner")
    assert suggestions.own_side(mouth, places["right_mouth_corner"], template, four) == "right_mouth_corner"
    assert suggestions.own_side(mouth, places["nose_tip"], template, four) == "left_mouth_corner"  # nearly the middle
    # A partner that is there is never overwritten, and the middle has no sides.
    both = four | {"right_mouth_corner": places["right_mouth_corner"]}
    assert suggestions.own_side(mouth, places["right_mouth_corner"], template, both) == "left_mouth_corner"
    assert suggestions.own_side(landmarks.mark_of("subnasale"), left, template, four) == "subnasale"


def test_sides_exchanged_throughout_are_noticed_from_the_first_pair_on(template, head):
    places = head[0]
    four = {name: places[name] for name in FOUR}
    for placed in (four, places):
        assert not suggestions.is_swapped(template, placed)
        assert suggestions.is_swapped(template, suggestions.exchanged(placed))
    assert "own left" in suggestions.concerns(template, suggestions.exchanged(places))[0].sentence
    # Nothing tells: no pair, or a flat drawing.
    assert not suggestions.is_swapped(template, {name: places[name] for name in FOUR[:3]})


def test_well_placed_landmarks_raise_no_concern(template, head):
    places = head[0]
    assert suggestions.concerns(template, places) == ()
    for count in range(len(places)):
        assert suggestions.concerns(template, {name: places[name] for name in list(places)[:count]}) == ()


def test_one_pair_exchanged_is_told(template, head):
    places = dict(head[0])
    places["left_mouth_corner"], places["right_mouth_corner"] = (
        places["right_mouth_corner"],
        places["left_mouth_corner"],
    )
    found = suggestions.concerns(template, places)
    assert [one.sentence for one in found][:1] == ["Left and right corner of the mouth are swapped."]
    assert set(found[0].names) == {"left_mouth_corner", "right_mouth_corner"}


@pytest.mark.parametrize("name", ["left_eye_inner", "chin", "right_nose_wing", "upper_lip_top"])
def test_one_that_is_far_off_is_told_by_its_name(template, head, name):
    places, scale, turn = head
    found = suggestions.concerns(template, places | {name: places[name] + turn @ (0, 45 * scale, 0)})
    assert [one.names for one in found] == [(name,)]
    assert landmarks.mark_of(name).title in found[0].sentence


def test_two_at_one_place_are_told(template, head):
    places, scale, _ = head
    found = suggestions.concerns(template, places | {"subnasale": places["upper_lip_top"] + 0.1 * scale})
    assert {"subnasale", "upper_lip_top"} in [set(one.names) for one in found]
