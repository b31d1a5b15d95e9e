# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Landmarks on a photo: a stand-in for the window and its events, a photo that is seen straight from the front."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from view_window import HEIGHT, WIDTH, Window, acting, event

SIZE = 600, 800


@pytest.fixture
def window(scene):
    made = Window(scene)
    made.area.as_pointer = lambda: 2
    return made


@pytest.fixture
def bundle(mien):
    return mien.engine.load().bundle


def seen(places, yaw=0.0):
    """(n, 3) mm -> (n, 3) columns, rows and depths of the photo."""
    turn = np.radians(yaw)
    aside = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    return (np.asarray(places, float) @ aside.T) * [2, -2, 2] + [300, 380, 0]


@pytest.fixture
def points(bundle):
    return seen(bundle.photo.points_of(bundle.template.vertices.astype(float)))


@pytest.fixture
def truth(mien, bundle):
    """Landmarks' names -> (2,) where they are."""
    names = [mark.name for mark in mien.engine.photo_guide.GUIDE]
    return {name: seen(bundle.template.vertices[[bundle.template.landmarks[name]]])[0, :2] for name in names}


@pytest.fixture
def photo(mien, scene, tmp_path, monkeypatch):
    """A photo in the list, of which nothing is known."""
    picture = mien.engine.Picture("ann.png", np.full((SIZE[1], SIZE[0], 3), 0.5, np.float32))
    monkeypatch.setattr(mien.photo_edit_operators, "read_photo", lambda _path: picture)
    (tmp_path / "ann.png").write_bytes(b"there")
    one = scene.mien_photos.photos.add()
    one.filepath = str(tmp_path / "ann.png")
    scene.mien_photos.active = 0
    return one


@pytest.fixture
def known(mien, photo, points):
    """The same, with its face found."""
    mien.photo_list.keep_points(photo, points)
    return photo


@pytest.fixture
def operator(mien):
    """The operator's own methods on a plain object."""
    yield acting(mien, mien.photo_edit_operators.MIEN_OT_edit_photo)
    mien.picker_running.stop()


def pixel(operator, window, place):
    """Where a column and row is seen, in the window's pixels."""
    overlay = operator._overlay
    view = overlay.own_view(window.screen)
    x, y = overlay.look.to_view(np.array([place]), overlay.room(view))[0]
    return float(x) + window.region.x, float(y) + window.region.y


def click(operator, window, place, drag=None):
    """A click on a place of the photo, perhaps with a drag to another."""
    at = pixel(operator, window, place)
    operator.modal(window, event("MOUSEMOVE", at, "NOTHING"))
    outcome = operator.modal(window, event("LEFTMOUSE", at))
    if drag is not None:
        at = pixel(operator, window, drag)
        operator.modal(window, event("MOUSEMOVE", at, "NOTHING"))
    operator.modal(window, event("LEFTMOUSE", at, "RELEASE"))
    return outcome


def key(operator, window, kind, **more):
    return operator.modal(window, event(kind, (window.region.x + 400, window.region.y + 600), **more))


def dots(operator):
    return {dot.name: dot for dot in operator._edit.dots}


def asked(operator):
    mark = operator._edit.asked
    return mark.name if mark else None


# What was found is moved.


def test_found_landmarks_lie_where_they_are_and_nothing_is_asked(mien, operator, window, known, truth):
    assert operator._begin(window) == {"RUNNING_MODAL"}
    assert asked(operator) is None
    assert {dot.how for dot in operator._edit.dots} == {"detected"}
    assert set(dots(operator)) == set(truth)
    assert max(np.linalg.norm(dot.place - truth[dot.name]) for dot in operator._edit.dots) < 0.01
    assert mien.picker_running.is_on("photo")
    assert not mien.picker_running.is_on("head")
    assert key(operator, window, "RET") == {"CANCELLED"}  # nothing was changed
    assert "as they were" in operator.reports[0][1]
    assert window.idle()
    assert not len(known.marks)


def test_a_dragged_landmark_is_kept_and_what_is_around_follows(mien, operator, window, known, truth):
    points = mien.photo_list.points_of(known)
    operator._begin(window)
    there = truth["left_mouth_corner"] + [30, -12]
    click(operator, window, truth["left_mouth_corner"], drag=there)
    dot = dots(operator)["left_mouth_corner"]
    assert dot.how == "picked"
    assert dot.place == pytest.approx(there, abs=0.01)
    way = np.linalg.norm((operator._edit.points - points)[:, :2], axis=1)
    near = np.linalg.norm(points[:, :2] - truth["left_mouth_corner"], axis=1)
    assert way[near.argmin()] > 25
    assert way[near > 110].max() < 0.5
    # The other corner is not dragged along, the dots between a little.
    assert dots(operator)["right_mouth_corner"].place == pytest.approx(truth["right_mouth_corner"], abs=1)
    assert key(operator, window, "RET") == {"FINISHED"}
    assert "One landmark is moved in ann.png." in operator.reports[0][1]
    assert mien.photo_list.marks_of(known)["left_mouth_corner"] == pytest.approx(there, abs=0.01)
    assert (mien.photo_list.points_of(known) == points).all()  # as they were found
    assert mien.photo_list.state_of(known) == "moved"


def test_a_touch_moves_nothing(operator, window, known, truth):
    operator._begin(window)
    at = pixel(operator, window, truth["chin"] + [1.5, 1.0])  # beside its middle
    operator.modal(window, event("LEFTMOUSE", at))
    operator.modal(window, event("LEFTMOUSE", at, "RELEASE"))
    assert not operator._edit.marks
    operator.modal(window, event("LEFTMOUSE", at))
    operator.modal(window, event("MOUSEMOVE", (at[0] + 10, at[1]), "NOTHING"))
    operator.modal(window, event("LEFTMOUSE", at, "RELEASE"))
    moved = dots(operator)["chin"].place - truth["chin"]
    assert moved == pytest.approx([10 / operator._overlay.look.zoom, 0], abs=0.01)


def test_moves_are_taken_back_one_by_one(operator, window, known, truth):
    operator._begin(window)
    click(operator, window, truth["chin"], drag=truth["chin"] + [0, 20])
    click(operator, window, truth["nose_tip"], drag=truth["nose_tip"] + [20, 0])
    key(operator, window, "Z", ctrl=True)
    assert set(operator._edit.marks) == {"chin"}
    key(operator, window, "BACK_SPACE")
    assert not operator._edit.marks
    assert dots(operator)["chin"].place == pytest.approx(truth["chin"], abs=0.01)
    key(operator, window, "BACK_SPACE")
    assert "nothing to take back" in operator._edit.notice


def test_x_brings_a_moved_landmark_back_to_where_it_was_found(operator, window, known, truth, points):
    operator._begin(window)
    there = truth["chin"] + [15, 20]
    click(operator, window, truth["chin"], drag=there)
    operator.modal(window, event("MOUSEMOVE", pixel(operator, window, there), "NOTHING"))
    assert operator._overlay.hovered == "chin"
    operator.modal(window, event("X", pixel(operator, window, there)))
    assert dots(operator)["chin"].how == "detected"
    assert operator._edit.points == pytest.approx(points, abs=1e-3)


def test_escape_drops_what_is_dragged_then_leaves_everything_as_it_was(mien, operator, window, known, truth):
    mien.photo_list.keep_marks(known, {"chin": truth["chin"] + [5, 5]})
    operator._begin(window)
    at = pixel(operator, window, truth["nose_tip"])
    operator.modal(window, event("LEFTMOUSE", at))
    operator.modal(window, event("MOUSEMOVE", (at[0] + 30, at[1]), "NOTHING"))
    assert "nose_tip" in operator._edit.marks
    assert key(operator, window, "ESC") == {"RUNNING_MODAL"}
    assert set(operator._edit.marks) == {"chin"}
    click(operator, window, truth["nose_tip"], drag=truth["nose_tip"] + [20, 0])
    assert key(operator, window, "ESC") == {"CANCELLED"}
    assert mien.photo_list.marks_of(known) == {"chin": pytest.approx(truth["chin"] + [5, 5], abs=1e-3)}
    assert window.idle()
    assert not mien.picker_running.is_on()


def test_landmarks_stay_on_the_photo(operator, window, known, truth):
    operator._begin(window)
    key(operator, window, "HOME")
    click(operator, window, truth["chin"], drag=np.array([-30.0, 900.0]))
    assert dots(operator)["chin"].place == pytest.approx([0, 800])


# Zoom and pan.


def test_the_face_fills_the_view_and_home_shows_all_of_the_photo(operator, window, known, points):
    operator._begin(window)
    overlay = operator._overlay
    view = overlay.own_view(window.screen)
    room = overlay.room(view)
    at = overlay.look.to_view(points[:, :2], room)
    assert (at > (room.left, room.bottom)).all()
    assert (at < (room.right, room.top)).all()
    assert np.ptp(at, axis=0).max() > 0.5 * (room.top - room.bottom)
    key(operator, window, "HOME")
    corners = overlay.look.to_view(np.array([[0.0, 0.0], [600.0, 800.0]]), room)
    assert corners[0] == pytest.approx([room.left + room.right - corners[1][0], room.top + room.bottom - corners[1][1]])
    assert corners[0][1] > corners[1][1]  # the first row is on top
    assert abs(corners[1][0] - corners[0][0]) / abs(corners[1][1] - corners[0][1]) == pytest.approx(600 / 800)
    assert room.bottom < corners[1][1] < corners[0][1] < room.top


def test_the_wheel_zooms_at_the_mouse_and_the_middle_button_drags(operator, window, known):
    operator._begin(window)
    overlay = operator._overlay
    view = overlay.own_view(window.screen)
    at = (window.region.x + 430, window.region.y + 350)
    under, zoom = overlay.place_at(view, *at), overlay.look.zoom
    assert operator.modal(window, event("WHEELUPMOUSE", at)) == {"RUNNING_MODAL"}
    assert overlay.look.zoom == pytest.approx(1.2 * zoom)
    assert overlay.place_at(view, *at) == pytest.approx(under)
    operator.modal(window, event("MOUSEMOVE", at, "NOTHING"))
    operator.modal(window, event("MIDDLEMOUSE", at))
    operator.modal(window, event("MOUSEMOVE", (at[0] + 40, at[1] - 25), "NOTHING"))
    operator.modal(window, event("MIDDLEMOUSE", at, "RELEASE"))
    assert overlay.place_at(view, at[0] + 40, at[1] - 25) == pytest.approx(under)
    for _ in range(60):
        operator.modal(window, event("WHEELDOWNMOUSE", at))
    assert overlay.look.zoom > 0.2 * zoom  # it does not vanish
    for _ in range(90):
        operator.modal(window, event("WHEELUPMOUSE", at))
    assert overlay.look.zoom == pytest.approx(40)


def test_where_nothing_is_asked_the_left_button_drags_the_photo_too(operator, window, known):
    operator._begin(window)
    overlay = operator._overlay
    view = overlay.own_view(window.screen)
    at = pixel(operator, window, (300, 250))
    operator.modal(window, event("MOUSEMOVE", at, "NOTHING"))
    assert not overlay.hovered
    under = overlay.place_at(view, *at)
    operator.modal(window, event("LEFTMOUSE", at))
    operator.modal(window, event("MOUSEMOVE", (at[0] + 20, at[1]), "NOTHING"))
    operator.modal(window, event("LEFTMOUSE", at, "RELEASE"))
    assert overlay.place_at(view, at[0] + 20, at[1]) == pytest.approx(under)
    assert not operator._edit.marks


def test_trackpads_zoom_and_drag(operator, window, known):
    operator._begin(window)
    overlay = operator._overlay
    view = overlay.own_view(window.screen)
    at = (window.region.x + 430, window.region.y + 350)
    under, zoom = overlay.place_at(view, *at), overlay.look.zoom
    moved = {"mouse_prev_x": at[0] - 12, "mouse_prev_y": at[1] - 5}
    operator.modal(window, event("TRACKPADPAN", at, "NOTHING", **moved))
    assert overlay.place_at(view, at[0] + 12, at[1] + 5) == pytest.approx(under)
    operator.modal(window, event("TRACKPADZOOM", at, "NOTHING", **moved))
    assert overlay.look.zoom > zoom


# Placing by hand.


def test_landmarks_are_asked_for_one_after_the_other_and_then_suggested(mien, operator, window, photo, truth):
    operator._begin(window)
    order = [mark.name for mark in mien.engine.photo_guide.GUIDE]
    assert not operator._edit.dots
    for name in order[:12]:
        assert asked(operator) == name
        assert operator._overlay.mark.title in " ".join(line.text for line in operator._overlay.words()[0])
        click(operator, window, truth[name])
    assert {dot.how for dot in operator._edit.dots} == {"picked", "offered"}
    offered = [dot for dot in operator._edit.dots if dot.how == "offered"]
    assert {dot.name for dot in offered} == set(order[12:])
    assert max(np.linalg.norm(dot.place - truth[dot.name]) for dot in offered) < 5
    assert "Enough to go on" in " ".join(line.text for line in operator._overlay.words()[1])
    assert key(operator, window, "RET") == {"FINISHED"}
    assert operator.reports == [({"INFO"}, "12 landmarks are placed in ann.png. Make Face is next.")]
    assert list(mien.photo_list.marks_of(photo)) == order[:12]  # what was only offered is not kept
    assert mien.photo_list.state_of(photo) == "placed"


def test_too_few_are_kept_and_told(mien, operator, window, photo, truth):
    operator._begin(window)
    for name in list(truth)[:4]:
        click(operator, window, truth[name])
    assert key(operator, window, "RET") == {"FINISHED"}
    assert operator.reports == [({"WARNING"}, "4 landmarks are placed in ann.png; 2 more are needed.")]
    assert mien.photo_list.state_of(photo) == "bare"


def test_tab_leaves_out_what_is_hidden(operator, window, photo, truth):
    operator._begin(window)
    key(operator, window, "TAB")
    assert asked(operator) == "chin"
    key(operator, window, "BACK_SPACE")
    assert asked(operator) == "nose_tip"
    while asked(operator) is not None:
        key(operator, window, "TAB")
    assert click(operator, window, truth["chin"]) == {"RUNNING_MODAL"}
    assert not operator._edit.marks


def test_the_wrong_side_counts_as_the_other_and_says_so(operator, window, photo, truth):
    operator._begin(window)
    for name in ("nose_tip", "chin"):
        click(operator, window, truth[name])
    told = " ".join(line.text for line in operator._overlay.words()[0])
    assert "own left: on your right" in told
    click(operator, window, truth["right_eye_outer"])
    assert set(operator._edit.marks) == {"nose_tip", "chin", "right_eye_outer"}
    assert "own right; it counts as such" in " ".join(line.text for line in operator._overlay.words()[1])
    assert asked(operator) == "left_eye_outer"


def test_sides_that_are_swapped_throughout_are_put_right(mien, operator, window, photo, truth):
    # As another program may have handed them over: nose and chin were not there to tell the sides.
    swapped = mien.engine.placing.exchanged({name: truth[name] for name in list(truth)[2:6]})
    mien.photo_list.keep_marks(photo, swapped)
    operator._begin(window)
    click(operator, window, truth["nose_tip"])
    assert "put right" in operator._edit.notice
    marks = operator._edit.marks
    assert marks["left_eye_outer"] == pytest.approx(truth["left_eye_outer"], abs=1e-3)


def test_a_suggestion_is_confirmed_by_dragging_it(operator, window, photo, truth):
    operator._begin(window)
    for name in list(truth)[:6]:
        click(operator, window, truth[name])
    offer = dots(operator)["upper_lip_top"]
    click(operator, window, offer.place, drag=truth["upper_lip_top"])  # asked for: the click counts
    assert dots(operator)["upper_lip_top"].place == pytest.approx(truth["upper_lip_top"], abs=0.01)
    # Others may be taken in hand as soon as nothing that is needed is asked for.
    lid = dots(operator)["left_lid_upper"].place
    assert not any(operator._edit.can_grab(dot) for dot in operator._edit.dots if dot.how == "offered")
    for name in list(truth)[7:12]:
        click(operator, window, truth[name])
    lid = dots(operator)["left_lid_upper"].place
    click(operator, window, lid)
    assert operator._edit.marks["left_lid_upper"] == pytest.approx(lid, abs=0.01)
    assert asked(operator) == "nose_bridge"


def test_a_click_beside_the_photo_says_so(operator, window, photo):
    operator._begin(window)
    for _ in range(4):
        operator.modal(window, event("WHEELDOWNMOUSE", (window.region.x + 430, window.region.y + 400)))
    click(operator, window, (-60, 300))
    assert not operator._edit.marks
    assert "beside the photo" in operator._edit.notice


# The window around it.


def test_the_button_done_finishes_and_the_card_catches_clicks(operator, window, photo, truth):
    operator._begin(window)
    click(operator, window, truth["nose_tip"])
    overlay = operator._overlay
    view = overlay.own_view(window.screen)
    card = overlay._place_card(view, overlay.words())
    above = (card.left + 40 + window.region.x, card.top - 40 + window.region.y)
    assert operator.modal(window, event("LEFTMOUSE", above)) == {"RUNNING_MODAL"}
    operator.modal(window, event("LEFTMOUSE", above, "RELEASE"))
    assert set(operator._edit.marks) == {"nose_tip"}
    button = (card.left + 40 + window.region.x, card.bottom + 20 + window.region.y)
    assert overlay.is_over_button(view, *button)
    assert operator.modal(window, event("LEFTMOUSE", button)) == {"FINISHED"}
    assert window.idle()


def test_the_sidebar_and_other_editors_go_on_working(operator, window, known):
    operator._begin(window)
    over_sidebar, outside = (980, 300), (5, 5)
    for at in (over_sidebar, outside):
        for kind in ("LEFTMOUSE", "MIDDLEMOUSE", "WHEELUPMOUSE", "G", "TAB"):
            assert operator.modal(window, event(kind, at)) == {"PASS_THROUGH"}
    inside = (window.region.x + 430, window.region.y + 400)
    for kind in ("N", "T", "TIMER", "NDOF_MOTION"):
        assert operator.modal(window, event(kind, inside)) == {"PASS_THROUGH"}
    for kind in ("G", "NUMPAD_3", "RIGHTMOUSE"):
        assert operator.modal(window, event(kind, inside)) == {"RUNNING_MODAL"}
    assert operator.modal(window, event("ESC", over_sidebar)) == {"CANCELLED"}


def test_a_view_that_was_closed_keeps_what_was_done(mien, operator, window, known, truth):
    operator._begin(window)
    click(operator, window, truth["chin"], drag=truth["chin"] + [0, 9])
    window.screen = SimpleNamespace(areas=[])
    assert operator.modal(window, event("MOUSEMOVE", (400, 400), "NOTHING")) == {"FINISHED"}
    assert "chin" in mien.photo_list.marks_of(known)


def test_a_photo_that_was_taken_off_the_list_meanwhile(mien, operator, window, known, truth):
    operator._begin(window)
    click(operator, window, truth["chin"], drag=truth["chin"] + [0, 9])
    window.scene.mien_photos.photos.clear()
    assert key(operator, window, "RET") == {"CANCELLED"}
    assert "taken off the list" in operator.reports[0][1]
    assert window.idle()


def test_the_list_waits_meanwhile(mien, operator, window, known):
    operator._begin(window)
    for name in ("add_photos", "remove_photo", "clear_photos", "clear_photo", "edit_photo", "make_face"):
        with pytest.raises(RuntimeError, match="Enter finishes"):
            getattr(bpy.ops.mien, name)()
    operator.cancel(window)
    assert window.idle()
    assert bpy.ops.mien.clear_photo() == {"FINISHED"}


def test_it_needs_a_photo_and_a_3d_view(mien, operator, window, scene, photo):
    window.screen = SimpleNamespace(areas=[])
    assert operator.guarded(lambda: operator._begin(window)) == {"CANCELLED"}
    assert "no 3D view" in operator.reports[0][1]
    scene.mien_photos.active = -1
    with pytest.raises(RuntimeError, match="Add a photo first"):
        bpy.ops.mien.edit_photo()
    scene.mien_photos.active = 0
    with pytest.raises(RuntimeError, match="edited in a 3D view"):
        bpy.ops.mien.edit_photo()


def test_the_card_tells_about_the_dot_under_the_mouse(operator, window, known, truth):
    operator._begin(window)
    overlay = operator._overlay
    assert "Drag a dot" in " ".join(line.text for line in overlay.words()[0])
    operator.modal(window, event("MOUSEMOVE", pixel(operator, window, truth["nose_tip"]), "NOTHING"))
    assert "Tip of the nose" in " ".join(line.text for line in overlay.words()[0])
    assert overlay.room(overlay.own_view(window.screen)).right <= WIDTH - 150
    assert overlay.room(overlay.own_view(window.screen)).top <= HEIGHT
