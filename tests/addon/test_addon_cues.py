"""Cues read back from the keys, and edited there."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Vector

from core.motion import EXPRESSIONS, Cue

ROOT = Path(__file__).resolve().parent.parent.parent
SLANT = Vector((3, 0.2))


def curve_of(mien, face, expression="happy"):
    return mien.fcurves.curves_of(face).find(f"mien.{expression}")


def keys_of(mien, face, expression="happy"):
    return [tuple(point.co) for point in curve_of(mien, face, expression).keyframe_points]


def nearly(keys):
    return [pytest.approx(key, abs=1e-5) for key in keys]


def sampled(mien, face, frames, expression="happy"):
    curve = curve_of(mien, face, expression)
    return np.array([curve.evaluate(frame) for frame in frames])


def times(cue):
    return cue.start, cue.apex_start, cue.apex_end, cue.end


def key_by_hand(face, expression, *pairs):
    for frame, value in pairs:
        setattr(face.mien, expression, value)
        face.keyframe_insert(f"mien.{expression}", frame=frame)


# Reading


def test_a_written_cue_reads_back_as_it_was(mien, happy):
    (cue,) = mien.cues.read(happy)
    assert (cue.expression, cue.intensity, *times(cue)) == ("happy", 0.8, 0, 12, 24, 36)
    assert not cue.shaped
    assert not cue.open
    assert cue.plain() == mien.engine.Cue("happy", 0.8, 0, 12, 24, 36)


def test_random_cues_read_back_sorted(mien, face):
    random = np.random.default_rng(5)
    written = []
    for expression in EXPRESSIONS:
        ends = np.cumsum(random.uniform(1.5, 30, 4 * 7))
        blocks = ends.reshape(-1, 4).tolist()
        written += [(expression, float(random.uniform(0.05, 1.5)), *block) for block in blocks]
    for words in random.permutation(len(written)):
        mien.api.add_expression(face, *written[words])
    found = mien.cues.read(face)
    expected = sorted(written, key=lambda words: words[2])
    assert [cue.expression for cue in found] == [words[0] for words in expected]
    np.testing.assert_allclose(
        [(cue.intensity, *times(cue)) for cue in found], [words[1:] for words in expected], atol=2e-4
    )
    assert not any(cue.shaped or cue.open for cue in found)


def test_overlapping_random_cues_read_as_the_stretches_where_the_face_is_not_at_rest(mien, face):
    random = np.random.default_rng(6)
    for number in range(12):
        # Another curve each time: cues of it may overlap.
        expression = EXPRESSIONS[number % 6]
        corners = np.sort(random.uniform(0, 80, (3, 4)), axis=1) + np.array([0, 1, 2, 3])
        cues = [Cue(expression, float(random.uniform(0.1, 1.4)), *row) for row in corners.tolist()]
        bpy.context.view_layer.objects.active = face
        face.animation_data_clear()
        for cue in cues:
            mien.motion.write_cue(face, cue)
        frames = np.linspace(-2, 90, 4001)
        level = np.max([cue.value(frames) for cue in cues], axis=0)
        found = mien.cues.read(face)
        inside = np.any([(frames > cue.start) & (frames < cue.end) for cue in found], axis=0)
        sure = (level > 0.002) | (level == 0)
        np.testing.assert_array_equal(inside[sure], (level > 0)[sure])
        assert max(cue.intensity for cue in found) == pytest.approx(max(cue.intensity for cue in cues), abs=1e-4)


def test_keys_moved_in_the_dope_sheet_show_at_once(mien, happy):
    curve = curve_of(mien, happy)
    for point in curve.keyframe_points[1:3]:
        point.co.x += 3.25
        point.co.y = 0.6
    curve.update()
    (cue,) = mien.cues.read(happy)
    assert cue.intensity == pytest.approx(0.6)
    assert times(cue) == (0, 15.25, 27.25, 36)
    # Moved past each other and not sorted yet: the frames count, not the order in memory.
    curve.keyframe_points[0].co.x = 50
    (cue,) = mien.cues.read(happy)
    assert (cue.end, cue.open_start) == (36, True)


def test_open_shaped_and_muted_ones_are_told(mien, face):
    key_by_hand(face, "sad", (10, 0.4))
    key_by_hand(face, "fear", (0, 0.0), (8, 0.7), (12, 0.5), (20, 0.0), (30, 0.2))
    mien.api.add_expression(face, "angry", 0.5, 0, 5, 5, 9)
    curve_of(mien, face, "angry").mute = True
    angry, fear, sad, late = sorted(mien.cues.read(face), key=lambda cue: (cue.end, cue.expression))[:1] + [
        cue for cue in mien.cues.read(face) if cue.expression != "angry"
    ]
    assert (angry.expression, angry.muted, angry.shaped, angry.apex_start) == ("angry", True, False, 5)
    assert (fear.expression, fear.shaped, fear.open, times(fear)) == ("fear", True, False, (0, 8, 8, 20))
    assert (sad.open_start, sad.open_end, sad.times) == (True, True, "always")
    assert (late.open_start, late.open_end, late.times) == (False, True, "from 20")
    with pytest.raises(mien.engine.MotionError, match="is open"):
        late.plain()


def test_pushed_down_to_the_nla_and_tweaked_it_still_reads_and_is_not_edited(mien, happy):
    before = mien.cues.read(happy)
    animation = happy.animation_data
    track = animation.nla_tracks.new()
    track.strips.new("Happy", 1, animation.action)
    if hasattr(animation, "action_slot"):
        track.strips[0].action_slot = animation.action_slot
    animation.action = None
    assert mien.cues.read(happy) == []
    animation.use_tweak_mode = True
    assert mien.cues.read(happy) == before
    with pytest.raises(mien.engine.MeshError, match="tweaked"):
        mien.cues.shift(happy, before[0], 20)
    animation.use_tweak_mode = False
    track.strips.remove(track.strips[0])
    mien.api.add_expression(happy, "sad", 0.5, 0, 5, 6, 9)
    assert [cue.expression for cue in mien.cues.read(happy)] == ["sad"]


def test_keys_copied_by_blender_read_as_another_cue(mien, happy):
    curve = curve_of(mien, happy)
    for frame, value in [tuple(point.co) for point in curve.keyframe_points]:
        curve.keyframe_points.insert(frame + 100, value).interpolation = "LINEAR"
    first, second = mien.cues.read(happy)
    assert times(second) == tuple(np.array(times(first)) + 100)


# Editing


def test_all_that_keys_hold_survives_being_read_and_written(mien, face):
    key_by_hand(face, "happy", (0, 0.0), (10, 0.7), (14, 0.2), (20, 0.9), (30, 0.0), (40, 0.5), (55, 0.0))
    curve = curve_of(mien, face)
    kinds = ("BEZIER", "ELASTIC", "BACK", "CONSTANT", "LINEAR", "SINE", "BOUNCE")
    handles = ("AUTO", "FREE", "ALIGNED", "VECTOR", "AUTO_CLAMPED", "FREE", "AUTO")
    for point, kind, handle in zip(curve.keyframe_points, kinds, handles, strict=True):
        point.interpolation, point.handle_left_type, point.handle_right_type = kind, handle, handle
        point.easing, point.amplitude, point.back, point.period = "EASE_IN_OUT", 0.4, 1.1, 3.5
        point.type, point.select_control_point = "EXTREME", point.co.x > 15
    curve.update()
    frames = np.linspace(-3, 60, 640)
    before = sampled(mien, face, frames)
    keys = mien.fcurves.keys_of(curve)
    mien.fcurves.set_keys(curve, keys)
    np.testing.assert_allclose(sampled(mien, face, frames), before, atol=1e-6)
    other = mien.fcurves.write(mien.fcurves.curves_of(face), "mien.sad", [0], [0])
    mien.fcurves.set_keys(other, keys)
    np.testing.assert_allclose(sampled(mien, face, frames, "sad"), before, atol=1e-6)
    again = mien.fcurves.keys_of(other)
    for name, values in keys.items():
        np.testing.assert_allclose(again[name], values, atol=1e-5, err_msg=name)


def test_a_plain_cue_takes_new_corners_and_intensity(mien, happy):
    (cue,) = mien.cues.read(happy)
    now = mien.cues.change(happy, cue, intensity=1.2, start=2, apex_start=10.5, apex_end=30, end=50)
    assert now == mien.cues.read(happy)[0]
    assert (now.intensity, *times(now)) == (1.2, 2, 10.5, 30, 50)
    assert keys_of(mien, happy) == nearly([(2, 0), (10.5, 1.2), (30, 1.2), (50, 0)])
    moved = mien.cues.shift(happy, now, -20)
    assert times(moved) == (-20, -11.5, 8, 28)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"apex_start": 30}, (0, 30, 30, 36)),
        ({"apex_start": 50}, (0, 50, 50, 51)),
        ({"apex_end": 5}, (0, 12, 12, 36)),
        ({"end": 3}, (0, 12, 24, 25)),
        ({"start": 20}, (20, 21, 24, 36)),
        ({"apex_start": -5}, (0, 1, 24, 36)),
    ],
)
def test_corners_keep_their_order(mien, happy, wanted, expected):
    (cue,) = mien.cues.read(happy)
    assert times(mien.cues.change(happy, cue, **wanted)) == expected


def test_a_hold_that_is_closed_and_opened_again_is_as_it_was(mien, happy):
    before = keys_of(mien, happy)
    cue = mien.cues.change(happy, mien.cues.read(happy)[0], apex_start=24)
    assert len(keys_of(mien, happy)) == 3
    cue = mien.cues.change(happy, cue, apex_start=12)
    assert keys_of(mien, happy) == before
    assert not cue.shaped


def test_an_intensity_of_nothing_keeps_the_cue(mien, face):
    key_by_hand(face, "happy", (0, 0.0), (5, 0.1), (10, 1.0), (15, 0.05), (20, 0.0))
    before = sampled(mien, face, np.arange(21))
    (cue,) = mien.cues.read(face)
    gone = mien.cues.change(face, cue, intensity=0.0)
    assert (gone.intensity, times(gone)) == (0.01, times(cue))
    back = mien.cues.change(face, gone, intensity=1.0)
    assert mien.cues.read(face) == [back]
    np.testing.assert_allclose(sampled(mien, face, np.arange(21)), before, atol=1e-4)
    assert mien.cues.change(face, back, intensity=9.0).intensity == 1.5
    with pytest.raises(mien.engine.MotionError, match="finite"):
        mien.cues.change(face, back, intensity=float("nan"))


def test_eased_keys_are_scaled_as_a_picture(mien, face):
    key_by_hand(face, "happy", (0, 0.0), (6, 0.5), (10, 1.0), (14, 0.4), (18, 1.0), (40, 0.0))
    curve = curve_of(mien, face)
    for point in curve.keyframe_points:
        point.handle_left_type = point.handle_right_type = "FREE"
    curve.keyframe_points[1].handle_right = (8, 0.9)
    curve.update()
    frames = np.linspace(0, 40, 401)
    before = sampled(mien, face, frames)
    (cue,) = mien.cues.read(face)
    now = mien.cues.change(face, cue, intensity=0.5, start=100, apex_start=120, apex_end=136, end=180)
    assert now.shaped
    np.testing.assert_allclose(sampled(mien, face, 100 + 2 * frames), before / 2, atol=2e-4)
    assert len(keys_of(mien, face)) == 6


@pytest.mark.parametrize("handle", ["AUTO_CLAMPED", "AUTO", "ALIGNED", "FREE", "VECTOR"])
def test_neighbours_stay_as_they_are_whatever_is_done_to_the_cue_between(mien, face, handle):
    key_by_hand(face, "happy", (0, 0.0), (10, 0.7), (20, 0.0), (30, 0.9), (40, 0.0), (50, 0.5), (60, 0.0))
    curve = curve_of(mien, face)
    for point in curve.keyframe_points:
        point.handle_left_type = point.handle_right_type = handle
        if handle in {"ALIGNED", "FREE"}:
            point.handle_left, point.handle_right = point.co - SLANT, point.co + SLANT
    curve.update()
    outside = np.concatenate([np.linspace(-5, 20, 101), np.linspace(40, 70, 101)])
    before = sampled(mien, face, outside)

    def check():
        np.testing.assert_allclose(sampled(mien, face, outside), before, atol=1e-5)
        found = mien.cues.read(face)
        assert [times(found[0]), times(found[-1])] == [(0, 10, 10, 20), (40, 50, 50, 60)]
        assert not any(cue.open for cue in found)

    shared = len(keys_of(mien, face))
    cue = mien.cues.read(face)[1]
    cue = mien.cues.change(face, cue, intensity=0.3)
    assert len(keys_of(mien, face)) == shared, "the rest keys that neighbours share stay shared"
    check()
    cue = mien.cues.change(face, cue, start=24)
    assert times(cue) == (24, 30, 30, 40)
    check()
    cue = mien.cues.change(face, cue, end=35, apex_end=32)
    assert times(cue) == (24, 30, 32, 35)
    check()
    cue = mien.cues.shift(face, cue, 1000)
    assert times(cue) == (29, 35, 37, 40), "it stops where the next cue begins"
    check()
    cue = mien.cues.change(face, cue, start=-50, end=500)
    assert times(cue) == (20, 35, 37, 40)
    check()
    cue = mien.cues.set_expression(face, cue, "sad")
    assert [one.expression for one in mien.cues.read(face)] == ["happy", "sad", "happy"]
    check()
    cue = mien.cues.set_expression(face, cue, "happy")
    check()
    mien.cues.remove(face, cue)
    assert len(mien.cues.read(face)) == 2
    check()


@pytest.mark.parametrize("work", ["remove", "shift", "intensity"])
def test_automatic_handles_of_neighbours_do_not_feel_the_cue_go(mien, face, work):
    keys = ((0, 0.0), (10, 0.7), (20, 0.0), (23, 0.0), (30, 0.9), (37, 0.0), (40, 0.0), (50, 0.5), (60, 0.0))
    key_by_hand(face, "happy", *keys)
    curve = curve_of(mien, face)
    for point in curve.keyframe_points:
        point.handle_left_type = point.handle_right_type = "AUTO"
    curve.update()
    frames = np.concatenate([np.linspace(-5, 20, 101), np.linspace(40, 70, 101)])
    before = sampled(mien, face, frames)
    cue = mien.cues.read(face)[1]
    if work == "remove":
        mien.cues.remove(face, cue)
    elif work == "shift":
        mien.cues.shift(face, cue, 25)
    else:
        mien.cues.change(face, cue, intensity=0.2)
    np.testing.assert_allclose(sampled(mien, face, frames), before, atol=1e-5)


def test_a_refused_edit_by_a_field_changes_nothing(mien, scene, happy):
    before = keys_of(mien, happy)
    curve_of(mien, happy).lock = True
    # Blender prints what a field's function raises, and goes on.
    scene.mien_cue.start = 5
    scene.mien_cue.intensity = 0.3
    scene.mien_cue.expression = "sad"
    assert keys_of(mien, happy) == before
    assert scene.mien_cue.index == 0


def test_random_edits_leave_all_other_cues_alone(mien, face):
    random = np.random.default_rng(11)
    for expression in ("happy", "sad"):
        corners = np.cumsum(random.uniform(1, 12, (6, 4))).reshape(6, 4)
        for row in corners.tolist():
            mien.api.add_expression(face, expression, float(random.uniform(0.1, 1.4)), *row)
    for _ in range(120):
        every = mien.cues.read(face)
        cue = every[random.integers(len(every))]
        others = [one for one in every if one != cue]
        frame = float(random.uniform(-20, 260))
        kind = random.integers(4)
        if kind == 0:
            now = mien.cues.shift(face, cue, frame)
        elif kind == 1:
            now = mien.cues.change(face, cue, intensity=float(random.uniform(-0.2, 2)))
        elif kind == 2:
            now = mien.cues.change(face, cue, **{("start", "apex_start", "apex_end", "end")[random.integers(4)]: frame})
        else:
            now = mien.cues.duplicate(face, cue, frame)
            mien.cues.remove(face, now)
            now = mien.cues.at(face, cue.expression, cue.apex_start)
        after = mien.cues.read(face)
        assert now in after
        assert len(after) == len(every)
        for one in others:
            same = [two for two in after if two.expression == one.expression and abs(two.start - one.start) < 0.012]
            assert any(np.allclose(times(one), times(two), atol=0.012) for two in same), (cue, one)


def test_an_open_cue_is_closed_by_giving_it_ends(mien, face):
    key_by_hand(face, "sad", (10, 0.4))
    (cue,) = mien.cues.read(face)
    cue = mien.cues.change(face, cue, start=2, end=30)
    assert times(cue) == (2, 10, 10, 30)
    assert not cue.open
    assert mien.cues.change(face, cue, intensity=0.8).intensity == pytest.approx(0.8)
    key_by_hand(face, "fear", (10, 0.4), (20, 0.4))
    fear = mien.cues.at(face, "fear", 10)
    assert times(mien.cues.change(face, fear, end=5)) == (10, 10, 20, 21)
    with pytest.raises(mien.engine.MotionError, match="is open"):
        mien.cues.duplicate(face, mien.cues.at(face, "fear", 10), 50)


def test_the_last_cue_takes_its_curve_along_and_the_face_is_at_rest(mien, scene, happy):
    scene.frame_set(18)
    assert happy.mien.happy == pytest.approx(0.8)
    mien.cues.remove(happy, mien.cues.read(happy)[0])
    assert curve_of(mien, happy) is None
    scene.frame_set(19)
    assert happy.mien.happy == 0


def test_a_copy_goes_where_it_is_free(mien, happy):
    (cue,) = mien.cues.read(happy)
    copy = mien.cues.duplicate(happy, cue, 10)
    assert times(copy) == (36, 48, 60, 72)
    assert len(keys_of(mien, happy)) == 7, "they share the rest key between"
    assert times(mien.cues.duplicate(happy, cue, -100)) == (-100, -88, -76, -64)
    assert times(mien.cues.duplicate(happy, cue, -50)) == (-50, -38, -26, -14)
    assert times(mien.cues.duplicate(happy, cue, -20)) == (72, 84, 96, 108)
    key_by_hand(happy, "happy", (200, 0.0), (210, 0.4))
    with pytest.raises(mien.engine.MotionError, match="never ends"):
        mien.cues.duplicate(happy, cue, 190)


def test_another_expression_takes_the_shape_and_does_not_lie_on_a_cue(mien, happy):
    (cue,) = mien.cues.read(happy)
    sad = mien.cues.set_expression(happy, cue, "sad")
    assert (sad.expression, times(sad)) == ("sad", times(cue))
    assert curve_of(mien, happy) is None
    mien.api.add_expression(happy, "happy", 0.4, 30, 40, 50, 60)
    before = mien.cues.read(happy)
    with pytest.raises(mien.engine.MotionError, match="already"):
        mien.cues.set_expression(happy, sad, "happy")
    with pytest.raises(mien.engine.MotionError, match="no expression"):
        mien.cues.set_expression(happy, sad, "joy")
    assert mien.cues.read(happy) == before


def test_what_may_not_be_edited_is_refused_with_a_remedy(mien, happy, scene):
    (cue,) = mien.cues.read(happy)

    def refused(said):
        before = keys_of(mien, happy)
        for work in (
            lambda: mien.cues.shift(happy, cue, 5),
            lambda: mien.cues.change(happy, cue, intensity=1),
            lambda: mien.cues.remove(happy, cue),
            lambda: mien.cues.duplicate(happy, cue, 90),
            lambda: mien.cues.set_expression(happy, cue, "sad"),
        ):
            with pytest.raises(mien.engine.MienError, match=said) as caught:
                work()
            assert caught.value.remedy
        assert keys_of(mien, happy) == before
        assert str(mien.cues.obstacle(happy, "happy"))

    curve = curve_of(mien, happy)
    curve.lock = True
    refused("locked")
    curve.lock = False
    modifier = curve.modifiers.new("NOISE")
    refused("modifiers")
    curve.modifiers.remove(modifier)
    driver = happy.driver_add("mien.happy")
    refused("driven")
    happy.animation_data.drivers.remove(driver)
    other = bpy.data.objects.new("Other", happy.data)
    scene.collection.objects.link(other)
    other.animation_data_create().action = happy.animation_data.action
    if hasattr(other.animation_data, "action_slot"):
        other.animation_data.action_slot = happy.animation_data.action_slot
    refused("shares")
    bpy.data.objects.remove(other)
    assert mien.cues.obstacle(happy, "happy") is None
    mien.cues.shift(happy, cue, 5)
    with pytest.raises(mien.engine.MotionError, match="gone"):
        mien.cues.shift(happy, cue, 9)


# The selected cue


def test_the_fields_read_and_write_the_keys(mien, scene, happy):
    fields = scene.mien_cue
    assert (fields.expression, fields.start, fields.apex_start, fields.apex_end, fields.end) == ("happy", 0, 12, 24, 36)
    fields.start = 10
    assert keys_of(mien, happy) == nearly([(10, 0), (22, 0.8), (34, 0.8), (46, 0)])
    fields.intensity = 0.5
    fields.apex_start = 20.3
    fields.apex_end = 30
    fields.end = 60
    assert keys_of(mien, happy) == nearly([(10, 0), (20, 0.5), (30, 0.5), (60, 0)]), "whole frames: snapping is on"
    scene.tool_settings.use_snap_anim = False
    fields.apex_start = 20.25
    assert fields.apex_start == 20.25
    fields.expression = "sad"
    assert keys_of(mien, happy, "sad") == nearly([(10, 0), (20.25, 0.5), (30, 0.5), (60, 0)])
    scene.frame_set(25)
    fields.intensity = 0.9
    assert happy.mien.sad == pytest.approx(0.9), "the strength shows what its keys say now"


def test_the_selection_follows_its_cue(mien, scene, happy):
    mien.api.add_expression(happy, "sad", 0.5, 100, 110, 120, 130)
    mien.api.add_expression(happy, "fear", 0.5, 200, 210, 220, 230)
    fields = scene.mien_cue
    fields.index = 2
    assert fields.expression == "fear"
    fields.start = 50
    assert (fields.index, fields.expression, fields.end) == (1, "fear", 80)
    fields.expression = "angry"
    assert (fields.index, fields.expression) == (1, "angry")
    assert bpy.ops.mien.remove_cue(index=0) == {"FINISHED"}
    assert (fields.index, fields.expression) == (0, "angry"), "one before it went"
    fields.index = 99
    assert fields.expression == "sad", "the last one"
    bpy.ops.mien.remove_cue()
    bpy.ops.mien.remove_cue()
    assert (fields.start, fields.intensity) == (0, 0)
    fields.start = 7  # Nothing to edit: nothing happens.
    assert mien.cues.read(happy) == []


def test_undo_takes_an_edit_back(mien, scene, happy):
    bpy.ops.ed.undo_push(message="before")
    scene.mien_cue.end = 90
    scene.mien_cue.intensity = 0.3
    bpy.ops.ed.undo_push(message="after")
    assert keys_of(mien, happy)[-1] == (90, 0)
    bpy.ops.ed.undo()
    face = bpy.context.scene.mien.face
    assert keys_of(mien, face)[-1] == (36, 0)
    assert bpy.context.scene.mien_cue.end == 36
    assert bpy.context.scene.mien_cue.intensity == pytest.approx(0.8)
    bpy.ops.ed.redo()
    assert bpy.context.scene.mien_cue.end == 90


# The operators


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
def test_an_expression_is_added_at_the_playhead_and_selected(mien, scene, face, fps):
    scene.render.fps = fps
    scene.frame_set(11)
    for expression in EXPRESSIONS:
        assert bpy.ops.mien.add_cue(expression=expression, intensity=0.6) == {"FINISHED"}
        fields = scene.mien_cue
        assert (fields.expression, fields.start, round(fields.intensity, 4)) == (expression, 11, 0.6)
        onset, hold, offset = mien.cue_operators.TIMING[expression]
        spans = np.array([fields.apex_start - 11, fields.apex_end - fields.apex_start, fields.end - fields.apex_end])
        np.testing.assert_allclose(spans / fps, (onset, hold, offset), atol=1.01 / fps)
        assert float(fields.end).is_integer()
        assert 0.1 < onset <= offset
    assert len(mien.cues.read(face)) == 6
    scene.frame_set(12)
    bpy.ops.mien.jump_to_cue()
    assert scene.frame_current == scene.mien_cue.apex_start
    assert face.mien.surprise == pytest.approx(0.6)


def test_operators_on_the_list(mien, scene, happy):
    scene.frame_set(50)
    bpy.ops.mien.duplicate_cue()
    assert (scene.mien_cue.index, scene.mien_cue.start) == (1, 50)
    bpy.ops.mien.select_cue(index=0)
    assert scene.mien_cue.start == 0
    with pytest.raises(RuntimeError, match="no such expression"):
        bpy.ops.mien.select_cue(index=7)
    curve_of(mien, happy).lock = True
    with pytest.raises(RuntimeError, match="locked"):
        bpy.ops.mien.remove_cue()


def test_grey_buttons_have_a_reason(mien):
    with pytest.raises(RuntimeError, match="No face is picked"):
        bpy.ops.mien.add_cue()
    mien.api.add_sample_face()
    for name in ("select_cue", "remove_cue", "duplicate_cue", "jump_to_cue", "save_preset"):
        with pytest.raises(RuntimeError, match="no expression on the timeline"):
            getattr(bpy.ops.mien, name)()


# The panel


def test_the_rows_round_the_selected_one_are_shown(mien):
    rows = mien.panel_performance.shown_rows
    assert list(rows(3, 1)) == [0, 1, 2]
    assert list(rows(8, 7)) == list(range(8))
    for count in range(9, 40):
        for number in range(count):
            assert number in rows(count, number)
            assert len(rows(count, number)) == mien.panel_performance.SHOWN
            assert rows(count, number).stop <= count


@pytest.fixture(scope="module")
def drawing(draw_states):
    """(what each state draws, what Blender complained about)."""
    return draw_states("draw_performance.py")


@pytest.mark.parametrize(
    ("state", "words", "absent"),
    [
        ("empty", ["Pick a face first"], ["MIEN_MT_add_cue", "select_cue"]),
        ("no cues", ["Add Expression", "No expressions yet", "MienFace.surprise"], ["select_cue", "intensity"]),
        ("one", ["Happy  0.80  0\u201336", "remove_cue", "MienCueEdit.apex_end", "save_preset"], ["Shaped", "No expr"]),
        ("shaped", ["Shaped by hand"], ["It has no"]),
        ("open", ["Sad  0.40  always", "no start and end"], []),
        ("locked", ["is locked", "Unlock it"], []),
        ("many", ["earlier\u2026", "more\u2026", "Fear  0.50"], []),
        ("nla", ["lie in the NLA"], ["select_cue"]),
        ("menu", ["Surprise into Joy", "Happy", "Mine", "is damaged", "Delete Preset"], []),
        ("delete menu", ["Mine"], ["Surprise into Joy"]),
    ],
)
def test_each_state_shows_what_is_so_and_what_to_do(drawing, state, words, absent):
    text = drawing[0][state]
    for word in words:
        assert word.replace(" ", "") in text, f"{word!r} is missing in {text}"
    for word in absent:
        assert word.replace(" ", "") not in text


def test_blender_complains_about_nothing(drawing):
    complaints = [line for line in drawing[1].splitlines() if "rna" in line or "not found" in line or "Error" in line]
    assert not complaints
