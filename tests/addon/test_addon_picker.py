# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Picking landmarks: a stand-in for the window and its events, a real head in a real scene."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector
from view_window import HEIGHT, WIDTH, Window, acting, event


@pytest.fixture
def window(scene):
    return Window(scene)


@pytest.fixture
def operator(mien):
    """The operator's own methods on a plain object."""
    yield acting(mien, mien.picker_operators.MIEN_OT_pick_landmarks)
    mien.picker_running.stop()


@pytest.fixture
def head(mien, face, template):
    """Ada in another topology: triangles, in another order, so that no layout fits."""
    vertices = np.empty(len(face.data.vertices) * 3, np.float32)
    face.data.vertices.foreach_get("co", vertices)
    order = np.random.default_rng(0).permutation(template.vertex_count)
    mesh = bpy.data.meshes.new("Somebody")
    mesh.from_pydata(vertices.reshape(-1, 3)[order].tolist(), [], np.argsort(order)[template.triangles].tolist())
    obj = bpy.data.objects.new("Somebody", mesh)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.scene.mien.face = obj
    obj["truth"] = {name: vertices.reshape(-1, 3)[index].tolist() for name, index in template.landmarks.items()}
    bpy.context.view_layer.update()
    return obj


def click(operator, window, place, drag=None):
    """A click on what is seen at a place of the scene."""
    at = window.pixel(place)
    operator.modal(window, event("MOUSEMOVE", at, "NOTHING"))
    outcome = operator.modal(window, event("LEFTMOUSE", at))
    if drag is not None:
        at = window.pixel(drag)
        operator.modal(window, event("MOUSEMOVE", at, "NOTHING"))
    operator.modal(window, event("LEFTMOUSE", at, "RELEASE"))
    return outcome


def off(mien, head, name):
    """mm between a landmark and the truth."""
    return 1000 * np.linalg.norm(mien.marks.read(head)[name] - np.array(head["truth"][name]))


def asked(operator):
    mark = operator._picker.asked
    return mark.name if mark else None


def test_nine_clicks_place_the_twelve_that_are_needed(mien, operator, window, head):
    assert operator._begin(window) == {"RUNNING_MODAL"}
    clicks = 0
    while mien.marks.missing(head):
        click(operator, window, head["truth"][asked(operator)])
        clicks += 1
    assert clicks == 9
    hows = mien.marks.hows(head)
    assert {name for name, how in hows.items() if how == "suggested"} == {
        "right_mouth_corner",
        "right_eye_inner",
        "right_nose_wing",
    }
    assert max(off(mien, head, name) for name in mien.marks.read(head)) < 2
    assert window.status is not None
    assert operator.modal(window, event("RET")) == {"FINISHED"}
    assert operator.reports == [({"INFO"}, "12 landmarks are placed. Wrap is next.")]
    assert window.idle()
    assert not mien.picker_running.is_on()


def test_four_clicks_and_enter_accept_all_suggestions(mien, operator, window, head):
    operator._begin(window)
    for name in ("nose_tip", "chin", "left_eye_outer", "right_eye_outer"):
        assert asked(operator) == name
        click(operator, window, head["truth"][name])
    assert operator.modal(window, event("RET")) == {"RUNNING_MODAL"}
    assert not mien.marks.missing(head)
    assert max(off(mien, head, name) for name in mien.marks.read(head)) < 12
    assert sum(how == "suggested" for how in mien.marks.hows(head).values()) == 8
    assert operator.modal(window, event("RET")) == {"FINISHED"}


def test_escape_leaves_the_landmarks_as_they_were(mien, operator, window, head):
    mien.marks.put(head, "chin", (0, 0, 0), "detected")
    before = mien.marks.state_of(head)
    operator._begin(window)
    click(operator, window, head["truth"]["nose_tip"])
    operator.modal(window, event("X"))
    assert mien.marks.state_of(head) != before
    assert operator.modal(window, event("ESC")) == {"CANCELLED"}
    assert mien.marks.state_of(head) == before
    assert window.idle()


def test_escape_in_mid_drag_puts_the_dot_back(mien, operator, window, head):
    operator._begin(window)
    click(operator, window, head["truth"]["nose_tip"])
    before = mien.marks.state_of(head)
    at = window.pixel(head["truth"]["nose_tip"])
    operator.modal(window, event("LEFTMOUSE", at))
    operator.modal(window, event("MOUSEMOVE", (at[0] + 30, at[1] + 5), "NOTHING"))
    assert mien.marks.state_of(head) != before
    assert operator.modal(window, event("ESC")) == {"RUNNING_MODAL"}
    assert mien.marks.state_of(head) == before
    assert operator.modal(window, event("LEFTMOUSE", at, "RELEASE")) == {"PASS_THROUGH"}
    assert mien.marks.state_of(head) == before


def test_a_closed_window_keeps_what_is_placed(mien, operator, window, head):
    operator._begin(window)
    click(operator, window, head["truth"]["nose_tip"])
    operator.cancel(window)
    assert list(mien.marks.read(head)) == ["nose_tip"]
    assert window.idle()
    assert not mien.picker_running.is_on()


def test_the_other_side_first_counts_as_what_it_is(mien, operator, window, head):
    operator._begin(window)
    for name in ("nose_tip", "chin", "right_eye_outer"):  # asked for the left
        click(operator, window, head["truth"][name])
    assert list(mien.marks.read(head)) == ["nose_tip", "chin", "right_eye_outer"]
    assert "own right" in operator._picker.notice
    assert asked(operator) == "left_eye_outer"


def test_sides_swapped_from_the_start_are_put_right(mien, operator, window, head):
    for name in ("chin", "left_eye_outer", "right_eye_outer"):
        other = {"left": "right", "right": "left"}.get(name.split("_")[0])
        mien.marks.put(head, name if other is None else f"{other}_eye_outer", head["truth"][name])
    operator._begin(window)
    click(operator, window, head["truth"]["nose_tip"])
    assert max(off(mien, head, name) for name in mien.marks.read(head)) < 2
    assert "put right" in operator._picker.notice


def test_a_dot_is_dragged_and_its_partner_follows(mien, operator, window, head):
    operator._begin(window)
    truth = head["truth"]
    for name in ("nose_tip", "chin", "left_eye_outer", "right_eye_outer", "left_mouth_corner"):
        click(operator, window, truth[name])
    before = mien.marks.read(head)
    click(operator, window, truth["left_mouth_corner"], drag=np.add(truth["left_mouth_corner"], (0.01, 0, 0)))
    after = mien.marks.read(head)
    assert 9 < 1000 * (after["left_mouth_corner"] - before["left_mouth_corner"])[0] < 11
    assert -11 < 1000 * (after["right_mouth_corner"] - before["right_mouth_corner"])[0] < -9
    assert asked(operator) == "upper_lip_top"
    operator.modal(window, event("BACK_SPACE"))
    assert mien.marks.read(head)["left_mouth_corner"] == pytest.approx(before["left_mouth_corner"])
    # A touch without a move changes nothing, and is nothing to take back.
    click(operator, window, truth["chin"])
    operator.modal(window, event("Z", ctrl=True))
    assert "left_mouth_corner" not in mien.marks.read(head)


def test_a_click_near_an_offer_counts_where_it_is(mien, operator, window, head):
    operator._begin(window)
    for name in ("nose_tip", "chin", "left_eye_outer"):
        click(operator, window, head["truth"][name])
    offer = next(dot for dot in operator._picker.dots if dot.name == "right_eye_outer")
    place = operator._picker.head.shown_of(offer.spot)
    click(operator, window, np.add(place, (0.002, 0, 0)))  # beside it: the click counts
    assert mien.marks.read(head)["right_eye_outer"] == pytest.approx(np.add(place, (0.002, 0, 0)), abs=2e-3)
    assert mien.marks.read(head)["right_eye_outer"][0] == pytest.approx(place[0] + 0.002, abs=1e-5)
    assert mien.marks.hows(head)["right_eye_outer"] == "picked"


def test_skip_puts_off_and_comes_back(mien, operator, window, head):
    operator._begin(window)
    operator.modal(window, event("TAB"))
    assert asked(operator) == "chin"
    assert "asked for again" in operator._picker.notice
    operator.modal(window, event("BACK_SPACE"))
    assert asked(operator) == "nose_tip"


def test_symmetry_off_asks_for_both_sides_and_can_be_taken_back(mien, operator, window, head):
    operator._begin(window)
    for name in ("nose_tip", "chin", "left_eye_outer", "right_eye_outer", "left_mouth_corner"):
        click(operator, window, head["truth"][name])
    assert "right_mouth_corner" in mien.marks.read(head)
    operator.modal(window, event("S"))
    assert "right_mouth_corner" not in mien.marks.read(head)
    assert asked(operator) == "right_mouth_corner"
    operator.modal(window, event("BACK_SPACE"))
    assert "right_mouth_corner" in mien.marks.read(head)
    assert operator._picker.symmetric


def test_x_takes_the_dot_under_the_mouse_away(mien, operator, window, head):
    operator._begin(window)
    for name in ("nose_tip", "chin", "left_eye_outer", "right_eye_outer", "left_mouth_corner"):
        click(operator, window, head["truth"][name])
    at = window.pixel(mien.marks.read(head)["right_mouth_corner"])
    operator.modal(window, event("MOUSEMOVE", at, "NOTHING"))
    operator.modal(window, event("X"))
    assert "right_mouth_corner" not in mien.marks.read(head)
    assert asked(operator) == "right_mouth_corner"


def test_looking_around_passes_and_other_keys_do_not(operator, window, head):
    operator._begin(window)
    for kind in ("MIDDLEMOUSE", "WHEELUPMOUSE", "NUMPAD_3", "NDOF_MOTION", "TIMER"):
        assert operator.modal(window, event(kind)) == {"PASS_THROUGH"}
    assert operator.modal(window, event("G")) == {"RUNNING_MODAL"}
    over_sidebar, outside, over_gizmo = (980, 300), (5, 5), (100 + WIDTH - 150 - 40, 50 + HEIGHT - 40)
    for at in (over_sidebar, outside, over_gizmo):
        assert operator.modal(window, event("LEFTMOUSE", at)) == {"PASS_THROUGH"}
    assert not operator._picker.dots


def test_a_click_beside_the_head_says_so(mien, operator, window, head):
    operator._begin(window)
    click(operator, window, (-0.15, 0, 0.1))
    assert not mien.marks.read(head)
    assert "beside Somebody" in operator._picker.notice


def test_landmarks_changed_behind_its_back_are_seen(mien, operator, window, head):
    operator._begin(window)
    click(operator, window, head["truth"]["nose_tip"])
    mien.marks.clear(head)
    operator.modal(window, event("MOUSEMOVE", (500, 400), "NOTHING"))
    assert asked(operator) == "nose_tip"
    assert not operator._picker.back()


def test_a_head_deleted_meanwhile_ends_it(mien, operator, window, head):
    operator._begin(window)
    bpy.data.objects.remove(head)
    assert operator.modal(window, event("MOUSEMOVE", (500, 400), "NOTHING")) == {"CANCELLED"}
    assert "is gone" in operator.reports[0][1]
    assert window.idle()


def test_a_cube_is_refused_before_the_first_click(mien, operator, window):
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.scene.mien.face = bpy.context.object
    assert operator.guarded(lambda: operator._begin(window)) == {"CANCELLED"}
    assert operator.reports[0][0] == {"ERROR"}
    assert window.idle()
    assert not mien.picker_running.is_on()


@pytest.mark.parametrize("scale", [(100.0, 100.0, 100.0), (0.5, 0.7, 0.6), (-1.0, 1.0, 1.0)])
def test_any_place_turn_and_scale_of_the_object(mien, operator, scene, head, scale):
    turn = Matrix.Rotation(0.7, 4, "Z") @ Matrix.Rotation(0.2, 4, "X")
    head.matrix_world = Matrix.Translation((3, 4, 5)) @ turn @ Matrix.Diagonal((*scale, 1))
    bpy.context.view_layer.update()
    size = abs(scale[0]) if scale[0] == scale[1] else 1.0
    window = Window(
        scene, turn @ Vector((0, -1, 0)), head.matrix_world @ Vector((0, 0, -0.03)), turn @ Vector((0, 0, 1))
    )
    zoom = Matrix.Diagonal((1 / size, 1 / size, 1 / size, 1)) if size > 1 else Matrix.Identity(4)
    window.region.data.perspective_matrix = (
        Matrix.Diagonal((1 / size, 1 / size, 1e-3 if size > 1 else 1, 1)) @ window.region.data.perspective_matrix
    )
    window.region.data.window_matrix = zoom @ window.region.data.window_matrix
    operator._begin(window)
    mirrored = scale[0] < 0  # what is seen counts: the head's right is then its left
    for _ in range(9):
        name = asked(operator)
        other = {"left": "right", "right": "left"}.get(name.split("_")[0]) if mirrored else None
        source = f"{other}_{name.partition('_')[2]}" if other else name
        click(operator, window, head.matrix_world @ Vector(head["truth"][source]))
        place = mien.marks.read(head)[name]
        assert 1000 * np.linalg.norm(place - np.array(head["truth"][source])) < 3, name
    assert not mien.marks.missing(head)
    assert not operator._picker.concerns


def test_what_is_clicked_is_drawn_and_what_is_kept_is_at_rest(mien, operator, window, head):
    """A hook lifts the head by 2 cm, and a subdivision makes another mesh of it; neither is in the landmark."""
    empty = bpy.data.objects.new("Lift", None)
    bpy.context.scene.collection.objects.link(empty)
    hook = head.modifiers.new("Hook", "HOOK")
    hook.object, hook.matrix_inverse = empty, Matrix.Identity(4)
    hook.vertex_indices_set(list(range(len(head.data.vertices))))
    empty.location.z = 0.02
    head.modifiers.new("Subdivision", "SUBSURF").levels = 1
    bpy.context.view_layer.update()
    count = len(bpy.data.objects)
    operator._begin(window)
    assert len(bpy.data.objects) == count
    truth = np.array(head["truth"]["nose_tip"])
    click(operator, window, np.add(truth, (0, 0, 0.02)))
    assert off(mien, head, "nose_tip") < 1
    picker = operator._picker
    assert picker.head.shown_of(picker.dots[0].spot) == pytest.approx(np.add(truth, (0, 0, 0.02)), abs=1e-3)
    assert picker.head.rest_of(picker.dots[0].spot) == pytest.approx(truth, abs=1e-3)


def test_shape_keys_of_an_expression_are_no_part_of_the_landmark(mien, operator, window, head):
    head.shape_key_add(name="Basis", from_mix=False)
    key = head.shape_key_add(name="Up", from_mix=False)
    flat = np.empty(len(head.data.vertices) * 3, np.float32)
    key.points.foreach_get("co", flat)
    key.points.foreach_set("co", np.add(flat.reshape(-1, 3), (0, 0, 0.01)).ravel())
    key.value = 1.0
    key.keyframe_insert("value", frame=1)  # it moves, so it is acting
    bpy.context.scene.frame_set(1)
    operator._begin(window)
    click(operator, window, np.add(head["truth"]["nose_tip"], (0, 0, 0.01)))
    assert off(mien, head, "nose_tip") < 1


def test_marks_say_what_is_wrong_with_them(mien, head):
    with pytest.raises(mien.engine.MeshError, match="no landmark 'left_toe'"):
        mien.marks.put(head, "left_toe", (0, 0, 0))
    for place in ((0, 0), (0, float("nan"), 0)):
        with pytest.raises(mien.engine.MeshError, match="three finite"):
            mien.marks.put(head, "chin", place)
    mien.marks.put_all(head, {"chin": (1, 2, 3), "nose_tip": (4, 5, 6)}, "detected")
    mien.marks.put(head, "chin", (7, 8, 9))
    assert list(mien.marks.read(head)) == ["nose_tip", "chin"]
    assert mien.marks.hows(head) == {"nose_tip": "detected", "chin": "picked"}
    assert [mark.name for mark in mien.marks.missing(head)][:1] == ["left_eye_outer"]
    mien.marks.remove(head, "chin")
    mien.marks.remove(head, "chin")
    assert list(mien.marks.sure(head)) == ["nose_tip"]


def test_marks_are_saved_with_the_file_and_undone(mien, head, tmp_path):
    mien.marks.put(head, "chin", (1, 2, 3), "suggested")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    again = bpy.data.objects["Somebody"]
    assert mien.marks.state_of(again) == (("chin", (1.0, 2.0, 3.0), "suggested"),)
    assert bpy.ops.mien.clear_landmarks() == {"FINISHED"}
    assert not mien.marks.read(bpy.data.objects["Somebody"])
    assert not bpy.ops.mien.clear_landmarks.poll()


def test_without_a_window_it_says_where_landmarks_come_from(mien, head):
    with pytest.raises(RuntimeError, match="picked in a 3D view"):
        bpy.ops.mien.pick_landmarks()


def test_the_bent_template_lies_on_the_head(mien, operator, window, head, template):
    operator._begin(window)
    picker = operator._picker
    for name in ("nose_tip", "chin"):
        click(operator, window, head["truth"][name])
    assert mien.picker_preview.bent(template, picker.targets()) is None
    while mien.marks.missing(head):
        click(operator, window, head["truth"][asked(operator)])
    bent = mien.picker_preview.bent(template, picker.targets())
    own = mien.engine.load().bundle.samples["Ada"] @ mien.sample_face.TO_BLENDER.T / 1000
    face = np.linalg.norm(template.vertices - template.vertices[template.landmarks["nose_tip"]], axis=1) < 80
    assert 1000 * np.median(np.linalg.norm(bent - own, axis=1)[face]) < 6
    edges = mien.picker_preview.skin_edges(template)
    assert 1000 < len(edges) < len(template.edges)
    assert set(map(tuple, edges.tolist())) < set(map(tuple, template.edges.tolist()))


def test_the_picture_shows_the_face_upright_with_its_left_on_the_right(mien, template):
    draw = mien.picker_draw
    for seen_from in ("front", "left", "right"):
        corners, colours = draw.portrait(template, seen_from)
        assert len(corners) == len(colours)
        assert len(corners) % 3 == 0
        assert np.isfinite(corners).all()
        assert 0 <= colours.min() <= colours.max() <= 1
    places = mien.engine.landmarks.places_on(template)
    seen = {name: draw.place_in_portrait(place, "front") for name, place in places.items()}
    assert seen["left_eye_outer"][0] > 0 > seen["right_eye_outer"][0]
    assert seen["nose_tip"][1] > seen["chin"][1]
    for side, sign in (("left", -1), ("right", 1)):  # the nose looks out of the picture's own side
        nose, ear = (draw.place_in_portrait(places[name], side) for name in ("nose_tip", f"{side}_ear_lobe"))
        assert sign * (nose[0] - ear[0]) > 50


def test_the_card_tells_what_is_asked_and_what_is_wrong(mien, operator, window, head):
    operator._begin(window)
    picker = operator._picker
    above, below = mien.picker_draw.card_lines(picker)
    assert [line.text for line in above][:2] == ["1 of 18", "Tip of the nose"]
    assert not below
    while asked(operator):
        if asked(operator) == "left_eye_inner":
            told = " ".join(line.text for line in mien.picker_draw.card_lines(picker)[0])
            assert "own left: on your right" in told
        name = asked(operator)
        mien.marks.put(head, name, np.add(head["truth"][name], (0, 0, 0.05 if name == "upper_lip_top" else 0)))
        picker.look_again()
    above, below = mien.picker_draw.card_lines(picker)
    assert "18 of 18 are placed" in above[0].text
    assert "upper lip" in " ".join(line.text for line in below)


def test_the_card_keeps_clear_of_the_head_and_the_mouse(mien):
    view, box = mien.picker_view, mien.picker_view.Box
    free, head = box(0, 0, 1000, 800), np.random.default_rng(0).uniform((0, 0), (400, 800), (500, 2))
    number, place = view.corner_for((200, 300), free, head)
    assert place.left > 700
    mouse = box(place.left + 10, place.bottom + 10, place.left + 20, place.bottom + 20)
    other, moved = view.corner_for((200, 300), free, head, (mouse,), number)
    assert other != number
    assert moved.left > 700  # it hops up or down, not over the head
    assert view.corner_for((200, 300), free, head, (), other)[0] == other  # and stays there
    gizmo = box(900, 500, 1000, 800)
    assert view.corner_for((200, 300), free, head, (gizmo,))[1].top < 400


def test_names_stand_beside_the_head_and_apart(mien):
    rng = np.random.default_rng(1)
    box = mien.picker_view.Box
    places = rng.uniform((300, 300), (500, 420), (18, 2))
    at = mien.picker_draw.labels(places, box(200, 100, 600, 700), box(0, 0, 900, 800), 15)
    right = places[:, 0] >= 400
    assert (at[right, 0] > 600).all()
    assert (at[~right, 0] < 200).all()
    for side in (right, ~right):
        y = np.sort(at[side, 1])
        assert (np.diff(y) >= 15 - 1e-6).all()
        assert (np.argsort(at[side, 1]) == np.argsort(places[side, 1])).all()


def test_a_side_without_room_gets_no_column_of_names(mien):
    box = mien.picker_view.Box
    places = np.array([(330.0, 300.0), (340.0, 400.0), (600.0, 350.0)])
    at = mien.picker_draw.labels(places, box(325, 100, 650, 700), box(300, 0, 900, 800), 15)
    assert np.isnan(at[:2]).all()
    assert at[2, 0] > 650


def test_a_quad_of_regions_leaves_the_room_between_them(mien, window):
    view = mien.picker_view.views_of(window.screen)[0]
    assert mien.picker_view.free_box(view) == (0, 0, WIDTH - 150, HEIGHT)
    assert mien.picker_view.view_under(window.screen, 500, 400) is not None
    assert mien.picker_view.view_under(window.screen, 980, 400) is None
